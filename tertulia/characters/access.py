"""The only way from an id in a request to an object of this application. A foreign private object does not exist."""

import re
from typing import TypeVar
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.characters.models import MAX_SLUG, Character, Instance, MemoryEntry
from tertulia.core.errors import Forbidden, NotFound

# With what they return, so that interfaces, which import no models, can name its type.
__all__ = [
    "Character",
    "Instance",
    "MemoryEntry",
    "character_for",
    "entry_for",
    "instance_for",
    "own_character_for",
    "visible_to",
]

T = TypeVar("T")

_SLUG = re.compile(rf"[-\w]{{1,{MAX_SLUG}}}")


def visible_to(user: User) -> Q:
    """The characters that exist for a user: one's own, and those of others that are not private."""
    return Q(owner=user) | ~Q(visibility=Character.Visibility.PRIVATE)


def character_for(user: User, reference: str) -> Character:
    """A character that the user may see and talk to, by its id or its slug; raises NotFound."""
    seen = Character.objects.select_related("owner").filter(visible_to(user), _named(reference))
    return _found(seen.first())


def own_character_for(user: User, reference: str) -> Character:
    """A character that the user may change; raises Forbidden for one that is only shared, NotFound."""
    character = character_for(user, reference)
    if character.owner_id != user.pk:
        raise Forbidden(_("Only its owner may change this character. You can make a copy of it."))
    return character


def instance_for(user: User, instance_id: UUID) -> Instance:
    """The user's instance with its character; raises NotFound."""
    mine = Instance.objects.select_related("character").filter(owner=user)
    return _found(mine.filter(id=instance_id).first())


def entry_for(instance: Instance, entry_id: UUID) -> MemoryEntry:
    """An entry of an instance's memory, which the caller got by `instance_for`; raises NotFound."""
    return _found(MemoryEntry.objects.filter(instance=instance, id=entry_id).first())


def _named(reference: str) -> Q:
    """By an id in its canonical spelling, so that one character has one address, or by a slug."""
    if not _SLUG.fullmatch(reference):  # no database takes every text
        raise NotFound
    try:
        found = UUID(reference)
    except ValueError:
        return Q(slug=reference)
    return Q(id=found) if str(found) == reference.lower() else Q(slug=reference)


def _found(found: T | None) -> T:
    if found is None:
        raise NotFound
    return found

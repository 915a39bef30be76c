"""The only way from an id in a request to an object of this application. A foreign private object does not exist."""

from typing import TypeVar
from uuid import UUID

from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.characters.models import Character, Instance, MemoryEntry
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


def visible_to(user: User) -> Q:
    """The characters that exist for a user: one's own, and those of others that are not private."""
    return Q(owner=user) | ~Q(visibility=Character.Visibility.PRIVATE)


def character_for(user: User, reference: UUID | str) -> Character:
    """A character that the user may see and talk to, by its id or its slug; raises NotFound."""
    named = Q(id=reference) if isinstance(reference, UUID) else Q(slug=reference)
    return _found(Character.objects.select_related("owner").filter(visible_to(user), named).first())


def own_character_for(user: User, reference: UUID | str) -> Character:
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


def _found(found: T | None) -> T:
    if found is None:
        raise NotFound
    return found

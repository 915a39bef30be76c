"""Reads of characters, instances and memories."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet

from tertulia.accounts.models import User
from tertulia.characters.models import Character, Instance, MemoryEntry
from tertulia.core.matching import holds

# Large, and shown of one character at a time only.
_HEAVY = ("lorebook", "extensions", "rest", "alternate_greetings", "search")


def characters(user: User, *, words: str = "", tag: str = "", mine: bool = False) -> QuerySet[Character]:
    """What a user finds in the gallery: public characters and all of one's own, or with `mine` only these.

    `words` must all occur in name, summary or tags; `tag` must be one of the tags. Heavy columns are deferred.
    """
    listed = Q(owner=user) if mine else Q(owner=user) | Q(visibility=Character.Visibility.PUBLIC)
    condition = listed
    for word in words.casefold().split():
        condition &= Q(search__contains=word)
    if tag:
        condition &= Q(search__contains=f"\n#{tag.casefold()}\n")
    return Character.objects.filter(condition).select_related("owner").defer(*_HEAVY).order_by("-id")


def searchable(character: Character) -> str:
    """The text of the search column: a line each for names and summaries, and for tags with a # before them."""
    faces = [character.face(""), *map(character.face, character.translations)]
    lines = [line for face in faces for line in (face.name, face.summary)]
    lines += [f"#{tag}" for tag in character.tags]
    return "\n" + "".join(f"{line}\n" for line in dict.fromkeys(lines) if line).casefold()


def instances(user: User, *, words: str = "", character_id: UUID | None = None) -> QuerySet[Instance]:
    """The user's instances, newest first; `words` in the name, or only those of one character."""
    condition = Q(owner=user) & holds("name", words.split())
    if character_id is not None:
        condition &= Q(character_id=character_id)
    return Instance.objects.filter(condition).select_related("character").order_by("-id")


def references(user_id: UUID) -> list[dict[str, Any]]:
    """Id, address and name of the characters that the user has instances of without owning them."""
    others = Character.objects.filter(instances__owner=user_id).exclude(owner=user_id)
    return [dict(row) for row in others.distinct().order_by("id").values("id", "slug", "name")]


def instance_named(user: User, name: str) -> Instance | None:
    """The user's instance of that name."""
    return Instance.objects.filter(owner=user, name=name).select_related("character").first()


def entries(instance: Instance) -> QuerySet[MemoryEntry]:
    """What an instance remembers, oldest first."""
    return MemoryEntry.objects.filter(instance=instance).order_by("id")


def pictures_of(characters: Iterable[Character]) -> list[str]:
    """The names of their picture files."""
    return [character.picture.name for character in characters if character.picture.name]

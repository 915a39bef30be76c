"""Characters and instances of one's own that come back from an export, with what was remembered; the import calls it.

They keep their ids where these are free or their owner's already, so that the same export brings nothing twice; an id
that is somebody else's becomes another one, always the same for the same owner.
"""

import hashlib
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.characters import access, actions, pictures, validation
from tertulia.characters.models import MAX_NAME, Character, Instance, MemoryEntry, MemorySource
from tertulia.characters.remembering import MAX_ENTRIES
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import InvalidInput, NotFound
from tertulia.core.ids import tick_in, tick_of, uuid7_at

# What an export tells of a character beside what its owner may change: made anew here.
_FIELDS = (
    "name", "nickname", "summary", "description", "personality", "scenario", "greeting", "alternate_greetings",
    "example_dialogue", "system_prompt", "post_history_instructions", "creator_notes", "creator", "character_version",
    "voice", "model", "parameters", "tags", "language", "hue", "lorebook", "extensions", "rest",
)  # fmt: skip


class Restored(NamedTuple):
    """A row here, and whether it came just now."""

    id: UUID
    name: str
    is_new: bool


class Noted(NamedTuple):
    """A memory entry of an export, and the ids of the messages that it came from."""

    text: str
    pinned: bool
    created_at: datetime
    sources: Sequence[UUID]


def restore_character(*, user: User, row: Mapping[str, Any], id: UUID, picture: bytes | None) -> Restored:
    """A character of an export, private until its owner says otherwise; one that the user may see stays as it is.

    Raises InvalidInput naming what is wrong, Conflict beyond actions.MAX_CHARACTERS.
    """
    for candidate in (id, _other_id(user, id)):
        if found := _seen(user, str(candidate)):
            return Restored(found.pk, found.name, is_new=False)
    values = {name: row[name] for name in _FIELDS if name in row}
    made = {"id": _free_id(Character, user, id)} | _times(row)
    image = pictures.reencoded(picture) if picture else None
    character = actions.create_character(user=user, values=values, picture=image, made=made)
    return Restored(character.pk, character.name, is_new=True)


def known_character(*, user: User, id: UUID, slug: str) -> UUID | None:
    """A character that an export only refers to, if the user may see it here: a starter goes by its address."""
    found = _seen(user, str(id))
    if found is None and (named := _seen(user, slug)) and named.owner_id is None:
        found = named
    return found.pk if found else None


def restore_instance(
    *, user: User, row: Mapping[str, Any], id: UUID, character_id: UUID, noted: Sequence[Noted]
) -> Restored:
    """An instance of an export with what it remembered; one that is here stays as it is. A taken name gets a number.

    Raises InvalidInput naming what is wrong, also for a character that the user may not see; Conflict.
    """
    for candidate in (id, _other_id(user, id)):
        with suppress(NotFound):
            known = access.instance_for(user, candidate)
            return Restored(known.pk, known.name, is_new=False)
    character = _seen(user, str(character_id))
    if character is None:
        raise InvalidInput(_("Its character is not here."))
    values = validation.cleaned_instance(
        {name: row[name] for name in ("name", "memory", "learns") if name in row}
    )
    values["name"] = _free_name(user, values.get("name") or character.name)
    with transaction():
        made = {"id": _free_id(Instance, user, id)} | _times(row)
        instance = actions.create_instance(user=user, character=character, values=values, made=made)
        _note(instance, noted)
    return Restored(instance.pk, instance.name, is_new=True)


def _seen(user: User, reference: str) -> Character | None:
    """A character that the user may see here, by its id or its slug."""
    with suppress(NotFound):
        return access.character_for(user, reference)
    return None


def _note(instance: Instance, noted: Sequence[Noted]) -> None:
    for each in noted[:MAX_ENTRIES]:
        clean = validation.cleaned_entry({"text": each.text, "pinned": each.pinned})
        first = min(each.sources, default=None)
        entry = MemoryEntry.objects.create(
            instance=instance, source_message_id=first, created_at=min(each.created_at, clock.now()), **clean
        )
        MemorySource.objects.bulk_create(
            MemorySource(entry=entry, message_id=message_id) for message_id in set(each.sources)
        )


def _times(row: Mapping[str, Any]) -> dict[str, datetime]:
    now = clock.now()
    return {name: min(row[name], now) for name in ("created_at", "updated_at")}


def _free_id(model: type[Character] | type[Instance], user: User, id: UUID) -> UUID:
    is_ours = id.version == 7 and tick_in(id) <= tick_of(clock.now())
    return id if is_ours and not model._base_manager.filter(pk=id).exists() else _other_id(user, id)


def _other_id(user: User, id: UUID) -> UUID:
    """What an id becomes for a user where it is taken by somebody else."""
    return uuid7_at(
        min(tick_in(id), tick_of(clock.now())), hashlib.sha256(id.bytes + user.pk.bytes).digest()[:8]
    )


def _free_name(user: User, name: str) -> str:
    taken = set(Instance.objects.filter(owner=user).values_list("name", flat=True))
    numbered = (f"{name[: MAX_NAME - 7]} ({number})" for number in range(2, actions.MAX_INSTANCES + 2))
    return name if name not in taken else next(each for each in numbered if each not in taken)

"""Characters and instances of an export of Tertulia, before the conversations with them come in; `storing` calls it."""

from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from django.utils.translation import gettext_lazy as _
from msgspec import Meta

from tertulia.accounts.models import User
from tertulia.characters import pictures, restoring
from tertulia.characters.models import MAX_SLUG
from tertulia.characters.restoring import Noted
from tertulia.chat.importing import shape
from tertulia.chat.importing.outcomes import Kind, Outcome
from tertulia.chat.importing.own import Scratch
from tertulia.chat.importing.reading import Opened
from tertulia.core.errors import Problem

_Moment = Annotated[datetime, Meta(tz=True)]


class _Row(msgspec.Struct):
    id: UUID
    created_at: _Moment
    updated_at: _Moment


class _Character(_Row):
    picture: str = ""


class _Reference(msgspec.Struct):
    id: UUID
    slug: str


class _Instance(_Row):
    character_id: UUID


class _Entry(msgspec.Struct):
    id: UUID
    text: str
    created_at: _Moment
    pinned: bool = False


class _Source(msgspec.Struct):
    message_id: UUID


def restored(user: User, opened: Opened, scratch: Scratch, instances: dict[UUID, UUID]) -> Iterator[Outcome]:
    """Bring in characters, then instances with their memories; `instances` becomes a map from their old ids to the new.

    One a step.
    """
    characters: dict[UUID, UUID] = {}
    for row in scratch.rows("characters.Character"):
        yield _character(user, opened, row, characters)
    for row in scratch.rows("characters.Reference"):
        _refer(user, row, characters)
    for row in scratch.rows("characters.Instance"):
        yield _instance(user, scratch, row, characters, instances)


def _character(user: User, opened: Opened, row: dict[str, Any], characters: dict[UUID, UUID]) -> Outcome:
    try:
        told = msgspec.convert(row, _Character)
        row |= _times(told)
        picture = opened.picture(told.picture, pictures.MAX_FILE) if told.picture else None
        made = restoring.restore_character(user=user, row=row, id=told.id, picture=picture)
    except (msgspec.ValidationError, Problem) as fault:
        return _refused("character", row, fault)
    characters[told.id] = made.id
    return Outcome("character", "imported" if made.is_new else "present", made.name, made.id)


def _refer(user: User, row: dict[str, Any], characters: dict[UUID, UUID]) -> None:
    """A character of somebody else's; without it, the instance that needs it tells."""
    with suppress(msgspec.ValidationError):
        told = msgspec.convert(row, _Reference)
        if known := restoring.known_character(user=user, id=told.id, slug=told.slug[:MAX_SLUG]):
            characters[told.id] = known


def _instance(
    user: User,
    scratch: Scratch,
    row: dict[str, Any],
    characters: dict[UUID, UUID],
    instances: dict[UUID, UUID],
) -> Outcome:
    try:
        told = msgspec.convert(row, _Instance)
        row |= _times(told)
        made = restoring.restore_instance(
            user=user,
            row=row,
            id=told.id,
            character_id=characters.get(told.character_id, told.character_id),
            noted=list(_noted(scratch, told.id)),
        )
    except (msgspec.ValidationError, Problem) as fault:
        return _refused("instance", row, fault)
    instances[told.id] = made.id
    return Outcome("instance", "imported" if made.is_new else "present", made.name, made.id)


def _times(told: _Row) -> dict[str, datetime]:
    return {name: shape.believable(getattr(told, name)) for name in ("created_at", "updated_at")}


def _noted(scratch: Scratch, instance_id: UUID) -> Iterator[Noted]:
    for row in scratch.rows("characters.MemoryEntry", instance_id):
        told = msgspec.convert(row, _Entry)
        sources = [
            msgspec.convert(each, _Source) for each in scratch.rows("characters.MemorySource", told.id)
        ]
        ids = [each.message_id for each in sources]
        yield Noted(told.text, told.pinned, shape.believable(told.created_at), ids)


def _refused(kind: Kind, row: dict[str, Any], fault: Exception) -> Outcome:
    if isinstance(fault, Problem):
        texts = [f"{name}: {text}" for name, each in (fault.errors or {}).items() for text in each]
        reason: Any = " ".join(texts) or fault.detail
    else:
        reason = _("It is damaged: %(detail)s.") % {"detail": shape.label(str(fault), 200)}
    return Outcome(kind, "skipped", shape.label(row.get("name"), 100), reason=reason)

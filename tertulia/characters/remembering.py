"""Writes to an instance's memory entries: actions like those of `actions`, and under the same rules."""

import unicodedata
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models.functions import Coalesce
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.characters import validation
from tertulia.characters.models import Instance, MemoryEntry, MemorySource
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Conflict, InvalidInput, NotFound

# All are ranked at every turn; this many, as long as they may be, cost some ten milliseconds.
MAX_ENTRIES = 300


class Fact(NamedTuple):
    """Something that a message says, in a sentence; or, with `known`, that it says again what this entry holds."""

    text: str
    message_id: UUID
    known: UUID | None = None


def add_entry(
    *, instance: Instance, values: Mapping[str, Any], source_message_id: UUID | None = None
) -> MemoryEntry:
    """Remember something; raises InvalidInput naming the field, Conflict beyond MAX_ENTRIES, NotFound."""
    clean = validation.cleaned_entry({"text": "", **values})
    with transaction():
        _lock(instance.pk)
        if MemoryEntry.objects.filter(instance=instance).count() >= MAX_ENTRIES:
            raise Conflict(_("At most %(limit)d entries. Delete some first.") % {"limit": MAX_ENTRIES})
        return _insert(instance.pk, clean, source_message_id)


def note_facts(*, instance_id: UUID, facts: Sequence[Fact]) -> int:
    """Remember what is new among the facts, add the sources of what is known; returns how many entries were made.

    What only differs in capitals or punctuation is known. What no entry may hold is passed over. A full memory makes
    room by forgetting what was noted, never pinned, and not asked for since the longest time. Raises NotFound.
    """
    with transaction():
        _lock(instance_id)
        room = _make_room(instance_id, len(facts))
        entries = list(MemoryEntry.objects.filter(instance_id=instance_id))
        by_id = {entry.pk: entry for entry in entries}
        by_text = {_folded(entry.text): entry for entry in entries}
        made = 0
        for fact in facts:
            entry = by_id.get(fact.known) if fact.known else by_text.get(_folded(fact.text))
            if entry:
                _add_source(entry, fact.message_id)
            elif not fact.known and made < room and (clean := _fitting(fact.text)):
                by_text[_folded(fact.text)] = _insert(instance_id, clean, fact.message_id)
                made += 1
    return made


def update_entry(*, entry: MemoryEntry, values: Mapping[str, Any]) -> MemoryEntry:
    """Change an entry's text or pin it; raises InvalidInput naming the field, NotFound.

    A text that its user rewrote is the user's own: it no longer goes when the message that it came from goes.
    """
    clean = validation.cleaned_entry(values)
    is_rewritten = clean.get("text", entry.text) != entry.text
    if is_rewritten:
        clean["source_message_id"] = None
    for name, value in clean.items():
        setattr(entry, name, value)
    with transaction():
        if clean and not MemoryEntry.objects.filter(pk=entry.pk).update(**clean):
            raise NotFound
        if is_rewritten:
            MemorySource.objects.filter(entry=entry).delete()
    return entry


def delete_entry(*, entry: MemoryEntry) -> None:
    """Forget one thing."""
    with transaction():
        MemoryEntry.objects.filter(pk=entry.pk).delete()


def forget_sources(message_ids: Iterable[UUID], *, keep_pinned: bool = False) -> int:
    """Remove the entries that came from these messages only, pinned ones too; returns how many there were.

    For whoever deletes, edits or regenerates messages, in the same transaction. `keep_pinned` is for messages that
    stay and are to be read again.
    """
    gone = list(message_ids)
    lost = MemorySource.objects.filter(message_id__in=gone)
    if keep_pinned:
        lost = lost.filter(entry__pinned=False)
    touched = set(lost.values_list("entry_id", flat=True))
    if not touched:
        return 0
    lost.delete()
    left = _first_sources(touched)
    for entry_id, message_id in left.items():
        MemoryEntry.objects.filter(pk=entry_id).update(source_message_id=message_id)
    doomed = touched - left.keys()
    MemoryEntry.objects.filter(pk__in=doomed).delete()
    return len(doomed)


def move_sources(*, owner: User, moved: Mapping[UUID, UUID]) -> None:
    """Messages have other ids now: what the owner's instances noted from them follows them."""
    for old, new in moved.items():
        MemorySource.objects.filter(entry__instance__owner=owner, message_id=old).update(message_id=new)
        entries = MemoryEntry.objects.filter(instance__owner=owner, source_message_id=old)
        entries.update(source_message_id=new)


def note_use(entry_ids: Iterable[UUID]) -> None:
    """Remember that these entries belonged in a prompt just now: what is asked for stays fresh."""
    MemoryEntry.objects.filter(pk__in=list(entry_ids)).update(last_used_at=clock.now())


def _lock(instance_id: UUID) -> None:
    """The lock of this instance's memory, until commit."""
    if not Instance.objects.select_for_update().filter(pk=instance_id).exists():
        raise NotFound


def _insert(instance_id: UUID, clean: Mapping[str, Any], message_id: UUID | None) -> MemoryEntry:
    entry = MemoryEntry.objects.create(instance_id=instance_id, source_message_id=message_id, **clean)
    if message_id:
        MemorySource.objects.create(entry=entry, message_id=message_id)
    return entry


def _add_source(entry: MemoryEntry, message_id: UUID) -> None:
    """What the user wrote has no source and gets none: it is not a message's to take away."""
    if entry.source_message_id:
        source = MemorySource(entry=entry, message_id=message_id)
        MemorySource.objects.bulk_create([source], ignore_conflicts=True)


def _first_sources(entry_ids: Collection[UUID]) -> dict[UUID, UUID]:
    rows = MemorySource.objects.filter(entry_id__in=entry_ids).order_by("-message_id")
    return dict(rows.values_list("entry_id", "message_id"))


def _make_room(instance_id: UUID, wanted: int) -> int:
    """How many more entries there may be, after forgetting stale ones for `wanted` new ones."""
    mine = MemoryEntry.objects.filter(instance_id=instance_id)
    room = MAX_ENTRIES - mine.count()
    if room < wanted:
        noted = mine.filter(pinned=False, source_message_id__isnull=False)
        stale = noted.order_by(Coalesce("last_used_at", "created_at")).values_list("pk", flat=True)
        doomed = list(stale[: wanted - room])
        MemoryEntry.objects.filter(pk__in=doomed).delete()
        room += len(doomed)
    return room


def _fitting(text: str) -> dict[str, Any] | None:
    """The values of an entry with this text on one line; None for what an entry may not hold."""
    try:
        return validation.cleaned_entry({"text": " ".join(text.split())})
    except InvalidInput:
        return None


def _folded(text: str) -> str:
    """The letters and digits of a text: what two wordings of the same sentence share."""
    return "".join(each for each in unicodedata.normalize("NFKC", text).casefold() if each.isalnum())

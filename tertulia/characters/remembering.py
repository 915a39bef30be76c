"""Writes to an instance's memory entries: actions like those of `actions`, and under the same rules."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from tertulia.characters import validation
from tertulia.characters.models import Instance, MemoryEntry
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Conflict, NotFound

# All are ranked at every turn; this many, as long as they may be, cost some ten milliseconds.
MAX_ENTRIES = 300


def add_entry(
    *, instance: Instance, values: Mapping[str, Any], source_message_id: UUID | None = None
) -> MemoryEntry:
    """Remember something; raises InvalidInput naming the field, Conflict beyond MAX_ENTRIES, NotFound."""
    clean = validation.cleaned_entry({"text": "", **values})
    with transaction():
        # The lock of this instance's memory.
        if not Instance.objects.select_for_update().filter(pk=instance.pk).exists():
            raise NotFound
        if MemoryEntry.objects.filter(instance=instance).count() >= MAX_ENTRIES:
            raise Conflict(_("At most %(limit)d entries. Delete some first.") % {"limit": MAX_ENTRIES})
        return MemoryEntry.objects.create(instance=instance, source_message_id=source_message_id, **clean)


def update_entry(*, entry: MemoryEntry, values: Mapping[str, Any]) -> MemoryEntry:
    """Change an entry's text or pin it; raises InvalidInput naming the field, NotFound.

    A text that its user rewrote is the user's own: it no longer goes when the message that it came from goes.
    """
    clean = validation.cleaned_entry(values)
    if clean.get("text", entry.text) != entry.text:
        clean["source_message_id"] = None
    for name, value in clean.items():
        setattr(entry, name, value)
    with transaction():
        if clean and not MemoryEntry.objects.filter(pk=entry.pk).update(**clean):
            raise NotFound
    return entry


def delete_entry(*, entry: MemoryEntry) -> None:
    """Forget one thing."""
    with transaction():
        MemoryEntry.objects.filter(pk=entry.pk).delete()


def forget_sources(message_ids: Iterable[UUID]) -> int:
    """Remove the entries, pinned ones too, that came from these messages; returns how many there were.

    For whoever deletes, edits or regenerates messages, in the same transaction.
    """
    deleted, _tables = MemoryEntry.objects.filter(source_message_id__in=list(message_ids)).delete()
    return deleted


def note_use(entry_ids: Iterable[UUID]) -> None:
    """Remember that these entries belonged in a prompt just now: what is asked for stays fresh."""
    MemoryEntry.objects.filter(pk__in=list(entry_ids)).update(last_used_at=clock.now())

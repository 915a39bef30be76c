"""What a character brings to a turn: `speaker` reads its memory, `briefing` makes the texts of it and is pure.

The chat engine builds its prompts, and their previews, with these.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from tertulia.characters import lorebook, prompt, queries, recall
from tertulia.characters.lorebook import Lore
from tertulia.characters.models import Character, Instance
from tertulia.characters.recall import Entry

# Estimated tokens. Together half of what a turn may send; the rest is history.
SYSTEM_TOKENS = 6_000
MEMORY_TOKENS = 800


class Speaker(NamedTuple):
    """Who answers, with all that an instance remembers beside its free text."""

    character: Character
    instance: Instance | None
    entries: Sequence[Entry]


class Briefing(NamedTuple):
    """What to send before and after the history, and of what it was made.

    `entries` are the memory entries in it, `used` those that the question asked for, to be given to
    `remembering.note_use`; `lore` are the names of the lorebook's entries; `left_out` names the sections that did not
    fit, wholly or in part.
    """

    system: str = ""
    closing: str = ""
    entries: tuple[UUID, ...] = ()
    used: tuple[UUID, ...] = ()
    lore: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()


def speaker(character: Character, instance: Instance | None) -> Speaker:
    """A character with what its instance remembers: one query, none without an instance."""
    return Speaker(character, instance, known(instance) if instance else ())


def known(instance: Instance) -> list[Entry]:
    """All entries of an instance's memory, oldest first."""
    rows = queries.entries(instance).values_list("id", "text", "pinned", "created_at", "last_used_at")
    return [
        Entry(id, text, pinned, last_used_at or created_at)
        for id, text, pinned, created_at, last_used_at in rows
    ]


def briefing(speaker: Speaker, user_nickname: str, recent: Sequence[str], now: datetime) -> Briefing:
    """The texts for one turn. `recent` holds the last messages, oldest first, the user's new one last."""
    character, instance, entries = speaker
    recalled = recall.recall(entries, recent[-1] if recent else "", now, MEMORY_TOKENS)
    lore = _lore(character, recent)
    parts = prompt.sections(character, instance, user_nickname, [entry.text for entry in recalled], lore)
    kept, left_out = prompt.fitted(parts, SYSTEM_TOKENS)
    sent = {part.name for part in kept}
    if len(recalled) < len(entries) and "entries" not in left_out:
        left_out.append("entries")
    shown = recalled if "entries" in sent else []
    return Briefing(
        system=prompt.joined(kept),
        closing=prompt.closing_text(character, instance, user_nickname),
        entries=tuple(entry.id for entry in shown),
        used=tuple(entry.id for entry in shown if entry.is_relevant),
        lore=tuple(each.name for each in lore if each.name and _section_of(each) in sent),
        left_out=tuple(dict.fromkeys(left_out)),
    )


def _lore(character: Character, recent: Sequence[str]) -> list[Lore]:
    """The lorebook's entries that the last messages call for."""
    return lorebook.select(character.lorebook, recent) if character.lorebook else []


def _section_of(lore: Lore) -> str:
    return "world" if lore.is_constant else "lore"

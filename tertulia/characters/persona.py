"""What a character brings to a turn: reads its memory, picks lore, builds the text. Engine and API call `briefing`."""

from collections.abc import Sequence
from typing import NamedTuple
from uuid import UUID

from tertulia.characters import lorebook, prompt, queries, recall
from tertulia.characters.lorebook import Lore
from tertulia.characters.models import Character, Instance
from tertulia.characters.recall import Recalled
from tertulia.core import clock

# Estimated tokens. Together half of what a turn may send; the rest is history.
SYSTEM_TOKENS = 6_000
MEMORY_TOKENS = 800


class Briefing(NamedTuple):
    """What to send before and after the history. `used` are the memory entries that the question asked for, to be
    given to `remembering.note_use`; `left_out` names the sections that did not fit."""

    system: str
    closing: str
    used: tuple[UUID, ...]
    left_out: tuple[str, ...]


def briefing(
    character: Character, instance: Instance | None, user_nickname: str, recent: Sequence[str]
) -> Briefing:
    """The texts for one turn. `recent` holds the last messages, oldest first, the user's new one last.

    One query, whatever the length of the conversation.
    """
    recalled = entries_for_prompt(instance, recent[-1] if recent else "") if instance else []
    parts = prompt.sections(
        character,
        instance,
        user_nickname,
        [entry.text for entry in recalled],
        lore_for_prompt(character, recent),
    )
    kept, left_out = prompt.fitted(parts, SYSTEM_TOKENS)
    return Briefing(
        prompt.joined(kept),
        prompt.closing_text(character, instance, user_nickname),
        tuple(entry.id for entry in recalled if entry.is_relevant),
        tuple(left_out),
    )


def entries_for_prompt(instance: Instance, query: str, budget_tokens: int = MEMORY_TOKENS) -> list[Recalled]:
    """What the instance remembers that fits into the budget: pinned, then by relevance to the query and age."""
    rows = queries.entries(instance).values_list("id", "text", "pinned", "created_at", "last_used_at")
    entries = [
        recall.Entry(id, text, pinned, last_used_at or created_at)
        for id, text, pinned, created_at, last_used_at in rows
    ]
    return recall.recall(entries, query, clock.now(), budget_tokens)


def lore_for_prompt(character: Character, recent: Sequence[str]) -> list[Lore]:
    """The lorebook's entries that the last messages call for."""
    return lorebook.select(character.lorebook, recent) if character.lorebook else []

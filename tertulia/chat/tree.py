"""Pure rules of the message tree: titles from words, and which sibling stands where. Pages and API use it."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

TITLE_LENGTH = 60


@dataclass(frozen=True, slots=True)
class Place:
    """Where a message stands among its siblings, counted from 1, and its neighbours' ids."""

    number: int
    count: int
    previous: UUID | None
    next: UUID | None


def place(message_id: UUID, siblings: Sequence[UUID]) -> Place:
    """The place of a message in `siblings`, which are in order of creation and hold it."""
    index = siblings.index(message_id)
    return Place(
        index + 1,
        len(siblings),
        siblings[index - 1] if index else None,
        siblings[index + 1] if index + 1 < len(siblings) else None,
    )


def title_from(content: str) -> str:
    """A conversation's first title: the beginning of its first line, cut at a word where there is one."""
    line = next((line.strip() for line in content.split("\n") if line.strip()), "")
    line = " ".join(line.split())
    if len(line) <= TITLE_LENGTH:
        return line
    cut = line[:TITLE_LENGTH]
    head, _, _ = cut.rpartition(" ")
    return (head if len(head) > TITLE_LENGTH // 2 else cut).rstrip(" ,.;:") + "…"

"""Builds what is sent to a model from what is known; pure. `start` calls it inside its transaction.

The stable part comes first, so that a provider's prompt cache can serve it again on the next turn.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from tertulia.providers.base import ChatMessage, Passage, Source
from tertulia.providers.estimate import estimate_tokens

# Bounds the work and the cost of a turn, whatever the length of the conversation. Estimated tokens of history.
HISTORY_TOKENS = 12_000
# How many messages are read for it at most.
HISTORY_MESSAGES = 100


class Turn(NamedTuple):
    """One earlier message of the branch."""

    role: Literal["user", "assistant", "system"]
    content: str


def build(
    *, system: str, history: Sequence[Turn], content: str, closing: str = "", lines: Sequence[Passage] = ()
) -> tuple[ChatMessage, ...]:
    """The messages to send: system text, the newest part of `history` that fits, what may be quoted, then `content`.

    `history` is oldest first and may hold answers without text (failed or still running): they are left out.
    `lines` change with every turn, so they stand behind the history; `closing` is what a card wants said last.
    """
    quotable = quotable_text(lines)
    budget = HISTORY_TOKENS - sum(map(estimate_tokens, (system, quotable, content, closing)))
    window = reversed(list(_newest(history, budget)))
    turns = [ChatMessage(turn.role, turn.content) for turn in window]
    return (
        *_system(system), *turns, *_system(quotable), ChatMessage("user", content), *_system(closing),
    )  # fmt: skip


def quotable_text(lines: Sequence[Passage]) -> str:
    """The lines that fit the question, numbered as the answer shall cite them."""
    if not lines:
        return ""
    listed = "\n".join(f"[{number}] {_line(passage)}" for number, passage in enumerate(lines, start=1))
    return f"{QUOTING}\n{listed}"


def cited(lines: Sequence[Passage], answer: str) -> tuple[Source, ...]:
    """Those of the offered lines whose number the answer gives."""
    return tuple(
        Source(
            number, line.kind, line.id, line.text, line.speaker, line.work, line.language, line.url
        )
        for number, line in enumerate(lines, start=1)
        if f"[{number}]" in answer
    )  # fmt: skip


# For the model, in English in every language.
QUOTING = (
    "These lines from the quote board may fit. If you use one, quote it exactly, name its speaker and work, and put "
    "its number in brackets after it. Use none that does not fit."
)


def _system(text: str) -> tuple[ChatMessage, ...]:
    return (ChatMessage("system", text),) if text else ()


def _line(passage: Passage) -> str:
    origin = ", ".join(part for part in (passage.speaker, passage.work) if part)
    text = " ".join(passage.text.split())
    return f'"{text}" — {origin}' if origin else f'"{text}"'


def _newest(history: Sequence[Turn], budget: int) -> Iterable[Turn]:
    for turn in reversed(history):
        if not turn.content:
            continue
        budget -= estimate_tokens(turn.content)
        if budget < 0:
            return
        yield turn

"""Builds what is sent to a model from what is known; pure. `start` calls it inside its transaction.

The stable part comes first, so that a provider's prompt cache can serve it again on the next turn.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, NamedTuple

from tertulia.providers.base import ChatMessage
from tertulia.providers.estimate import estimate_tokens

# Bounds the work and the cost of a turn, whatever the length of the conversation. Estimated tokens of history.
HISTORY_TOKENS = 12_000
# How many messages are read for it at most.
HISTORY_MESSAGES = 100


class Turn(NamedTuple):
    """One earlier message of the branch."""

    role: Literal["user", "assistant", "system"]
    content: str


def build(*, system: str, history: Sequence[Turn], content: str) -> tuple[ChatMessage, ...]:
    """The messages to send: system text, the newest part of `history` that fits, then `content`.

    `history` is oldest first and may hold answers without text (failed or still running): they are left out.
    """
    budget = HISTORY_TOKENS - estimate_tokens(system) - estimate_tokens(content)
    window = reversed(list(_newest(history, budget)))
    head = (ChatMessage("system", system),) if system else ()
    turns = tuple(ChatMessage(turn.role, turn.content) for turn in window)
    return (*head, *turns, ChatMessage("user", content))


def _newest(history: Sequence[Turn], budget: int) -> Iterable[Turn]:
    for turn in reversed(history):
        if not turn.content:
            continue
        budget -= estimate_tokens(turn.content)
        if budget < 0:
            return
        yield turn

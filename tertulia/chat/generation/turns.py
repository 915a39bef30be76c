"""The form of a prompt that the strictest chat templates take; pure. `prompt` uses it where the settings say so."""

from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import Literal

from tertulia.providers.base import ChatMessage

# For the model, in English in every language: what an answer before the first question answers.
OPENING = "Begin."


def in_turn(messages: Sequence[ChatMessage]) -> tuple[ChatMessage, ...]:
    """The same words as at most one system message, then user and assistant in turn, the user first.

    Templates such as Mistral's and Gemma's refuse anything else. What the system says further down goes with the
    user's next words, or with the last ones.
    """
    leading = list(takewhile(lambda message: message.role == "system", messages))
    turns: list[ChatMessage] = []
    waiting: list[str] = []
    for message in messages[len(leading) :]:
        if message.role == "system":
            waiting.append(message.content)
        elif message.role == "user":
            _add(turns, "user", *waiting, message.content)
            waiting = []
        else:
            if not turns:
                _add(turns, "user", OPENING)
            _add(turns, "assistant", message.content)
    if waiting:
        _add(turns, "user", *waiting)
    system = _joined(message.content for message in leading)
    return (*([ChatMessage("system", system)] if system else []), *turns)


def _add(turns: list[ChatMessage], role: Literal["user", "assistant"], *texts: str) -> None:
    """Another turn, or more of the last one where the same speaks."""
    if turns and turns[-1].role == role:
        texts = (turns.pop().content, *texts)
    turns.append(ChatMessage(role, _joined(texts)))


def _joined(texts: Iterable[str]) -> str:
    return "\n\n".join(filter(None, texts))

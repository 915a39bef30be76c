"""Builds what is sent to a model from what is known; pure. `request` gathers what goes in.

The stable part comes first, so that a provider's prompt cache can serve it again on the next turn: the character and
what its user wrote for it to remember, what it noted, the history. What the question calls up stands behind them.
"""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal, NamedTuple

from tertulia.characters import persona
from tertulia.characters.persona import Briefing, Speaker
from tertulia.chat.generation import turns
from tertulia.providers.base import ChatMessage, Passage, Source
from tertulia.providers.estimate import estimate_tokens

# Bounds the work and the cost of a turn, whatever the length of the conversation. Estimated tokens of history.
HISTORY_TOKENS = 12_000
# How many messages are read for it at most.
HISTORY_MESSAGES = 100
# A window moves on by about so many exchanges at a time.
LANDMARK_SPACING = 6
# How far back a lorebook's keys are looked for.
RECENT_TURNS = 8


class Turn(NamedTuple):
    """One earlier message of the branch, or the greeting before the first one."""

    role: Literal["user", "assistant", "system"]
    content: str
    is_greeting: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """What a prompt is made of. `greeting` is what was said before the first message. `history` is oldest first and may
    hold answers without text (failed or still running); `is_whole` says whether it begins where the conversation does.
    `lines` may be quoted. `context` stands for greeting, history and content where a client brings its own. `in_turn`:
    the model takes user and assistant in turn only.
    """

    content: str
    now: datetime
    greeting: str = ""
    history: Sequence[Turn] = ()
    is_whole: bool = True
    lines: Sequence[Passage] = ()
    speaker: Speaker | None = None
    user_nickname: str = ""
    context: Sequence[ChatMessage] | None = None
    in_turn: bool = False


class Prompt(NamedTuple):
    """What to send, and what the character brought to it. `turns` of the history are in it, and the greeting if
    `is_greeted`; `left_out` names, in the order of the prompt, what did not fit, wholly or in part; `tokens` are
    estimated."""

    messages: tuple[ChatMessage, ...]
    brief: Briefing
    turns: int
    is_greeted: bool
    left_out: tuple[str, ...]
    tokens: int


def build(material: Material) -> Prompt:
    """The messages to send: who speaks, the newest part of the history that fits, what may be quoted, the question.

    `lines` change with every turn, so they stand behind the history; a card's closing words come last.
    """
    said = _said(material)
    brief = _briefing(material, said)
    quotable = quotable_text(material.lines)
    budget = HISTORY_TOKENS - sum(
        map(estimate_tokens, (brief.system, quotable, material.content, brief.closing))
    )
    window = _window(said, budget, is_whole=material.is_whole) if material.context is None else []
    is_greeted = bool(window) and window[0].is_greeting
    asked = material.context
    if asked is None:
        heard = [ChatMessage(turn.role, turn.content) for turn in window]
        asked = [*heard, *_system(quotable), *_user(material.content), *_system(brief.closing)]
    messages = (*_system(brief.system), *asked)
    if material.in_turn:
        messages = turns.in_turn(messages)
    is_cut = material.context is None and (len(window) < len(said) or not material.is_whole)
    return Prompt(
        messages,
        brief,
        len(window) - is_greeted,
        is_greeted,
        (*brief.left_out, *(["history"] if is_cut else [])),
        sum(estimate_tokens(message.content) for message in messages),
    )


def _said(material: Material) -> list[Turn]:
    """What was said so far, as far as it is known; the greeting first, where that is from the beginning on."""
    greeting = [Turn("assistant", material.greeting, is_greeting=True)] if material.is_whole else []
    return [turn for turn in (*greeting, *material.history) if turn.content]


def _briefing(material: Material, said: Sequence[Turn]) -> Briefing:
    if material.speaker is None:
        return Briefing()
    recent = [turn.content for turn in said[-RECENT_TURNS:]]
    return persona.briefing(
        material.speaker, material.user_nickname, [*recent, material.content], material.now
    )


def _window(said: Sequence[Turn], budget: int, *, is_whole: bool) -> Sequence[Turn]:
    """The newest turns within the budget.

    What is not the whole history begins at the first landmark of its oldest third, if there is one: else its beginning,
    and with it all that a provider has cached, would move at every turn.
    """
    begin = len(said)
    while begin and (budget := budget - estimate_tokens(said[begin - 1].content)) >= 0:
        begin -= 1
    if begin == 0 and is_whole:
        return said
    oldest = range(begin, begin + (len(said) - begin) // 3)
    landmarks = (index for index in oldest if _is_landmark(said[index]))
    return said[next(landmarks, begin) :]


def _is_landmark(turn: Turn) -> bool:
    """One of about LANDMARK_SPACING messages of the user, by its words: the same one at every turn."""
    return turn.role == "user" and zlib.crc32(turn.content.encode()) % LANDMARK_SPACING == 0


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


def _user(text: str) -> tuple[ChatMessage, ...]:
    return (ChatMessage("user", text),) if text else ()


def _line(passage: Passage) -> str:
    origin = ", ".join(part for part in (passage.speaker, passage.work) if part)
    text = " ".join(passage.text.split())
    return f'"{text}" — {origin}' if origin else f'"{text}"'

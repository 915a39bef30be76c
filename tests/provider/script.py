"""What the scripted provider should do for one request, read from the last user message."""

import itertools
import json
import re
from dataclasses import dataclass, fields
from typing import Any

MARKER = "!script "
MEMORY_MARKER = "!memory "
# How the request begins in which an instance looks a conversation through.
_NOTES = "You keep the memory of"

_TOKEN = re.compile(r"\S+\s*|\s+")


class ScriptError(ValueError):
    """The script cannot be followed; the message tells the test's author why."""


@dataclass(frozen=True, slots=True)
class Script:
    """The JSON object after `!script `. Times are in seconds, rates per second (0: at once).

    text           the answer; default an echo of the message
    tokens         so many tokens: of `text` (repeated or cut), else of numbered words
    sizes          cut `text` into tokens of so many code points, over and over, wherever words end
    rate           tokens (for the fault "drip": bytes) a second
    delay          before the first token
    reasoning      sent as reasoning_content before the text
    stamp          each token is the time of its sending, `time.time_ns()` and a space
    status, code   answer with this HTTP error and error code
    retry_after    the Retry-After header of that error
    fault, at      a fault of `faults.py`, for most after `at` tokens, at the latest after the last
    fail_first     only the first so many requests with the same messages meet status or fault
    split          "bytes" or a size: cut the stream into network writes of that many bytes
    finish_reason  of an answer that ends well
    usage          false: never send a usage chunk
    """

    text: str | None = None
    tokens: int | None = None
    sizes: list[int] | None = None
    rate: float = 0
    delay: float = 0
    reasoning: str = ""
    stamp: bool = False
    status: int | None = None
    code: str | None = None
    retry_after: float | None = None
    fault: str = ""
    at: int = 3
    fail_first: int | None = None
    split: str | int | None = None
    finish_reason: str = "stop"
    usage: bool = True

    @property
    def split_bytes(self) -> int | None:
        return 1 if self.split == "bytes" else int(self.split) if self.split else None

    def answer_tokens(self) -> list[str]:
        """The answer in pieces of about a word; their join is the answer."""
        pieces = _cut(self.text or "", self.sizes) if self.sizes else _TOKEN.findall(self.text or "")
        if self.tokens is None:
            return pieces
        if not pieces:
            return [f"word{number} " for number in range(self.tokens)]
        return [pieces[number % len(pieces)] for number in range(self.tokens)]

    def reasoning_tokens(self) -> list[str]:
        return _TOKEN.findall(self.reasoning)


def _cut(text: str, sizes: list[int]) -> list[str]:
    """The text in pieces of these sizes, which repeat; each is at least one code point."""
    pieces, start, size = [], 0, itertools.cycle(sizes)
    while start < len(text):
        end = start + max(1, next(size))
        pieces.append(text[start:end])
        start = end
    return pieces


_FIELDS = frozenset(field.name for field in fields(Script))


def script_for(messages: list[Any]) -> Script:
    """The script of the last user message, an echo of it where it holds none; raises ScriptError."""
    said = _last_user_text(messages)
    if messages and str(messages[0].get("content")).startswith(_NOTES):
        return _notes(said)
    _, marker, rest = said.partition(MARKER)
    if not marker:
        return Script(text=f"You said: {said}\nThat is {len(said.split())} words, and this is the echo.")
    try:
        told, _ = json.JSONDecoder().raw_decode(rest)
    except ValueError as error:
        raise ScriptError(f"no JSON object after {MARKER!r}: {error}") from error
    if not isinstance(told, dict) or not told.keys() <= _FIELDS:
        raise ScriptError(f"a script is an object of {sorted(_FIELDS)}, not {told!r}")
    return Script(**{"text": None if "tokens" in told else "Scripted answer, as told.", **told})


def _notes(said: str) -> Script:
    """What an instance notes: the facts behind `!memory ` in the numbered messages, {"facts": ["…"]}, each with the
    number of its message; beside them any field of a script, the last one counting."""
    lines: list[str] = []
    told: dict[str, Any] = {}
    for number, message in re.findall(r"^\[(\d+)\] (.*(?:\n(?!\[\d+\] ).*)*)", said, re.MULTILINE):
        _, marker, rest = message.partition(MEMORY_MARKER)
        if marker:
            given, _ = json.JSONDecoder().raw_decode(rest)
            lines += [json.dumps({"fact": fact, "source": int(number)}) for fact in given.pop("facts", ())]
            told |= given
    return Script(**{"text": "\n".join(lines) or "none", **told})


def _last_user_text(messages: list[Any]) -> str:
    for message in reversed(messages):
        if message.get("role") == "user":
            content = message.get("content")
            if isinstance(content, list):
                return "".join(part.get("text", "") for part in content)
            return str(content)
    return ""

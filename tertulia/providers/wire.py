"""The OpenAI chat wire format in bytes: requests encoded, streamed events folded; used by `openai`.

Format: https://platform.openai.com/docs/api-reference/chat-streaming, plus what compatible servers
add or leave out: `reasoning_content` or `reasoning` deltas, null or missing fields, error objects.
"""

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from tertulia.providers.base import ChatMessage, ChatRequest, Chunk, Usage
from tertulia.providers.diagnosis import Complaint, complaint_in, diagnose
from tertulia.providers.errors import ProviderError
from tertulia.providers.sse import EventDecoder, EventTooLarge

_SURROGATES = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


@dataclass(frozen=True, slots=True)
class Dialect:
    """What one model's server accepts where servers differ; learnt from its refusals."""

    counts_usage: bool = True
    limit_field: str = "max_tokens"

    def adapted_to(self, complaint: Complaint) -> "Dialect | None":
        """The dialect that avoids this complaint, None when the complaint is about something else."""
        if self.counts_usage and complaint.mentions("stream_options"):
            return replace(self, counts_usage=False)
        if self.limit_field == "max_tokens" and complaint.mentions("max_completion_tokens"):
            return replace(self, limit_field="max_completion_tokens")
        return None


def encode_messages(messages: Sequence[ChatMessage]) -> bytes:
    """The `messages` array exactly as it stands in the body: UTF-8, no blanks, of each first role, then content.

    Its SHA-256 is what the provenance of an answer holds.
    """
    return msgspec.json.encode([{"role": turn.role, "content": turn.content} for turn in messages])


def encode_request(request: ChatRequest, dialect: Dialect) -> bytes:
    """The JSON body of a streamed completion; parameters that are None are not sent."""
    wanted = request.parameters
    body: dict[str, Any] = {
        "model": request.model,
        "messages": msgspec.Raw(encode_messages(request.messages)),
        "stream": True,
        "stream_options": {"include_usage": True} if dialect.counts_usage else None,
        "temperature": wanted.temperature,
        "top_p": wanted.top_p,
        dialect.limit_field: wanted.max_tokens,
        "frequency_penalty": wanted.frequency_penalty,
        "presence_penalty": wanted.presence_penalty,
        "stop": list(wanted.stop) or None,
        "seed": wanted.seed,
    }
    return msgspec.json.encode({name: value for name, value in body.items() if value is not None})


class _Delta(msgspec.Struct):
    content: str | list[Any] | None = None
    reasoning_content: str | None = None
    reasoning: Any = None  # a string where it is text; some servers put an object here


class _Choice(msgspec.Struct):
    delta: _Delta | None = None
    message: _Delta | None = None  # in an answer that was not streamed
    finish_reason: str | None = None


class _CompletionDetails(msgspec.Struct):
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    completion_tokens_details: _CompletionDetails | None = None


class _Event(msgspec.Struct):
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: Any = None


_EVENT = msgspec.json.Decoder(_Event)


class AnswerReader:
    """Folds network reads of one streamed answer into chunks, and judges how the answer ended.

    A fault found behind good text in the same read is kept in `fault`, so that the text is shown first.
    """

    __slots__ = ("_decoder", "_finish_reason", "_reasoning", "_text", "_text_seen", "done", "fault")

    def __init__(self) -> None:
        self._decoder = EventDecoder()
        self._text = _Scrubber()
        self._reasoning = _Scrubber()
        self._finish_reason: str | None = None
        self._text_seen = False
        self.done = False  # the server said [DONE]
        self.fault: ProviderError | None = None

    def feed(self, read: bytes) -> Chunk | None:
        """What `read` brought, None when no event in it moved the answer on."""
        chunk = Chunk()
        try:
            for payload in self._decoder.feed(read):
                if payload == b"[DONE]":
                    self.done = True
                    break
                if payload:
                    self._fold(_decode(payload), chunk)
        except EventTooLarge:
            self.fault = ProviderError("provider_too_large")
        except ProviderError as error:
            self.fault = error
        return self._scrubbed(chunk)

    def feed_whole(self, body: bytes) -> Chunk | None:
        """The one chunk of an answer that its server did not stream, though it was asked to."""
        chunk = Chunk()
        self._fold(_decode(body), chunk)
        self.done = True
        return self._scrubbed(chunk)

    @property
    def finished(self) -> bool:
        """Whether the answer is whole: its end was marked, or its finish reason given."""
        return self.done or self._finish_reason is not None

    def close(self) -> None:
        """Judge the whole after the last read; raises ProviderError for a cut or an empty answer."""
        if not self.finished:
            raise ProviderError("provider_truncated")
        if not self._text_seen and self._finish_reason in (None, "stop"):
            raise ProviderError("provider_empty")

    def _fold(self, event: _Event, chunk: Chunk) -> None:
        if event.error is not None:
            raise diagnose(None, complaint_in({"error": event.error}))
        for choice in event.choices or ():
            if said := choice.delta or choice.message:
                _fold_delta(said, chunk)
            if choice.finish_reason:
                chunk.finish_reason = self._finish_reason = choice.finish_reason
        if event.usage is not None:
            chunk.usage = _usage(event.usage)

    def _scrubbed(self, chunk: Chunk) -> Chunk | None:
        is_last = self.done or chunk.finish_reason is not None
        if chunk.text or is_last:
            chunk.text = self._text.scrub(chunk.text, is_last=is_last)
            self._text_seen = self._text_seen or bool(chunk.text)
        if chunk.reasoning or is_last:
            chunk.reasoning = self._reasoning.scrub(chunk.reasoning, is_last=is_last)
        if chunk.text or chunk.reasoning or chunk.finish_reason or chunk.usage:
            return chunk
        return None


def _fold_delta(delta: _Delta, chunk: Chunk) -> None:
    if isinstance(delta.content, str):
        chunk.text += delta.content
    elif delta.content:
        _fold_parts(delta.content, chunk)
    reasoning = delta.reasoning_content or delta.reasoning
    if reasoning and isinstance(reasoning, str):
        chunk.reasoning += reasoning


def _fold_parts(parts: Sequence[Any], chunk: Chunk) -> None:
    """Content in typed parts: `{"type": "text", "text": …}`, and `{"type": "thinking", "thinking": [text parts]}`."""
    for part in parts:
        match part:
            case {"type": "text", "text": str(text)}:
                chunk.text += text
            case {"type": "thinking", "thinking": [*thoughts]}:
                chunk.reasoning += "".join(
                    thought["text"]
                    for thought in thoughts
                    if isinstance(thought, dict) and isinstance(thought.get("text"), str)
                )


def _usage(found: _Usage) -> Usage:
    details = found.completion_tokens_details
    return Usage(
        prompt_tokens=found.prompt_tokens or 0,
        completion_tokens=found.completion_tokens or 0,
        reasoning_tokens=(details.reasoning_tokens if details else None) or 0,
    )


def _decode(payload: bytes) -> _Event:
    try:
        return _EVENT.decode(payload)
    except (ValueError, RecursionError):
        return _decode_leniently(payload)


def _decode_leniently(payload: bytes) -> _Event:
    """Invalid UTF-8 and lone surrogate escapes are damaged text, not a damaged answer."""
    try:
        return msgspec.convert(json.loads(payload.decode("utf-8", "replace")), _Event)
    except (ValueError, RecursionError) as error:
        raise ProviderError("provider_malformed") from error


class _Scrubber:
    """Makes text that every database accepts: no NUL, no lone surrogate.

    A pair that the provider split over two reads is joined: its first half waits for the second.
    """

    __slots__ = ("_high",)

    def __init__(self) -> None:
        self._high = ""

    def scrub(self, text: str, *, is_last: bool) -> str:
        if "\0" in text:
            text = text.replace("\0", _REPLACEMENT)
        if self._high or not (text.isascii() or _SURROGATES.search(text) is None):
            text = self._without_lone_halves(text, is_last=is_last)
        return text

    def _without_lone_halves(self, text: str, *, is_last: bool) -> str:
        text = self._high + text
        self._high = "" if is_last or not "\ud800" <= text[-1] <= "\udbff" else text[-1]
        whole = text[: len(text) - len(self._high)]
        return whole.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")

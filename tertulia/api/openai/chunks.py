"""Encodes a run as OpenAI's chat completion, whole or in chunks. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import msgspec

from tertulia.chat.generation import events
from tertulia.chat.generation.events import End, Piece

DONE = b"data: [DONE]\n\n"
# Where OpenAI's clients read text, and servers like vLLM put reasoning.
_DELTAS = {events.DELTA: "content", events.REASONING: "reasoning_content"}
_FINISH_REASONS = frozenset({"stop", "length", "content_filter"})


@dataclass(frozen=True, slots=True)
class Encoder:
    """The encoding of one run: the same id and time in every part, also when it is sent again."""

    generation_id: UUID
    model: str
    include_usage: bool = False

    def completion(self, text: str, reasoning: str, end: End) -> dict[str, Any]:
        """The whole answer."""
        message: dict[str, Any] = {"role": "assistant", "content": text, "refusal": None}
        if reasoning:
            message["reasoning_content"] = reasoning
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": finish_reason(end)}
        body = self._head("chat.completion") | {"choices": [choice]}
        return body | ({"usage": usage} if (usage := usage_output(end.usage)) else {})

    def opening(self) -> bytes:
        return self._chunk({"role": "assistant", "content": ""})

    def pieces(self, pieces: Sequence[Piece]) -> bytes:
        """Text and reasoning; other events have no place in this form."""
        return b"".join(
            self._chunk({_DELTAS[piece.kind]: piece.payload})
            for piece in events.merged(pieces)
            if piece.kind in _DELTAS
        )

    def closing(self, end: End) -> Iterator[bytes]:
        yield self._chunk({}, finish_reason(end))
        if self.include_usage:
            yield _frame(
                self._head("chat.completion.chunk") | {"choices": [], "usage": usage_output(end.usage)}
            )
        yield DONE

    def _chunk(self, delta: dict[str, str], finish: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        body = self._head("chat.completion.chunk") | {"choices": [choice]}
        if self.include_usage:
            body["usage"] = None
        return _frame(body)

    def _head(self, kind: str) -> dict[str, Any]:
        return {
            "id": f"chatcmpl-{self.generation_id.hex}",
            "object": kind,
            "created": created(self.generation_id),
            "model": self.model,
        }


def error_frame(body: Mapping[str, Any]) -> bytes:
    """A fault in the middle of a stream; the official clients raise it."""
    return _frame({"error": body})


def created(generation_id: UUID) -> int:
    """Unix seconds, out of the time-ordered id."""
    return (generation_id.int >> 80) // 1000


def finish_reason(end: End) -> str:
    """OpenAI's word for how a run ended."""
    return end.finish_reason if end.finish_reason in _FINISH_REASONS else "stop"


def usage_output(usage: dict[str, Any] | None) -> dict[str, Any] | None:
    """Token counts under OpenAI's names."""
    if usage is None:
        return None
    return {
        "prompt_tokens": usage["prompt_tokens"],
        "completion_tokens": usage["completion_tokens"],
        "total_tokens": usage["total_tokens"],
        "completion_tokens_details": {"reasoning_tokens": usage["reasoning_tokens"]},
    }


def _frame(body: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(body) + b"\n\n"

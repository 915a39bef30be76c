"""The bytes of OpenAI's chat completions, as the scripted provider writes them."""

import json
from typing import Any

DONE = b"data: [DONE]\n\n"

# In every error body: a reader of Tertulia must never see them.
BODY_CANARY = "provider-body-canary-7f3a"

_CREATED = 1_760_000_000


def sse(payload: object) -> bytes:
    return b"data: " + _json(payload) + b"\n\n"


class Events:
    """The events of one answer. The envelope is encoded once: a token costs one small dump."""

    def __init__(self, answer_id: str, model: str) -> None:
        self._envelope = {
            "id": f"chatcmpl-{answer_id}",
            "object": "chat.completion.chunk",
            "created": _CREATED,
            "model": model,
            "service_tier": "default",
            "system_fingerprint": "fp_scripted",
        }
        head = _json(self._envelope)[:-1]
        self._before = b"data: " + head + b',"choices":[{"index":0,"delta":{"content":'
        self._after = b'},"logprobs":null,"finish_reason":null}]}\n\n'

    def token(self, text: str) -> bytes:
        return self._before + json.dumps(text, ensure_ascii=False).encode() + self._after

    def role(self) -> bytes:
        return self.delta({"role": "assistant", "content": "", "refusal": None})

    def reasoning(self, text: str) -> bytes:
        return self.delta({"reasoning_content": text})

    def delta(self, delta: dict[str, Any], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
        return sse({**self._envelope, "choices": [choice]})

    def end(self, finish_reason: str) -> bytes:
        return self.delta({}, finish_reason)

    def usage(self, usage: dict[str, Any]) -> bytes:
        return sse({**self._envelope, "choices": [], "usage": usage})


def completion(answer_id: str, model: str, text: str, finish_reason: str, usage: dict[str, Any]) -> bytes:
    """A whole answer at once, for requests that do not stream."""
    message = {"role": "assistant", "content": text, "refusal": None}
    return _json(
        {
            "id": f"chatcmpl-{answer_id}",
            "object": "chat.completion",
            "created": _CREATED,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
            "usage": usage,
        }
    )


def usage(prompt: int, answer: int, reasoning: int) -> dict[str, Any]:
    return {
        "prompt_tokens": prompt,
        "completion_tokens": answer + reasoning,
        "total_tokens": prompt + answer + reasoning,
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }


# JSON that is nested deeper than a decoder goes, however much of it is read.
DEEP = b'{"error":' + b"[" * 200_000


def error_body(message: str, *, kind: str, code: str | None, param: str | None = None) -> bytes:
    text = f"{message} [{BODY_CANARY}]"
    return _json({"error": {"message": text, "type": kind, "code": code, "param": param}})


def _json(payload: object) -> bytes:
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode()

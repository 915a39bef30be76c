"""Every way in which a provider fails, by the name that a script gives; the scripted provider's worst.

Three more need no server that answers: see `refused_url`, `dns_url` and `tls_url` of ScriptedProvider.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

from tests.provider import wire

if TYPE_CHECKING:
    from tests.provider.answer import Answer

HUGE_EVENT_BYTES = 5 * 1024 * 1024


def no_headers(answer: "Answer") -> None:
    """Take the request and say nothing."""


def no_first_token(answer: "Answer") -> None:
    answer.begin()


def html_200(answer: "Answer") -> None:
    page = f"<!doctype html><title>Welcome</title><p>Sign in to the network. {wire.BODY_CANARY}</p>"
    answer.refuse(200, page.encode(), content_type="text/html; charset=utf-8")


def deep_refusal(answer: "Answer") -> None:
    answer.refuse(400, wire.DEEP)


def redirect(answer: "Answer") -> None:
    answer.refuse(302, b"", headers={"Location": "/v1/elsewhere"})


def drip(answer: "Answer") -> None:
    answer.begin(with_role=False)
    answer.drip(answer.events.token("never whole ") * 10)


def not_streamed(answer: "Answer") -> None:
    """The whole answer in one JSON body, although a stream was asked for."""
    answer.respond_whole()


def empty(answer: "Answer") -> None:
    answer.begin()
    answer.end("stop")


def idle(answer: "Answer") -> None:
    """Say nothing more and keep the connection."""


def reset(answer: "Answer") -> None:
    answer.connection.reset()


def no_done(answer: "Answer") -> None:
    """End the body as if all were well, without a finish reason or [DONE]."""
    answer.close_stream()


def hang_after_finish(answer: "Answer") -> None:
    answer.send(answer.events.end("stop"))


def broken_json(answer: "Answer") -> None:
    answer.send(b'data: {"choices":[{"index":0,"delta":{"content":"br\n\n')
    answer.end("stop")


def huge_event(answer: "Answer") -> None:
    answer.send(answer.events.token("x" * HUGE_EVENT_BYTES))
    answer.end("stop")


def error_event(answer: "Answer") -> None:
    answer.send(
        wire.sse({"error": {"message": f"Overloaded {wire.BODY_CANARY}", "type": "overloaded_error"}})
    )
    answer.close_stream()


def length(answer: "Answer") -> None:
    answer.end("length")


def content_filter(answer: "Answer") -> None:
    answer.end("content_filter")


def odd_text(answer: "Answer") -> None:
    """NUL, a pair split over two events, two lone halves, and bytes that are no UTF-8."""
    for escape in (rb"a\u0000b", rb"c\ud83d", rb"\ude00d", rb"e\udc00f", b"g\xffh", rb"i\ud83d"):
        answer.send(b'data: {"choices":[{"delta":{"content":"' + escape + b'"}}]}\n\n')
    answer.end("stop")


# Instead of an answer.
AT_START: dict[str, Callable[["Answer"], None]] = {
    "no_headers": no_headers,
    "no_first_token": no_first_token,
    "html_200": html_200,
    "deep_refusal": deep_refusal,
    "redirect": redirect,
    "drip": drip,
    "not_streamed": not_streamed,
    "empty": empty,
}

# After `at` tokens of one.
MIDWAY: dict[str, Callable[["Answer"], None]] = {
    "idle": idle,
    "reset": reset,
    "no_done": no_done,
    "hang_after_finish": hang_after_finish,
    "broken_json": broken_json,
    "huge_event": huge_event,
    "error_event": error_event,
    "length": length,
    "content_filter": content_filter,
    "odd_text": odd_text,
}

# status, error type, error code, message as OpenAI words it
REFUSALS: dict[str, tuple[int, str, str | None, str]] = {
    "400": (400, "invalid_request_error", None, "Invalid value."),
    "401": (401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: {key}."),
    "402": (402, "billing", None, "Insufficient balance."),
    "403": (403, "permission_error", None, "Country, region, or territory not supported."),
    "404": (404, "invalid_request_error", None, "Not found."),
    "429": (429, "requests", "rate_limit_exceeded", "Rate limit reached for requests."),
    "500": (500, "server_error", None, "The server had an error while processing your request."),
    "502": (502, "server_error", None, "Bad gateway."),
    "503": (503, "server_error", None, "The engine is currently overloaded."),
    "529": (529, "overloaded_error", None, "Overloaded."),
    "insufficient_quota": (429, "insufficient_quota", "insufficient_quota", "You exceeded your quota."),
    "context_length": (
        400,
        "invalid_request_error",
        "context_length_exceeded",
        "This model's maximum context length is 8192 tokens.",
    ),
    "model_not_found": (404, "invalid_request_error", "model_not_found", "The model does not exist."),
}

NAMES = frozenset({*AT_START, *MIDWAY, *REFUSALS})

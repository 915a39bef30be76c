"""/v1/chat/completions: the engine's answer in OpenAI's shape, whole or as chunks."""

from collections.abc import AsyncGenerator
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from tertulia.api import sending
from tertulia.api.endpoint import json_answer
from tertulia.api.openai.chunks import Encoder, error_frame
from tertulia.api.openai.errors import FacadeEndpoint, ModelNotFound, error_body
from tertulia.api.openai.inputs import CompletionInput, read_completion
from tertulia.api.problems import failure
from tertulia.api.sending import Accepted, Ask
from tertulia.chat.generation import events
from tertulia.chat.generation.events import End, Piece
from tertulia.chat.generation.tail import Batch, Tail
from tertulia.core.errors import Problem, Unauthenticated
from tertulia.core.sse import event_stream_response


class CompletionsView(FacadeEndpoint):
    key_scope = "chat"
    further_refusals = (404, 502, 504)

    @extend_schema(
        request=CompletionInput,
        responses={200: OpenApiTypes.OBJECT, (200, "text/event-stream"): OpenApiTypes.STR},
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """A chat completion as OpenAI's API gives it, of any model in /v1/models."""
        given: dict[str, Any] = {}

        def read(request: HttpRequest) -> Ask:
            ask, validated = read_completion(request)
            given.update(validated)
            return ask

        accepted = await _begin(request, read)
        if given.get("stream"):
            options = given.get("stream_options") or {}
            return await _streamed(accepted, given["model"], options.get("include_usage") is True)
        return await _whole(accepted, given["model"])


async def _begin(request: HttpRequest, read: sending.Read) -> Accepted:
    try:
        return await sending.begin(request, read)
    except sending.ModelNotOffered as problem:
        raise ModelNotFound(problem.detail, errors=problem.errors) from None


async def _whole(accepted: Accepted, model: str) -> HttpResponseBase:
    tail = Tail(accepted.ids.generation, permit=accepted.permit)
    batch = await tail.next()
    pieces: list[Piece] = [*batch.pieces]
    while batch.end is None:
        batch = await tail.next()
        pieces += batch.pieces
    _raise_failure(batch.end, accepted)
    encoder = Encoder(accepted.ids.generation, model)
    text, reasoning = (events.text_of(pieces, kind) for kind in (events.DELTA, events.REASONING))
    return json_answer(encoder.completion(text, reasoning, batch.end), headers=_headers(accepted))


async def _streamed(accepted: Accepted, model: str, include_usage: bool) -> HttpResponseBase:
    """Waits for the first piece, so that a provider which does not even begin is an HTTP error."""
    tail = Tail(accepted.ids.generation, permit=accepted.permit)
    first = await tail.next()
    if first.end and not first.pieces:
        _raise_failure(first.end, accepted)
    encoder = Encoder(accepted.ids.generation, model, include_usage)
    return event_stream_response(_chunks(encoder, tail, first), _headers(accepted))


async def _chunks(encoder: Encoder, tail: Tail, first: Batch) -> AsyncGenerator[bytes, None]:
    yield encoder.opening() + encoder.pieces(first.pieces)
    batch = first
    while batch.end is None:
        try:
            batch = await tail.next()
        except Unauthenticated as ended:
            yield error_frame(error_body(ended))
            return
        yield encoder.pieces(batch.pieces) or b": still here\n\n"
    if failed := failure(batch.end, {}):
        yield error_frame(error_body(failed))
        return
    for frame in encoder.closing(batch.end):
        yield frame


def _raise_failure(end: End, accepted: Accepted) -> None:
    failed: Problem | None = failure(end, {})
    if failed:
        failed.headers.update(accepted.headers)
        raise failed


def _headers(accepted: Accepted) -> dict[str, str]:
    return {**accepted.headers, "X-Request-Id": f"req_{accepted.ids.generation.hex}"}

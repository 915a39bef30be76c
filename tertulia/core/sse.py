"""Server-sent events as a response (WHATWG HTML §9.2); the stream views of `api` are its callers."""

from collections.abc import AsyncGenerator, Mapping

from django.http import StreamingHttpResponse

# Proxies neither keep, transform (compress) nor buffer a live stream; the last is nginx's own header.
_HEADERS = {
    "Cache-Control": "private, no-cache, no-store, no-transform",
    "X-Accel-Buffering": "no",
}


class EventStreamResponse(StreamingHttpResponse):
    """Hands the generator itself to the server; Django would put two more around it, a step each per event."""

    def __init__(self, events: AsyncGenerator[bytes, None], headers: Mapping[str, str]) -> None:
        super().__init__(events, content_type="text/event-stream; charset=utf-8", headers=dict(headers))
        self._events = events

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._events


def event_stream_response(
    events: AsyncGenerator[bytes, None], headers: Mapping[str, str] | None = None
) -> EventStreamResponse:
    """Send what `events` yields, whole frames or comments, as it comes.

    When the client goes away the iterator is closed; whatever it reads from goes on.
    """
    return EventStreamResponse(events, {**_HEADERS, **(headers or {})})

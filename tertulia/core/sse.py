"""Server-sent events as a response (WHATWG HTML §9.2); the stream views of `api` are its callers."""

from collections.abc import AsyncIterator, Mapping

from django.http import StreamingHttpResponse

# Proxies neither keep, transform (compress) nor buffer a live stream; the last is nginx's own header.
_HEADERS = {
    "Cache-Control": "private, no-cache, no-store, no-transform",
    "X-Accel-Buffering": "no",
}


def event_stream_response(
    events: AsyncIterator[bytes], headers: Mapping[str, str] | None = None
) -> StreamingHttpResponse:
    """Send what `events` yields, whole frames or comments, as it comes.

    When the client goes away the iterator is closed; whatever it reads from goes on.
    """
    return StreamingHttpResponse(
        events, content_type="text/event-stream; charset=utf-8", headers={**_HEADERS, **(headers or {})}
    )

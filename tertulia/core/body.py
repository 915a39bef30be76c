"""A limit on request bodies before anything buffers them; the ASGI application wraps Django in it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from tertulia.core.errors import TooLarge, json_response

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[MutableMapping[str, Any], Receive, Send], Awaitable[None]]


class _Exceeded(Exception):
    """More arrived than is taken."""


class BodyLimit:
    """Answers 413 when a body declares or delivers more than `limit` bytes; a lying length gains nothing."""

    def __init__(self, app: App, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        if _declared_length(scope) > self._limit:
            await self._refuse(send)
            return
        seen = 0
        started = False

        async def counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._limit:
                raise _Exceeded
            return message

        async def noted(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counted, noted)
        except _Exceeded:
            if not started:
                await self._refuse(send)

    async def _refuse(self, send: Send) -> None:
        response = json_response(TooLarge(errors={"body": [f"At most {self._limit} bytes."]}))
        headers = [(name.lower().encode(), value.encode()) for name, value in response.items()]
        headers += [(b"connection", b"close"), (b"x-content-type-options", b"nosniff")]
        await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
        await send({"type": "http.response.body", "body": response.content})


def _declared_length(scope: MutableMapping[str, Any]) -> int:
    for name, value in scope["headers"]:
        if name == b"content-length":
            return int(value) if value.isdigit() else 0
    return 0

"""A limit on request bodies before anything buffers them; the ASGI application wraps Django in it."""

import re
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from django.http import HttpResponse

from tertulia.core import headers
from tertulia.core.errors import TooLarge

Message = MutableMapping[str, Any]
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Render = Callable[[str, TooLarge], HttpResponse]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class _Exceeded(Exception):
    """More arrived than is taken."""


class BodyLimit:
    """Answers 413 when a body declares or delivers more than `limit` bytes; a lying length gains nothing.

    `larger` are the limits of addresses that take files; `render` gives the refusal of a path its form.
    """

    def __init__(self, app: App, limit: int, larger: Mapping[re.Pattern[str], int], render: Render) -> None:
        self._app = app
        self._limit = limit
        self._larger = larger
        self._render = render

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        declared, limit = _declared_length(scope), self._limit_of(scope["path"].rstrip("/"))
        if declared is None:
            await self._counted(limit, scope, receive, send)
        elif declared > limit:
            await self._refuse(scope, limit, send)
        else:
            # The server's parser gives no byte more than was declared.
            await self._app(scope, receive, send)

    def _limit_of(self, path: str) -> int:
        return next(
            (limit for pattern, limit in self._larger.items() if pattern.fullmatch(path)), self._limit
        )

    async def _counted(self, limit: int, scope: Scope, receive: Receive, send: Send) -> None:
        """A body in chunks, which tells its length only by coming."""
        seen = 0
        started = False

        async def counting() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > limit:
                raise _Exceeded
            return message

        async def noting(message: Message) -> None:
            nonlocal started
            started = True
            await send(message)

        try:
            await self._app(scope, counting, noting)
        except _Exceeded:
            if not started:
                await self._refuse(scope, limit, send)

    async def _refuse(self, scope: Scope, limit: int, send: Send) -> None:
        problem = TooLarge(errors={"body": [f"At most {limit} bytes."]})
        response = self._render(scope["path"], problem)
        fields = {**headers.of_files(), **response.headers, "Connection": "close"}
        await send(
            {
                "type": "http.response.start",
                "status": response.status_code,
                "headers": [(name.lower().encode(), value.encode()) for name, value in fields.items()],
            }
        )
        await send({"type": "http.response.body", "body": response.content})


def _declared_length(scope: Scope) -> int | None:
    """What Content-Length says, 0 for a request without a body; None where only the chunks tell (RFC 9112 §6.3)."""
    headers = dict(scope["headers"])
    if b"transfer-encoding" in headers:
        return None
    length = headers.get(b"content-length", b"0")
    return int(length) if length.isdigit() else None

"""HTTP/1.1 as little as a provider needs, with a hand on every byte: faults are made down here."""

import asyncio
import json
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, urlsplit

_REASONS = {200: "OK", 302: "Found", 400: "Bad Request", 404: "Not Found", 429: "Too Many Requests"}


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)


class Connection(asyncio.Protocol):
    """One client. `handle` is called with a request at a time and answers by the methods below."""

    def __init__(self, handle: Callable[["Connection", Request], None]) -> None:
        self._handle = handle
        self._received = bytearray()
        self._is_busy = False
        self._transport: asyncio.Transport
        self._expects_body = False
        self.requests = 0
        self.is_open = False
        self.is_paused = False
        self.on_lost: Callable[[], None] | None = None
        self.on_writable: Callable[[], None] | None = None

    # What asyncio calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)  # uvloop's is one without inheriting
        self.is_open = True

    def data_received(self, data: bytes) -> None:
        self._received += data
        self._take_request()

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        if self.on_lost is not None:
            self.on_lost()

    def pause_writing(self) -> None:
        self.is_paused = True

    def resume_writing(self) -> None:
        self.is_paused = False
        if self.on_writable is not None:
            self.on_writable()

    # What a handler calls

    def respond(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        """A whole answer."""
        fields = {"Content-Type": content_type, "Content-Length": str(len(body)), **(headers or {})}
        self.write(_head(status, fields) + body)
        self.finish()

    def begin_stream(self, content_type: str = "text/event-stream; charset=utf-8") -> None:
        fields = {"Content-Type": content_type, "Cache-Control": "no-cache", "Transfer-Encoding": "chunked"}
        self.write(_head(200, fields))

    def write_chunk(self, data: bytes) -> None:
        self.write(b"%x\r\n%b\r\n" % (len(data), data))

    def end_stream(self) -> None:
        self.write(b"0\r\n\r\n")
        self.finish()

    def write(self, data: bytes) -> None:
        if self.is_open:
            self._transport.write(data)

    def finish(self) -> None:
        """This answer is complete: take the next request of a kept connection."""
        self.on_lost = self.on_writable = None
        self._is_busy = False
        self._take_request()

    def reset(self) -> None:
        """Break off with a TCP reset, as a crashed server or a firewall does."""
        connected = self._transport.get_extra_info("socket")
        connected.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def close(self) -> None:
        self._transport.close()

    def _take_request(self) -> None:
        if self._is_busy:
            return
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return
        request_line, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        length = int(headers.get("content-length", 0))
        if len(rest) < length:
            if headers.get("expect") and not self._expects_body:
                self._expects_body = True
                self.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            return
        self._expects_body = False
        self._received = rest[length:]
        self._is_busy = True
        self.requests += 1
        method, target, _ = request_line.split(" ")
        parts = urlsplit(target)
        query = parse_qs(parts.query)
        self._handle(self, Request(method, parts.path, query, headers, bytes(rest[:length])))


def _head(status: int, fields: dict[str, str]) -> bytes:
    lines = [f"HTTP/1.1 {status} {_REASONS.get(status, 'Status')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()

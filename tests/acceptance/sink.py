"""The rest of the internet, as one server on loopback: whatever a browser sends anywhere ends here and is a hit.

`chromium` maps every host name to it, so a request for any address is seen, by http, by https (which ends with the
first bytes of its handshake) and by UDP. It also serves the pages of an attacker, for items that need one.
"""

import asyncio
import re
from collections.abc import Mapping
from contextlib import suppress
from typing import NamedTuple

from tests.acceptance.waiting import until

# The first byte of a TLS handshake (RFC 8446 §5.1).
_TLS_HANDSHAKE = 0x16
_HEAD_SECONDS = 5.0
# The name of the host in it, which travels in the open (RFC 6066 §3): a list of one entry, of type 0.
# Looked for everywhere, overlapping, because the extensions before it come in any order.
_SERVER_NAME = re.compile(rb"(?=\x00\x00..(?P<list>..)\x00(?P<name>..)(?P<host>[\x21-\x7e]+))", re.DOTALL)


class Hit(NamedTuple):
    """One connection or datagram that arrived; what its protocol hides is empty."""

    protocol: str
    host: str
    target: str = ""
    referrer: str = ""

    def __str__(self) -> str:
        return f"{self.protocol} {self.host}{self.target}"


class Sink(asyncio.DatagramProtocol):
    """Use as an async context manager. `pages` are answers by host and path; anything else answers empty."""

    def __init__(self, pages: Mapping[str, str] | None = None) -> None:
        self.pages = dict(pages or {})
        self.hits: list[Hit] = []
        self.port = 0
        self._open = 0
        self._server: asyncio.Server
        self._datagrams: asyncio.BaseTransport

    async def __aenter__(self) -> "Sink":
        loop = asyncio.get_running_loop()
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        self._datagrams, _ = await loop.create_datagram_endpoint(
            lambda: self, local_addr=("127.0.0.1", self.port)
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        self._datagrams.close()
        self._server.close()

    def datagram_received(self, data: bytes, addr: object) -> None:
        self.hits.append(Hit("udp", "", f" {len(data)} bytes"))

    async def left_alone(self) -> None:
        """Wait until nobody is connected: whoever came is then among the hits."""

        async def nobody() -> bool:
            return self._open == 0

        await until(nobody, 2 * _HEAD_SECONDS)

    def taken(self) -> list[str]:
        """The hits since the last call."""
        hits, self.hits = self.hits, []
        return [str(hit) for hit in hits]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._open += 1
        try:
            async with asyncio.timeout(_HEAD_SECONDS):
                await self._answer(reader, writer)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            self.hits.append(Hit("tcp", "", " without a request"))
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._open -= 1

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(1)
        if first[0] == _TLS_HANDSHAKE:
            hello = await reader.readexactly(int.from_bytes((await reader.readexactly(4))[2:]))
            self.hits.append(Hit("tls", _server_name(hello)))
            return
        head = (first + await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        request, *lines = head.split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        method, target, *_ = request.split(" ")
        host = headers.get("host", "")
        self.hits.append(Hit(method, host, target, headers.get("referer", "")))
        writer.write(_response(self.pages.get(host + target)))
        await writer.drain()


def _server_name(hello: bytes) -> str:
    """The host that a TLS client asks for; empty when it does not say."""
    for found in _SERVER_NAME.finditer(hello):
        length = int.from_bytes(found["name"])
        if int.from_bytes(found["list"]) == length + 3 and len(found["host"]) >= length:
            return found["host"][:length].decode("ascii")
    return ""


def _response(page: str | None) -> bytes:
    body = (page or "").encode()
    fields = f"Content-Type: text/html; charset=utf-8\r\nContent-Length: {len(body)}\r\nConnection: close"
    return f"HTTP/1.1 200 OK\r\n{fields}\r\n\r\n".encode() + body

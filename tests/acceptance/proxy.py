"""A TCP proxy that breaks connections on purpose; items put it between a client and a server."""

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass

_READ = 16 * 1024
# A reset throws away what the receiver has not read yet; what was let through should arrive first.
_ARRIVAL_SECONDS = 0.02


@dataclass(slots=True)
class Fault:
    """What happens to a connection.

    after      bytes of the server's answer that pass before the connection is reset; None: all
    rate       bytes of the answer per second; 0: as fast as they come
    refuse     reset at once
    """

    after: int | None = None
    rate: float = 0
    refuse: bool = False


class FaultProxy:
    """Forwards to one server; `fault` applies to connections that are accepted while it is set."""

    def __init__(self, target_url: str) -> None:
        host, _, port = target_url.removeprefix("http://").partition(":")
        self._target = (host, int(port))
        self._tasks: set[asyncio.Task[None]] = set()
        self._server: asyncio.Server | None = None
        self.fault = Fault()
        self.url = ""
        self.cuts = 0

    async def __aenter__(self) -> "FaultProxy":
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._server is not None
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            await self._serve(reader, writer, self.fault)
        except (OSError, asyncio.CancelledError):  # cancelled by the exit below, which waits for the end
            _reset(writer)
        finally:
            self._tasks.discard(task)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault) -> None:
        if fault.refuse:
            _reset(writer)
            return
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        upward = asyncio.create_task(_forward(reader, server_writer))
        try:
            if await _forward(server_reader, writer, fault):
                self.cuts += 1
                await asyncio.sleep(_ARRIVAL_SECONDS)
                _reset(writer)
        finally:
            upward.cancel()
            server_writer.close()
            writer.close()


async def _forward(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault | None = None
) -> bool:
    """Copy until the end, or until the fault's cut is due (True)."""
    left = fault.after if fault else None
    rate = fault.rate if fault else 0
    while left != 0:
        size = max(1, int(rate / 10)) if rate else _READ
        data = await reader.read(size if left is None else min(size, left))
        if not data:
            with contextlib.suppress(OSError):
                writer.write_eof()
            return False
        writer.write(data)
        await writer.drain()
        if left is not None:
            left -= len(data)
        if rate:
            await asyncio.sleep(len(data) / rate)
    return True


def _reset(writer: asyncio.StreamWriter) -> None:
    """End with RST, as a lost network or a killed proxy does; a tidy FIN would say that all was sent."""
    raw = writer.get_extra_info("socket")
    with contextlib.suppress(OSError):
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()

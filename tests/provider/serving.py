"""The scripted provider as a process of its own, by a command or by a fork."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import uvloop

from tests.provider.record import Log
from tests.provider.server import Routes, listen, port_of


def serve(announce: Callable[[str], object], *, port: int = 0, log_path: Path | None = None) -> None:
    """Serve until SIGTERM or Ctrl-C; `announce` is called with the address for OPENAI_BASE_URL."""
    uvloop.run(_serve(announce, port, log_path))


async def _serve(announce: Callable[[str], object], port: int, log_path: Path | None) -> None:
    server = await listen(Routes(Log(log_path)), port=port)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    announce(f"http://127.0.0.1:{port_of(server)}/v1")
    await stopping.wait()
    server.close()

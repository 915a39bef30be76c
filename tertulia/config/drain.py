"""A termination signal first lets live answers end; then the server's own handler runs.

Installed from the lifespan, after the server has set its handlers, so it works under uvicorn with one or several
workers and whatever else serves the ASGI application.
"""

import asyncio
import signal
import threading
from collections.abc import Callable
from types import FrameType
from typing import Any

from tertulia.chat.generation.supervisor import Supervisor

# After SIGTERM requests are still answered so long, while readyz says 503: a load balancer notices before
# connections are refused. An interactive Ctrl-C has no load balancer.
NOTICE_SECONDS = 1.0
# Live answers may go on so long before they are ended as interrupted, with their text stored.
DRAIN_SECONDS = 20.0


def before_exit(supervisor: Supervisor) -> None:
    """Put a drain before the current handlers of SIGTERM and SIGINT; a second signal goes straight to them."""
    if threading.current_thread() is not threading.main_thread():
        return  # a test's server in a thread: signals belong to the main one
    loop = asyncio.get_running_loop()
    for number, notice in ((signal.SIGTERM, NOTICE_SECONDS), (signal.SIGINT, 0.0)):
        _install(supervisor, loop, number, notice)


def _install(
    supervisor: Supervisor, loop: asyncio.AbstractEventLoop, number: signal.Signals, notice: float
) -> None:
    server = signal.getsignal(number)
    if not callable(server):
        return

    def handle(received: int, frame: FrameType | None) -> None:
        if supervisor.draining:
            server(received, frame)
            return
        supervisor.draining = True
        loop.call_soon_threadsafe(
            lambda: asyncio.ensure_future(_drain(supervisor, notice, lambda: server(received, frame)))
        )

    signal.signal(number, handle)


async def _drain(supervisor: Supervisor, notice: float, leave: Callable[[], Any]) -> None:
    try:
        await asyncio.sleep(notice)
        await supervisor.drain(DRAIN_SECONDS)
    finally:
        leave()

"""Reading an event stream as a distrustful client: every id is checked, every cut is remembered."""

import asyncio
import json
import time
from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import aiohttp

T = TypeVar("T")

_TEXT = ("delta", "reasoning")


class Event(NamedTuple):
    id: int
    kind: str
    data: dict[str, Any]


class Refused(Exception):
    """The stream was not opened; the message holds status and body."""


class Trace:
    """What one reader saw of one run, over any number of connections.

    `position` is the id of the last whole event, which is what a browser would send as Last-Event-ID; a piece of an
    event that a cut left behind is forgotten. `faults` holds every broken promise of the wire.
    """

    def __init__(self) -> None:
        self.events: list[Event] = []
        self.position = 0
        self.bytes_seen = 0
        self.faults: list[str] = []
        self.first_text_at: float | None = None
        self.changed = asyncio.Event()
        self._rest = b""

    @property
    def text(self) -> str:
        return "".join(event.data["text"] for event in self.events if event.kind == "delta")

    @property
    def start(self) -> dict[str, Any] | None:
        """The ids {generation, user_message, answer} of the start event."""
        return self.events[0].data if self.events and self.events[0].kind == "start" else None

    @property
    def end(self) -> dict[str, Any] | None:
        return self.events[-1].data if self.events and self.events[-1].kind == "end" else None

    async def read(self, response: aiohttp.ClientResponse) -> bool:
        """Read to the end event (True) or to the end of the connection, however it comes (False)."""
        if response.status != 200:
            raise Refused(f"{response.status} {(await response.text())[:300]}")
        self._rest = b""
        try:
            async for data in response.content.iter_any():
                self.feed(data)
        except (aiohttp.ClientError, ConnectionError):
            self.changed.set()
        return self.end is not None

    def feed(self, data: bytes) -> None:
        """Take bytes as they come from the network."""
        self.bytes_seen += len(data)
        *blocks, self._rest = (self._rest + data).split(b"\n\n")
        for block in blocks:
            self._take(block)
        self.changed.set()

    async def until_started(self, seconds: float = 20) -> dict[str, Any]:
        """Wait for the start event while somebody else reads."""
        return await self._until(lambda: self.start, seconds)

    async def until_text(self, seconds: float = 20) -> float:
        """Wait for the first text; returns when it came (monotonic)."""
        return await self._until(lambda: self.first_text_at, seconds)

    async def _until(self, found: Callable[[], T | None], seconds: float) -> T:
        async with asyncio.timeout(seconds):
            while (value := found()) is None:
                self.changed.clear()
                await self.changed.wait()
            return value

    def _take(self, block: bytes) -> None:
        fields = dict(
            line.split(b": ", 1) for line in block.split(b"\n") if line and not line.startswith(b":")
        )
        if not fields:
            return  # a heartbeat
        try:
            event = Event(int(fields[b"id"]), fields[b"event"].decode(), json.loads(fields[b"data"]))
        except (KeyError, ValueError) as error:
            self.faults.append(f"unreadable event {block[:120]!r}: {error!r}")
            return
        self._check(event)
        self.events.append(event)
        self.position = event.id

    def _check(self, event: Event) -> None:
        advance = len(event.data["text"]) if event.kind in _TEXT else 1
        if event.id != self.position + advance:
            self.faults.append(f"{event.kind} has id {event.id} after {self.position}, advance {advance}")
        if self.events and self.events[-1].kind == "end":
            self.faults.append(f"{event.kind} after the end")
        if event.kind == "delta" and self.first_text_at is None:
            self.first_text_at = time.monotonic()

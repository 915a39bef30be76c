"""Time-ordered identifiers (UUID version 7, RFC 9562 §5.7); primary keys of everything a client can name."""

import os
import threading
import time
import uuid
from datetime import UTC, datetime

_lock = threading.Lock()
_last = 0


def uuid7() -> uuid.UUID:
    """A UUID that begins with the Unix time: 48 bits of milliseconds, then 12 bits of their fraction (method 3).

    Within a process each is greater than the one before, also within one tick and after a clock was set back a
    little: a question sorts before its answer. The remaining 62 bits are random.
    """
    return uuid7_at(_next_tick())


def uuid7_at(tick: int, rest: bytes = b"") -> uuid.UUID:
    """An identifier of another moment, such as `tick_of` tells: for what happened before it came here.

    `rest` are eight bytes for the place of the random ones.
    """
    value = (tick >> 12) << 80 | 0x7 << 76 | (tick & 0xFFF) << 64
    value |= 0b10 << 62 | int.from_bytes(rest or os.urandom(8), "big") >> 2
    return uuid.UUID(int=value)


def tick_of(moment: datetime) -> int:
    """A moment in 1/4096 ms since 1970: what identifiers are ordered by."""
    return int(moment.timestamp() * 4_096_000)


def tick_in(value: uuid.UUID) -> int:
    """The moment that an identifier begins with, as `tick_of` counts."""
    return (value.int >> 80) << 12 | (value.int >> 64) & 0xFFF


def moment_in(value: uuid.UUID) -> datetime:
    """The same to the millisecond, in UTC."""
    return datetime.fromtimestamp((value.int >> 80) / 1000, UTC)


def _next_tick() -> int:
    """The time in 1/4096 ms, but always later than the last one given out."""
    global _last  # noqa: PLW0603  (one clock per process)
    now = time.time_ns() * 4096 // 1_000_000
    with _lock:
        # A clock set back by more than a second is followed, or it would freeze the ids' time for as long.
        _last = now if now > _last or _last - now > 4_096_000 else _last + 1
        return _last

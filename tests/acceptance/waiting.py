"""Waiting for what other processes do: everything here looks again and again, with a limit."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")


async def until(condition: Callable[[], Awaitable[T]], seconds: float, *, pause: float = 0.05) -> T:
    """The first truthy result of `condition`; raises TimeoutError after so many seconds without one."""
    deadline = time.monotonic() + seconds
    while not (result := await condition()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"not within {seconds} s")
        await asyncio.sleep(pause)
    return result


async def seconds_until(condition: Callable[[], Awaitable[T]], limit: float, *, pause: float = 0.05) -> float:
    """How long it took until `condition` held; infinity when it did not within the limit."""
    begun = time.monotonic()
    try:
        await until(condition, limit, pause=pause)
    except TimeoutError:
        return float("inf")
    return time.monotonic() - begun

"""A deadline that progress moves, for streams that are read piece by piece; used by `openai`."""

import asyncio
from collections.abc import Callable


class Watchdog:
    """Calls `abort` once when no `extend` came in time.

    Unlike asyncio.timeout it may span the yields of a generator, where a cancellation would hit the
    consumer; and it keeps one timer that looks again when it fires, so that an extension costs no more
    than an assignment.
    """

    __slots__ = ("_abort", "_deadline", "_loop", "_timer", "expired")

    def __init__(self, deadline: float, abort: Callable[[], None]) -> None:
        """`deadline` is in the running loop's time."""
        self._loop = asyncio.get_running_loop()
        self._abort = abort
        self._deadline = deadline
        self._timer = self._loop.call_at(deadline, self._look)
        self.expired = False

    def extend(self, seconds: float) -> None:
        """Allow `seconds` more from now; never fewer than were left when the timer was last set."""
        self._deadline = self._loop.time() + seconds

    def cancel(self) -> None:
        self._timer.cancel()

    def _look(self) -> None:
        if self._loop.time() < self._deadline:
            self._timer = self._loop.call_at(self._deadline, self._look)
            return
        self.expired = True
        self._abort()

"""The worker processes from this side: started, fed, timed, killed. `builtin` and `remote` are the callers.

Decoders of strangers' recordings and the GPL libraries live in processes of their own: one recording, one process;
voices, which read only text, are kept for a while.
"""

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

from tertulia.speech import frames
from tertulia.speech.errors import Busy, by_slug

logger = logging.getLogger(__name__)

# Recordings at a time in one server process, and how many may wait for that.
AT_ONCE = 2
WAITING = 8
# Until a recording is decoded, whatever it is; then so long for each second of it, on a slow machine.
DECODING_SECONDS = 25.0
RECOGNITION_FACTOR = 3.0
# Until the next piece of a voice that works at hundreds of times the pace of speech.
SPEAKING_SECONDS = 20.0
# So long a listener may take nothing before the voice is given to the next one.
LISTENING_SECONDS = 30.0
# A voice that nobody needs goes, and its 40 MB with it.
IDLE_SECONDS = 60.0

_PACKAGES = str(Path(__file__).resolve().parent.parent.parent)


class Broken(Exception):
    """The worker ended, or did not answer in time."""


async def _start(module: str) -> asyncio.subprocess.Process:
    """A worker with no more of this process's environment than it needs: no key, no address of a database."""
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT", "LANG") if name in os.environ}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", f"tertulia.speech.{module}"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
        env={**kept, "PYTHONPATH": _PACKAGES},
        start_new_session=True,
        limit=2**20,
    )


def _kill(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


def _pipes(process: asyncio.subprocess.Process) -> tuple[asyncio.StreamWriter, asyncio.StreamReader]:
    assert process.stdin is not None
    assert process.stdout is not None
    return process.stdin, process.stdout


async def _received(process: asyncio.subprocess.Process, seconds: float) -> tuple[bytes, bytes]:
    """The worker's next frame; raises Broken."""
    try:
        async with asyncio.timeout(seconds):
            return await frames.receive(_pipes(process)[1])
    except (TimeoutError, asyncio.IncompleteReadError, OSError) as error:
        raise Broken from error


# --- Hearing --------------------------------------------------------------------------------------------------------


class Hearing:
    """Decodes recordings, and recognises what is said in them."""

    def __init__(self, max_seconds: float) -> None:
        self._max_seconds = max_seconds
        self._free = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def text_of(self, recording: bytes) -> tuple[str, float]:
        """The English words and the duration in seconds. Raises AudioRefused, Busy."""
        async with self._worker(recording, text=True) as (process, duration):
            told = await self._answer(process, duration)
        return str(msgspec.json.decode(told)["text"]), duration

    async def samples_of(self, recording: bytes) -> tuple[bytes, float]:
        """Samples at SAMPLE_RATE, empty where nobody speaks, and the duration. Raises AudioRefused, Busy."""
        async with self._worker(recording, text=False) as (process, duration):
            return await self._answer(process, duration), duration

    async def _answer(self, process: asyncio.subprocess.Process, duration: float) -> bytes:
        _kind, told = await _received(process, DECODING_SECONDS + RECOGNITION_FACTOR * duration)
        return told

    @asynccontextmanager
    async def _worker(
        self, recording: bytes, *, text: bool
    ) -> AsyncIterator[tuple[asyncio.subprocess.Process, float]]:
        """A process that has decoded the recording, with its duration; killed whatever happens."""
        async with self._place():
            process = await _start("hearing")
            try:
                job: dict[str, Any] = {"text": text, "max_seconds": self._max_seconds}
                yield process, await self._duration(process, frames.note(**job) + frames.audio(recording))
            except Broken as error:
                logger.info("a recording could not be worked on: %s", type(error.__cause__).__name__)
                raise by_slug("audio_unreadable", self._max_seconds) from None
            finally:
                _kill(process)
                await process.wait()

    async def _duration(self, process: asyncio.subprocess.Process, job: bytes) -> float:
        writer, _reader = _pipes(process)
        writer.write(job)
        writer.close()
        _kind, data = await _received(process, DECODING_SECONDS)
        told = msgspec.json.decode(data)
        if "error" in told:
            raise by_slug(told["error"], self._max_seconds)
        return float(told["duration"])

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        if self._waiting >= WAITING:
            raise Busy
        self._waiting += 1
        try:
            await self._free.acquire()
        finally:
            self._waiting -= 1
        try:
            yield
        finally:
            self._free.release()


# --- Speaking -------------------------------------------------------------------------------------------------------


class Speaking:
    """Voices that wait for text. A process that was interrupted in the middle is killed, never reused."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)
        self._idle: list[tuple[asyncio.AbstractEventLoop, asyncio.subprocess.Process]] = []
        self.busy: set[asyncio.subprocess.Process] = set()

    async def speak(self, **job: Any) -> AsyncGenerator[bytes, None]:
        """Yield what the worker makes of a job; raises Broken.

        Who stops listening for a while still gets what had been made, two megabytes of it at most.
        """
        process = await self._begun()
        loop = asyncio.get_running_loop()
        finished = False
        try:
            _pipes(process)[0].write(frames.note(**job))
            while (frame := await _received(process, SPEAKING_SECONDS))[1]:
                stalled = loop.call_later(LISTENING_SECONDS, self._give_up, process)
                try:
                    yield frame[1]
                finally:
                    stalled.cancel()
            finished = True
        finally:
            if self._leave(process) and finished:
                self._keep(process)
            else:
                _kill(process)

    async def _begun(self) -> asyncio.subprocess.Process:
        """A worker of one's own, in one's turn."""
        await self._free.acquire()
        try:
            process = self._taken() or await _start("speaking")
        except BaseException:
            self._free.release()
            raise
        self.busy.add(process)
        return process

    def _give_up(self, process: asyncio.subprocess.Process) -> None:
        """Two listeners who take nothing would keep the voices from everybody else."""
        self._leave(process)
        _kill(process)

    def _leave(self, process: asyncio.subprocess.Process) -> bool:
        """Let the next one in; False when that was done already."""
        if process not in self.busy:
            return False
        self.busy.discard(process)
        self._free.release()
        return True

    async def close(self) -> None:
        while process := self._taken():
            _kill(process)
            await process.wait()

    def _taken(self) -> asyncio.subprocess.Process | None:
        """An idle process of the running loop that still lives."""
        loop = asyncio.get_running_loop()
        while self._idle:
            owner, process = self._idle.pop()
            if owner is loop and process.returncode is None:
                return process
            if not owner.is_closed():
                _kill(process)
        return None

    def _keep(self, process: asyncio.subprocess.Process) -> None:
        loop = asyncio.get_running_loop()
        self._idle.append((loop, process))
        loop.call_later(IDLE_SECONDS, self._retire, loop, process)

    def _retire(self, loop: asyncio.AbstractEventLoop, process: asyncio.subprocess.Process) -> None:
        """End a process that is idle a minute after it was; if it was used meanwhile, a later call sees to it."""
        if (loop, process) in self._idle:
            self._idle.remove((loop, process))
            _kill(process)

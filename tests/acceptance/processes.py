"""Processes that `stage` starts: each a group of its own, all of them killed when the programme ends."""

import asyncio
import atexit
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent

# Settings of whoever runs the programme must not reach the servers under test.
_OURS = re.compile(
    r"TERTULIA_|OPENAI_|GITHUB_|KAKAO_|CORS_|CSRF_|EMAIL_URL|DATABASE_URL|REDIS_URL|SECRET_KEY|DEBUG|ALLOWED_HOSTS|PORT$|DJANGO_"
)

# Forks of one process that has loaded what they need. Forks of forks come from that same one.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.provider.serving"])

_running: set["Process"] = set()


class Process:
    """A program whose output goes to a file."""

    def __init__(self, command: Sequence[str], environment: Mapping[str, str], output: Path) -> None:
        self.output = output
        self.started_at = time.monotonic()
        with output.open("ab") as file:
            self._popen = subprocess.Popen(
                command,
                cwd=ROOT,
                env=clean_environment() | dict(environment),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        _running.add(self)

    @property
    def pid(self) -> int:
        return self._popen.pid

    @property
    def exit_code(self) -> int | None:
        return self._popen.poll()

    def said(self) -> str:
        """Everything that the program has written."""
        return self.output.read_text(encoding="utf-8", errors="replace")

    async def announced(self, pattern: str, seconds: float = 60) -> str:
        """Wait for the first group of `pattern` in the output; raises RuntimeError with that output."""
        deadline = time.monotonic() + seconds
        while (found := re.search(pattern, self.said())) is None:
            if self.exit_code is not None or time.monotonic() > deadline:
                raise RuntimeError(f"the process did not start:\n{self.said()[-4000:]}")
            await asyncio.sleep(0.02)
        return found[1]

    def send(self, number: signal.Signals) -> None:
        """Signal the program itself, as a service manager would."""
        self._popen.send_signal(number)

    async def ended(self, seconds: float) -> float:
        """Wait for the exit; returns the seconds it took, raises TimeoutError."""
        begun = time.monotonic()
        while self.exit_code is None:
            if time.monotonic() - begun > seconds:
                raise TimeoutError(f"process {self.pid} goes on")
            await asyncio.sleep(0.02)
        return time.monotonic() - begun

    def kill(self) -> None:
        """End the whole group at once; nothing gets to clean up."""
        if self._popen.poll() is None:
            os.killpg(self._popen.pid, signal.SIGKILL)
            self._popen.wait()
        _running.discard(self)

    def resident_bytes(self) -> int:
        """Memory in use, from /proc."""
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE")


def clean_environment() -> dict[str, str]:
    """This process's environment without any setting of Tertulia.

    Python may keep what it compiles: otherwise every start would compile 1,500 modules, which is half of its time.
    """
    kept = {name: value for name, value in os.environ.items() if not _OURS.match(name)}
    kept.pop("PYTHONDONTWRITEBYTECODE", None)
    return kept | {"PYTHONUNBUFFERED": "1"}


def python(*arguments: str) -> list[str]:
    """A command for the interpreter that runs the programme."""
    return [sys.executable, *arguments]


@atexit.register
def kill_all() -> None:
    """Leave nothing behind, whatever happened."""
    for process in list(_running):
        process.kill()

"""`python -m tests.acceptance.shifted FILE COMMAND …`: the `tertulia` command with another wall clock.

FILE holds the time as ISO 8601; from there the clock ticks. SIGUSR1 reads it again: time jumps. The monotonic clock
is left alone, as a real change of the wall clock leaves it. When it has jumped, FILE with the suffix `.seen` says the
same. `midnight` is the caller.
"""

import datetime as dt
import runpy
import signal
import sys
from pathlib import Path
from types import FrameType

import time_machine


def main() -> None:
    path = Path(sys.argv[1])
    clock = time_machine.travel(_told(path), tick=True)
    traveller = clock.start()

    def jump(number: int, frame: FrameType | None) -> None:
        traveller.move_to(_told(path), tick=True)
        path.with_suffix(".seen").write_text(path.read_text())

    signal.signal(signal.SIGUSR1, jump)
    sys.argv = ["tertulia", *sys.argv[2:]]
    runpy.run_module("tertulia", run_name="__main__")


def _told(path: Path) -> dt.datetime:
    return dt.datetime.fromisoformat(path.read_text())


main()

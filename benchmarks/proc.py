"""Processor time and memory of a process and its children, from Linux's /proc; benchmarks of servers ask here."""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_TICKS = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Tree:
    """A process and all that descend from it, found anew at each question."""

    root: int

    def cpu_seconds(self) -> float:
        """User and system time so far, of live members and of those they have waited for."""
        return sum(sum(int(field) for field in _stat(pid)[11:15]) for pid in self._members()) / _TICKS

    def resident_mb(self) -> float:
        """Present memory; pages that members share count for each."""
        return self._status_mb("VmRSS")

    def peak_mb(self) -> float:
        """Most memory since `forget_peak`."""
        return self._status_mb("VmHWM")

    def forget_peak(self) -> None:
        """Begin the peak anew (proc(5), clear_refs)."""
        for pid in self._members():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _status_mb(self, name: str) -> float:
        return sum(
            int(line.split()[1]) / 1000
            for pid in self._members()
            for line in Path(f"/proc/{pid}/status").read_text().splitlines()
            if line.startswith(name + ":")
        )

    def _members(self) -> list[int]:
        """The root first, then its descendants."""
        members = [self.root]
        for pid in members:
            for task in Path(f"/proc/{pid}/task").iterdir():
                with suppress(FileNotFoundError):  # a thread that has ended meanwhile
                    members += [int(child) for child in (task / "children").read_text().split()]
        return members


def _stat(pid: int) -> list[str]:
    """The fields of /proc/PID/stat after the name, which may hold spaces; the first is the state."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()

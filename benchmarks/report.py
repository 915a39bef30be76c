"""What a benchmark prints: one line to read and one JSON line to keep for each measurement, and the machine."""

import json
import os
import platform
import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

Figures = Mapping[str, float | str | None]


@dataclass(frozen=True, slots=True)
class Report:
    """One benchmark of a run, with the circumstances that every figure of it shares."""

    benchmark: str
    db: str
    workers: int
    repeat: int

    def show(self, case: str, runs: Sequence[Figures]) -> None:
        """Print the medians of several runs of one case; the JSON line has the extremes as well."""
        shared = {"benchmark": self.benchmark, "case": case, "db": self.db, "workers": self.workers}
        medians = {name: _over(runs, name, statistics.median) for name in runs[0]}
        spread = {name: [_over(runs, name, min), _over(runs, name, max)] for name in runs[0]}
        text = "  ".join(f"{name} {value}" for name, value in medians.items())
        print(f"{self.benchmark:8} {case:14} {text}", flush=True)
        line = {
            **shared,
            "runs": len(runs),
            "load": round(os.getloadavg()[0], 2),
            **medians,
            "spread": spread,
        }
        print(json.dumps(line), flush=True)


def _over(runs: Sequence[Figures], name: str, fold: object) -> float | str | None:
    values = [run[name] for run in runs]
    numbers = [value for value in values if isinstance(value, (int, float))]
    if len(numbers) < len(values):
        return values[0]
    return significant(fold(numbers))  # type: ignore[operator]  # min, max and median share no type


def significant(value: float) -> float:
    """Three digits: none of these figures has more."""
    return round(value) if abs(value) >= 100 else float(f"{value:.3g}")


def quantile(values: Sequence[float], share: float) -> float:
    """The smallest value that at least `share` of all do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def machine() -> str:
    """The machine in a line: figures without it mean nothing."""
    cpu = re.search(r"model name\s*: (.*)", _text("/proc/cpuinfo"))
    memory = re.search(r"MemTotal:\s*(\d+)", _text("/proc/meminfo"))
    return (
        f"{os.cpu_count()} × {cpu[1] if cpu else platform.machine()}, "
        f"{int(memory[1]) / 1e6 if memory else 0:.0f} GB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}, load {os.getloadavg()[0]:.2f}"
    )


def _text(path: str) -> str:
    return Path(path).read_text() if Path(path).exists() else ""

"""Lines of `tertulia doctor`; apart from its checks, because the console script needs them where nothing else loads."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum


class Level(Enum):
    """How bad: a fault keeps the instance from working as it is set up."""

    OK = "ok"
    NOTE = "note"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report."""

    level: Level
    what: str
    text: str

    def __str__(self) -> str:
        return f"{self.level.value:5}  {self.what:10}  {self.text}"


def of_settings(error: Exception) -> Iterator[Finding]:
    """What is wrong where not even the settings can be read."""
    for line in str(error).splitlines():
        yield Finding(Level.FAULT, "settings", line)

"""What an item found beside what it had to find; items fill one in, the programme prints it."""

from dataclasses import dataclass, field
from typing import Any

# So many examples of what went wrong are printed; the rest is in the numbers.
EXAMPLES = 40


@dataclass(slots=True)
class Outcome:
    """Named figures, each with its requirement, and examples of what broke one."""

    figure: dict[str, Any] = field(default_factory=dict)
    required: dict[str, Any] = field(default_factory=dict)
    examples: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)

    def exactly(self, name: str, value: object, required: object) -> None:
        """The figure must equal the requirement."""
        self._add(name, value, required, met=value == required)

    def at_most(self, name: str, value: float, limit: float) -> None:
        """The figure must not exceed the limit."""
        self._add(name, _rounded(value), f"<= {limit}", met=value <= limit)

    def at_least(self, name: str, value: float, limit: float) -> None:
        """The figure must reach the limit."""
        self._add(name, _rounded(value), f">= {limit}", met=value >= limit)

    def none_of(self, name: str, faults: list[str]) -> None:
        """There must be no such fault; the first few are shown."""
        self._add(name, len(faults), 0, met=not faults)
        self.examples += [f"{name}: {fault}" for fault in faults[:EXAMPLES]]

    def note(self, name: str, value: object) -> None:
        """A figure for the reader, without a requirement."""
        self.figure[name] = _rounded(value)

    @property
    def passed(self) -> bool:
        return bool(self.required) and not self.failed

    def _add(self, name: str, value: object, required: object, *, met: bool) -> None:
        self.figure[name] = value
        self.required[name] = required
        if not met:
            self.failed.append(name)


def _rounded(value: object) -> object:
    return round(value, 3) if isinstance(value, float) else value

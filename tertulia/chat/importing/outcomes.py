"""What became of each thing in a file: `storing` and `restoring` make it, page, API and command show it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from tertulia.chat.importing.shape import Note
from tertulia.core.errors import Text

Kind = Literal["conversation", "character", "instance", "file"]
Status = Literal["imported", "continued", "present", "skipped"]


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one thing: `id` is its own here, `messages` were stored now, `notes` count what stayed behind.

    "continued" is a conversation that was here with less; "present" one with nothing new; "skipped" has a `reason`.
    """

    kind: Kind
    status: Status
    title: str = ""
    id: UUID | None = None
    messages: int = 0
    notes: Mapping[Note, int] = field(default_factory=dict)
    reason: Text = ""


@dataclass(frozen=True, slots=True)
class Report:
    """Everything of one file, in its order."""

    outcomes: Sequence[Outcome]

    def count(self, status: Status) -> int:
        """How many things ended so; files in which there was nothing do not count."""
        return sum(each.status == status and each.kind != "file" for each in self.outcomes)

    @property
    def came(self) -> int:
        """How many things of the file are here now."""
        return self.count("imported") + self.count("continued") + self.count("present")

    @property
    def messages(self) -> int:
        """How many messages are new here."""
        return sum(each.messages for each in self.outcomes)

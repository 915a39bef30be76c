"""The one shape that every format is read into, and how texts and times of strangers become ours. Pure; the readers
of formats make it, `trees` puts it in order, `storing` writes it.
"""

import hashlib
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from uuid import UUID

from tertulia.core.errors import Text
from tertulia.core.ids import tick_in

# Code points of one message. Twice what a user may send: answers elsewhere are long, a page must still show them.
MAX_TEXT = 200_000
MAX_KEY = 200

# What became of parts of a conversation: not shown there either (what tools and the system said), other first words of
# a character, files and pictures, texts cut at MAX_TEXT, texts with signs that no database keeps, messages whose place
# was not to be found, and ids that came twice.
Note = Literal["hidden", "greetings", "files", "shortened", "replaced", "relinked", "doubled"]
Notes = Counter[Note]
Role = Literal["user", "assistant", "system", "hidden"]
Object = Mapping[str, Any]

# Stands in the text where a file stood, with its name where that is known.
FILE_MARK = "📎"
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")
_EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_MILLISECONDS_FROM = 1e11


@dataclass(slots=True)
class Said:
    """One message: `key` names it in its file, `parent` the one before (None: it begins the conversation).

    `at` is None where its file does not tell. `row` holds what only our own export knows.
    """

    key: str
    parent: str | None
    role: Role
    content: str = ""
    reasoning: str = ""
    model: str = ""
    at: datetime | None = None
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass(slots=True)
class Incoming:
    """One conversation: `key` names it in what `source` exports. `said` holds parents before children; `leaf` ends the
    branch to show, None: that of the last message.

    `greeting` was said before it, `speaker` is the name of the character that answers, where the file tells; `row` as
    in Said.
    """

    source: str
    key: str
    title: str
    said: list[Said]
    leaf: str | None = None
    greeting: str = ""
    created_at: datetime | None = None
    updated_at: datetime | None = None
    notes: Notes = field(default_factory=Counter)
    speaker: str = ""
    row: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a file that does not come in, and why."""

    reason: Text
    title: str = ""


def text(value: object, notes: Notes, limit: int = MAX_TEXT) -> str:
    """A stranger's text as it can be kept; what had to change is noted. Anything but a text is an empty one."""
    if not isinstance(value, str):
        return ""
    clean, replaced = _UNSTORABLE.subn("\N{REPLACEMENT CHARACTER}", value)
    notes["replaced"] += bool(replaced)
    if len(clean) > limit:
        notes["shortened"] += 1
        clean = clean[: limit - 1] + "…"
    return clean


def storable(value: Any) -> Any:
    """Any JSON with its texts as they can be kept."""
    if isinstance(value, str):
        return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value)
    if isinstance(value, list):
        return [storable(each) for each in value]
    if isinstance(value, dict):
        return {storable(name): storable(each) for name, each in value.items()}
    return value


def label(value: object, limit: int) -> str:
    """A title or a name on one line, cut where it is too long."""
    line = " ".join(text(value, Counter(), limit * 4).split())
    return line if len(line) <= limit else line[: limit - 1] + "…"


def key(*parts: object) -> str:
    """What names something in its file: its id, or a digest of what is told of it where there is no usable one."""
    if len(parts) == 1 and isinstance(parts[0], (str, int)) and not isinstance(parts[0], bool):
        found = str(parts[0])
        if 0 < len(found) <= MAX_KEY and not _UNSTORABLE.search(found):
            return found
    return hashlib.sha256(repr(parts).encode("utf-8", "backslashreplace")).hexdigest()


def role(value: object, roles: Mapping[str, Role]) -> Role:
    """Who speaks, by the words of a format; what it does not name is not shown."""
    return roles.get(value, "hidden") if isinstance(value, str) else "hidden"


def file_mark(name: object, notes: Notes) -> str:
    """What stands for a file that stays behind."""
    notes["files"] += 1
    return f"{FILE_MARK} {label(name, 120)}".rstrip()


def moment(value: object) -> datetime | None:
    """A time as seconds or milliseconds since 1970, or as ISO 8601; None for what is none of our days."""
    found = _from_number(value) if isinstance(value, (int, float)) else _from_text(value)
    return found if found and found >= _EARLIEST else None


def _from_number(value: float) -> datetime | None:
    try:
        return datetime.fromtimestamp(value / 1000 if value > _MILLISECONDS_FROM else value, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def _from_text(value: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(value) if isinstance(value, str) and len(value) < 40 else None
        return found and (found.astimezone(UTC) if found.tzinfo else found.replace(tzinfo=UTC))
    except (ValueError, OverflowError):
        return None


def objects(value: object) -> list[Object]:
    """The objects of a list; anything else is passed over."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def object_in(source: Object, name: str) -> Object:
    """A member that is an object; an empty one for anything else."""
    found = source.get(name)
    return found if isinstance(found, dict) else {}


def own_id(value: UUID, latest: int) -> UUID | None:
    """An id that could be one of ours and not of the future (after the tick `latest`): lists are ordered by it."""
    return value if value.version == 7 and tick_in(value) <= latest else None


def believable(moment: datetime) -> datetime:
    """A time that there could have been something at; those near the edges exist in no time zone."""
    return max(moment, _EARLIEST)

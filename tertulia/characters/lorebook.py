"""Lorebooks of character cards: which entries belong in a prompt, given what was said last. Pure; `persona` calls it.

A book is kept as it came (`character_book` of card V2 and V3, unknown members included); `check` makes sure that it can
be read, `select` reads it. Keys are plain texts. Entries with `use_regex` are kept and exported but never matched: a
stranger's pattern could hold a processor for hours.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from tertulia.characters import reading
from tertulia.core.strictjson import Object, Unreadable, join
from tertulia.providers.estimate import estimate_tokens

MAX_ENTRIES = 1_000
MAX_CONTENT = 20_000
MAX_KEY = 300
# Of the whole book; each is looked for at every turn, some 10 µs.
MAX_KEYS = 3_000
MAX_LABEL = 2_000

DEFAULT_SCAN_DEPTH = 4
MAX_SCAN_DEPTH = 20
DEFAULT_BUDGET = 1_000
MAX_BUDGET = 3_000
# The end of what was said is searched: the work of a turn does not grow with a pasted book.
SCANNED_CHARACTERS = 10_000
# Entries that wake others; each round searches only what the last one added.
MAX_ROUNDS = 3

_DENSE = r"\u1100-\u11ff\u3040-\u30ff\u3130-\u318f\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff"
# Before a letter or digit that none precedes, and around every character of a script without spaces.
_BEGINNING = re.compile(rf"(?=[^\W_])(?:(?<![^\W_])|(?<=[{_DENSE}])|(?=[{_DENSE}]))")
_MARK = "\x01"
_DECORATOR = re.compile(r"@@+\s*(\w+)[ \t]*(.*)")


class Lore(NamedTuple):
    """An entry for the prompt; `is_constant` ones are in every prompt, `before` ones stand above the character."""

    text: str
    name: str
    is_constant: bool
    before: bool


@dataclass(frozen=True, slots=True, eq=False)
class _Entry:
    content: str
    name: str
    keys: tuple[str, ...]
    secondary: tuple[str, ...]
    excluded: tuple[str, ...]
    is_constant: bool
    is_case_sensitive: bool
    before: bool
    order: float
    priority: float
    scan_depth: int


class _Scanned:
    """The end of some texts, with the beginnings of words marked, made once for all entries."""

    def __init__(self, texts: Sequence[str]) -> None:
        self._as_written = _marked("\n".join(texts)[-SCANNED_CHARACTERS:])

    @cached_property
    def _folded(self) -> str:
        return self._as_written.casefold()

    def has(self, keys: Iterable[str], *, case_sensitive: bool) -> bool:
        """Whether it has one of the keys, which `_prepared` has made."""
        text = self._as_written if case_sensitive else self._folded
        return any(key in text for key in keys)


def check(book: Object, path: str) -> None:
    """Raise Unreadable, with a path below `path`, unless `select` can read the book."""
    for name in ("name", "description"):
        reading.text(book, name, path, MAX_LABEL)
    for name in ("scan_depth", "token_budget"):
        reading.number(book, name, path, 0)
    reading.flag(book, "recursive_scanning", path, False)
    reading.object_in(book, "extensions", path)
    entries = reading.objects(book, "entries", path, count=MAX_ENTRIES)
    here = join(path, "entries")
    keys = sum(_check_entry(entry, join(here, index)) for index, entry in enumerate(entries))
    if keys > MAX_KEYS:
        raise Unreadable(here, _("At most %(limit)d keys in all.") % {"limit": MAX_KEYS})


def select(book: Object, recent: Sequence[str]) -> list[Lore]:
    """The entries that belong in the prompt, in its order; `recent` holds the last messages, oldest first.

    Constant entries always do, others when a key (and with `selective` a secondary key) occurs in the last
    `scan_depth` messages. Beyond the book's token budget those of the lowest priority are left out.
    """
    entries = [_entry(raw) for raw in book.get("entries") or () if _is_enabled(raw)]
    waiting = [entry for entry in entries if not entry.is_constant]
    awake = _woken(waiting, recent, _depth(book.get("scan_depth"), DEFAULT_SCAN_DEPTH))
    chosen = newest = [entry for entry in entries if entry.is_constant] + awake
    for _round in range(MAX_ROUNDS if book.get("recursive_scanning") else 0):
        if not newest:
            break
        waiting = _without(waiting, newest)
        newest = _woken(waiting, [entry.content for entry in newest], MAX_ENTRIES)
        chosen = chosen + newest
    kept = _within(chosen, _budget(book.get("token_budget")))
    return [Lore(entry.content, entry.name, entry.is_constant, entry.before) for entry in kept]


def occurs(key: str, text: str) -> bool:
    """Whether a key stands in the text at the beginning of a word: "art" is in "arts", not in "heart".

    Endings are free, since most languages inflect them; scripts without spaces have no beginnings of words.
    """
    return _Scanned([text]).has(_prepared([key], case_sensitive=False), case_sensitive=False)


def _check_entry(entry: Object, path: str) -> int:
    """How many keys the entry has."""
    reading.text(entry, "content", path, MAX_CONTENT)
    for name in ("name", "comment", "position"):
        reading.text(entry, name, path, MAX_LABEL)
    for name in ("enabled", "case_sensitive", "selective", "constant", "use_regex"):
        reading.flag(entry, name, path, False)
    for name in ("insertion_order", "priority"):
        reading.number(entry, name, path, 0)
    reading.object_in(entry, "extensions", path)
    lists = [reading.texts(entry, name, path, count=MAX_KEYS, limit=MAX_KEY) for name in _KEY_LISTS]
    decorators, _content = _decorated(entry.get("content") or "")
    lists += [list(_listed(decorators, name)) for name in ("additional_keys", "exclude_keys")]
    return sum(map(len, lists))


_KEY_LISTS = ("keys", "secondary_keys")


def _is_enabled(raw: Object) -> bool:
    decorators, content = _decorated(raw.get("content") or "")
    return raw.get("enabled") is not False and "dont_activate" not in decorators and bool(content)


def _entry(raw: Object) -> _Entry:
    decorators, content = _decorated(raw.get("content") or "")
    case_sensitive = bool(raw.get("case_sensitive"))
    secondary = tuple(raw.get("secondary_keys") or ()) if raw.get("selective") else ()
    keys = () if raw.get("use_regex") else (*(raw.get("keys") or ()), *_listed(decorators, "additional_keys"))
    return _Entry(
        content=content,
        name=raw.get("name") or raw.get("comment") or "",
        keys=_prepared(keys, case_sensitive),
        secondary=_prepared(secondary, case_sensitive),
        excluded=_prepared(_listed(decorators, "exclude_keys"), case_sensitive),
        is_constant=bool(raw.get("constant")) or "activate" in decorators,
        is_case_sensitive=case_sensitive,
        before=raw.get("position") == "before_char",
        order=raw.get("insertion_order") or 0,
        priority=raw.get("priority") or 0,
        scan_depth=_depth(decorators.get("scan_depth"), MAX_ENTRIES),
    )


def _decorated(content: str) -> tuple[dict[str, str], str]:
    """The `@@name value` lines at the start of a V3 entry, and the text below them. Unknown ones mean nothing."""
    decorators: dict[str, str] = {}
    lines = content.split("\n")
    while lines and (match := _DECORATOR.fullmatch(lines[0].strip())):
        decorators.setdefault(match[1], match[2])
        del lines[0]
    return decorators, "\n".join(lines).strip()


def _listed(decorators: dict[str, str], name: str) -> tuple[str, ...]:
    return tuple(key for part in decorators.get(name, "").split(",") if (key := part.strip()))


def _depth(value: Any, default: int) -> int:
    """A number of messages; what is none, or less than one, is the default."""
    try:
        depth = int(value)
    except (TypeError, ValueError):
        return default
    return min(depth, MAX_SCAN_DEPTH) if depth > 0 else default


def _budget(value: Any) -> int:
    """Estimated tokens."""
    return min(int(value), MAX_BUDGET) if isinstance(value, (int, float)) and value > 0 else DEFAULT_BUDGET


def _woken(waiting: Sequence[_Entry], recent: Sequence[str], depth: int) -> list[_Entry]:
    """The entries that one of the last `depth` texts wakes, or fewer where an entry says so."""
    scanned: dict[int, _Scanned] = {}
    found = []
    for entry in waiting:
        reach = min(depth, entry.scan_depth)
        if reach not in scanned:
            scanned[reach] = _Scanned(recent[-reach:])
        if _matches(entry, scanned[reach]):
            found.append(entry)
    return found


def _matches(entry: _Entry, scanned: _Scanned) -> bool:
    def any_of(keys: Sequence[str]) -> bool:
        return scanned.has(keys, case_sensitive=entry.is_case_sensitive)

    return (
        any_of(entry.keys) and (not entry.secondary or any_of(entry.secondary)) and not any_of(entry.excluded)
    )


def _prepared(keys: Iterable[str], case_sensitive: bool) -> tuple[str, ...]:
    """Keys as they stand in a scanned text; empty ones, which would stand in every text, are left out."""
    marked = (_marked(key) for key in keys if key)
    return tuple(marked if case_sensitive else (key.casefold() for key in marked))


def _marked(text: str) -> str:
    return _BEGINNING.sub(_MARK, text)


def _without(entries: Iterable[_Entry], gone: Iterable[_Entry]) -> list[_Entry]:
    known = {id(entry) for entry in gone}
    return [entry for entry in entries if id(entry) not in known]


def _within(entries: Sequence[_Entry], budget: int) -> list[_Entry]:
    """What fits, by priority, then in the order of insertion."""
    kept: list[_Entry] = []
    for entry in sorted(entries, key=lambda entry: (-entry.priority, entry.order)):
        cost = estimate_tokens(entry.content)
        if cost <= budget:
            budget -= cost
            kept.append(entry)
    return sorted(kept, key=lambda entry: entry.order)

"""SillyTavern's chat files: a line that names who talks, then a message on every line, answers with their swipes.

Pure; `reading` collects the lines of one file and calls it.
"""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

from tertulia.chat.importing import shape, trees
from tertulia.chat.importing.shape import Incoming, Notes, Object, Said, object_in

SOURCE = "sillytavern"
# Code points of one file's messages, and what each takes beside its text.
MAX_CHAT = 30_000_000
OVERHEAD = 500
# "2023-6-12 @14h 31m 12s 345ms", and "June 19, 2023 4:13pm": the spellings before it wrote ISO 8601.
_OLDEST = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2}) ?@(\d{1,2})h ?(\d{1,2})m ?(\d{1,2})s")
_OLDER = "%B %d, %Y %I:%M%p"


def is_head(value: Object) -> bool:
    """Whether an object is the first line of such a file."""
    return isinstance(value.get("character_name"), str) and "mes" not in value


def is_message(value: Object) -> bool:
    """Whether an object is another line of it."""
    return isinstance(value.get("mes"), str) and "is_user" in value


class Chat:
    """One file, line by line. `is_full` when it has more than a conversation may have."""

    def __init__(self, head: Object) -> None:
        self._head = head
        self._notes: Notes = Notes()
        self._said: list[Said] = []
        self._leaf: str | None = None
        self._number = self._size = 0

    @property
    def is_full(self) -> bool:
        return self._size > MAX_CHAT

    def add(self, line: Object) -> None:
        """Take the next message, unless it is full."""
        if self.is_full:
            return
        swipes = list(_swipes(line, self._number, self._leaf, self._notes))
        self._size += sum(len(each.content) for each in swipes) + len(swipes) * OVERHEAD
        self._said += swipes
        self._leaf = _key(self._number, _chosen(line))
        self._number += 1

    def conversation(self) -> Incoming:
        """The neutral shape of the file."""
        name = shape.label(self._head.get("character_name"), 100)
        begun = self._head.get("create_date")
        known = object_in(self._head, "chat_metadata").get("integrity")
        tree = trees.folded(trees.ordered(self._said, self._notes), self._leaf, self._notes)
        times = [each.at for each in self._said if each.at]
        return Incoming(
            SOURCE,
            shape.key(known) if known else shape.key(name, self._head.get("user_name"), begun),
            name,
            tree.said,
            tree.leaf,
            tree.greeting,
            _moment(begun) or min(times, default=None),
            max(times, default=None),
            self._notes,
            speaker=name,
        )


def _swipes(line: Object, number: int, parent: str | None, notes: Notes) -> Iterator[Said]:
    """An answer in all its versions, siblings of each other; the one that was chosen may have been edited since."""
    swipes, chosen = _texts(line), _chosen(line)
    infos = line.get("swipe_info")
    for index, words in enumerate(swipes):
        is_hidden = line.get("is_system") is True or not words.strip()
        notes["hidden"] += is_hidden and bool(words.strip())
        info = infos[index] if isinstance(infos, list) and index < len(infos) else None
        extra = object_in(line if index == chosen or not isinstance(info, dict) else info, "extra")
        is_user = line.get("is_user") is True
        yield Said(
            key=_key(number, index),
            parent=parent,
            role="hidden" if is_hidden else "user" if is_user else "assistant",
            content=shape.text(words, notes),
            reasoning=shape.text(extra.get("reasoning"), notes),
            model="" if is_user else shape.label(extra.get("model"), 200),
            at=_moment(info.get("send_date") if isinstance(info, dict) else None)
            or _moment(line.get("send_date")),
        )


def _texts(line: Object) -> list[str]:
    swipes = line.get("swipes")
    if line.get("is_user") is True or not isinstance(swipes, list) or not swipes:
        return [str(line["mes"])]
    texts = [each if isinstance(each, str) else "" for each in swipes]
    texts[_chosen(line)] = str(line["mes"])
    return texts


def _chosen(line: Object) -> int:
    swipes, chosen = line.get("swipes"), line.get("swipe_id")
    is_one = line.get("is_user") is not True and isinstance(swipes, list) and isinstance(chosen, int)
    return int(chosen) if is_one and 0 <= chosen < len(swipes) else 0  # type: ignore[arg-type,operator]  # a list, an int


def _key(number: int, index: int) -> str:
    return f"{number}.{index}"


def _moment(value: object) -> datetime | None:
    found = shape.moment(value)
    if found or not isinstance(value, str) or len(value) > 60:
        return found
    try:
        if oldest := _OLDEST.match(value):
            return datetime(*map(int, oldest.groups()), tzinfo=UTC)  # type: ignore[misc,arg-type]  # six numbers
        return datetime.strptime(value, _OLDER).replace(tzinfo=UTC)
    except ValueError:
        return None

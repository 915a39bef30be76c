"""Puts messages in the order of their tree, whatever a file says of it, and folds a foreign tree into one of ours.

Pure and linear in the size of its input: files are hostile until proven otherwise. Readers of formats call it.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable
from itertools import chain
from typing import NamedTuple

from tertulia.chat.importing import shape
from tertulia.chat.importing.shape import MAX_TEXT, Incoming, Notes, Said


class Told(NamedTuple):
    """What a file of another program says of one conversation, as it stands there: `id` may be missing, `leaf` names
    the message that was shown last."""

    id: object
    title: object
    leaf: object
    created_at: object
    updated_at: object


def incoming(source: str, told: Told, said: Iterable[Said], notes: Notes) -> Incoming:
    """A conversation of another program in the neutral shape."""
    title = shape.label(told.title, 200)
    tree = folded(ordered(said, notes), told.leaf if isinstance(told.leaf, str) else None, notes)
    return Incoming(
        source,
        shape.key(told.id) if told.id else shape.key(title, told.created_at),
        title,
        tree.said,
        tree.leaf,
        tree.greeting,
        shape.moment(told.created_at),
        shape.moment(told.updated_at),
        notes,
    )


def ordered(said: Iterable[Said], notes: Notes) -> list[Said]:
    """Parents before children, siblings as they come. Parents decide: what files say of children is often missing.

    A message that names no known parent begins a branch of its own, and so does one of each circle; both are noted.
    """
    known = _by_key(said, notes)
    children: dict[str | None, list[Said]] = defaultdict(list)
    for each in known.values():
        if each.parent is not None and each.parent not in known:
            _cut(each, notes)
        children[each.parent].append(each)
    result: dict[str, Said] = {}
    for start in chain(children[None], known.values()):
        if start.key not in result:
            if start.parent is not None:  # not reached from any beginning: on a circle, or behind one
                _cut(start, notes)
            _walk(start, children, result)
    return list(result.values())


def _by_key(said: Iterable[Said], notes: Notes) -> dict[str, Said]:
    known: dict[str, Said] = {}
    for each in said:
        if known.setdefault(each.key, each) is not each:
            notes["doubled"] += 1
    return known


def _cut(said: Said, notes: Notes) -> None:
    said.parent = None
    notes["relinked"] += 1


def _walk(start: Said, children: dict[str | None, list[Said]], result: dict[str, Said]) -> None:
    pending = [start]
    while pending:
        each = pending.pop()
        if each.key not in result:
            result[each.key] = each
            pending.extend(reversed(children.get(each.key, ())))


class Folded(NamedTuple):
    """What was said first, the messages, and the one that ends the branch to show, where the file names it."""

    greeting: str
    said: list[Said]
    leaf: str | None


def folded(said: Iterable[Said], leaf: str | None, notes: Notes) -> Folded:
    """A foreign tree (`ordered`) as ours are.

    Hidden messages are left out; what follows them moves up, and their thoughts go to the next answer. Other programs
    write an answer in several messages, with tools at work between them; here an answer is one message under the words
    that it answers.
    """
    shown, stands_for = _shown(said, notes)
    merged, part_of = _merged(shown, notes)
    end = part_of.get(stands_for.get(leaf)) if leaf else None
    greeting, rest = greeted(merged, notes)
    return Folded(greeting, rest, end if any(each.key == end for each in rest) else None)


def greeted(said: list[Said], notes: Notes) -> tuple[str, list[Said]]:
    """What was said before anybody asked, and the rest: a conversation that an answer begins has it as its greeting.

    Of several such beginnings the one that was gone on with stays.
    """
    roots = [each for each in said if each.parent is None]
    followed = {each.parent for each in said}
    begun = [each for each in roots if each.key in followed] or roots[-1:]
    if len(begun) != 1 or any(each.role != "assistant" for each in roots):
        return "", said
    notes["greetings"] += len(roots) - 1
    rest = [each for each in said if each.parent is not None]
    for each in rest:
        each.parent = None if each.parent == begun[0].key else each.parent
    return begun[0].content, rest


def _shown(said: Iterable[Said], notes: Notes) -> tuple[list[Said], dict[str | None, str | None]]:
    """What is not hidden; and for every message the shown one that it is or hangs on."""
    shown: list[Said] = []
    stands_for: dict[str | None, str | None] = {None: None}
    # One list for a chain of hidden messages, emptied by the first answer: no thought is copied twice.
    thoughts: dict[str | None, list[str]] = {}
    for each in said:
        before = thoughts.get(each.parent, [])
        each.parent = stands_for[each.parent]
        if each.role == "hidden":
            stands_for[each.key] = each.parent
            thoughts[each.key] = before
            if each.reasoning:
                before.append(each.reasoning)
            continue
        stands_for[each.key] = each.key
        if each.role == "assistant" and before:
            each.reasoning = _joined("\n\n".join(before), each.reasoning, notes)
            before.clear()
        shown.append(each)
    return shown, stands_for


def _merged(shown: list[Said], notes: Notes) -> tuple[list[Said], dict[str | None, str | None]]:
    """Answers that go on after themselves as one, or beside each other where there are several ways to go on."""
    followers = Counter(each.parent for each in shown)
    result: dict[str | None, Said] = {}
    part_of: dict[str | None, str | None] = {None: None}
    for each in shown:
        above = part_of[each.parent]
        before = result.get(above)
        if each.role == "assistant" and before and before.role == "assistant":
            if followers[each.parent] == 1:
                before.content = _joined(before.content, each.content, notes)
                before.reasoning = _joined(before.reasoning, each.reasoning, notes)
                part_of[each.key] = above
                continue
            above = before.parent
        each.parent = above
        part_of[each.key] = each.key
        result[each.key] = each
    return list(result.values()), part_of


def _joined(first: str, second: str, notes: Notes) -> str:
    if not first or not second:
        return first or second
    if len(first) + len(second) + 2 <= MAX_TEXT:
        return f"{first}\n\n{second}"
    notes["shortened"] += 1
    return first

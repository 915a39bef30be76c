"""A file of unknown origin as conversations: `opened` finds out by its content what it is. `storing` goes through it.

What is no conversation, or a damaged one, stops none of the others and is told of.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import IO

from django.utils.translation import gettext_lazy as _

from tertulia.chat.importing import archives, chatgpt, claude, documents, openwebui, own, shape, sillytavern
from tertulia.chat.importing.archives import Documents
from tertulia.chat.importing.own import Scratch
from tertulia.chat.importing.shape import Fault, Incoming, Object

_NOTHING = _("There are no conversations in it that can be read here.")
_STAYS = _("It stays where it was: conversations, characters and instances come in.")
_FORMATS = (chatgpt, claude, openwebui)


class Opened:
    """A file to be gone through once. `scratch` is set for an export of Tertulia, and full after `gather`."""

    def __init__(self, found: Documents) -> None:
        self._documents = found
        self._tables = {name: table for name in found.names if (table := own.table_of(name))}
        self.scratch = Scratch() if self._tables else None
        # Documents from which nothing comes in, by name, and why.
        self.unread: list[Fault] = []

    def picture(self, name: str, limit: int) -> bytes | None:
        """A media file of an export of Tertulia."""
        return self._documents.read(f"files/{name}", limit)

    def gather(self) -> Iterator[Fault | None]:
        """Take the rows of an export of Tertulia apart, in steps; what is damaged is told of."""
        assert self.scratch
        for name, table in self._tables.items():
            for number, row in enumerate(self._values(name)):
                if isinstance(row, Fault):
                    yield row
                elif isinstance(row, dict):
                    self.scratch.add(table, row)
                if number % 200 == 199:
                    yield None
        self.scratch.ready()

    def conversations(self) -> Iterator[Incoming | Fault]:
        """All conversations, one at a time."""
        if self.scratch:
            rest = [name for name in self._documents.names if name not in self._tables]
            self.unread = [Fault(_STAYS, name) for name in rest]
            yield from self.scratch.conversations()
            return
        for name in self._documents.names:
            found = False
            for each in _conversations(self._values(name)):
                found = True
                yield each
            if not found:
                self.unread.append(Fault(_NOTHING, name))

    def _values(self, name: str) -> Iterator[object]:
        try:
            with self._documents.opened(name) as document:
                for value in documents.values(document):
                    yield replace(value, title=shape.label(name, 100)) if isinstance(value, Fault) else value
        except archives.FAULTS:
            yield Fault(_("The archive is damaged."), shape.label(name, 100))


@contextmanager
def opened(file: IO[bytes]) -> Iterator[Opened]:
    """A file, which must be seekable; raises Refused."""
    found = Opened(archives.opened(file))
    try:
        yield found
    finally:
        if found.scratch:
            found.scratch.close()


def _conversations(values: Iterator[object]) -> Iterator[Incoming | Fault]:
    """What one document holds: conversations that are objects each, or one whose messages are."""
    chat: sillytavern.Chat | None = None
    for value in values:
        if isinstance(value, Fault):
            yield value
        elif isinstance(value, dict):
            if chat and sillytavern.is_message(value):
                chat.add(value)
            elif chat is None and sillytavern.is_head(value):
                chat = sillytavern.Chat(value)
            elif found := _conversation(value):
                yield found
    if chat:
        found = chat.conversation()
        yield Fault(_("It is too long."), found.title) if chat.is_full else found


def _conversation(value: Object) -> Incoming | None:
    return next((form.conversation(value) for form in _FORMATS if form.is_conversation(value)), None)

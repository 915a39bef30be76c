"""Our own export (`api.exporting`): rows of tables, spread over files by time. Pure; `reading` calls it.

A conversation's messages stand in any of the files, so all rows go through a scratch database on the disk, whatever
database the instance has: memory stays small, and each object comes out with its parts.
"""

import json
import re
import sqlite3
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from django.utils.translation import gettext_lazy as _
from msgspec import Meta

from tertulia.chat.importing import shape, trees
from tertulia.chat.importing.shape import Fault, Incoming, Notes, Object, Said

SOURCE = "tertulia"
# Code points of a message: what is here comes back whole, however long a model's answer was.
MAX_TEXT = 2_000_000
# The tables that come in, and what their rows are parts of. Accounts, quotas, logins, keys and the log of security
# events say what another instance allowed or saw; quotes are a board's, which staff fill.
TABLES: Mapping[str, str] = {
    "chat.Conversation": "id",
    "chat.Message": "conversation_id",
    "characters.Character": "id",
    "characters.Reference": "id",
    "characters.Instance": "id",
    "characters.MemoryEntry": "instance_id",
    "characters.MemorySource": "entry_id",
}
_FILE = re.compile(r"([a-z]+\.[A-Za-z_]+?)(?:\.\d+)?\.json")

_Label = Annotated[str, Meta(max_length=200)]
_Range = Annotated[float, Meta(ge=-2, le=2)]
_Whole = Annotated[int, Meta(ge=-(2**63), le=2**63 - 1)]
_Moment = Annotated[datetime, Meta(tz=True)]


class _Parameters(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    temperature: _Range | None = None
    top_p: _Range | None = None
    max_tokens: _Whole | None = None
    frequency_penalty: _Range | None = None
    presence_penalty: _Range | None = None
    stop: Annotated[list[_Label], Meta(max_length=4)] | None = None
    seed: _Whole | None = None


class _Source(msgspec.Struct, forbid_unknown_fields=True):
    marker: _Whole
    kind: _Label
    id: _Label
    text: str
    speaker: str = ""
    work: str = ""
    language: _Label = ""
    url: str = ""


class _Conversation(msgspec.Struct):
    id: UUID
    title: _Label
    created_at: _Moment
    updated_at: _Moment
    origin: Annotated[str, Meta(max_length=12)] = "page"
    greeting: str = ""
    leaf_id: UUID | None = None
    spoken_leaf_id: UUID | None = None
    instance_id: UUID | None = None
    source: Annotated[str, Meta(max_length=20)] = ""
    external_id: _Label = ""


class _Message(msgspec.Struct):
    id: UUID
    role: Literal["user", "assistant", "system"]
    created_at: _Moment
    updated_at: _Moment
    parent_id: UUID | None = None
    status: Literal["complete", "streaming", "stopped", "interrupted", "failed"] = "complete"
    content: str = ""
    reasoning: str = ""
    model: _Label = ""
    parameters: _Parameters = msgspec.field(default_factory=_Parameters)
    usage: dict[_Label, _Whole | bool | None] | None = None
    sources: Annotated[list[_Source], Meta(max_length=200)] = []
    error: Annotated[str, Meta(max_length=60)] = ""
    feedback: Literal[1, -1] | None = None
    external_id: _Label = ""


def table_of(name: str) -> str | None:
    """Which of TABLES a file of an export holds rows of; None for any other file."""
    found = _FILE.fullmatch(PurePosixPath(name).name)
    return found[1] if found and found[1] in TABLES else None


class Scratch:
    """The rows of an export by what they belong to; closed, it leaves nothing behind."""

    def __init__(self) -> None:
        # A file of its own without a name, which goes with the connection. Its steps run on several threads in turn.
        self._rows = sqlite3.connect("", check_same_thread=False, isolation_level=None)
        self._rows.execute("PRAGMA journal_mode=OFF")
        self._rows.execute("PRAGMA cache_size=-4000")
        self._rows.execute("CREATE TABLE rows (kind TEXT, whole TEXT, body TEXT)")

    def add(self, table: str, row: Object) -> None:
        """Keep a row of one of TABLES."""
        kept = shape.storable(row)
        values = (table, str(kept.get(TABLES[table]))[:40], json.dumps(kept))
        self._rows.execute("INSERT INTO rows VALUES (?, ?, ?)", values)

    def close(self) -> None:
        self._rows.close()

    def ready(self) -> None:
        """All rows are in."""
        self._rows.execute("CREATE INDEX of ON rows (kind, whole)")

    def rows(self, table: str, whole: object = None) -> Iterator[dict[str, Any]]:
        """The rows of a table in the order of the export: all, or those of one whole."""
        found = self._rows.execute(
            "SELECT body FROM rows WHERE kind = ?1 AND (?2 IS NULL OR whole = ?2) ORDER BY rowid",
            (table, None if whole is None else str(whole)),
        )
        return (json.loads(body) for (body,) in found)

    def conversations(self) -> Iterator[Incoming | Fault]:
        """Each conversation of the export, whole."""
        for row in self.rows("chat.Conversation"):
            yield self._conversation(row)

    def _conversation(self, row: Object) -> Incoming | Fault:
        title = shape.label(row.get("title"), 200)
        notes: Notes = Notes()
        try:
            told = msgspec.convert(row, _Conversation)
            said = trees.ordered((_said(each, notes) for each in self.rows("chat.Message", told.id)), notes)
        except msgspec.ValidationError as fault:
            return Fault(_("It is damaged: %(detail)s.") % {"detail": shape.label(str(fault), 200)}, title)
        return Incoming(
            told.source or SOURCE,
            told.external_id or str(told.id),
            shape.text(told.title, notes),
            said,
            str(told.leaf_id) if told.leaf_id else None,
            shape.text(told.greeting, notes),
            shape.believable(told.created_at),
            shape.believable(told.updated_at),
            notes,
            row=msgspec.structs.asdict(told),
        )


def _said(row: Object, notes: Notes) -> Said:
    told = msgspec.convert(row, _Message)
    is_answer = told.role == "assistant"
    # An answer that was being written when the export was made was never finished there.
    status = "interrupted" if told.status == "streaming" else told.status if is_answer else "complete"
    kept = {
        "id": told.id,
        "status": status,
        "parameters": msgspec.to_builtins(told.parameters),
        "usage": told.usage,
        "sources": msgspec.to_builtins(told.sources),
        "error": told.error,
        "feedback": told.feedback if is_answer else None,
        "updated_at": shape.believable(told.updated_at),
        "external_id": told.external_id,
    }
    content, reasoning = (shape.text(each, notes, MAX_TEXT) for each in (told.content, told.reasoning))
    parent = str(told.parent_id) if told.parent_id else None
    at = shape.believable(told.created_at)
    return Said(str(told.id), parent, told.role, content, reasoning, shape.text(told.model, notes), at, kept)

"""GET /accounts/export: everything of one's own as one zip of JSON files, made while it is sent.

Each step reads one batch of rows on a database thread, so that an account of any size takes neither a connection
nor memory for long. A large table is cut into files of PART rows, `chat.Message.json`, `chat.Message.2.json` …: they
stay readable, and who counts them as they come sees how far it is; X-Export-Files says how many there will be.
"""

import itertools
import json
import math
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from django.core.files.storage import default_storage
from django.core.serializers.json import DjangoJSONEncoder
from django.http import HttpRequest, StreamingHttpResponse
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from tertulia.accounts import audit, gate, personal
from tertulia.accounts.personal import Table
from tertulia.api.describing import problems
from tertulia.api.endpoint import Endpoint
from tertulia.api.outputs import instant
from tertulia.characters import queries as character_queries
from tertulia.core import clock
from tertulia.core.db import in_db, in_db_each

FILE_CHUNK = 1 << 16
# Rows of one file: a whole number of batches.
PART_BATCHES = 5
PART = PART_BATCHES * personal.BATCH


class ExportView(Endpoint):
    @extend_schema(responses={(200, "application/zip"): OpenApiTypes.BINARY, **problems()})
    async def get(self, request: HttpRequest) -> StreamingHttpResponse:
        """Everything of one's own as a zip: one JSON file for each kind of thing, and the pictures."""
        user_id, count = await in_db(_begin, request)
        name = f"tertulia-{clock.now():%Y-%m-%d}.zip"
        headers = {"Content-Disposition": f'attachment; filename="{name}"', "X-Export-Files": str(count)}
        # Each chunk is made while the one before is on its way.
        chunks = in_db_each(_zipped(user_id))
        return StreamingHttpResponse(chunks, content_type="application/zip", headers=headers)


def _begin(request: HttpRequest) -> tuple[UUID, int]:
    """Whose export it is, and of how many files."""
    user = gate.require(request).user
    audit.record(audit.Kind.EXPORT, user=user)
    count = sum(math.ceil(held.rows / PART) + held.files for held in personal.holdings(user.pk))
    return user.pk, count + len(_FURTHER)


class _Encoder(DjangoJSONEncoder):
    """Times to the microsecond, as they are kept and as the API tells them; Django's own would cut them."""

    def default(self, o: Any) -> Any:
        if isinstance(o, datetime):
            return instant(o)
        return super().default(o)


class _Outlet:
    """The file that the zip is written to: nothing is kept, so the archive is never in one place."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: bytes, /) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        """Part of what a file is, as is `close`."""

    close = flush

    def taken(self) -> bytes:
        """What was written since the last call."""
        data = b"".join(self._parts)
        self._parts.clear()
        return data


def _zipped(user_id: UUID) -> Iterator[bytes]:
    outlet = _Outlet()
    with zipfile.ZipFile(outlet, "w", zipfile.ZIP_DEFLATED) as archive:
        for table in personal.tables():
            batches = personal.batches(table, user_id)
            # Both loops take from one iterator: this one the first batch of each part, `part` the rest.
            for number, first in enumerate(batches, 1):
                part = itertools.chain([first], itertools.islice(batches, PART_BATCHES - 1))
                files: list[str] = []
                yield from _entry(archive, outlet, _part_name(table, number), _rows(table, part, files))
                for name in files:
                    yield from _entry(archive, outlet, f"files/{name}", _file(name))
        for name, rows in _FURTHER.items():
            yield from _entry(archive, outlet, name, _rows_of(rows(user_id)))
    yield outlet.taken()


def _part_name(table: Table, number: int) -> str:
    return f"{table.name}.json" if number == 1 else f"{table.name}.{number}.json"


def _entry(archive: zipfile.ZipFile, outlet: _Outlet, name: str, parts: Iterable[bytes]) -> Iterator[bytes]:
    with archive.open(name, "w", force_zip64=True) as file:
        for part in parts:
            file.write(part)
            # An empty chunk would end the answer; the compressor may be holding everything back.
            if chunk := outlet.taken():
                yield chunk
    yield outlet.taken()


# What an import elsewhere needs to know of what is not the user's own.
_FURTHER: Mapping[str, Callable[[UUID], list[dict[str, Any]]]] = {
    "characters.Reference.json": character_queries.references
}


def _rows_of(rows: list[dict[str, Any]]) -> Iterator[bytes]:
    yield json.dumps(rows, cls=_Encoder, ensure_ascii=False, indent=1).encode()


def _rows(table: Table, batches: Iterable[list[dict[str, Any]]], files: list[str]) -> Iterator[bytes]:
    """A JSON array; the media files that its rows name are added to `files`."""
    separator = "[\n"
    for batch in batches:
        texts = [_json(row) for row in batch]
        files += [name for row in batch for name in personal.file_names(table, row)]
        yield (separator + ",\n".join(texts)).encode()
        separator = ",\n"
    yield b"\n]\n"


def _json(row: dict[str, Any]) -> str:
    return json.dumps(row, cls=_Encoder, ensure_ascii=False)


def _file(name: str) -> Iterator[bytes]:
    try:
        with default_storage.open(name) as file:
            yield from file.chunks(FILE_CHUNK)
    except FileNotFoundError:  # lost, or removed since its row was read
        return

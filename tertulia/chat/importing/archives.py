"""The documents of an upload: the file itself, or the JSON files in a zip, each as a stream. Pure; `reading` calls it.

Nothing is unpacked to a disk and no name of an entry is ever a path. What an entry declares as its size can be relied
upon: zipfile gives no byte more.
"""

import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO

from django.utils.translation import gettext_lazy as _

from tertulia.core import zipped
from tertulia.core.errors import InvalidInput, Text

# Entries of an archive, pictures among them; exports elsewhere have some thousand.
MAX_ENTRIES = 50_000
# Bytes of JSON in all, unpacked.
MAX_UNPACKED = 500_000_000
# How much smaller than its content an entry may be: JSON of people's words is about a tenth. Small ones may be blanks.
MAX_RATIO = 300
_HARMLESS = 1_000_000

_ZIP = b"PK\x03\x04"
_EMPTY_ZIP = b"PK\x05\x06"
_CENTRAL_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1
# Others are unpacked without a limit.
_COMPRESSIONS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
_SUFFIXES = (".json", ".jsonl", ".ndjson")
_CHUNK = 1 << 20
# A damaged archive, and one that the disk does not give.
FAULTS = (*zipped.DAMAGE, OSError)


class Refused(InvalidInput):
    """A file from which nothing can come in."""

    def __init__(self, reason: Text) -> None:
        super().__init__(reason, errors={"file": [reason]})


@dataclass(frozen=True, slots=True)
class Documents:
    """`names` of the JSON files, in order; `other` counts the rest. One document without a name is no archive."""

    file: IO[bytes]
    archive: zipfile.ZipFile | None
    names: Sequence[str]
    other: int = 0

    @contextmanager
    def opened(self, name: str) -> Iterator[IO[bytes]]:
        """A document as a stream; raises one of FAULTS, reading too, where the archive is damaged."""
        if self.archive is None:
            self.file.seek(0)
            yield self.file
        else:
            with self.archive.open(name) as entry:
                yield entry

    def read(self, name: str, limit: int) -> bytes | None:
        """A small entry as it is; None where it is missing, too large or damaged."""
        try:
            if self.archive is None or self.archive.getinfo(name).file_size > limit:
                return None
            with self.archive.open(name) as entry:
                return entry.read(limit)
        except (KeyError, *FAULTS):
            return None


def opened(file: IO[bytes]) -> Documents:
    """The documents of a file that can be read from any place; raises Refused."""
    file.seek(0)
    if file.read(4) not in (_ZIP, _EMPTY_ZIP):
        return Documents(file, None, [""])
    _check_count(file)
    try:
        archive = zipfile.ZipFile(file)
    except FAULTS:
        raise Refused(_("The archive is damaged.")) from None
    entries = [entry for entry in archive.infolist() if not entry.is_dir()]
    found = [entry for entry in entries if entry.filename.lower().endswith(_SUFFIXES)]
    _check(found)
    return Documents(file, archive, [entry.filename for entry in found], len(entries) - len(found))


def _check_count(file: IO[bytes]) -> None:
    """Before zipfile makes an object of each entry: a file of a hundred megabytes has room for two million."""
    count, tail = 0, b""
    file.seek(0)
    while chunk := file.read(_CHUNK):
        count += (tail + chunk).count(_CENTRAL_ENTRY)
        tail = chunk[-3:]
        if count > MAX_ENTRIES:
            raise Refused(_("The archive has more than %(limit)d files.") % {"limit": MAX_ENTRIES})
    file.seek(0)


def _check(entries: Sequence[zipfile.ZipInfo]) -> None:
    if len({entry.filename for entry in entries}) != len(entries):
        raise Refused(_("The archive has two files of one name."))
    for entry in entries:
        name = entry.filename
        # Nothing is written anywhere; names that lead out of a folder are there to do harm elsewhere.
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise Refused(_("The archive has a file with a forbidden name."))
        if entry.flag_bits & _ENCRYPTED:
            raise Refused(_("The archive is encrypted."))
        if entry.compress_type not in _COMPRESSIONS:
            raise Refused(_("The archive is packed in a way that is not read here."))
        if entry.file_size > max(_HARMLESS, entry.compress_size * MAX_RATIO):
            raise Refused(_("The archive has a file that grows too much when it is unpacked."))
    if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
        raise Refused(_("Unpacked it has more than %(limit)d bytes.") % {"limit": MAX_UNPACKED})

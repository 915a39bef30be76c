"""Chunks of PNG files (W3C PNG, third edition, §5): reading with limits, and writing; `carriers` uses it. Pure.

Nothing is decompressed here: a chunk's own length is all that a file can make this module hold.
"""

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from django.utils.translation import gettext_lazy as _

from tertulia.core.strictjson import Unreadable

SIGNATURE = b"\x89PNG\r\n\x1a\n"
MAX_CHUNKS = 20_000
# A side of a picture, and the pixels that a decoder will hold: some 100 MB at worst.
MAX_SIDE = 8_192
MAX_PIXELS = 25_000_000

_IMAGE = (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND")


class Chunk(NamedTuple):
    """A chunk's type and data; its CRC was right."""

    kind: bytes
    data: bytes


def chunks(file: bytes) -> list[Chunk]:
    """All chunks up to IEND. Raises Unreadable for a bad CRC, a length that lies, or a picture that is too large."""
    if not file.startswith(SIGNATURE):
        raise Unreadable("", _("This is not a PNG file."))
    found = list(_walk(file))
    _check_header(found[0])
    if found[-1].kind != b"IEND":
        raise Unreadable("", _("The PNG file ends early."))
    return found


def texts(found: Iterable[Chunk]) -> dict[str, bytes]:
    """Uncompressed text chunks (tEXt) by keyword; of several with one keyword, the first."""
    result: dict[str, bytes] = {}
    for chunk in found:
        keyword, separator, value = chunk.data.partition(b"\0")
        if chunk.kind == b"tEXt" and separator:
            result.setdefault(keyword.decode("latin-1"), value)
    return result


def still_image(found: Iterable[Chunk]) -> bytes:
    """The picture alone, as a PNG file: no texts, no metadata, and of an animation its default image."""
    return _file(chunk for chunk in found if chunk.kind in _IMAGE)


def with_texts(file: bytes, values: Mapping[str, bytes]) -> bytes:
    """The PNG file with tEXt chunks before its end."""
    *body, end = chunks(file)
    added = [Chunk(b"tEXt", keyword.encode("latin-1") + b"\0" + value) for keyword, value in values.items()]
    return _file([*body, *added, end])


def as_animation(file: bytes) -> bytes:
    """The PNG file as an APNG of one frame, for programs that take cards in that form only."""
    found = chunks(file)
    size = found[0].data[:8]
    control = Chunk(b"acTL", struct.pack(">II", 1, 0))
    frame = Chunk(b"fcTL", struct.pack(">I", 0) + size + struct.pack(">IIHHBB", 0, 0, 1, 1, 0, 0))
    first = next(index for index, chunk in enumerate(found) if chunk.kind == b"IDAT")
    return _file([found[0], control, *found[1:first], frame, *found[first:]])


def _walk(file: bytes) -> Iterator[Chunk]:
    position, count = len(SIGNATURE), 0
    while True:
        chunk, position = _chunk(file, position)
        yield chunk
        count += 1
        if chunk.kind == b"IEND":
            return
        if count >= MAX_CHUNKS:
            raise Unreadable("", _("The PNG file has more than %(limit)d chunks.") % {"limit": MAX_CHUNKS})


def _chunk(file: bytes, position: int) -> tuple[Chunk, int]:
    """The chunk at a position, and where the next one begins."""
    if position + 12 > len(file):
        raise Unreadable("", _("The PNG file ends early."))
    length, kind = struct.unpack_from(">I4s", file, position)
    end = position + 8 + length
    if end + 4 > len(file):
        raise Unreadable("", _("A PNG chunk is longer than the file."))
    if not (kind.isascii() and kind.isalpha()):
        raise Unreadable("", _("A PNG chunk has no valid type."))
    data = file[position + 8 : end]
    if zlib.crc32(data, zlib.crc32(kind)) != struct.unpack_from(">I", file, end)[0]:
        raise Unreadable("", _("The checksum of a PNG chunk is wrong: the file is damaged."))
    return Chunk(kind, data), end + 4


def _check_header(chunk: Chunk) -> None:
    if chunk.kind != b"IHDR" or len(chunk.data) != 13:
        raise Unreadable("", _("The PNG file has no valid header."))
    width, height = struct.unpack_from(">II", chunk.data)
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE and width * height <= MAX_PIXELS):
        raise Unreadable("", _("The picture may have at most %(limit)d pixels.") % {"limit": MAX_PIXELS})


def _file(found: Iterable[Chunk] | Sequence[Chunk]) -> bytes:
    parts = [SIGNATURE]
    for kind, data in found:
        parts.append(struct.pack(">I", len(data)) + kind + data)
        parts.append(struct.pack(">I", zlib.crc32(data, zlib.crc32(kind))))
    return b"".join(parts)

"""How this process and its workers talk through pipes: a kind, a length, bytes. Both sides call it."""

import asyncio
import json
import struct
import sys
from typing import Any, BinaryIO

AUDIO = b"A"
NOTE = b"N"
_HEAD = struct.Struct(">cI")


def audio(data: bytes) -> bytes:
    """A frame of audio; an empty one ends it."""
    return _HEAD.pack(AUDIO, len(data)) + data


def note(**told: Any) -> bytes:
    """A frame of JSON."""
    data = json.dumps(told).encode()
    return _HEAD.pack(NOTE, len(data)) + data


def read(stream: BinaryIO) -> tuple[bytes, bytes] | None:
    """The next frame, None at the end of the stream."""
    head = stream.read(_HEAD.size)
    if len(head) < _HEAD.size:
        return None
    kind, length = _HEAD.unpack(head)
    data = stream.read(length)
    return (kind, data) if len(data) == length else None


def put(frame: bytes) -> None:
    """Write a worker's answer."""
    sys.stdout.buffer.write(frame)
    sys.stdout.buffer.flush()


async def receive(stream: asyncio.StreamReader) -> tuple[bytes, bytes]:
    """The next frame; raises asyncio.IncompleteReadError when the other side is gone."""
    kind, length = _HEAD.unpack(await stream.readexactly(_HEAD.size))
    return kind, await stream.readexactly(length)

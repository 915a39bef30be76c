"""The head of a wav file of one channel and 16 bits; whoever writes samples calls it."""

import struct

# "Until the end": what writers into a pipe put where nobody knows the length yet.
UNKNOWN = 0xFFFFFFFF


def header(rate: int, size: int = UNKNOWN) -> bytes:
    """`rate` in samples per second, `size` of the samples in bytes (Microsoft's RIFF WAVE, PCM)."""
    whole = min(size + 36, UNKNOWN)
    form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, rate * 2, 2, 16)
    return struct.pack("<4sI4s", b"RIFF", whole, b"WAVE") + form + struct.pack("<4sI", b"data", size)

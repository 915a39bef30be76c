"""The colour of a character that chose none; pure, and the same wherever it is asked."""

import zlib


def hue_of(name: str) -> int:
    """Degrees on the colour wheel, 0 to 359, from a name."""
    return zlib.crc32(name.encode()) % 360

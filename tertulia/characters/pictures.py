"""Pictures of characters, from strangers' files: decoded within limits and encoded anew. Pure; `actions` stores them.

What is kept is pixels: metadata, colour profiles, appended data and animation do not survive.
"""

import colorsys
import io
import struct
import zlib

from django.utils.translation import gettext_lazy as _
from PIL import Image, ImageOps

from tertulia.characters.png import MAX_PIXELS, MAX_SIDE
from tertulia.core.errors import InvalidInput

MAX_FILE = 10_000_000
# Wide enough for a portrait on a dense screen.
KEPT_SIDE = 1_024
# SVG is a program, and the long list of old formats is a long list of old decoders.
_FORMATS = ("PNG", "JPEG", "WEBP", "GIF")
_QUALITY = 86
_PLAIN_SIDE = 512
# What Pillow's decoders raise for damaged files.
_FAULTS = (
    OSError, SyntaxError, ValueError, TypeError, KeyError, IndexError, EOFError, OverflowError, AttributeError,
    struct.error, zlib.error, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip


def reencoded(file: bytes, field: str = "file") -> bytes:
    """The picture as WebP of at most KEPT_SIDE a side; raises InvalidInput naming `field`."""
    if len(file) > MAX_FILE:
        raise InvalidInput.field(field, _("At most %(limit)d bytes.") % {"limit": MAX_FILE})
    try:
        image = _decoded(file)
    except _FAULTS:
        raise InvalidInput.field(field, _("This is not a PNG, JPEG, WebP or GIF picture.")) from None
    if image is None:
        raise InvalidInput.field(
            field, _("The picture may have at most %(limit)d pixels.") % {"limit": MAX_PIXELS}
        )
    return _encoded(image, "WEBP", quality=_QUALITY, method=4)


def as_png(picture: bytes) -> bytes:
    """A kept picture as PNG, the carrier of cards."""
    with Image.open(io.BytesIO(picture), formats=("WEBP",)) as image:
        return _encoded(image, "PNG")


def plain(hue: int) -> bytes:
    """A PNG in a character's colour, for a card without a picture; `hue` in degrees."""
    red, green, blue = (round(255 * part) for part in colorsys.hls_to_rgb(hue / 360, 0.45, 0.4))
    return _encoded(Image.new("RGB", (_PLAIN_SIDE, _PLAIN_SIDE), (red, green, blue)), "PNG")


def _decoded(file: bytes) -> Image.Image | None:
    """The first frame, upright, small enough to keep; None when it has too many pixels to be decoded."""
    with Image.open(io.BytesIO(file), formats=_FORMATS) as image:
        width, height = image.size
        if max(width, height) > MAX_SIDE or width * height > MAX_PIXELS:
            return None
        image.draft("RGB", (KEPT_SIDE, KEPT_SIDE))  # JPEG: decoded no larger than needed
        upright = ImageOps.exif_transpose(image)
        upright.thumbnail((KEPT_SIDE, KEPT_SIDE))
        has_alpha = upright.mode in ("RGBA", "LA", "PA") or "transparency" in upright.info
        return upright.convert("RGBA" if has_alpha else "RGB")


def _encoded(image: Image.Image, form: str, **options: int) -> bytes:
    file = io.BytesIO()
    bare = Image.new(image.mode, image.size)
    bare.paste(image)
    bare.save(file, form, **options)
    return file.getvalue()

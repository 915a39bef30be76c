"""Pictures from strangers: what is kept is pixels, and what is no picture is refused."""

import contextlib
import io
import os
import struct
import zlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from tertulia.characters import pictures, png
from tertulia.characters.png import Chunk
from tertulia.core.errors import InvalidInput
from tests.characters.files import PIXEL, size

CASES = int(os.environ.get("TERTULIA_CASES", "500"))
SECRET = b"53.3498 N, 6.2603 W"


def a_file(form: str, size: tuple[int, int] = (40, 20), mode: str = "RGB", **options: object) -> bytes:
    file = io.BytesIO()
    Image.new(mode, size, "red" if mode == "RGB" else None).save(file, form, **options)
    return file.getvalue()


def opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file))


def with_exif() -> bytes:
    exif = Image.Exif()
    exif[0x010E] = SECRET.decode()  # description
    exif[0x0112] = 6  # turned by 90 degrees
    return a_file("JPEG", exif=exif)


def with_text() -> bytes:
    info = PngImagePlugin.PngInfo()
    info.add_text("Comment", SECRET.decode())
    return a_file("PNG", pnginfo=info)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "WEBP", "GIF"])
def test_pictures_are_encoded_anew(form: str) -> None:
    kept = opened(pictures.reencoded(a_file(form)))
    assert (kept.format, kept.size) == ("WEBP", (40, 20))


@pytest.mark.parametrize("file", [with_exif(), with_text(), a_file("JPEG") + SECRET], ids=size)
def test_nothing_but_pixels_is_kept(file: bytes) -> None:
    assert SECRET in file
    kept = pictures.reencoded(file)
    assert SECRET not in kept
    assert not opened(kept).getexif()


def test_a_turned_picture_stands_upright() -> None:
    assert opened(pictures.reencoded(with_exif())).size == (20, 40)


def test_large_pictures_are_made_smaller() -> None:
    assert opened(pictures.reencoded(a_file("JPEG", (3_000, 1_500)))).size == (1_024, 512)


def test_transparency_stays() -> None:
    assert opened(pictures.reencoded(a_file("PNG", mode="RGBA"))).mode == "RGBA"


def test_an_animation_becomes_its_first_picture() -> None:
    file = io.BytesIO()
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue")]
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    assert getattr(opened(pictures.reencoded(file.getvalue())), "n_frames", 1) == 1


def test_a_kept_picture_and_a_plain_one_carry_cards() -> None:
    for file in (pictures.as_png(pictures.reencoded(PIXEL)), pictures.plain(200)):
        assert png.texts(png.chunks(png.with_texts(file, {"chara": b"x"}))) == {"chara": b"x"}


def bomb() -> bytes:
    """A picture of 400 megapixels in half a megabyte."""
    header = struct.pack(">IIBBBBB", 20_000, 20_000, 1, 0, 0, 0, 0)
    data = zlib.compress(b"\0" * (2_501 * 20_000), 9)
    return png._file([Chunk(b"IHDR", header), Chunk(b"IDAT", data), Chunk(b"IEND", b"")])


@pytest.mark.parametrize(
    "file",
    [
        b"",
        b"text",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        PIXEL[:40],
        a_file("PNG")[:60],
        a_file("BMP"),
        a_file("TIFF"),
        bomb(),
        a_file("PNG") + b"x" * pictures.MAX_FILE,
    ],
    ids=size,
)
def test_what_is_no_picture_is_refused(file: bytes) -> None:
    with pytest.raises(InvalidInput) as refused:
        pictures.reencoded(file)
    assert list(refused.value.errors or {}) == ["file"]


@settings(max_examples=CASES, deadline=None)
@given(st.data(), st.sampled_from(["PNG", "JPEG", "WEBP", "GIF"]))
def test_damaged_pictures_are_pictures_or_refused(data: st.DataObject, form: str) -> None:
    file = bytearray(a_file(form))
    for position in data.draw(st.lists(st.integers(0, len(file) - 1), max_size=6)):
        file[position] = data.draw(st.integers(0, 255))
    with contextlib.suppress(InvalidInput):
        pictures.reencoded(bytes(file))

"""Card files for the tests of cards: made of whole cloth, well formed and otherwise."""

import base64
import io
import json
import struct
import zipfile
import zlib
from typing import Any

from hypothesis import strategies as st

from tertulia.characters import png
from tertulia.characters.png import Chunk

# A red pixel.
PIXEL = png._file(
    [
        Chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0)),
        Chunk(b"IDAT", zlib.compress(b"\0\xff\0\0")),
        Chunk(b"IEND", b""),
    ]
)


def size(value: bytes | str) -> str:
    """A test's name from its file, which may have millions of bytes."""
    return value if isinstance(value, str) else f"{len(value)} bytes"


def json_file(card: Any) -> bytes:
    return json.dumps(card).encode()


def png_file(**texts: Any) -> bytes:
    """A PNG that carries cards under these keywords."""
    return png.with_texts(PIXEL, {name: base64.b64encode(json_file(card)) for name, card in texts.items()})


def apng_file(**texts: Any) -> bytes:
    return png.with_texts(
        png.as_animation(PIXEL), {name: base64.b64encode(json_file(card)) for name, card in texts.items()}
    )


def zip_file(entries: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", method) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)
    return file.getvalue()


def charx_file(card: Any) -> bytes:
    return zip_file({"card.json": json_file(card), "assets/icon/image/main.png": PIXEL})


# --- Strategies -----------------------------------------------------------------------------------------------------

# What both databases keep.
TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)
LINE = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=20)
NAME = st.text(st.characters(codec="utf-8", categories=["L", "N"]), min_size=1, max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
OBJECTS = st.dictionaries(TEXT, VALUES, max_size=3)

ENTRIES = st.fixed_dictionaries(
    {
        "keys": st.lists(LINE, max_size=3),
        "content": TEXT,
        "extensions": OBJECTS,
        "enabled": st.booleans(),
        "insertion_order": st.integers(-1000, 1000),
    },
    optional={
        "case_sensitive": st.booleans() | st.none(),
        "name": TEXT,
        "comment": TEXT,
        "priority": st.integers(-10, 10) | st.floats(-10, 10),
        "id": st.integers(0, 2**53) | TEXT,
        "selective": st.booleans(),
        "secondary_keys": st.lists(LINE, max_size=2),
        "constant": st.booleans(),
        "position": st.sampled_from(["before_char", "after_char"]),
        "use_regex": st.booleans(),
    },
)
BOOKS = st.fixed_dictionaries(
    {"entries": st.lists(ENTRIES, max_size=3), "extensions": OBJECTS},
    optional={
        "name": TEXT,
        "description": TEXT,
        "scan_depth": st.integers(0, 100),
        "token_budget": st.integers(0, 10_000),
        "recursive_scanning": st.booleans(),
    },
)
_TEXTS = (
    "description", "personality", "scenario", "first_mes", "mes_example", "creator_notes", "system_prompt",
    "post_history_instructions", "creator", "character_version",
)  # fmt: skip
_DATA: dict[str, Any] = {
    "name": NAME,
    **dict.fromkeys(_TEXTS, TEXT),
    "alternate_greetings": st.lists(TEXT, max_size=3),
    "tags": st.lists(LINE, max_size=3),
    "extensions": OBJECTS,
}
_OPTIONAL: dict[str, Any] = {"character_book": BOOKS, "x_of_another_program": VALUES}
V2_CARDS = st.fixed_dictionaries(
    {
        "spec": st.just("chara_card_v2"),
        "spec_version": st.just("2.0"),
        "data": st.fixed_dictionaries(_DATA, optional=_OPTIONAL),
    }
)
V3_CARDS = st.fixed_dictionaries(
    {
        "spec": st.just("chara_card_v3"),
        "spec_version": st.sampled_from(["3.0", "3.1"]),
        "data": st.fixed_dictionaries(
            {**_DATA, "group_only_greetings": st.lists(TEXT, max_size=2)},
            optional={
                **_OPTIONAL,
                "nickname": TEXT,
                "creator_notes_multilingual": st.dictionaries(TEXT, TEXT, max_size=2),
                "source": st.lists(TEXT, max_size=2),
                "creation_date": st.integers(0, 2**40),
                "modification_date": st.integers(0, 2**40),
                "assets": st.lists(
                    st.fixed_dictionaries(
                        {
                            "type": st.just("background"),
                            "uri": st.just("https://example.org/a.png"),
                            "name": TEXT,
                            "ext": st.just("png"),
                        }
                    ),
                    max_size=2,
                ),
            },
        ),
    }
)

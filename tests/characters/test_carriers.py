"""Card files: what is taken, what survives a journey there and back, and what is refused with which reason."""

import base64
import json
import os
import struct
import zipfile
import zlib
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tertulia.characters import cards, carriers, lorebook, png
from tertulia.characters.carriers import CardRefused, Format
from tertulia.characters.png import Chunk
from tests.characters import files
from tests.characters.files import PIXEL, apng_file, charx_file, json_file, png_file, size, zip_file

# `TERTULIA_CASES=5000` for the long run.
CASES = int(os.environ.get("TERTULIA_CASES", "500"))
many = settings(max_examples=CASES, deadline=None, suppress_health_check=list(HealthCheck))

CARD: dict[str, Any] = {
    "spec": "chara_card_v2",
    "spec_version": "2.0",
    "data": {
        "name": "Mira",
        "description": "<script>alert(1)</script> keeps bees",
        "first_mes": "Hello {{user}}.",
        "extensions": {"other/program": {"deep": [1, {"a": None}]}},
        "tags": ["bees"],
    },
}
FORMATS: tuple[Format, ...] = ("json", "png", "apng", "charx")
CARRIERS: dict[str, Callable[[Any], bytes]] = {
    "json": json_file,
    "png v2": lambda card: png_file(chara=card),
    "png v3": lambda card: png_file(ccv3=card),
    "apng": lambda card: apng_file(chara=card),
    "charx": charx_file,
}


def reason(file: bytes) -> str:
    """Why a file is refused."""
    with pytest.raises(CardRefused) as refused:
        carriers.read(file)
    body = refused.value.body()
    assert body["status"] == 400
    return str(body["errors"]["file"][0])


# --- There and back -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("carrier", CARRIERS)
def test_a_card_is_found_in_every_carrier(carrier: str) -> None:
    card = carriers.read(CARRIERS[carrier](CARD)).card
    assert (card.name, card.greeting, card.tags) == ("Mira", "Hello {{user}}.", ["bees"])
    assert card.description == CARD["data"]["description"]
    assert card.extensions == CARD["data"]["extensions"]


@many
@given(st.one_of(files.V2_CARDS, files.V3_CARDS), st.sampled_from(list(CARRIERS)), st.sampled_from(FORMATS))
def test_import_export_import_is_equal(source: Any, carrier: str, form: Format) -> None:
    first = carriers.read(CARRIERS[carrier](source)).card
    again = carriers.read(carriers.write(first, form, PIXEL)).card
    assert again == first


@many
@given(st.one_of(files.V2_CARDS, files.V3_CARDS))
def test_everything_in_a_card_is_written_back(source: Any) -> None:
    spec = "v2" if source["spec"] == "chara_card_v2" else "v3"
    written = cards.written(carriers.read(json_file(source)).card, spec)  # type: ignore[arg-type]
    expected = dict(source["data"])
    if spec == "v3" and expected.get("nickname") == "":
        del expected["nickname"]
    if expected.get("assets") == []:
        del expected["assets"]
    assert written["data"] == expected
    assert written["spec"] == source["spec"]


def test_v3_wins_over_v2_in_a_picture() -> None:
    newer = {"spec": "chara_card_v3", "spec_version": "3.0", "data": {"name": "Newer"}}
    assert carriers.read(png_file(chara=CARD, ccv3=newer)).card.name == "Newer"


def test_a_picture_carries_both_specifications() -> None:
    card = carriers.read(json_file(CARD)).card
    texts = png.texts(png.chunks(carriers.write(card, "png", PIXEL)))
    specs = {name: json.loads(base64.b64decode(text))["spec"] for name, text in texts.items()}
    assert specs == {"chara": "chara_card_v2", "ccv3": "chara_card_v3"}


def test_a_v1_card_is_taken() -> None:
    source = {"name": "Old", "first_mes": "Hi", "description": "d", "unknown": 5}
    card = carriers.read(json_file(source)).card
    assert (card.name, card.greeting, card.description, card.rest) == ("Old", "Hi", "d", {})


def test_the_picture_is_the_carrier_without_the_card() -> None:
    picture = carriers.read(apng_file(chara=CARD)).picture
    assert picture == PIXEL
    assert carriers.read(charx_file(CARD)).picture is None  # nothing in the card calls it the icon
    card = carriers.read(json_file(CARD)).card
    assert carriers.read(carriers.write(card, "charx", PIXEL)).picture == PIXEL


def test_embedded_files_are_not_promised_any_more() -> None:
    assets = [
        {"type": "icon", "name": "main", "uri": "ccdefault:", "ext": "png"},
        {"type": "emotion", "name": "joy", "uri": "embeded://assets/emotion/joy.png", "ext": "png"},
        {"type": "background", "name": "sea", "uri": "https://example.org/sea.png", "ext": "png"},
    ]
    source = {"spec": "chara_card_v3", "spec_version": "3.0", "data": {"name": "M", "assets": assets}}
    assert carriers.read(json_file(source)).card.rest == {"assets": [assets[2]]}


# --- Refused --------------------------------------------------------------------------------------------------------


def changed(**data: Any) -> dict[str, Any]:
    return CARD | {"data": CARD["data"] | data}


@pytest.mark.parametrize(
    ("card", "place"),
    [
        (changed(name=""), "data.name"),
        (changed(name=None), "data.name"),
        (changed(name=["a"]), "data.name"),
        (changed(name="n" * 101), "data.name"),
        (changed(description=5), "data.description"),
        (changed(description="x" * 30_001), "data.description"),
        (changed(description="a\0b"), "data.description"),
        (changed(description="\ud800"), "data.description"),
        (changed(tags="bees"), "data.tags"),
        (changed(tags=["a", 5]), "data.tags.1"),
        (changed(tags=["a"] * 51), "data.tags"),
        (changed(alternate_greetings=[None, {}]), "data.alternate_greetings.1"),
        (changed(extensions=[]), "data.extensions"),
        (changed(extensions={"a": {"\0": 1}}), "data.extensions.a"),
        (changed(extensions={"a": 2**64}), "data.extensions.a"),
        (changed(character_book=[]), "data.character_book"),
        (changed(character_book={"entries": {}}), "data.character_book.entries"),
        (changed(character_book={"entries": [5]}), "data.character_book.entries.0"),
        (changed(character_book={"entries": [{"keys": "a"}]}), "data.character_book.entries.0.keys"),
        (changed(character_book={"entries": [{"constant": 1}]}), "data.character_book.entries.0.constant"),
        (changed(character_book={"entries": [{}] * 1001}), "data.character_book.entries"),
        (changed(assets={}), "data.assets"),
        (CARD | {"data": []}, "data"),
        (CARD | {"spec": 5}, "spec"),
        (CARD | {"spec": "something"}, "spec"),
        ({"spec": "lorebook_v3", "data": {"entries": []}}, "spec"),
        ({"spec": "chara_card_v2"}, "data"),
        ({}, "data"),
    ],
)
def test_cards_that_are_none_name_the_place(card: Any, place: str) -> None:
    for write in CARRIERS.values():
        assert reason(write(card)).startswith(f"{place}: ")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"nothing",
        b"[]",
        b"5",
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b'{"name": "a", "name": "b"}',
        b'{"name": "a", "x": ' + b"9" * 5_000 + b"}",
        b'\xff\xfe{"name": "a"}',
        b'{"name": "a", "x": ' + b"[" * 100_000,
        b'{"name": "a", "x": ' + b"[" * 40 + b"]" * 40 + b"}",
        b'{"name": "a", "x": [' + b"0," * 300_000 + b"0]}",
        b'{"name": "' + b"a" * 2_100_000 + b'"}',
    ],
    ids=size,
)
def test_texts_that_are_no_cards(raw: bytes) -> None:
    assert reason(raw)
    assert reason(png.with_texts(PIXEL, {"chara": base64.b64encode(raw)}))
    assert reason(zip_file({"card.json": raw}))


def chunk(kind: bytes, data: bytes, *, length: int | None = None, crc: int | None = None) -> bytes:
    """A chunk that may lie."""
    declared = len(data) if length is None else length
    checksum = zlib.crc32(kind + data) if crc is None else crc
    return struct.pack(">I", declared) + kind + data + struct.pack(">I", checksum)


HEADER = png.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 1, 1, 8, 2, 0, 0, 0))
END = chunk(b"IEND", b"")
TEXT = b"chara\0" + base64.b64encode(json_file(CARD))


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (HEADER + chunk(b"tEXt", TEXT, crc=0) + END, "checksum"),
        (HEADER + chunk(b"tEXt", TEXT, length=2**31) + END, "longer than the file"),
        (HEADER + chunk(b"tEXt", TEXT, length=len(TEXT) - 1) + END, "checksum"),
        (HEADER + chunk(b"t\0Xt", TEXT) + END, "valid type"),
        (HEADER + chunk(b"tEXt", TEXT), "ends early"),
        (HEADER[:20], "ends early|longer"),
        (png.SIGNATURE, "ends early"),
        (png.SIGNATURE + END, "header"),
        (
            png.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 8, 2, 0, 0, 0)) + END,
            "pixels",
        ),
        (png.SIGNATURE + chunk(b"IHDR", struct.pack(">IIBBBBB", 0, 1, 8, 2, 0, 0, 0)) + END, "pixels"),
        (HEADER + chunk(b"tEXt", b"x\0") * 20_001 + END, "chunks"),
        (HEADER + END, "no character"),
        (HEADER + chunk(b"zTXt", b"chara\0\0" + zlib.compress(TEXT[6:])) + END, "no character"),
        (HEADER + chunk(b"tEXt", b"chara\0not base64!") + END, "Base64"),
        (HEADER + chunk(b"tEXt", b"chara\0" + b"A" * 6_000_000) + END, "bytes"),
        (b"\x89PNG" + b"x" * 11_000_000, "bytes"),
    ],
    ids=size,
)
def test_pictures_that_lie(file: bytes, words: str) -> None:
    assert any(word in reason(file) for word in words.split("|"))


def many_entries(count: int) -> bytes:
    return zip_file({f"assets/{number}": b"" for number in range(count)} | {"card.json": json_file(CARD)})


def encrypted() -> bytes:
    file = bytearray(zip_file({"card.json": json_file(CARD)}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        file[file.index(magic) + offset] |= 1
    return bytes(file)


def two_of_one_name() -> bytes:
    return zip_file({"card.json": json_file(CARD), "card.jsoN": b"{}"}).replace(b"card.jsoN", b"card.json")


def understated() -> bytes:
    """An archive whose directory says that the card has ten bytes."""
    file = bytearray(zip_file({"card.json": json_file(CARD)}))
    position = file.index(b"PK\x01\x02") + 24
    file[position : position + 4] = struct.pack("<I", 10)
    return bytes(file)


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (zip_file({"other.json": b"{}"}), "no card.json"),
        (zip_file({"card.json": b" " * 2_000_001 + json_file(CARD)}), "unpacked"),
        (zip_file({"card.json": b" " * 3_000_000 + json_file(CARD)}), "unpacked"),
        (zip_file({"card.json": json_file(CARD), "../../etc/passwd": b""}), "forbidden"),
        (zip_file({"card.json": json_file(CARD), "/etc/passwd": b""}), "forbidden"),
        (zip_file({"card.json": json_file(CARD), "C:/x": b""}), "forbidden"),
        (zip_file({"card.json": json_file(CARD)}, zipfile.ZIP_LZMA), "compressed"),
        (zip_file({"card.json": json_file(CARD)}, zipfile.ZIP_BZIP2), "compressed"),
        (many_entries(2_001), "files"),
        (encrypted(), "encrypted"),
        (two_of_one_name(), "one name"),
        (understated(), "damaged|valid JSON"),
        (charx_file(CARD)[:-30], "damaged"),
        (b"PK\x03\x04", "damaged"),
    ],
    ids=size,
)
def test_archives_that_lie(file: bytes, words: str) -> None:
    assert any(word in reason(file) for word in words.split("|"))


def test_a_book_with_too_many_keys_is_refused() -> None:
    keys = [str(number) for number in range(2_000)]
    entry = {"keys": keys, "secondary_keys": keys, "content": "@@additional_keys " + ",".join(keys)}
    assert "keys" in reason(json_file(changed(character_book={"entries": [entry]})))


# --- Whatever comes -------------------------------------------------------------------------------------------------


def read_or_refuse(file: bytes) -> None:
    """A card that is taken can be used; anything else is refused, never a fault of ours."""
    try:
        card = carriers.read(file).card
    except CardRefused:
        return
    cards.written(card)
    if card.lorebook is not None:
        lorebook.select(card.lorebook, ["Hello there."])


LIKELY = st.sampled_from([
    "spec", "data", "name", "description", "tags", "extensions", "character_book", "entries", "keys", "content",
    "insertion_order", "assets", "uri", "type", "first_mes", "alternate_greetings", "enabled", "position",
])  # fmt: skip
STRANGE = st.recursive(
    files.SCALARS
    | st.sampled_from(["chara_card_v2", "chara_card_v3", "embeded://card.json", "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LIKELY | files.TEXT, inner, max_size=4),
    max_leaves=20,
)


@many
@given(st.dictionaries(LIKELY, STRANGE, max_size=5), st.sampled_from(list(CARRIERS)))
def test_strange_cards(data: Any, carrier: str) -> None:
    read_or_refuse(CARRIERS[carrier](CARD | data))
    read_or_refuse(CARRIERS[carrier](CARD | {"data": CARD["data"] | data}))


@many
@given(st.data(), st.sampled_from(list(CARRIERS)))
def test_damaged_files(data: st.DataObject, carrier: str) -> None:
    file = bytearray(CARRIERS[carrier](CARD))
    for position in data.draw(st.lists(st.integers(0, len(file) - 1), min_size=1, max_size=8)):
        file[position] = data.draw(st.integers(0, 255))
    read_or_refuse(bytes(file[: data.draw(st.integers(0, len(file)))]))
    read_or_refuse(bytes(file))


@many
@given(st.sampled_from([b"", png.SIGNATURE, HEADER, b"PK\x03\x04", b"{"]), st.binary(max_size=300))
def test_any_bytes(beginning: bytes, rest: bytes) -> None:
    read_or_refuse(beginning + rest)


@many
@given(
    st.lists(
        st.tuples(st.sampled_from([b"tEXt", b"IDAT", b"IHDR", b"acTL", b"fcTL"]), st.binary(max_size=40))
    )
)
def test_any_chunks(parts: list[tuple[bytes, bytes]]) -> None:
    read_or_refuse(HEADER + b"".join(chunk(*part) for part in parts) + END)
    assert png.chunks(PIXEL)[0].kind == Chunk(b"IHDR", b"").kind

"""Files that carry character cards: PNG, APNG, JSON and CHARX, in and out. Pure; the import and export call it.

Whatever a stranger's file holds, reading it ends with a card or with CardRefused, within the limits below.
"""

import base64
import binascii
import io
import json
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from django.utils.translation import gettext_lazy as _

from tertulia.characters import cards, png, reading
from tertulia.characters.cards import Card
from tertulia.core import zipped
from tertulia.core.errors import InvalidInput, Text
from tertulia.core.strictjson import Object, Unreadable

MAX_FILE = 10_000_000
# A picture carries the card twice, in Base64, and its pixels: what goes out must come in again.
MAX_CARD = 2_000_000
# A CHARX is a zip: entries of one file, and how much smaller than its content an entry may be.
MAX_ENTRIES = 2_000
MAX_RATIO = 200
MAX_PICTURE = MAX_FILE

Format = Literal["json", "png", "apng", "charx"]

_V2, _V3 = "chara", "ccv3"
_ICON = "assets/icon/image/main.png"
_EMBEDDED = "embeded://"
_CENTRAL_ENTRY = b"PK\x01\x02"
_ENCRYPTED = 0x1


class CardRefused(InvalidInput):
    """A file is no card that can be taken; the reason names the place within it."""

    def __init__(self, reason: Text, place: str = "") -> None:
        text = f"{place}: {reason}" if place else reason
        super().__init__(text, errors={"file": [text]})


@dataclass(frozen=True, slots=True)
class Carried:
    """What was in a file: the card, and its picture as it came (PNG, JPEG, WebP …), not yet looked at."""

    card: Card
    picture: bytes | None = None


def read(file: bytes) -> Carried:
    """The card in a file of any of the formats, told apart by their first bytes; raises CardRefused."""
    if len(file) > MAX_FILE:
        raise CardRefused(_("At most %(limit)d bytes.") % {"limit": MAX_FILE})
    try:
        if file.startswith(png.SIGNATURE):
            return _from_png(file)
        if file.startswith(b"PK\x03\x04"):
            return _from_charx(file)
        return Carried(_card(file))
    except Unreadable as fault:
        raise CardRefused(fault.reason, fault.path) from None


def write(card: Card, form: Format, picture: bytes) -> bytes:
    """The card as a file; `picture` is a PNG, which JSON does without."""
    if form == "json":
        return as_json(cards.written(card))
    if form == "charx":
        return _charx(card, picture)
    texts = {
        _V2: base64.b64encode(as_json(cards.written(card, "v2"))),
        _V3: base64.b64encode(as_json(cards.written(card))),
    }
    return png.with_texts(png.as_animation(picture) if form == "apng" else picture, texts)


def _card(raw: bytes) -> Card:
    if len(raw) > MAX_CARD:
        raise Unreadable("", _("The card has more than %(limit)d bytes.") % {"limit": MAX_CARD})
    return cards.read(reading.parse(raw))


def as_json(value: Object) -> bytes:
    """JSON as cards are written."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()


# --- PNG and APNG ---------------------------------------------------------------------------------------------------


def _from_png(file: bytes) -> Carried:
    found = png.chunks(file)
    texts = png.texts(found)
    encoded = texts.get(_V3) or texts.get(_V2)
    if encoded is None:
        raise Unreadable("", _("There is no character in this picture."))
    return Carried(_card(_decoded(encoded)), png.still_image(found))


def _decoded(encoded: bytes) -> bytes:
    if len(encoded) > MAX_CARD * 4 // 3 + 4:
        raise Unreadable("", _("The card has more than %(limit)d bytes.") % {"limit": MAX_CARD})
    try:
        return base64.b64decode(b"".join(encoded.split()), validate=True)
    except binascii.Error:
        raise Unreadable("", _("The card in this picture is not valid Base64.")) from None


# --- CHARX ----------------------------------------------------------------------------------------------------------


def _from_charx(file: bytes) -> Carried:
    # Before zipfile makes an object of each: a file of ten megabytes has room for 200,000.
    if file.count(_CENTRAL_ENTRY) > MAX_ENTRIES:
        raise Unreadable("", _("The archive has more than %(limit)d files.") % {"limit": MAX_ENTRIES})
    try:
        with zipfile.ZipFile(io.BytesIO(file)) as archive:
            _check_names(archive.infolist())
            raw = _member(archive, "card.json", MAX_CARD)
            if raw is None:
                raise Unreadable("", _("There is no card.json in this archive."))
            source = reading.parse(raw)
            name = _icon(source)
            return Carried(cards.read(source), _member(archive, name, MAX_PICTURE) if name else None)
    except (*zipped.DAMAGE, OSError):
        raise Unreadable("", _("The archive is damaged.")) from None


def _check_names(entries: Sequence[zipfile.ZipInfo]) -> None:
    """Nothing is unpacked to a disk; names that lead out of a folder are there to do harm elsewhere."""
    if len({entry.filename for entry in entries}) != len(entries):
        raise Unreadable("", _("The archive has two files of one name."))
    for entry in entries:
        name = entry.filename
        if name.startswith("/") or "\\" in name or ":" in name or ".." in name.split("/"):
            raise Unreadable("", _("The archive has a file with a forbidden name."))
        if entry.flag_bits & _ENCRYPTED:
            raise Unreadable("", _("The archive is encrypted."))


def _member(archive: zipfile.ZipFile, name: str, limit: int) -> bytes | None:
    """A file of the archive, None when it is not there; what is declared is believed only up to `limit`."""
    try:
        entry = archive.getinfo(name)
    except KeyError:
        return None
    if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise Unreadable(name, _("The archive is compressed in a way that is not taken."))
    too_dense = entry.file_size > MAX_RATIO * max(entry.compress_size, 1)
    with archive.open(entry) as stream:
        content = b"" if too_dense or entry.file_size > limit else stream.read(limit + 1)
    if too_dense or entry.file_size > limit or len(content) > limit:
        raise Unreadable(name, _("More than %(limit)d bytes when unpacked.") % {"limit": limit})
    return content


def _icon(source: Object) -> str | None:
    """The name in the archive of the character's main picture, if it has one."""
    data = reading.object_in(source, "data", "") or {}
    icons = [
        asset
        for asset in reading.objects(data, "assets", "data", count=1_000)
        if asset.get("type") == "icon" and str(asset.get("uri")).startswith(_EMBEDDED)
    ]
    icons.sort(key=lambda asset: asset.get("name") != "main")
    return str(icons[0]["uri"]).removeprefix(_EMBEDDED) if icons else None


def _charx(card: Card, picture: bytes) -> bytes:
    source = cards.written(card)
    icon = {"type": "icon", "name": "main", "uri": _EMBEDDED + _ICON, "ext": "png"}
    source["data"]["assets"] = [icon, *source["data"].get("assets", ())]
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in (("card.json", as_json(source)), (_ICON, picture)):
            # Without the time of day: equal cards give equal files.
            archive.writestr(zipfile.ZipInfo(name), content, zipfile.ZIP_DEFLATED)
    return file.getvalue()

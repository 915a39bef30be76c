"""Between rows and card files: what an imported card means for a character, and a character as a file to download."""

from typing import Any, NamedTuple

from django.utils.translation import gettext_lazy as _

from tertulia.characters import cards, carriers, colour, files, pictures
from tertulia.characters.cards import Card
from tertulia.characters.carriers import CardRefused, Format
from tertulia.characters.models import Character
from tertulia.core.errors import InvalidInput

# Bytes of JSON. Less than a card may have: an archive's card also names its picture.
MAX_CHARACTER = carriers.MAX_CARD - 1_000

# Where our own fields, which no specification names, travel in a card's extensions.
_NAMESPACE = "tertulia"
_OWN = ("summary", "language", "voice", "hue")

_CONTENT_TYPES: dict[Format, str] = {
    "json": "application/json",
    "png": "image/png",
    "apng": "image/apng",
    "charx": "application/zip",
}
_ENDINGS: dict[Format, str] = {"json": "json", "png": "png", "apng": "png", "charx": "charx"}


class File(NamedTuple):
    """Something to download."""

    name: str
    content_type: str
    content: bytes


def values_of(card: Card) -> dict[str, Any]:
    """A character's fields from a card, not yet validated; raises CardRefused."""
    values = {name: getattr(card, name) for name in cards.NAMES}
    extensions = dict(card.extensions)
    own = extensions.pop(_NAMESPACE, {})
    if not isinstance(own, dict):
        raise CardRefused(_("An object is expected."), f"data.extensions.{_NAMESPACE}")
    return values | {"extensions": extensions} | {name: own[name] for name in _OWN if name in own}


def card_of(character: Character) -> Card:
    """The card of a character, from which an import makes the same one."""
    values = {name: getattr(character, name) for name in cards.NAMES}
    own = {name: getattr(character, name) for name in _OWN}
    if character.hue == colour.hue_of(character.name):
        del own["hue"]
    own = {name: value for name, value in own.items() if value != ""}
    if own:
        values["extensions"] = values["extensions"] | {_NAMESPACE: own}
    return Card(**values)


def check_size(character: Character) -> None:
    """Raise InvalidInput for a character whose card could not be imported again."""
    size = len(carriers.as_json(cards.written(card_of(character))))
    if size > MAX_CHARACTER:
        words = {"limit": MAX_CHARACTER, "size": size}
        raise InvalidInput(_("A character may have %(limit)d bytes in all; this has %(size)d.") % words)


def file_of(character: Character, form: Format) -> File:
    """The character as a card file with its picture, or a plain one in its colour."""
    kept = None if form == "json" else files.read(character.picture.name or "")
    picture = b"" if form == "json" else pictures.as_png(kept) if kept else pictures.plain(character.hue)
    content = carriers.write(card_of(character), form, picture)
    return File(f"{character.slug}.{_ENDINGS[form]}", _CONTENT_TYPES[form], content)

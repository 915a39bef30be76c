"""How characters and instances look on pages: plain data in the reader's language; `characters`, `instances` and the
chat page build their views of it.
"""

import re
from dataclasses import dataclass

from django.utils.translation import get_language

from tertulia.accounts.queries import User
from tertulia.characters import prompt, queries
from tertulia.characters.access import Character, Instance
from tertulia.characters.macros import expanded

# A style sheet cannot know 360 hues, and the policy forbids styles in attributes: the wheel in steps that no eye tells.
TINT_DEGREES = 10
EXCERPT_LENGTH = 180

_MARKS = re.compile(r"[*_`#>~]+")


@dataclass(frozen=True, slots=True)
class Portrait:
    """A face beside a name. `picture` is an address, "" where a monogram stands in its place."""

    name: str
    tint: int
    picture: str


@dataclass(frozen=True, slots=True)
class Card:
    """A character as the gallery and its own page show it; `greeting` has its macros resolved."""

    character: Character
    portrait: Portrait
    summary: str
    greeting: str
    is_mine: bool

    @property
    def excerpt(self) -> str:
        """The beginning of the greeting, without the marks of Markdown."""
        text = " ".join(_MARKS.sub("", self.greeting).split())
        return text if len(text) <= EXCERPT_LENGTH else f"{text[:EXCERPT_LENGTH].rsplit(' ', 1)[0]}…"


@dataclass(frozen=True, slots=True)
class Speaker:
    """Who answers on a chat page; `remembers` counts its notes."""

    instance: Instance
    portrait: Portrait
    summary: str
    greeting: str
    remembers: int


def card_of(character: Character, user: User) -> Card:
    """What somebody sees of a character before talking to it."""
    face = character.face(_language())
    said = expanded(face.greeting, char=character.nickname or face.name, user=user.nickname)
    is_mine = character.owner_id == user.pk
    return Card(character, portrait_of(character, face.name), face.summary, said, is_mine)


def speaker_of(instance: Instance, user: User) -> Speaker:
    """Somebody's instance as the one who answers; one query."""
    character = instance.character
    face = character.face(_language())
    said = expanded(face.greeting, char=prompt.spoken_name(character, instance), user=user.nickname)
    notes = queries.entries(instance).count()
    return Speaker(instance, portrait_of(character, instance.name), face.summary, said, notes)


def portrait_of(character: Character, name: str) -> Portrait:
    """The character's colour and picture under a name."""
    return Portrait(name, tint_of(character.hue), picture_address(character))


def tint_of(hue: int) -> int:
    """The step of the colour wheel, 0 to 35, that shows a hue of 0 to 359 degrees."""
    return hue // TINT_DEGREES


def picture_address(character: Character) -> str:
    """Where the picture is, with a mark that changes when it does; "" without one."""
    name = character.picture.name
    if not name:
        return ""
    mark = name.rpartition("/")[2][:8]
    return f"/api/characters/{character.pk}/picture?v={mark}"


def _language() -> str:
    return get_language() or "en"

"""How characters and instances look on pages: plain data in the reader's language; `characters`, `instances` and the
chat page build their views of it.
"""

import re
from dataclasses import dataclass

from django.utils.translation import get_language

from tertulia.accounts.queries import User
from tertulia.characters import greetings, queries
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
    remembers: int


@dataclass(frozen=True, slots=True)
class Greeting:
    """The first words of a conversation. Where they can still be chosen, `number` is theirs among all that there are;
    `place`, from 1, is theirs in the ring of those `count` that say something, between their neighbours."""

    text: str
    number: int = 0
    place: int = 1
    count: int = 1
    previous: int = 0
    next: int = 0


def card_of(character: Character, user: User) -> Card:
    """What somebody sees of a character before talking to it."""
    face = character.face(_language())
    said = expanded(face.greeting, char=character.nickname or face.name, user=user.nickname)
    is_mine = character.owner_id == user.pk
    return Card(character, portrait_of(character, face.name), face.summary, said, is_mine)


def speaker_of(instance: Instance, user: User) -> Speaker:
    """Somebody's instance as the one who answers; one query."""
    character = instance.character
    summary = character.face(_language()).summary
    notes = queries.entries(instance).count()
    return Speaker(instance, portrait_of(character, instance.name), summary, notes)


def greeting_of(instance: Instance, user: User, number: int) -> Greeting:
    """What the instance would say first, were it greeting `number`; the first one where there is no such greeting."""
    numbers = greetings.choices(instance.character, _language())
    index = numbers.index(number) if number in numbers else 0
    return Greeting(
        text=greetings.said(instance, user.nickname, _language(), numbers[index]),
        number=numbers[index],
        place=index + 1,
        count=len(numbers),
        previous=numbers[index - 1],
        next=numbers[(index + 1) % len(numbers)],
    )


def portrait_of(character: Character, name: str) -> Portrait:
    """The character's colour and picture under a name."""
    return Portrait(name, tint_of(character.hue), picture_address(character))


def tint_of(hue: int) -> int:
    """The step of the colour wheel, 0 to 35, that shows a hue of 0 to 359 degrees."""
    return hue // TINT_DEGREES


def picture_address(character: Character) -> str:
    """Where the picture is, "" without one. A browser keeps it by the mark."""
    mark = character.picture_mark
    return f"/api/characters/{character.pk}/picture?v={mark}" if mark else ""


def _language() -> str:
    return get_language() or "en"

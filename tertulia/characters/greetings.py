"""What an instance says before anybody else: one of its character's greetings, chosen by its number. Pure.

The chat engine keeps with a conversation what was said; the page of a new one offers the choice.
"""

from django.utils.translation import gettext_lazy as _

from tertulia.characters import macros, prompt
from tertulia.characters.models import Character, Instance
from tertulia.core.errors import InvalidInput


def choices(character: Character, language: str) -> list[int]:
    """The numbers of the greetings that are worth choosing: 0, the first one, and those others that say something."""
    others = character.greetings(language)[1:]
    return [0, *(number for number, text in enumerate(others, start=1) if text.strip())]


def said(instance: Instance | None, user_nickname: str, language: str, number: int | None) -> str:
    """Greeting `number`, by default the first, with names in place of macros; "" for a silent one, and by nobody.

    Raises InvalidInput naming `greeting` for a number that the character has not, or with nobody to greet.
    """
    if instance is None:
        if number is not None:
            raise InvalidInput.field(
                "greeting", _("Nobody greets here: an instance does, where it begins to talk.")
            )
        return ""
    written = instance.character.greetings(language)
    if number is not None and not 0 <= number < len(written):
        raise InvalidInput.field("greeting", _("There is no such greeting."))
    name = prompt.spoken_name(instance.character, instance)
    text = macros.expanded(written[number or 0], char=name, user=user_nickname)
    return text if text.strip() else ""

"""The rules for what people say of characters, instances and memories, and for what they search by. The actions and the
lists call it; faults name fields."""

import json
import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from django.utils.translation import gettext_lazy as _

from tertulia.characters import cards, lorebook, models, reading
from tertulia.core import strictjson
from tertulia.core.errors import InvalidInput
from tertulia.core.strictjson import Object, Unreadable, join

MAX_MEMORY = 20_000
# A sentence or two: all entries of an instance are ranked at every turn.
MAX_ENTRY = 500
# Data of other programs, as JSON.
MAX_EXTENSIONS = 200_000

_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*")
# Separators of lines, and marks that turn the direction of the text around the name.
_MISLEADING = frozenset("\u2028\u2029\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def cleaned(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values of a character's fields, normalised; InvalidInput names all that are wrong."""
    return _cleaned(values, _CHARACTER)


def cleaned_instance(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same for `name` and `memory` of an instance."""
    return _cleaned(values, _INSTANCE)


def cleaned_entry(values: Mapping[str, Any]) -> dict[str, Any]:
    """The same for `text` and `pinned` of a memory entry."""
    return _cleaned(values, _ENTRY)


def _cleaned(values: Mapping[str, Any], cleaners: Mapping[str, "Cleaner"]) -> dict[str, Any]:
    clean: dict[str, Any] = {}
    errors: dict[str, list[Any]] = {}
    for name, value in values.items():
        try:
            strictjson.check({name: value})
            clean[name] = cleaners[name](name, value)
        except Unreadable as fault:
            errors[fault.path or name] = [fault.reason]
    if errors:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)
    return clean


Cleaner = Callable[[str, Any], Any]


def _text(limit: int, path: str, value: Any) -> str:
    return reading.text({path: value}, path, "", limit)


def _words(limit: int, path: str, value: Any) -> str:
    """A text that says something."""
    text = _text(limit, path, value).strip()
    if not text:
        raise Unreadable(path, _("At least one visible character is required."))
    return text


def _line(limit: int, path: str, value: Any) -> str:
    """One line, perhaps an empty one."""
    line = unicodedata.normalize("NFC", _text(limit, path, value)).strip()
    if len(line) > limit:  # some characters are longer in their normal form
        raise Unreadable(path, _("At most %(limit)d characters.") % {"limit": limit})
    if any(unicodedata.category(character) == "Cc" or character in _MISLEADING for character in line):
        raise Unreadable(path, _("Control characters are not allowed."))
    return line


def _label(limit: int, path: str, value: Any) -> str:
    """One line that shows."""
    line = _line(limit, path, value)
    if not any(character.isprintable() and not character.isspace() for character in line):
        raise Unreadable(path, _("At least one visible character is required."))
    return line


def _texts(count: int, limit: int, path: str, value: Any) -> list[str]:
    return reading.texts({path: value}, path, "", count=count, limit=limit)


def _tags(path: str, value: Any) -> list[str]:
    """Each once, in whatever capitals."""
    kept: dict[str, str] = {}
    for index, tag in enumerate(_texts(cards.MAX_TAGS, cards.MAX_TAG, path, value)):
        line = _line(cards.MAX_TAG, join(path, index), tag)
        kept.setdefault(line.casefold(), line)
    return [line for line in kept.values() if line]


def _language(path: str, value: Any) -> str:
    code = _text(models.MAX_LANGUAGE, path, value)
    if code and not _LANGUAGE.fullmatch(code):
        raise Unreadable(path, _("A language code such as en, ko or zh-hans is expected."))
    return code.lower()


def _visibility(path: str, value: Any) -> str:
    if value not in models.Character.Visibility.values:
        raise Unreadable(path, _("private, unlisted or public is expected."))
    return str(value)


def _hue(path: str, value: Any) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 360:
        raise Unreadable(path, _("A whole number from 0 to 359 is expected."))
    return value


def _flag(path: str, value: Any) -> bool:
    return reading.flag({path: value}, path, "", False)


def _object(path: str, value: Any) -> Object:
    found = reading.object_in({path: value}, path, "") or {}
    if len(json.dumps(found, ensure_ascii=False)) > MAX_EXTENSIONS:
        raise Unreadable(path, _("At most %(limit)d characters.") % {"limit": MAX_EXTENSIONS})
    return found


def _parameters(path: str, value: Any) -> Object:
    """Their ranges are the interface's to check; null leaves the provider's default, as absence does."""
    return {name: each for name, each in _object(path, value).items() if each is not None}


def _lorebook(path: str, value: Any) -> Object | None:
    book = reading.object_in({path: value}, path, "")
    if book is not None:
        lorebook.check(book, path)
    return book


_long = partial(_text, cards.MAX_TEXT)
_CHARACTER: Mapping[str, Cleaner] = {
    "name": partial(_label, models.MAX_NAME),
    "nickname": partial(_line, models.MAX_NAME),
    "summary": partial(_line, models.MAX_SUMMARY),
    "description": _long,
    "personality": _long,
    "scenario": _long,
    "greeting": _long,
    "alternate_greetings": partial(_texts, cards.MAX_GREETINGS, cards.MAX_TEXT),
    "example_dialogue": _long,
    "system_prompt": _long,
    "post_history_instructions": _long,
    "creator_notes": partial(_text, cards.MAX_NOTES),
    "creator": partial(_text, cards.MAX_LABEL),
    "character_version": partial(_text, cards.MAX_LABEL),
    "visibility": _visibility,
    "voice": partial(_line, models.MAX_VOICE),
    "model": partial(_line, models.MAX_MODEL),
    "parameters": _parameters,
    "tags": _tags,
    "language": _language,
    "hue": _hue,
    "lorebook": _lorebook,
    "extensions": _object,
    "rest": _object,
}
_INSTANCE: Mapping[str, Cleaner] = {
    "name": partial(_label, models.MAX_NAME),
    "memory": partial(_text, MAX_MEMORY),
    "learns": _flag,
}
_ENTRY: Mapping[str, Cleaner] = {"text": partial(_words, MAX_ENTRY), "pinned": _flag}

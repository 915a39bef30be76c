"""The rules for the words of a line; `actions` and `importing` call it. Every fault names its field."""

import unicodedata
from collections.abc import Callable, Mapping

from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import InvalidInput, Text
from tertulia.providers.language import LANGUAGES
from tertulia.quotes.models import MAX_CONTENT, MAX_MOOD, MAX_REASON, MAX_SOURCE, MAX_SPEAKER

# The longest values by field, in characters, for the interfaces.
LIMITS = {
    "content": MAX_CONTENT,
    "source": MAX_SOURCE,
    "speaker": MAX_SPEAKER,
    "mood": MAX_MOOD,
    "reason": MAX_REASON,
}

# Marks that turn the direction of what is printed around a line.
_MISLEADING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


class _Fault(Exception):
    """What is wrong with one value."""

    def __init__(self, text: Text) -> None:
        super().__init__()
        self.text = text


def cleaned(values: Mapping[str, str]) -> dict[str, str]:
    """Content, source, speaker, mood, language, returned_reason, reason, each normalised; InvalidInput names all wrong
    ones.

    An empty `language` stays empty: the writer detects it.
    """
    clean: dict[str, str] = {}
    errors: dict[str, list[Text]] = {}
    for name, value in values.items():
        try:
            clean[name] = _CLEANERS[name](value)
        except _Fault as fault:
            errors[name] = [fault.text]
    if errors:
        raise InvalidInput(next(iter(errors.values()))[0], errors=errors)
    return clean


def _content(text: str) -> str:
    """Several lines of verse are one line of the board."""
    lines = [" ".join(line.split()) for line in _normal(text).splitlines()]
    content = "\n".join(lines).strip()
    _refuse(content, MAX_CONTENT, breaks="\n")
    _refuse_invisible(content)
    return content


def _reason(text: str) -> str:
    """Why somebody objects."""
    reason = _label(MAX_REASON)(text)
    _refuse_invisible(reason)
    return reason


def _label(limit: int) -> Callable[[str], str]:
    """One line of text, perhaps empty."""

    def clean(text: str) -> str:
        label = " ".join(_normal(text).split())
        _refuse(label, limit)
        return label

    return clean


def _language(text: str) -> str:
    primary = text.strip().lower().partition("-")[0]
    if primary and primary not in LANGUAGES:
        raise _Fault(_("One of these: %(codes)s.") % {"codes": ", ".join(LANGUAGES)})
    return primary


def _normal(text: str) -> str:
    if any("\ud800" <= character <= "\udfff" for character in text):
        raise _Fault(_("NUL and lone surrogates are not allowed."))
    return unicodedata.normalize("NFC", text)


def _refuse(text: str, limit: int, *, breaks: str = "") -> None:
    if len(text) > limit:
        raise _Fault(_("At most %(limit)d characters.") % {"limit": limit})
    if any(_is_control(character) for character in text if character not in breaks):
        raise _Fault(_("Control characters are not allowed."))


def _refuse_invisible(text: str) -> None:
    if not any(unicodedata.category(character)[0] in "LNPS" for character in text):
        raise _Fault(_("At least one visible character is required."))


def _is_control(character: str) -> bool:
    return unicodedata.category(character) == "Cc" or character in _MISLEADING


_CLEANERS: Mapping[str, Callable[[str], str]] = {
    "content": _content,
    "source": _label(MAX_SOURCE),
    "speaker": _label(MAX_SPEAKER),
    "mood": _label(MAX_MOOD),
    "language": _language,
    "returned_reason": _label(MAX_REASON),
    "reason": _reason,
}

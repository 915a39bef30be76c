"""What a list of the board may be narrowed by, read from a query; the API and the pages share it. Pure."""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import InvalidInput
from tertulia.core.matching import asked
from tertulia.providers.language import LANGUAGES

MAX_IDS = 100
_LONGEST_ID = 18


def columns(given: Mapping[str, str], user_id: object) -> dict[str, Any]:
    """Values of columns for `queries.quotes`: of applied, mine, speaker, source, language and ids.

    An empty parameter narrows nothing. Raises InvalidInput naming the parameter.
    """
    wanted: dict[str, Any] = {name: text for name in ("speaker", "source") if (text := words(given, name))}
    if (applied := _boolean(given, "applied")) is not None:
        wanted["is_apply"] = applied
    if _boolean(given, "mine"):
        wanted["user_id"] = user_id
    if language := words(given, "language"):
        wanted["language"] = _language(language)
    if ids := given.get("ids"):
        wanted["id__in"] = _ids(ids)
    return wanted


def words(given: Mapping[str, str], name: str) -> str:
    """A parameter that is text; raises InvalidInput naming it."""
    return asked(name, given.get(name, ""))


def quote_id(text: str) -> int | None:
    """A quote's id in its canonical spelling; None for anything else."""
    is_number = text.isascii() and text.isdigit() and len(text) <= _LONGEST_ID and text[0] != "0"
    return int(text) if is_number else None


def _boolean(given: Mapping[str, str], name: str) -> bool | None:
    text = given.get(name) or None
    if text not in (None, "true", "false"):
        raise InvalidInput.field(name, _("true or false is expected."))
    return None if text is None else text == "true"


def _language(tag: str) -> str:
    primary = tag.lower().partition("-")[0]
    if primary not in LANGUAGES:
        raise InvalidInput.field("language", _("One of these: %(codes)s.") % {"codes": ", ".join(LANGUAGES)})
    return primary


def _ids(text: str) -> list[int]:
    parts = text.split(",", MAX_IDS)
    ids = [number for part in parts if (number := quote_id(part)) is not None]
    if len(ids) < len(parts) or len(ids) > MAX_IDS:
        raise InvalidInput.field("ids", _("At most %(limit)d ids, with commas.") % {"limit": MAX_IDS})
    return ids

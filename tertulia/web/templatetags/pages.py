"""Tags and filters of the pages' templates."""

import hashlib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any
from uuid import UUID

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe

from tertulia.providers.offline import OFFLINE_MODEL
from tertulia.providers.ranges import RANGES, Range
from tertulia.web.markdown import is_safe_address, render

register = template.Library()
register.filter("markdown", render)
register.filter("is_safe_address", is_safe_address)

STATIC = Path(__file__).resolve().parent.parent / "static" / "tertulia"
HUES = 12

# Drawn for this site on a grid of 20, as strokes.
_ICONS = {
    "plus": "M10 4v12M4 10h12",
    "menu": "M3.5 6h13M3.5 10h13M3.5 14h13",
    "sidebar": "M3.5 4.5h13v11h-13zM8 4.5v11",
    "close": "M5 5l10 10M15 5 5 15",
    "search": "M9 14.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM13 13l4 4",
    "options": "M3.5 7h7M14.5 7h2M3.5 13h2M9.5 13h7M12.5 5.2v3.6M7.5 11.2v3.6",
    "send": "M10 16V4.5M5 9.5l5-5 5 5",
    "stop": "M6.5 6.5h7v7h-7z",
    "copy": "M7.5 7.5h8v8h-8zM12.5 7.5v-3h-8v8h3",
    "up": "M7 9l3-5.5c1.3 0 2 .9 1.7 2.2L11.2 8h4.1c.8 0 1.3.7 1.1 1.5l-1.2 5c-.2.9-.9 1.5-1.8 1.5H7zM7 9H4v7h3",
    "down": "M7 11l3 5.5c1.3 0 2-.9 1.7-2.2L11.2 12h4.1c.8 0 1.3-.7 1.1-1.5l-1.2-5c-.2-.9-.9-1.5-1.8-1.5H7zM7 11H4V4h3",
    "again": "M15.5 8.5a6 6 0 1 0 .2 3.5M15.8 4.5v4h-4",
    "edit": "M12.5 4.5l3 3-8 8h-3v-3zM10.8 6.2l3 3",
    "more": "M4.5 9.5h1v1h-1zM9.5 9.5h1v1h-1zM14.5 9.5h1v1h-1z",
    "previous": "M12 5l-5 5 5 5",
    "next": "M8 5l5 5-5 5",
    "latest": "M10 4v11.5M5 10.5l5 5 5-5",
    "speak": "M4 8v4h2.6L10.5 15V5L6.6 8zM13 7.8a3.2 3.2 0 0 1 0 4.4M15.2 5.6a6.3 6.3 0 0 1 0 8.8",
    "microphone": (
        "M10 3.2a2.3 2.3 0 0 1 2.3 2.3v4a2.3 2.3 0 0 1-4.6 0v-4A2.3 2.3 0 0 1 10 3.2z"
        "M5 9.5a5 5 0 0 0 10 0M10 14.5v2.5"
    ),
    "info": "M10 9v5M10 6.2v.1M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14z",
}


@register.simple_tag
def icon(name: str) -> SafeString:
    """A small drawing beside a word, or with one that only screen readers get."""
    shape = (
        '<svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">'
        '<path d="{}"/></svg>'
    )
    return format_html(shape, mark_safe(_ICONS[name]))  # noqa: S308  (a constant of this module)


@register.simple_tag
def asset(path: str) -> str:
    """The address of one of our static files; it changes with the content, so caches may keep it for long."""
    file = Path(f"{STATIC}/{path}")  # templates give strings of a kind that pathlib does not join
    try:
        digest = _digest(file, file.stat().st_mtime_ns)
    except FileNotFoundError:  # the client has not been built: the page works without it
        digest = "0"
    return f"{settings.STATIC_URL}tertulia/{path}?v={digest}"


@lru_cache
def _digest(file: Path, changed: int) -> str:
    """Of the file as it was at that time: a page never names an older program than the one it gets."""
    return hashlib.sha256(file.read_bytes()).hexdigest()[:10]


@register.filter
def hue(value: object) -> int:
    """One of the colours, always the same for the same name or id; the house's own for what has none yet."""
    if value in ("", OFFLINE_MODEL):
        return 0
    return hashlib.sha256(str(value).encode()).digest()[0] % HUES


@register.filter
def initial(name: str) -> str:
    """The letter of a monogram."""
    letters = [character for character in name if character.isalnum()]
    return letters[0].upper() if letters else "·"


@register.filter
def ids(values: Sequence[UUID]) -> str:
    """Ids as an attribute's value."""
    return " ".join(map(str, values))


@register.filter
def get(mapping: Any, key: str) -> Any:
    """A value by its key, empty without one."""
    return (mapping or {}).get(key, "")


@register.filter
def percent(part: int, whole: int) -> int:
    """A share for a meter."""
    return round(100 * part / whole) if whole else 0


@register.filter
def range_of(name: str) -> Range:
    """What a generation parameter may be."""
    return RANGES[name]

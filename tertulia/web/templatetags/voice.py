"""Whether a page offers speech: buttons for what would be refused are not shown."""

from django import template
from django.conf import settings
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language

from tertulia.chat import speech

register = template.Library()

# Drawn for this site on a grid of 20, as strokes.
_ICONS = {
    "speak": "M4 8v4h2.6L10.5 15V5L6.6 8zM13 7.8a3.2 3.2 0 0 1 0 4.4M15.2 5.6a6.3 6.3 0 0 1 0 8.8",
    "silent": "M6.5 6.5h7v7h-7z",
    "microphone": (
        "M10 3.2a2.3 2.3 0 0 1 2.3 2.3v4a2.3 2.3 0 0 1-4.6 0v-4A2.3 2.3 0 0 1 10 3.2z"
        "M5 9.5a5 5 0 0 0 10 0M10 14.5v2.5"
    ),
}


@register.simple_tag
def voice_icon(name: str) -> SafeString:
    """As `icon` draws it."""
    shape = (
        '<svg class="icon" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true" focusable="false">'
        '<path d="{}"/></svg>'
    )
    return format_html(shape, mark_safe(_ICONS[name]))  # noqa: S308  (a constant of this module)


@register.simple_tag
def can_speak() -> bool:
    """Whether answers can be read aloud here."""
    return speech.voice() is not None


@register.simple_tag
def can_dictate() -> bool:
    """Whether recordings in the page's language can be written down here."""
    ear = speech.ear()
    return ear is not None and ear.understands(get_language() or "en")


@register.simple_tag
def longest_recording() -> int:
    """In seconds."""
    return int(settings.TERTULIA_TRANSCRIPTION_SECONDS)


@register.simple_tag
def ear_is_builtin() -> bool:
    """Whether what is written down deserves a warning."""
    ear = speech.ear()
    return ear is not None and ear.name == "builtin"

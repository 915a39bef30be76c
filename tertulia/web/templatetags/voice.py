"""Whether a page offers speech: buttons for what would be refused are not shown."""

from django import template
from django.conf import settings
from django.utils.translation import get_language

from tertulia.accounts import quota
from tertulia.accounts.queries import User
from tertulia.chat import speech

register = template.Library()


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
def speech_today(user: User) -> quota.Standing | None:
    """What the user has read aloud and dictated today; None where there is no speech."""
    is_there = speech.voice() is not None or speech.ear() is not None
    return quota.speech_standing(user) if is_there else None


@register.simple_tag
def longest_recording() -> int:
    """In seconds."""
    return int(settings.TERTULIA_TRANSCRIPTION_SECONDS)


@register.simple_tag
def ear_is_builtin() -> bool:
    """Whether what is written down deserves a warning."""
    ear = speech.ear()
    return ear is not None and ear.name == "builtin"

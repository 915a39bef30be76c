"""The engines of the server under test, changed for a while; it runs in this process and shares the settings."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings


@contextmanager
def configured(**changes: object) -> Iterator[None]:
    """Settings with other values, and the engines that are made of them."""
    before = {name: getattr(settings, name) for name in changes}
    _set(changes)
    try:
        yield
    finally:
        _set(before)


def _set(values: dict[str, object]) -> None:
    from tertulia.chat import speech  # after Django's set-up

    for name, value in values.items():
        setattr(settings, name, value)
    speech.voice.cache_clear()
    speech.ear.cache_clear()

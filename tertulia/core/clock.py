"""The one place that asks for the wall-clock time; everything that compares instants calls it."""

from datetime import datetime

from django.utils import timezone


def now() -> datetime:
    """The current instant, aware, in UTC."""
    return timezone.now()

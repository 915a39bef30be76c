"""What the project's own commands have in common."""

from django.core.management.base import BaseCommand


class QuickCommand(BaseCommand):
    """A command that does its work without Django's checks, which load every page: more than half of its time.

    `check` and the starts of a server have them.
    """

    requires_system_checks = []

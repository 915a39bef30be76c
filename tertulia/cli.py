"""The console script `tertulia`: Django's commands under our settings; manage.py and `python -m tertulia` too."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tertulia.config.settings")
    try:
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as error:
        sys.exit(f"tertulia: {error}")
    execute_from_command_line(sys.argv)

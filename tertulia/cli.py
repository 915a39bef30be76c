"""The console script `tertulia`: Django's commands under our settings; manage.py and `python -m tertulia` too."""

import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from tertulia.config import findings


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tertulia.config.settings")
    try:
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as error:
        if sys.argv[1:2] == ["doctor"]:
            sys.exit("\n".join(map(str, findings.of_settings(error))))
        sys.exit("\n".join(f"tertulia: {line}" for line in str(error).splitlines()))
    try:
        execute_from_command_line(sys.argv)
    except ImproperlyConfigured as error:  # a data folder or database that a command must not touch
        sys.exit(f"tertulia: {error}")
    except DatabaseError as error:  # no server there, or tables that no start has made yet
        sys.exit(f"tertulia: database: {error}\ntertulia: `tertulia doctor` tells more.")

"""The console script `tertulia`: Django's commands under our settings; manage.py and `python -m tertulia` too."""

import gc
import os
import sys

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.management import execute_from_command_line
from django.db import DatabaseError

from tertulia.config import findings, framework, instance

# What shells report of a command that Ctrl-C ended.
INTERRUPTED = 130


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tertulia.config.settings")
    if sys.argv[1:2] == ["serve"]:
        # Nothing that is loaded is garbage, and looking for some costs a tenth of the start; the application goes on.
        gc.disable()
    try:
        _ = settings.INSTALLED_APPS
    except ImproperlyConfigured as error:
        if sys.argv[1:2] == ["doctor"]:
            sys.exit("\n".join(map(str, findings.of_settings(error))))
        sys.exit("\n".join(f"tertulia: {line}" for line in str(error).splitlines()))
    try:
        if sys.argv[1:2] == ["serve"]:
            framework.load_alone()  # Django's checks look at the middleware before the application is loaded
        # Under one name however it was started: the lines on its use would speak of a file or of Django.
        execute_from_command_line(["tertulia", *sys.argv[1:]])
    except ImproperlyConfigured as error:  # a data folder or database that a command must not touch
        sys.exit(f"tertulia: {error}")
    except DatabaseError as error:  # no server there, or tables that no start has made yet
        reason = instance.unreachable() or " ".join(str(error).split())
        sys.exit(f"tertulia: database: {reason}\ntertulia: `tertulia doctor` tells more.")
    except OSError as error:  # a file or folder that cannot be read or written; a disk that is full
        if "--traceback" in sys.argv:
            raise
        sys.exit(f"tertulia: {error.filename or 'system'}: {error.strerror or error}")
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)

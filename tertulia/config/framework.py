"""Django REST framework as a server has it."""

import sys

from django.db import connection


def load_alone() -> None:
    """Load the framework without packages that it uses if they are there, and that nothing here uses it with.

    Those are an HTTP client for tests and, on SQLite, PostgreSQL's fields with their driver: an eighth of a start and
    eight megabytes of each process. They can be imported as ever afterwards. Call it before anything that imports the
    framework, which the middleware does.
    """
    unused = ["requests"] if connection.vendor == "postgresql" else ["requests", "django.contrib.postgres"]
    absent = [name for name in unused if name not in sys.modules]
    sys.modules.update(dict.fromkeys(absent))  # type: ignore[arg-type]  # None: "cannot be imported"
    try:
        import rest_framework.compat  # noqa: F401, PLC0415
    finally:
        for name in absent:
            del sys.modules[name]

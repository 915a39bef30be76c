"""One JSON line for each record, for whatever collects logs; on a terminal, plain lines for the reader."""

import json
import logging
import sys
from datetime import UTC, datetime

# What callers pass by `extra` and may stand in a line. No text of messages, address, e-mail or token is among them.
_FIELDS = ("request_id", "method", "route", "status", "ms")


class JsonLine(logging.Formatter):
    """Time, level, logger, message, the fields of a request, and the traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        line |= {name: getattr(record, name) for name in _FIELDS if hasattr(record, name)}
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)


def configuration() -> dict[str, object]:
    """Django's LOGGING."""
    on_terminal = sys.stderr.isatty()
    plain = {"format": "{asctime} {levelname} {name} {message}", "style": "{"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"line": plain if on_terminal else {"()": "tertulia.config.logs.JsonLine"}},
        "handlers": {"console": {"class": "logging.StreamHandler", "formatter": "line"}},
        "root": {"handlers": ["console"], "level": "INFO"},
        "loggers": {
            # What it says at INFO the commands say in plainer words.
            "uvicorn": {"level": "WARNING"},
            # Its line for each request names the path, and with it people's ids; ours names the route.
            "django.request": {"level": "ERROR"},
            # Anybody can send a wrong Host: the answer is 400 and no news.
            "django.security.DisallowedHost": {"level": "CRITICAL"},
            "tertulia.request": {"level": "WARNING" if on_terminal else "INFO"},
        },
    }

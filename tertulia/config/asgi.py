"""The ASGI application that every server runs: static files, body limit, lifespan, then Django."""

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any
from wsgiref.headers import Headers

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tertulia.config.settings")

from django.core.asgi import get_asgi_application

from tertulia.config import framework

framework.load_alone()
_django = get_asgi_application()

# After the applications are loaded.
from django.apps import apps
from django.conf import settings
from django.core.cache import close_caches
from django.core.signals import request_finished, request_started
from django.db import close_old_connections, reset_queries
from django.urls import get_resolver
from servestatic import ServeStaticASGI

from tertulia.chat import speech
from tertulia.chat.generation.models import catalogue
from tertulia.chat.generation.supervisor import supervisor
from tertulia.chat.generation.wakeups import wakeups
from tertulia.config import drain, errors, housekeeping, metrics
from tertulia.config.crossing import cross
from tertulia.core import collector, headers
from tertulia.core.body import BodyLimit
from tertulia.core.errors import CutShort

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

# A page and its scripts change with a release only, and are asked for with its version.
STATIC_MAX_AGE = 86_400
# What a foreign page loads to show the chat.
EMBEDDED = "/static/tertulia/app/embed/"


class _StaticFiles(ServeStaticASGI):  # type: ignore[misc]  # it tells no types
    """Looks at the disk for the files that are asked for: a client that was built anew goes on under its server.

    Not at every address, as its base class would: each look takes a thread.
    """

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["path"].startswith(settings.STATIC_URL):
            await super().__call__(scope, receive, send)
        else:
            await self.application(scope, receive, send)


def _static_files(application: Any) -> _StaticFiles:
    """Every application's static files, straight from where they are installed: no copy is collected."""
    static = _StaticFiles(
        application,
        autorefresh=True,
        max_age=STATIC_MAX_AGE,
        allow_all_origins=False,
        add_headers_function=_add_headers,
    )
    for app in apps.get_app_configs():
        if (folder := Path(app.path) / "static").is_dir():
            static.add_files(str(folder), prefix="static/")
    return static


def _add_headers(fields: Headers, path: str, url: str) -> None:
    is_embedded = url.startswith(EMBEDDED)
    for name, value in (headers.of_embedded_files() if is_embedded else headers.of_files()).items():
        fields[name] = value


def _spare_threads() -> None:
    """Let requests come and go without a thread of their own.

    Django's signals would start one for each request, only to close the connection that it never opened: every view
    runs on the loop or, through `in_db`, on a database thread that gives its connection back itself.
    """
    for signal in (request_started, request_finished):
        signal.disconnect(close_old_connections)
    request_started.disconnect(reset_queries)
    request_finished.disconnect(close_caches)


class Application:
    """Starts and ends the supervisor with the server's life, and hands requests on."""

    def __init__(self) -> None:
        self._http = BodyLimit(
            _static_files(_django),
            settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
            settings.UPLOAD_LIMITS,
            errors.as_data,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            # A server that is left without the end of an answer closes the connection.
            with contextlib.suppress(CutShort):
                await self._http(scope, receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        # Imports every view as well: the first request must not pay for that.
        cross(get_resolver().url_patterns)
        # A thread that computes must not keep the loop from its next token for the usual 5 ms.
        sys.setswitchinterval(0.0005)
        collector.calm()
        await wakeups().open()
        supervisor().observers.append(metrics.note_end)
        await supervisor().open()
        drain.before_exit(supervisor())
        keeping = asyncio.create_task(housekeeping.forever())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        keeping.cancel()
        await supervisor().close()
        await wakeups().close()
        metrics.forget_process()
        await catalogue().close()
        await speech.close()
        await send({"type": "lifespan.shutdown.complete"})


_spare_threads()
application = Application()

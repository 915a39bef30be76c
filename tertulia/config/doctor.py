"""What `tertulia doctor` finds: settings, data folder, database, Redis, model provider, mail, sign-in services.

Every check gives findings in plain words and never raises; secrets are shown by their first characters only.
"""

import asyncio
import os
import shutil
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import connection
from django.db.migrations.executor import MigrationExecutor
from redis import Redis
from redis.exceptions import RedisError

from tertulia.config import checks, instance
from tertulia.config.env import platform_hosts
from tertulia.config.findings import Finding, Level
from tertulia.providers.errors import ProviderError
from tertulia.providers.openai import OpenAIProvider

# A disk with less is full before the next look at it.
_LEAST_FREE_BYTES = 200_000_000
_PATIENCE_SECONDS = 5.0


def examine() -> Iterator[Finding]:
    """Everything, in the order in which it would stop a start."""
    yield Finding(Level.OK, "settings", "can be read")
    for check in (_data, _database, _redis, _provider, _addresses, _mail, _social, _client):
        yield from _guarded(check)


def _guarded(check: Callable[[], Iterator[Finding]]) -> Iterator[Finding]:
    try:
        yield from check()
    except Exception as error:  # noqa: BLE001  (a report on a broken installation must come to its end)
        name = check.__name__.strip("_")
        yield Finding(Level.FAULT, name, f"cannot be examined: {type(error).__name__}: {error}")


def masked(secret: str) -> str:
    """Enough to recognise it by."""
    return f"{secret[:4]}… ({len(secret)} characters)" if len(secret) >= 16 else "set"


def _data() -> Iterator[Finding]:
    folder = settings.DATA
    if not os.access(folder, os.W_OK):
        yield Finding(Level.FAULT, "data", f"{folder} cannot be written to")
        return
    free = shutil.disk_usage(folder).free
    level = Level.OK if free >= _LEAST_FREE_BYTES else Level.FAULT
    yield Finding(level, "data", f"{folder}, {free / 1e9:.1f} GB free")
    origin = "from the environment" if os.environ.get("SECRET_KEY") else "kept in the data folder"
    yield Finding(Level.OK, "secret", f"{len(settings.SECRET_KEY)} characters, {origin}")


def _database() -> Iterator[Finding]:
    if reason := instance.unreachable():
        yield Finding(Level.FAULT, "database", f"{instance.place()} cannot be reached: {reason}")
        return
    try:
        instance.check(settings.DATA)
    except ImproperlyConfigured as error:
        yield Finding(Level.FAULT, "database", str(error))
        return
    version = ".".join(map(str, connection.get_database_version()))
    yield Finding(Level.OK, "database", f"{instance.place()}, {connection.display_name} {version}")
    executor = MigrationExecutor(connection)
    if pending := executor.migration_plan(executor.loader.graph.leaf_nodes()):
        yield Finding(Level.NOTE, "database", f"{len(pending)} migrations are applied by the next `serve`")


def _redis() -> Iterator[Finding]:
    if not settings.REDIS_URL:
        return
    place = urlsplit(settings.REDIS_URL)
    name = f"{place.hostname}:{place.port or 6379}" if place.hostname else place.path
    try:
        Redis.from_url(
            settings.REDIS_URL, socket_connect_timeout=_PATIENCE_SECONDS, socket_timeout=_PATIENCE_SECONDS
        ).ping()
    except (RedisError, OSError, ValueError) as error:
        yield Finding(
            Level.NOTE, "redis", f"{name} is away ({type(error).__name__}); everything works without it"
        )
    else:
        yield Finding(Level.OK, "redis", f"{name} answers")


def _provider() -> Iterator[Finding]:
    if not settings.OPENAI_BASE_URL:
        yield Finding(
            Level.NOTE,
            "model",
            "no provider is set: the offline model answers and says so. See OPENAI_API_KEY.",
        )
        return
    key = f"key {masked(settings.OPENAI_API_KEY)}" if settings.OPENAI_API_KEY else "no key"
    place = f"{settings.OPENAI_BASE_URL}, {key}"
    try:
        models = asyncio.run(_listed_models())
    except ProviderError as error:
        yield Finding(Level.FAULT, "model", f"{place}: {error.detail} ({error.slug})")
        return
    yield Finding(Level.OK, "model", f"{place}: {len(models)} models")
    wanted = settings.TERTULIA_DEFAULT_MODEL
    if wanted and wanted not in models:
        # No fault: Azure lists models, and is asked for deployments.
        yield Finding(Level.NOTE, "model", f"TERTULIA_DEFAULT_MODEL {wanted!r} is not among them")


async def _listed_models() -> list[str]:
    provider = OpenAIProvider(base_url=settings.OPENAI_BASE_URL, api_key=settings.OPENAI_API_KEY)
    try:
        return await provider.models()
    finally:
        await provider.close()


def _addresses() -> Iterator[Finding]:
    hosts = ", ".join(settings.ALLOWED_HOSTS)
    if settings.BEHIND_HTTPS:
        yield Finding(Level.OK, "address", f"{hosts}; https, cookies are Secure")
    elif all(checks.is_private(host) for host in settings.ALLOWED_HOSTS):
        yield Finding(Level.NOTE, "address", f"{hosts}: this machine or network only, without https")
    else:
        yield Finding(
            Level.FAULT,
            "address",
            f"{hosts}: public without https; put https://… of it into CSRF_TRUSTED_ORIGINS",
        )
    if settings.BEHIND_HTTPS and not os.environ.get("FORWARDED_ALLOW_IPS") and not platform_hosts():
        yield Finding(
            Level.NOTE,
            "address",
            "FORWARDED_ALLOW_IPS is not set: behind a proxy all visitors share one address and its limits",
        )


def _mail() -> Iterator[Finding]:
    if settings.EMAIL_BACKEND.endswith("smtp.EmailBackend"):
        place = f"{settings.EMAIL_HOST}:{settings.EMAIL_PORT}"
        try:
            socket.create_connection(
                (settings.EMAIL_HOST, settings.EMAIL_PORT), timeout=_PATIENCE_SECONDS
            ).close()
        except OSError as error:
            yield Finding(Level.FAULT, "mail", f"{place} cannot be reached: {error.strerror or error}")
        else:
            yield Finding(Level.OK, "mail", f"{place} accepts connections")
    else:
        yield Finding(
            Level.NOTE, "mail", "printed on the console: nobody can reset a password by mail. See EMAIL_URL."
        )


def _social() -> Iterator[Finding]:
    for name in ("GITHUB", "KAKAO"):
        identity, secret = getattr(settings, f"{name}_CLIENT_ID"), getattr(settings, f"{name}_CLIENT_SECRET")
        if bool(identity) != bool(secret):
            missing = "SECRET" if identity else "ID"
            yield Finding(Level.FAULT, "sign-in", f"{name}_CLIENT_{missing} is missing: no button is shown")
        elif identity:
            yield Finding(Level.OK, "sign-in", f"{name.capitalize()} with id {masked(identity)}")


def _client() -> Iterator[Finding]:
    bundle = Path(__file__).resolve().parent.parent / "web/static/tertulia/app/main.js"
    if bundle.is_file():
        yield Finding(Level.OK, "client", "built")
    else:
        yield Finding(Level.NOTE, "client", "not built: pages work without script only. python3 dev.py build")

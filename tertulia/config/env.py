"""Typed reading of the environment and of `.env`; `settings` is its only caller.

A secret may be given as a file: `NAME_FILE=/run/secrets/name` stands for `NAME`. A bad value stops the start with
one plain line.
"""

import os
import secrets
import sys
import warnings
from pathlib import Path
from typing import Any
from zoneinfo import available_timezones

import environ
from django.core.exceptions import ImproperlyConfigured

from tertulia.config import dotenv

CHECKOUT = Path(__file__).resolve().parent.parent.parent


def in_checkout() -> bool:
    """Whether the package runs from a source tree rather than from an installed wheel."""
    return (CHECKOUT / "pyproject.toml").is_file()


def load() -> environ.FileAwareEnv:
    """The process's environment, over a `.env` file in the checkout or the current folder."""
    for folder in (CHECKOUT if in_checkout() else None, Path.cwd()):
        if folder and (folder / ".env").is_file():
            for name, value in dotenv.values(folder / ".env").items():
                os.environ.setdefault(name, value)
    return environ.FileAwareEnv()


def data_folder(env: environ.Env) -> Path:
    """Where the database file, media and the generated secret live; made when absent."""
    folder = Path(env.str("TERTULIA_DATA", "") or _default_data_folder()).expanduser().resolve()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise ImproperlyConfigured(f"TERTULIA_DATA: cannot use {folder}: {error.strerror}") from error
    return folder


def _default_data_folder() -> Path:
    if in_checkout():
        return CHECKOUT / "data"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", "~")) / "Tertulia"
    if sys.platform == "darwin":
        return Path("~/Library/Application Support/Tertulia")
    return Path(os.environ.get("XDG_DATA_HOME") or "~/.local/share") / "tertulia"


def platform_hosts() -> list[str]:
    """The name that the hosting platform has given this instance: Azure App Service, Heroku with dyno metadata."""
    names = ("WEBSITE_HOSTNAME", "HEROKU_APP_DEFAULT_DOMAIN_NAME")
    return [host for name in names if (host := os.environ.get(name, ""))]


def secret_key(env: environ.Env, data: Path, *, may_generate: bool) -> str:
    """SECRET_KEY, or on a SQLite installation the one made and kept in the data folder."""
    given: str = env.str("SECRET_KEY", "")
    if given:
        if len(given) < 50:
            raise ImproperlyConfigured("SECRET_KEY: at least 50 characters are required.")
        return given
    if not may_generate:
        raise ImproperlyConfigured("SECRET_KEY: required when DATABASE_URL names a database server.")
    path = data / "secret_key"
    try:
        # O_EXCL: of two workers that start at once, one writes and the other reads.
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(64))
    except FileExistsError:
        pass
    except OSError as error:
        raise ImproperlyConfigured(f"TERTULIA_DATA: cannot write to {data}: {error.strerror}.") from None
    return _written_key(path)


def _written_key(path: Path) -> str:
    try:
        key = path.read_text().strip()
    except OSError as error:
        raise ImproperlyConfigured(f"TERTULIA_DATA: cannot read {path}: {error.strerror}.") from None
    if len(key) < 50:
        raise ImproperlyConfigured(f"{path} is damaged: remove it (all sign-ins end) or restore it.")
    return key


def database(env: environ.Env, name: str, file: Path) -> dict[str, Any]:
    """Django's description of the database at an address, else of SQLite's in `file`.

    No part of a wrong address is repeated: it holds a password.
    """
    address: str = env.str(name, "")
    if not address:
        return {"ENGINE": _ENGINES[0], "NAME": str(file)}
    try:
        with warnings.catch_warnings(action="ignore"):
            config: dict[str, Any] = env.db_url_config(address)
    except ValueError:
        config = {}
    if config.get("ENGINE") not in _ENGINES or config["NAME"] in ("", ":memory:"):
        raise ImproperlyConfigured(
            f"{name}: sqlite:///path or postgres://user:password@host/name, special characters of a password as %XX."
        )
    return config


_ENGINES = ("django.db.backends.sqlite3", "django.db.backends.postgresql")


def mail(env: environ.Env, name: str, default: str) -> dict[str, Any]:
    """Django's settings of a mail server by its address."""
    try:
        config: dict[str, Any] = env.email_url_config(env.str(name, "") or default)
    except (ValueError, ImproperlyConfigured):
        raise ImproperlyConfigured(f"{name}: smtp+tls://user:password@host:587, or consolemail://.") from None
    return config


def redis(env: environ.Env, name: str) -> str:
    """The address of a Redis server, empty for none."""
    value: str = env.str(name, "")
    if value and not value.startswith(("redis://", "rediss://", "unix://")):
        raise ImproperlyConfigured(f"{name}: redis://:password@host:6379/0, or rediss:// with TLS.")
    return value


def flag(env: environ.Env, name: str, *, default: bool) -> bool:
    """Yes or no; unset or empty means `default`. A word that is neither is no guess at one of them."""
    value: str = env.str(name, "").strip().lower()
    if value in _WORDS:
        return _WORDS[value]
    if value:
        raise ImproperlyConfigured(f"{name}: true or false; not {value!r}.")
    return default


_WORDS = dict.fromkeys(("true", "1", "yes", "y", "on", "ok"), True) | dict.fromkeys(
    ("false", "0", "no", "n", "off"), False
)


def optional_count(env: environ.Env, name: str, default: int) -> int | None:
    """A number ≥ 0; unset means `default`, set but empty means None (unlimited)."""
    text = env.str(name, str(default)).strip()
    if not text:
        return None
    if not text.isascii() or not text.isdigit():
        raise ImproperlyConfigured(f"{name}: a whole number from 0, or empty for unlimited; not {text!r}.")
    return int(text)


def positive(env: environ.Env, name: str, default: int) -> int:
    """A number ≥ 1; unset or empty means `default`."""
    text = env.str(name, "").strip() or str(default)
    if not text.isascii() or not text.isdigit() or not int(text):
        raise ImproperlyConfigured(f"{name}: a whole number from 1; not {text!r}.")
    return int(text)


def seconds(env: environ.Env, name: str, default: float) -> float:
    """A time of at least 0 s, perhaps with a fraction."""
    text = env.str(name, "") or str(default)
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise ImproperlyConfigured(f"{name}: a number of seconds from 0; not {text!r}.")
    return value


def choice(env: environ.Env, name: str, allowed: tuple[str, ...]) -> str:
    """One of `allowed`; the first is the default."""
    value = env.str(name, "") or allowed[0]
    if value not in allowed:
        raise ImproperlyConfigured(f"{name}: one of {', '.join(allowed)}; not {value!r}.")
    return value


def origin(env: environ.Env, name: str, default: str) -> str:
    """The beginning of a service's addresses, http or https, without a slash at its end."""
    value: str = (env.str(name, "") or default).rstrip("/")
    if not value.startswith(("https://", "http://")):
        raise ImproperlyConfigured(f"{name}: an address that begins with https://; not {value!r}.")
    return value


def time_zone(env: environ.Env, name: str) -> str:
    """A name of the IANA time zone database; UTC by default."""
    value = env.str(name, "") or "UTC"
    # The list is a walk through some 600 files, a twentieth of a start.
    if value != "UTC" and value not in available_timezones():
        raise ImproperlyConfigured(f"{name}: {value!r} is not a time zone name such as Asia/Seoul.")
    return value

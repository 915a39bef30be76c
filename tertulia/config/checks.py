"""Settings that the start refuses because they would be unsafe, each with one plain line; `settings` calls `refuse`.

What a single variable may hold is checked where it is read (`env`); here is what they mean together and on the
machine that they are used on.
"""

import ipaddress
import stat
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured

# SQLite's locks and its shared memory are not reliable there (sqlite.org/wal.html, "all processes … same host").
_NETWORK_FILE_SYSTEMS = frozenset(
    (
        "nfs",
        "nfs4",
        "cifs",
        "smb3",
        "smbfs",
        "afs",
        "ceph",
        "glusterfs",
        "lustre",
        "fuse.sshfs",
        "fuse.blobfuse2",
    )
)
# What documentation writes in the place of a password.
_EXAMPLE_PASSWORDS = frozenset(
    ("password", "postgres", "secret", "changeme", "change-me", "example", "tertulia")
)
_EXAMPLE_WORDS = (
    "django-insecure",
    "change-me",
    "changeme",
    "change me",
    "replace-me",
    "your-secret",
    "example",
)
_SHORTEST_TOKEN = 20


@dataclass(frozen=True, slots=True)
class Facts:
    """What is judged. `platform` is the environment, which hosting platforms describe themselves in."""

    debug: bool
    secret_key: str
    hosts: Sequence[str]
    trusted_origins: Sequence[str]
    cors_origins: Sequence[str]
    database: Mapping[str, Any]
    data: Path
    provider_url: str
    provider_key: str
    metrics_token: str
    platform: Mapping[str, str]


def refuse(facts: Facts) -> None:
    """Raise ImproperlyConfigured, with one line for each unsafe setting."""
    if faults := list(unsafe(facts)):
        raise ImproperlyConfigured("\n".join(faults))


def unsafe(facts: Facts) -> Iterator[str]:
    """One line for each unsafe setting, which begins with its name and ends with the way out."""
    yield from _secrets(facts)
    yield from _hosts(facts)
    yield from _origins(facts)
    yield from _database(facts)
    yield from _provider(facts)


def _secrets(facts: Facts) -> Iterator[str]:
    key = facts.secret_key.lower()
    if len(set(key)) < 10 or any(word in key for word in _EXAMPLE_WORDS):
        yield "SECRET_KEY: this is an example or easily guessed; make one with: openssl rand -base64 48"
    if facts.metrics_token and len(facts.metrics_token) < _SHORTEST_TOKEN:
        yield f"TERTULIA_METRICS_TOKEN: at least {_SHORTEST_TOKEN} characters are required."
    file = facts.data / "secret_key"
    if sys.platform != "win32" and file.is_file() and stat.S_IMODE(file.stat().st_mode) & 0o077:
        yield f"TERTULIA_DATA: others on this machine can read {file}; chmod 600 it."


def _hosts(facts: Facts) -> Iterator[str]:
    if any(host.strip(".") == "*" for host in facts.hosts):
        yield "ALLOWED_HOSTS: * takes any name, and with it forged links in mails; name the hosts."
    elif facts.debug and not all(_is_this_machine(host) for host in facts.hosts):
        yield "DEBUG: shows source code and settings to anybody; only with ALLOWED_HOSTS of this machine."


def _origins(facts: Facts) -> Iterator[str]:
    for origin in facts.cors_origins:
        parts = urlsplit(origin)
        if "*" in origin or parts.scheme not in ("http", "https") or not parts.hostname:
            yield f"CORS_ALLOWED_ORIGINS: {origin!r} is not one origin such as https://chat.example.org."
        elif parts.scheme == "http" and not is_private(parts.hostname):
            yield f"CORS_ALLOWED_ORIGINS: {origin!r} is not encrypted: anybody on the way reads tokens; use https."
    for origin in facts.trusted_origins:
        parts = urlsplit(origin)
        if "://*" in origin and origin.count(".") < 2:
            yield f"CSRF_TRUSTED_ORIGINS: {origin!r} trusts strangers' sites; name the hosts."
        elif parts.scheme == "http" and not is_private(parts.hostname or ""):
            yield f"CSRF_TRUSTED_ORIGINS: {origin!r} is not encrypted: sign-ins can be overheard; use https."


def _database(facts: Facts) -> Iterator[str]:
    database = facts.database
    if database["ENGINE"].endswith("sqlite3"):
        yield from _sqlite(Path(database["NAME"]), facts.platform)
        return
    host = str(database.get("HOST") or "")
    # A host that begins with / is a folder with the server's socket.
    is_here = not host or host.startswith("/") or _is_this_machine(host)
    if not is_here and str(database.get("PASSWORD") or "").lower() in _EXAMPLE_PASSWORDS:
        yield "DATABASE_URL: the password is the one of an example; set another."
    mode = (database.get("OPTIONS") or {}).get("sslmode", "")
    if mode in ("disable", "allow") and not is_private(host):
        yield "DATABASE_URL: sslmode lets the password and every chat cross the network in clear; use sslmode=require."


def _sqlite(path: Path, platform: Mapping[str, str]) -> Iterator[str]:
    way_out = "set DATABASE_URL to a PostgreSQL server."
    if "DYNO" in platform:
        yield f"DATABASE_URL: SQLite is lost here with every restart of the dyno; {way_out}"
    elif "WEBSITE_INSTANCE_ID" in platform and path.is_relative_to("/home"):
        yield f"DATABASE_URL: {path} lies on App Service's network share, where SQLite loses data; {way_out}"
    elif (kind := file_system(path, _mounts())) in _NETWORK_FILE_SYSTEMS:
        yield f"DATABASE_URL: {path} lies on a network share ({kind}), where SQLite loses data; {way_out}"


def _provider(facts: Facts) -> Iterator[str]:
    parts = urlsplit(facts.provider_url)
    if facts.provider_key and parts.scheme == "http" and not is_private(parts.hostname or ""):
        yield "OPENAI_BASE_URL: http would send the key and every chat in clear; use https."


def is_private(host: str) -> bool:
    """Whether a name or address is of this machine or of a private network."""
    try:
        return ipaddress.ip_address(host).is_private
    except ValueError:
        return _is_this_machine(host) or "." not in host or host.endswith((".local", ".internal", ".lan"))


def _is_this_machine(host: str) -> bool:
    host = host.strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def file_system(path: Path, mounts: str) -> str:
    """The type of the file system that holds a path, by the text of Linux's /proc/self/mounts (fstab(5)); else ""."""
    found, kind = Path("/"), ""
    for line in mounts.splitlines():
        fields = line.split(" ")
        if len(fields) < 3:
            continue
        mount = Path(fields[1].replace("\\040", " "))
        if path.is_relative_to(mount) and mount.is_relative_to(found):
            found, kind = mount, fields[2]
    return kind


def _mounts() -> str:
    try:
        return Path("/proc/self/mounts").read_text(errors="replace")
    except OSError:
        return ""

"""What a start refuses, as a table; the whole start is the acceptance programme's (S4)."""

from dataclasses import replace
from pathlib import Path

import pytest

from tertulia.config import checks

_SAFE = checks.Facts(
    debug=False,
    secret_key="q8Zr-7781-of-the-tests-and-nowhere-else-0123456789-abcdef",
    hosts=["chat.example.org"],
    trusted_origins=["https://chat.example.org"],
    cors_origins=["https://front.example.org"],
    database={"ENGINE": "django.db.backends.sqlite3", "NAME": "/var/lib/tertulia/tertulia.sqlite3"},
    data=Path("/nonexistent"),
    provider_url="https://api.openai.com/v1",
    provider_key="k",
    metrics_token="",
    platform={},
)
_POSTGRES = {
    "ENGINE": "django.db.backends.postgresql",
    "NAME": "x",
    "USER": "u",
    "PASSWORD": "7aa1c0",
    "HOST": "db",
}


def named(**changes: object) -> list[str]:
    """The settings that are refused with these facts changed."""
    return [line.partition(":")[0] for line in checks.unsafe(replace(_SAFE, **changes))]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"debug": True, "hosts": ["localhost", "127.0.0.1", "[::1]", "chat.localhost"]},
        {"trusted_origins": ["http://localhost:8000", "http://192.168.1.5:8000", "https://*.example.org"]},
        {"cors_origins": ["http://localhost:5173"]},
        {"provider_url": "http://127.0.0.1:11434/v1"},
        {"provider_url": "http://ollama:11434/v1"},
        {"provider_url": "http://models.example.org/v1", "provider_key": ""},
        {"database": _POSTGRES},
        {"database": _POSTGRES | {"HOST": "", "PASSWORD": ""}},
        {"database": _POSTGRES | {"HOST": "/run/postgresql", "PASSWORD": "postgres"}},
        {"database": _POSTGRES | {"HOST": "localhost", "PASSWORD": "postgres"}},
        {"database": _POSTGRES, "platform": {"DYNO": "web.1", "WEBSITE_INSTANCE_ID": "a"}},
        {"platform": {"WEBSITE_INSTANCE_ID": "a"}},
        {"metrics_token": "q8Zr-7781-of-the-tests"},
    ],
)
def test_what_is_safe_is_let_through(changes: dict[str, object]) -> None:
    assert named(**changes) == []


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"debug": True}, ["DEBUG"]),
        ({"debug": True, "hosts": ["192.168.1.5"]}, ["DEBUG"]),
        ({"hosts": ["*"]}, ["ALLOWED_HOSTS"]),
        ({"hosts": [".*", "localhost"], "debug": True}, ["ALLOWED_HOSTS"]),
        ({"secret_key": "ab" * 40}, ["SECRET_KEY"]),
        ({"secret_key": "Change-Me" + _SAFE.secret_key}, ["SECRET_KEY"]),
        ({"cors_origins": ["*"]}, ["CORS_ALLOWED_ORIGINS"]),
        ({"cors_origins": ["https://*.example.org"]}, ["CORS_ALLOWED_ORIGINS"]),
        ({"cors_origins": ["null", "ftp://x"]}, ["CORS_ALLOWED_ORIGINS"] * 2),
        ({"trusted_origins": ["https://*"]}, ["CSRF_TRUSTED_ORIGINS"]),
        ({"trusted_origins": ["https://*.com"]}, ["CSRF_TRUSTED_ORIGINS"]),
        ({"trusted_origins": ["http://203.0.114.9"]}, ["CSRF_TRUSTED_ORIGINS"]),
        ({"provider_url": "http://8.8.8.8/v1"}, ["OPENAI_BASE_URL"]),
        ({"platform": {"DYNO": "web.1"}}, ["DATABASE_URL"]),
        ({"database": _POSTGRES | {"PASSWORD": "Postgres"}}, ["DATABASE_URL"]),
        (
            {"database": _POSTGRES | {"HOST": "db.example.org", "OPTIONS": {"sslmode": "disable"}}},
            ["DATABASE_URL"],
        ),
        ({"metrics_token": "short", "hosts": ["*"]}, ["TERTULIA_METRICS_TOKEN", "ALLOWED_HOSTS"]),
    ],
)
def test_what_is_unsafe_is_named(changes: dict[str, object], names: list[str]) -> None:
    assert named(**changes) == names


def test_sqlite_on_app_service_is_refused_on_its_share_only() -> None:
    database = {"ENGINE": "django.db.backends.sqlite3", "NAME": "/home/tertulia/tertulia.sqlite3"}
    assert named(database=database) == []
    assert named(database=database, platform={"WEBSITE_INSTANCE_ID": "a"}) == ["DATABASE_URL"]


_MOUNTS = r"""/dev/sda1 / ext4 rw 0 0
tmpfs /run tmpfs rw 0 0
//host/share /mnt/share cifs rw 0 0
host:/x /mnt/my\040share nfs4 rw 0 0
broken
"""


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/var/lib/x.sqlite3", "ext4"),
        ("/mnt/share/data/x.sqlite3", "cifs"),
        ("/mnt/shared/x.sqlite3", "ext4"),
        ("/mnt/my share/x.sqlite3", "nfs4"),
        ("/run/x.sqlite3", "tmpfs"),
    ],
)
def test_the_file_system_is_that_of_the_deepest_mount(path: str, kind: str) -> None:
    assert checks.file_system(Path(path), _MOUNTS) == kind

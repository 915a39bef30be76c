"""Every setting is in `.env.example` and on the reference page, and bad values stop the start with one plain line."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent


def read_by_settings() -> set[str]:
    """The variables that the configuration asks for."""
    names: set[str] = {"PORT", "TERTULIA_DATA", "SECRET_KEY"}
    for path in (ROOT / "tertulia/config/settings.py", ROOT / "tertulia/config/env.py"):
        names |= set(re.findall(r'env(?:ironment)?\.\w+\((?:env, )?"([A-Z_]+)"', path.read_text()))
    return names


def test_env_example_lists_every_setting() -> None:
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    assert listed == read_by_settings()


def test_the_reference_page_lists_every_setting() -> None:
    listed = set(
        re.findall(r"^\| `([A-Z_]+)`", (ROOT / "docs/reference/settings.md").read_text(), re.MULTILINE)
    )
    assert listed == read_by_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "short"),
        ("TERTULIA_DAILY_QUOTA", "five"),
        ("TERTULIA_DAILY_QUOTA", "-1"),
        ("TERTULIA_SIGNUP", "sometimes"),
        ("TERTULIA_TIME_ZONE", "Asia/Nowhere"),
        ("DATABASE_URL", "mysql://u:p@localhost/x"),
        ("TERTULIA_DATA", "/dev/null/data"),
    ],
)
def test_a_bad_value_stops_the_start_and_names_its_setting(name: str, value: str, tmp_path: Path) -> None:
    environment = {**os.environ, "TERTULIA_DATA": str(tmp_path), name: value}
    command = [sys.executable, "-m", "tertulia", "check"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert name in done.stderr.strip().splitlines()[-1]


def test_postgres_needs_a_secret(tmp_path: Path) -> None:
    environment = os.environ | {
        "TERTULIA_DATA": str(tmp_path),
        "DATABASE_URL": "postgres://u:p@127.0.0.1:1/x",
    }
    environment.pop("SECRET_KEY", None)
    command = [sys.executable, "-m", "tertulia", "check"]
    done = subprocess.run(command, env=environment, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "SECRET_KEY" in done.stderr.strip().splitlines()[-1]


def test_the_secret_is_made_once_and_kept_private(tmp_path: Path) -> None:
    environment = os.environ | {
        "TERTULIA_DATA": str(tmp_path),
        "DJANGO_SETTINGS_MODULE": "tertulia.config.settings",
    }
    for name in ("SECRET_KEY", "DATABASE_URL"):
        environment.pop(name, None)
    code = "from django.conf import settings; print(settings.SECRET_KEY)"
    keys = {
        subprocess.run(
            [sys.executable, "-c", code],
            env=environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for _ in range(2)
    }
    assert len(keys) == 1
    assert len(keys.pop().strip()) >= 50
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600

"""`tertulia doctor` on installations that work and that do not."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tertulia.config.doctor import masked

ROOT = Path(__file__).resolve().parents[2]
PREFIX = "sk"  # apart, because nothing in the repository may look like a key
KEY = f"{PREFIX}-of-the-tests-4711-0815"


def doctor(data: Path, **environment: str) -> tuple[int, str]:
    """Its exit status and everything that it says."""
    unset = ("DATABASE_URL", "OPENAI_BASE_URL", "SECRET_KEY")
    kept = {name: value for name, value in os.environ.items() if name not in unset}
    done = subprocess.run(
        [sys.executable, "-m", "tertulia", "doctor"],
        cwd=ROOT,
        env=kept | {"TERTULIA_DATA": str(data)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def test_a_fresh_installation_has_no_fault(tmp_path: Path) -> None:
    status, said = doctor(tmp_path)
    assert status == 0
    assert "FAULT" not in said
    assert "the offline model answers" in said
    assert "kept in the data folder" in said


def test_a_provider_that_answers_is_shown_with_its_key_masked(tmp_path: Path) -> None:
    status, said = doctor(tmp_path, OPENAI_BASE_URL=os.environ["OPENAI_BASE_URL"], OPENAI_API_KEY=KEY)
    assert status == 0, said
    assert "sk-o… (25 characters): " in said
    assert KEY not in said


@pytest.mark.parametrize(
    ("environment", "words"),
    [
        ({"TERTULIA_DAILY_QUOTA": "five"}, "TERTULIA_DAILY_QUOTA"),
        ({"DEBUG": "1", "ALLOWED_HOSTS": "chat.example.org"}, "DEBUG"),
        ({"OPENAI_BASE_URL": "http://127.0.0.1:9/v1", "OPENAI_API_KEY": KEY}, "provider_unreachable"),
        (
            {"DATABASE_URL": f"postgres://u:{KEY}@127.0.0.1:9/x", "SECRET_KEY": "q8Zr-" * 12 + "abcdef"},
            "cannot be reached",
        ),
        ({"EMAIL_URL": f"smtp://u:{KEY}@127.0.0.1:9"}, "127.0.0.1:9 cannot be reached"),
        ({"GITHUB_CLIENT_ID": "only-one"}, "GITHUB_CLIENT_SECRET is missing"),
        ({"ALLOWED_HOSTS": "chat.example.org"}, "public without https"),
    ],
)
def test_a_fault_is_named_in_plain_words(environment: dict[str, str], words: str, tmp_path: Path) -> None:
    status, said = doctor(tmp_path, **environment)
    faults = [line for line in said.splitlines() if line.startswith("FAULT")]
    assert status == 1
    assert len(faults) == 1, said
    assert words in faults[0]
    assert KEY not in said
    assert "Traceback" not in said


def test_a_database_of_another_program_is_a_fault_and_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "tertulia.sqlite3").write_bytes(b"This is no database. " * 500)
    status, said = doctor(tmp_path)
    assert status == 1
    assert "is not a database" in said
    assert (tmp_path / "tertulia.sqlite3").read_bytes() == b"This is no database. " * 500


def test_redis_away_is_no_fault(tmp_path: Path) -> None:
    status, said = doctor(tmp_path, REDIS_URL=f"redis://:{KEY}@127.0.0.1:9/0")
    assert status == 0
    assert "127.0.0.1:9 is away" in said
    assert KEY not in said


@pytest.mark.parametrize(
    ("secret", "shown"), [("short", "set"), ("0123456789abcdef", "0123… (16 characters)")]
)
def test_little_of_a_secret_is_shown(secret: str, shown: str) -> None:
    assert masked(secret) == shown

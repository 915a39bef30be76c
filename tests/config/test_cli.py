"""Commands as they are typed, before anything has been started."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.acceptance.processes import ROOT, clean_environment
from tests.people import PASSWORD


def tertulia(folder: Path, *arguments: str, said: str = "") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "tertulia", *arguments]
    environment = clean_environment() | {"TERTULIA_DATA": str(folder)}
    return subprocess.run(
        command, cwd=ROOT, env=environment, input=said, capture_output=True, text=True, check=False
    )


def test_an_account_may_be_made_before_the_first_start(tmp_path: Path) -> None:
    made = tertulia(tmp_path, "createuser", "first@example.org", "--admin", said=PASSWORD)
    assert (made.returncode, made.stdout) == (0, "first@example.org created.\n")
    key = tertulia(tmp_path, "apikey", "first@example.org")
    assert key.stdout.startswith("tt_"), key.stderr


@pytest.mark.parametrize("command", [("apikey", "nobody@example.org"), ("quota", "nobody@example.org")])
def test_without_tables_a_command_says_so_in_a_line(tmp_path: Path, command: tuple[str, ...]) -> None:
    refused = tertulia(tmp_path, *command)
    assert refused.returncode == 1
    assert "Traceback" not in refused.stderr
    assert "tertulia: database: " in refused.stderr

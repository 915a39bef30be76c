"""Commands as they are typed, before anything has been started."""

import json
import re
import signal
import socket
import subprocess
import sys
import zipfile
from http.client import HTTPConnection
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tertulia.config.backups import rows
from tertulia.config.server import CannotListen, Listening
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


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("createuser", "nobody"), "CommandError: Enter a valid email address."),
        (("quota",), "CommandError: Whose? Give an EMAIL, or --group NAME."),
        (("restore", "/nowhere/backup.zip"), "tertulia: /nowhere/backup.zip: No such file or directory"),
        (
            ("export_client", "--api", "https://a.example.org", "--out", "/dev/null/x"),
            "CommandError: --out: ",
        ),
        (("serve", "--workers", "0"), "CommandError: --workers: a whole number from 1."),
        (
            ("serve", "--port", "65536"),
            "tertulia serve: error: argument --port: a whole number from 0 to 65535",
        ),
        (("serve", "--host", "192.0.2.1"), "CommandError: Port 8000 of 192.0.2.1 cannot be had: "),
    ],
)
def test_a_mistake_is_answered_in_a_line(command: tuple[str, ...], told: str, tmp_path: Path) -> None:
    refused = tertulia(tmp_path, *command)
    assert refused.returncode in (1, 2)
    assert refused.stderr.splitlines()[-1].startswith(told), refused.stderr
    assert "Traceback" not in refused.stderr
    if command[0] == "serve":
        assert not list(tmp_path.glob("*.sqlite3"))  # what has no port has touched nothing


def test_a_port_that_is_taken_is_named(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = tertulia(tmp_path, "serve", "--port", str(port))
    told = f"CommandError: Port {port} of 127.0.0.1 cannot be had: Address already in use.\n"
    assert (refused.returncode, refused.stderr) == (1, told)


def test_of_two_that_take_a_port_at_the_same_time_one_is_told() -> None:
    """Until one of them listens, the system lets both have it."""
    first = Listening("127.0.0.1", 0)
    port = int(first.url.rpartition(":")[2])
    second = Listening("127.0.0.1", port)
    first.open()
    with pytest.raises(CannotListen, match=f"Port {port} of 127.0.0.1 cannot be had"):
        second.open()


def test_an_address_that_is_told_takes_connections(tmp_path: Path) -> None:
    environment = clean_environment() | {"TERTULIA_DATA": str(tmp_path)}
    command = [sys.executable, "-m", "tertulia", "serve", "--port", "0"]
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        assert server.stdout is not None
        told = urlsplit(server.stdout.readline().split()[-1])
        asking = HTTPConnection("127.0.0.1", told.port or 0, timeout=60)
        asking.request("GET", "/healthz")
        assert asking.getresponse().status == 200
        server.terminate()


def test_ctrl_c_ends_a_server_without_a_word(tmp_path: Path) -> None:
    environment = clean_environment() | {"TERTULIA_DATA": str(tmp_path)}
    process = subprocess.Popen(
        [sys.executable, "-m", "tertulia", "serve", "--port", "0"],
        cwd=ROOT,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    for line in process.stdout:
        if "/accounts/link/" in line:  # the last before it serves
            break
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said


def test_a_restore_that_broke_off_is_refused_until_it_is_done_again(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    tertulia(source, "createuser", "first@example.org", said=PASSWORD)
    tertulia(source, "apikey", "first@example.org")
    whole, broken = tmp_path / "whole.zip", tmp_path / "broken.zip"
    assert tertulia(source, "backup", str(whole)).returncode == 0
    moved = tertulia(source, "move", "--to", "garbage")
    assert moved.stderr.startswith("CommandError: DATABASE_URL: sqlite:///path or postgres://")
    without_people(whole, broken)
    failed = tertulia(target, "restore", str(broken))
    assert failed.returncode == 1
    assert "FOREIGN KEY" in failed.stderr or "foreign key" in failed.stderr
    started = tertulia(target, "serve", "--port", "0")
    assert started.returncode == 1
    assert re.fullmatch(
        r"tertulia: \S+ holds a part of a backup: .+ Run tertulia restore again\.\n", started.stderr
    )
    assert tertulia(target, "restore", str(whole)).returncode == 0
    assert tertulia(target, "quota", "first@example.org").stdout.startswith("first@example.org: ")


def without_people(source: Path, target: Path) -> None:
    """A backup that is whole by its digests, with keys of nobody: it fails when its rows are in place."""
    people = "accounts.user"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if name == f"rows/{people}.jsonl":
                content = content.splitlines(keepends=True)[0]
            elif name == "manifest.json":
                manifest = json.loads(content)
                manifest["tables"][people] = rows.Digest().as_json()
                content = json.dumps(manifest).encode()
            new.writestr(name, content)


def test_a_server_loads_nothing_that_few_need(tmp_path: Path) -> None:
    """Each costs every start and every process: a client of HTTP, security keys, and on SQLite another driver."""
    environment = clean_environment() | {"TERTULIA_DATA": str(tmp_path), "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-X", "importtime", "-m", "tertulia", "serve", "--port", "0"]
    log = tmp_path / "imports.log"
    with (
        log.open("w") as imports,
        subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=imports, text=True
        ) as server,
    ):
        assert server.stdout is not None
        assert "Tertulia" in server.stdout.readline()
        server.terminate()
    loaded = {line.rpartition("|")[2].strip() for line in log.read_text().splitlines()}
    assert "rest_framework.compat" in loaded
    assert not loaded & {"requests.sessions", "fido2", "qrcode", "psycopg"}

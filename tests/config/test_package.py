"""The deployment zip: what App Service does with it, done here; and what keeps one from being made."""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

# What App Service's Linux image sets, besides an operator's own settings.
_APP_SERVICE = {
    "WEBSITE_SITE_NAME": "rehearsal",
    "WEBSITE_HOSTNAME": "rehearsal.azurewebsites.net",
    "WEBSITE_INSTANCE_ID": "5f3b",
    "WEBSITES_PORT": "0",
    "HOME": "/home",
    "LANG": "C.UTF-8",
}


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clean checkout with this tree's files and what the build made of them."""
    folder = tmp_path_factory.mktemp("checkout")
    apart = shutil.ignore_patterns("__pycache__")
    for name in ("tertulia", "client/package-lock.json", "requirements.txt", "pyproject.toml", "hatch_build.py",
                 "LICENSE", "NOTICE", "CHANGELOG.md", ".gitignore"):  # fmt: skip
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=apart)
        else:
            shutil.copyfile(ROOT / name, target)
    git(folder, "init", "--quiet")
    commit(folder)
    return folder


def git(folder: Path, *arguments: str) -> None:
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "Everything")


def package(folder: Path, output: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """`tertulia package azure` of that checkout."""
    return subprocess.run(
        [sys.executable, "-m", "tertulia", "package", "azure", "--output", str(output)],
        cwd=folder,
        env=clean_environment(folder.parent / "data") | environment,
        capture_output=True,
        text=True,
        check=False,
    )


def clean_environment(data: Path) -> dict[str, str]:
    data.mkdir(exist_ok=True)
    kept = {name: os.environ[name] for name in ("PATH", "SYSTEMROOT") if name in os.environ}
    return kept | {"TERTULIA_DATA": str(data), "PYTHONDONTWRITEBYTECODE": "1"}


def test_built_twice_it_is_the_same_file(checkout: Path, tmp_path: Path) -> None:
    first = package(checkout, tmp_path / "first.zip")
    assert first.returncode == 0, first.stderr
    for path in checkout.rglob("*"):
        os.utime(path, (1_000_000_000, 1_000_000_000))
    git(checkout, "update-index", "--refresh")
    assert package(checkout, tmp_path / "second.zip").returncode == 0
    digests = [
        hashlib.sha256((tmp_path / name).read_bytes()).hexdigest() for name in ("first.zip", "second.zip")
    ]
    assert digests[0] == digests[1]
    assert digests[0] in first.stdout


def test_it_holds_what_runs_and_nothing_else(checkout: Path, tmp_path: Path) -> None:
    assert package(checkout, tmp_path / "app.zip").returncode == 0
    with zipfile.ZipFile(tmp_path / "app.zip") as archive:
        names = archive.namelist()
        bill = json.loads(archive.read("sbom.json"))
    assert {name.partition("/")[0] for name in names} == {
        "CHANGELOG.md", "LICENSE", "NOTICE", "requirements.txt", "sbom.json", "tertulia",
    }  # fmt: skip
    assert "tertulia/web/static/tertulia/app/main.js" in names
    assert {f"tertulia/locale/{code}/LC_MESSAGES/django.mo" for code in ("es", "ko", "ru", "zh_Hans")} <= set(
        names
    )
    assert bill["bomFormat"] == "CycloneDX"
    assert all("=" not in component["version"] for component in bill["components"])


_PLANTED = {
    "tertulia/.env": ("A=1\n", "such a file never travels"),
    "tertulia/copy.sqlite3": ("x", "such a file never travels"),
    "tertulia/server.pem": ("x", "such a file never travels"),
    "tertulia/one.py": ("KEY = 'sk" + "-proj-0123456789abcdefghijklmnop'\n", "line 1: an OpenAI key"),
    "tertulia/two.py": ("\n\n# q8Zr-7781-hypothetical\n", "line 3: the value of MY_TOKEN"),
}


def test_secrets_and_databases_stop_it_and_are_not_repeated(checkout: Path, tmp_path: Path) -> None:
    for name, (content, _) in _PLANTED.items():
        (checkout / name).write_text(content)
    git(checkout, "add", "--force", *_PLANTED)
    git(checkout, "commit", "--quiet", "--message", "Secrets")
    try:
        done = package(checkout, tmp_path / "app.zip", MY_TOKEN="q8Zr-7781-hypothetical")
    finally:
        git(checkout, "reset", "--quiet", "--hard", "HEAD~1")
    assert done.returncode != 0
    said = dict(re.findall(r"^(tertulia/[\w.]+)(?:,|:) (.+)$", done.stderr, re.MULTILINE))
    assert said == {name: reason for name, (_, reason) in _PLANTED.items()}
    assert not (tmp_path / "app.zip").exists()
    assert "0123456789abcdef" not in done.stderr
    assert "q8Zr" not in done.stderr


def test_uncommitted_changes_stop_it(checkout: Path, tmp_path: Path) -> None:
    (checkout / "LICENSE").write_text("Changed.")
    try:
        done = package(checkout, tmp_path / "app.zip")
    finally:
        git(checkout, "checkout", "--quiet", "LICENSE")
    assert done.returncode != 0
    assert "uncommitted changes: LICENSE" in done.stderr


def test_an_unbuilt_client_stops_it(checkout: Path, tmp_path: Path) -> None:
    bundle = checkout / "tertulia/web/static/tertulia/app/main.js"
    kept = bundle.read_bytes()
    bundle.unlink()
    try:
        done = package(checkout, tmp_path / "app.zip")
    finally:
        bundle.write_bytes(kept)
    assert done.returncode != 0
    assert "the client is not built" in done.stderr


# --- The rehearsal --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def unpacked(checkout: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip as App Service builds it: in an empty folder, with an environment of its own."""
    folder = tmp_path_factory.mktemp("wwwroot")
    archive = folder.parent / "app.zip"
    done = package(checkout, archive)
    assert done.returncode == 0, done.stderr
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder)
    subprocess.run([sys.executable, "-m", "venv", "antenv"], cwd=folder, check=True)
    subprocess.run(
        "antenv/bin/pip install --quiet --require-hashes -r requirements.txt".split(),
        cwd=folder,
        env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1"},
        check=True,
    )
    return folder


@pytest.fixture
def instance(unpacked: Path, fresh_database: Callable[[], str], tmp_path: Path) -> Iterator[str]:
    """Its address, started by the documented command with App Service's environment and nothing of this one."""
    readme = (ROOT / "deploy/azure/README.md").read_text()
    command = re.search(r'--startup-file "([^"]+)"', readme)
    assert command
    environment = _APP_SERVICE | {
        "PATH": f"{unpacked / 'antenv/bin'}:/usr/bin:/bin",
        "SECRET_KEY": "of the rehearsal, of sufficient length: " + "0123456789" * 3,
        "TERTULIA_DATA": str(tmp_path / "data"),
        "ALLOWED_HOSTS": "127.0.0.1",
    }
    if url := fresh_database():
        environment["DATABASE_URL"] = url
    log = tmp_path / "log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            command[1].split(), cwd=unpacked, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
    try:
        yield f"http://127.0.0.1:{announced_port(process, log)}"
    finally:
        process.terminate()
        process.wait(30)


def announced_port(process: subprocess.Popen[bytes], log: Path) -> str:
    deadline = time.monotonic() + 120
    while not (found := re.search(r"http://[^\s/]+:(\d+)/", log.read_text())):
        assert process.poll() is None, log.read_text()
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)
    return found[1]


def test_what_app_service_builds_works(unpacked: Path, instance: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [unpacked / "antenv/bin/python", "-m", "tertulia", "smoke", instance],
        cwd=unpacked,
        env={"TERTULIA_DATA": str(tmp_path / "visitor"), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert [line[:2] for line in done.stdout.splitlines()] == ["ok"] * 5 + ["ht"]

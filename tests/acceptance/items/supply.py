"""S1 to S9 and H1: what is installed, what a start refuses, what no file holds, what the locks add up to.

Played by the programme through `items`.
"""

import asyncio
import json
import re
import secrets
import subprocess
import sys
import tempfile
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from tertulia.config.packaging.bom import bill
from tertulia.config.packaging.leaks import leaks
from tests.acceptance.figures import Outcome
from tests.acceptance.processes import ROOT, clean_environment, python
from tests.acceptance.stage import PROVIDER_KEY, SECRET_KEY, Stage

_GOOD_SECRET = "an invented one of the acceptance programme: " + "abcdefghijklmnop"


# --- S1, S2, S3, S7: dependencies -----------------------------------------------------------------------------------


async def locked_dependencies(stage: Stage) -> Outcome:
    """Few, all pinned by hash, none that runs code at every start of Python, all of them in the bill of materials."""
    outcome = Outcome()
    locks = {path.name: path.read_text() for path in ROOT.glob("requirements*.txt")}
    pins = {name: _pins(text) for name, text in locks.items()}
    unhashed = [
        f"{lock}: {name}" for lock, entries in pins.items() for name, hashes in entries.items() if not hashes
    ]
    outcome.none_of("unhashed_python_packages", unhashed)
    npm = json.loads((ROOT / "client/package-lock.json").read_text())["packages"]
    npm.pop("")
    outcome.none_of(
        "unhashed_npm_packages", [name for name, entry in npm.items() if "integrity" not in entry]
    )
    direct = re.search(
        r"^dependencies = \[\n(.*?)^\]", (ROOT / "pyproject.toml").read_text(), re.DOTALL | re.MULTILINE
    )
    assert direct is not None
    outcome.at_most("direct_dependencies", direct[1].count('"') / 2, 25)
    outcome.at_most("runtime_packages", len(pins["requirements.txt"]), 60)
    reasons = (ROOT / "docs/decisions/dependencies.md").read_text().lower()
    named = re.findall(r'^\s+"([\w-]+)', direct[1], re.MULTILINE)
    outcome.none_of("without_a_written_reason", [name for name in named if not _is_named(name, reasons)])
    outcome.none_of("code_at_every_start_of_python", _startup_code(set(pins["requirements.txt"])))
    document = json.loads(bill(locks["requirements.txt"], (ROOT / "client/package-lock.json").read_text()))
    outcome.exactly(
        "components_of_the_bill", len(document["components"]), len(pins["requirements.txt"]) + len(npm)
    )
    outcome.none_of(
        "components_without_address", [c["name"] for c in document["components"] if "purl" not in c]
    )
    return outcome


def _pins(lock: str) -> dict[str, list[str]]:
    """Each requirement, with its marker where a package is pinned twice, and its hashes."""
    text = re.sub(r"^\s*#.*\n", "", lock, flags=re.MULTILINE).replace("\\\n", " ")
    entries = (line.split(" --hash=", 1) for line in text.splitlines() if line.strip())
    return {entry[0].strip(): re.findall(r"sha256:[0-9a-f]{64}", " ".join(entry[1:])) for entry in entries}


def _is_named(package: str, page: str) -> bool:
    return package in page or package.removeprefix("django-") in page


def _startup_code(names: set[str]) -> list[str]:
    """`.pth` files of locked packages: each line that begins with import is run whenever Python starts."""
    locked = {re.sub(r"[-_.]+", "-", name.partition("==")[0]).lower() for name in names}
    files = [
        (distribution, file)
        for distribution in distributions()
        if re.sub(r"[-_.]+", "-", distribution.name).lower() in locked
        for file in distribution.files or []
        if file.suffix == ".pth"
    ]
    return [f"{distribution.name}: {file}" for distribution, file in files if "import" in file.read_text()]


# --- S4: unsafe settings --------------------------------------------------------------------------------------------

_UNSAFE: dict[str, dict[str, str]] = {
    "DEBUG": {"DEBUG": "true", "ALLOWED_HOSTS": "chat.example.org"},
    "SECRET_KEY missing": {"SECRET_KEY": "", "DATABASE_URL": "postgres://u:p3f9a@db/x"},
    "SECRET_KEY short": {"SECRET_KEY": "too short"},
    "SECRET_KEY example": {"SECRET_KEY": "django-insecure-" + "0123456789abcdefghij" * 3},
    "SECRET_KEY guessable": {"SECRET_KEY": "a" * 60},
    "ALLOWED_HOSTS": {"ALLOWED_HOSTS": "*"},
    "CORS_ALLOWED_ORIGINS": {"CORS_ALLOWED_ORIGINS": "*"},
    "CORS_ALLOWED_ORIGINS plain": {"CORS_ALLOWED_ORIGINS": "http://chat.example.org"},
    "CSRF_TRUSTED_ORIGINS": {"CSRF_TRUSTED_ORIGINS": "https://*"},
    "CSRF_TRUSTED_ORIGINS plain": {"CSRF_TRUSTED_ORIGINS": "http://chat.example.org"},
    "DATABASE_URL on App Service": {
        "TERTULIA_DATA": "/home/tertulia-acceptance",
        "WEBSITE_INSTANCE_ID": "a1",
    },
    "DATABASE_URL on a dyno": {"DYNO": "web.1"},
    "DATABASE_URL in clear": {"DATABASE_URL": "postgres://u:p3f9a@db.example.org/x?sslmode=disable"},
    "DATABASE_URL password": {"DATABASE_URL": "postgres://postgres:password@db.example.org/x"},
    "OPENAI_BASE_URL": {"OPENAI_BASE_URL": "http://models.example.org/v1", "OPENAI_API_KEY": "k-3f9a81c"},
    "TERTULIA_METRICS_TOKEN": {"TERTULIA_METRICS_TOKEN": "short"},
    "TERTULIA_DATA": {"_readable_by_others": "1"},
}


async def unsafe_settings(stage: Stage) -> Outcome:
    """Each ends the start with one plain line that begins with its name; without it the same start is fine."""
    outcome = Outcome()
    wrong = []
    for name, unsafe in _UNSAFE.items():
        text = await asyncio.to_thread(_refusal, unsafe)
        lines = text.splitlines()
        if len(lines) != 1 or not lines[0].startswith(f"tertulia: {name.partition(' ')[0]}:"):
            wrong.append(f"{name}: {text[:300]}")
    outcome.exactly("cases", len(_UNSAFE), 17)
    outcome.none_of("not_refused_in_one_line", wrong)
    outcome.exactly("safe_start", await asyncio.to_thread(_refusal, {}), "")
    return outcome


def _refusal(settings: dict[str, str]) -> str:
    """What `tertulia check` says on standard error; empty when it is content."""
    with tempfile.TemporaryDirectory(prefix="tertulia-settings-") as folder:
        environment = {"TERTULIA_DATA": folder, "SECRET_KEY": _GOOD_SECRET, **settings}
        if environment.pop("_readable_by_others", ""):
            del environment["SECRET_KEY"]
            (Path(folder) / "secret_key").write_text(SECRET_KEY)
            (Path(folder) / "secret_key").chmod(0o644)
        done = subprocess.run(
            python("-m", "tertulia", "check", "--verbosity", "0"),
            cwd=ROOT,
            env=clean_environment() | environment,
            capture_output=True,
            text=True,
            check=False,
        )
    made = Path("/home/tertulia-acceptance")
    if made.is_dir():
        for file in made.iterdir():
            file.unlink()
        made.rmdir()
    return done.stderr.strip() if done.returncode else ""


# --- S5: secrets ----------------------------------------------------------------------------------------------------


# What the servers under test present to the scripted provider: an invented key.
_CANARY = PROVIDER_KEY.encode()


async def secret_scan(stage: Stage) -> Outcome:
    """No file of the tree and no commit holds a secret; planted ones are found, so that the scan is not blind."""
    outcome = Outcome()
    planted = _planted()
    outcome.none_of(
        "planted_and_not_found", [kind for kind, text in planted.items() if not list(leaks(text.encode()))]
    )
    files = await asyncio.to_thread(_files)
    outcome.at_least("files", len(files), 200)
    found = [
        f"{path.relative_to(ROOT)}, line {leak.line}: {leak.kind}"
        for path in files
        for leak in leaks(path.read_bytes().replace(_CANARY, b""))
    ]
    outcome.none_of("in_the_tree", found)
    history = await asyncio.to_thread(_history)
    outcome.none_of("in_the_history", sorted({leak.kind for leak in leaks(history.replace(_CANARY, b""))}))
    outcome.note("history_bytes", len(history))
    return outcome


def _planted() -> dict[str, str]:
    """One of each kind, made here so that this file itself holds none."""
    noise = secrets.token_hex(40)
    return {
        "private key": "-----BEGIN " + f"PRIVATE KEY-----\n{noise}\n",
        "OpenAI": "key = 'sk" + f"-proj-{noise}'",
        "GitHub": "gh" + f"p_{noise[:36]}",
        "AWS": "AKI" + f"A{noise[:16].upper()}",
        "Slack": "xox" + f"b-{noise}",
        "address": "postgres" + f"://me:{noise[:12]}@db.example.org/x",
        "variable": "SECRET_" + f"KEY={noise}",
    }


def _files() -> list[Path]:
    """The files that belong to the repository; where that is unknown, all but those that were installed or built."""
    try:
        listed = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
        return [path for name in listed if name and (path := ROOT / name).is_file()]
    except (OSError, subprocess.CalledProcessError):
        apart = {".venv", ".venv-tools", "node_modules", "__pycache__", "data"}
        return [path for path in ROOT.rglob("*") if path.is_file() and not apart.intersection(path.parts)]


def _history() -> bytes:
    """Every line that any commit added."""
    try:
        return _git("log", "--all", "--patch", "--unified=0", "--no-color", "--no-textconv").encode()
    except (OSError, subprocess.CalledProcessError):
        return b""


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=True)
    return done.stdout.decode(errors="replace")


# --- S9: static analysis --------------------------------------------------------------------------------------------

# Where text becomes markup, each with the reason beside it.
_MARKUP = {
    "tertulia/web/markdown.py": "the renderer itself",
    "tertulia/web/templates/web/accounts/authenticator.html": "the picture of a QR code, drawn here",
    "tertulia/web/templatetags/pages.py": "marks up what it has escaped",
}


async def static_analysis(stage: Stage) -> Outcome:
    """bandit finds nothing of medium severity; text becomes markup in the listed places only."""
    outcome = Outcome()
    command = [*python("-m", "bandit"), "-r", "tertulia", "-ll", "-q", "-f", "json"]
    done = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, capture_output=True, check=False)
    report = json.loads(done.stdout)
    outcome.at_least("lines_analysed", report["metrics"]["_totals"]["loc"], 5_000)
    outcome.none_of(
        "medium_or_higher", [_described(found) for found in report["results"] if not _is_reasoned(found)]
    )
    outcome.note("looked_at", sum(_is_reasoned(found) for found in report["results"]))
    outcome.none_of("analysed_with_errors", [str(error) for error in report["errors"]])
    marking = re.compile(r"\bmark_safe\(|\bSafeString\(|\|\s*safe\b|{%\s*autoescape off")
    outcome.exactly("markup_from_text", _places("tertulia", ("py", "html"), marking), sorted(_MARKUP))
    raw = re.compile(r"\.(inner|outer)HTML\s*=|insertAdjacentHTML|document\.write|\beval\(|new Function\(")
    outcome.exactly("raw_markup_in_the_client", _places("client/src", ("ts",), raw), [])
    return outcome


def _described(found: dict[str, Any]) -> str:
    return f"{found['filename']}:{found['line_number']} {found['test_id']} {found['issue_text']}"


def _is_reasoned(found: dict[str, Any]) -> bool:
    """Whether it was looked at: the linter knows the same rules as S…, and is told at the line itself."""
    rule = {"B703": "S308"}.get(found["test_id"], "S" + found["test_id"][1:])
    lines = (ROOT / found["filename"]).read_text().splitlines()
    span = range(min(found["line_range"]) - 2, max(found["line_range"]) + 1)
    return any(re.search(rf"noqa: .*{rule}", lines[number]) for number in span if number < len(lines))


def _places(folder: str, kinds: tuple[str, ...], pattern: re.Pattern[str]) -> list[str]:
    files = [path for kind in kinds for path in (ROOT / folder).rglob(f"*.{kind}")]
    return sorted(path.relative_to(ROOT).as_posix() for path in files if pattern.search(path.read_text()))


# --- H1: the shipped production settings ----------------------------------------------------------------------------


async def deployment_check(stage: Stage) -> Outcome:
    """`check --deploy` finds nothing in what deploy/production.env.example says, once its empty lines are filled."""
    outcome = Outcome()
    shipped = dict(
        line.split("=", 1)
        for line in (ROOT / "deploy/production.env.example").read_text().splitlines()
        if line and not line.startswith("#")
    )
    with tempfile.TemporaryDirectory(prefix="tertulia-deploy-") as folder:
        filled = shipped | {"SECRET_KEY": _GOOD_SECRET, "TERTULIA_DATA": folder}
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "tertulia", "check", "--deploy", "--fail-level", "WARNING"],
            cwd=ROOT,
            env=clean_environment() | filled,
            capture_output=True,
            text=True,
            check=False,
        )
        outcome.exactly("status", done.returncode, 0)
        outcome.none_of("warnings", re.findall(r"\?: \((\S+)\)", done.stderr))
        outcome.exactly("says", "no issues" in done.stdout, True)
    listed = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
    outcome.none_of("unknown_settings", sorted(set(shipped) - listed - {"FORWARDED_ALLOW_IPS"}))
    return outcome

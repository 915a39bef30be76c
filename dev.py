#!/usr/bin/env python3
"""Everything one does with a checkout, by one command; needs Python 3.11+ and the network, nothing else.

`python3 dev.py` lists the commands. Each prepares what it needs first: hash-pinned uv in `.venv-tools`, the
locked environment in `.venv`, the client bundle and the compiled translations. A step is skipped while the
hash of its inputs is the one it was last done for, so that a second start costs only the hashing.
"""

from __future__ import annotations  # so that an older Python gets as far as being told so

import contextlib
import hashlib
import importlib.util
import json
import os
import shlex
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NoReturn

from tests.browsers import NAMES as CHROMIUMS

ROOT = Path(__file__).resolve().parent
BIN = "Scripts" if os.name == "nt" else "bin"
VENV = ROOT / ".venv"
TOOLS = ROOT / ".venv-tools"
PYTHON = VENV / BIN / ("python.exe" if os.name == "nt" else "python")
BUNDLE = ROOT / "tertulia/web/static/tertulia/app/main.js"

LOCKS = {  # lock file: what it pins beside the application's own dependencies; a checkout also gets a voice
    "requirements.txt": [],
    "requirements-build.txt": ["--group", "build", "--extra", "speech"],
    "requirements-dev.txt": ["--group", "dev", "--extra", "speech"],
}
# Programs that whole-system tests drive: the names that each may have, the quickest first, and the Debian packages that
# bring that one.
PROGRAMS = {
    CHROMIUMS: ["chromium-headless-shell", "fonts-noto-core", "fonts-noto-cjk"],
    ("caddy",): ["caddy"],
}
WHOLE_SYSTEM = ["tests/acceptance", "tests/browser"]


# --- Steps, each done once per content of its inputs -------------------------------------------------


def digest(paths: Iterable[Path], *facts: str) -> str:
    """Hash of the files' names and contents, with whatever else the step depends on."""
    total = hashlib.sha256("\0".join(facts).encode())
    for path in sorted(paths):
        total.update(f"\0{path.relative_to(ROOT)}\0".encode())
        total.update(hashlib.sha256(path.read_bytes()).digest())
    return total.hexdigest()


def stamp_of(folder: Path) -> dict[str, str]:
    try:
        return dict(json.loads((folder / "stamps.json").read_text()))
    except (OSError, ValueError):
        return {}


def set_stamp(folder: Path, **done: str) -> None:
    (folder / "stamps.json").write_text(json.dumps(stamp_of(folder) | done, indent=1))


def client_sources() -> list[Path]:
    others = {"node_modules", "tests", ".tests"}
    top = [path for path in (ROOT / "client").iterdir() if path.name not in others]
    inside = [file for path in top if path.is_dir() for file in path.rglob("*") if file.is_file()]
    return [ROOT / "hatch_build.py", *inside, *(path for path in top if path.is_file())]


@contextlib.contextmanager
def only_one() -> Iterator[None]:
    """Two commands started at once in one checkout would install into each other's files."""
    try:
        import fcntl  # noqa: PLC0415  (absent on Windows, where nothing guards)
    except ImportError:
        yield
        return
    with (ROOT / ".dev.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare(group: str) -> None:
    """Bring the environment (`build` or `dev`, a superset), the bundle and the translations up to date."""
    with only_one():
        place_caches()
        prepare_environment(group)
        prepare_assets()


def place_caches() -> None:
    """Installers keep what they fetch in the user's home; where that cannot be written to, it stays in the checkout."""
    if not os.access(os.path.expanduser("~"), os.W_OK):  # noqa: PTH111  (Path.home() raises where there is none)
        for variable in ("UV_CACHE_DIR", "PIP_CACHE_DIR", "NPM_CONFIG_CACHE"):
            os.environ.setdefault(variable, str(TOOLS / variable.lower()))


def prepare_tools() -> Path:
    """The pinned uv, installed by pip into a place of its own: system Pythons refuse additions."""
    lock = ROOT / "requirements-tools.txt"
    uv = TOOLS / BIN / ("uv.exe" if os.name == "nt" else "uv")
    wanted = digest([lock], sys.version)
    if stamp_of(TOOLS).get("tools") == wanted and uv.exists():
        return uv
    say("installing uv")
    shutil.rmtree(TOOLS, ignore_errors=True)
    install = "-m pip install --quiet --disable-pip-version-check --require-hashes -r".split()
    if importlib.util.find_spec("ensurepip"):
        venv.create(TOOLS, with_pip=True)
        run(TOOLS / BIN / "python", *install, lock)
    elif importlib.util.find_spec("pip"):
        run(sys.executable, *install, lock, "--target", TOOLS)
    else:
        fail("This Python has neither venv nor pip. On Debian or Ubuntu: apt-get install python3-venv")
    set_stamp(TOOLS, tools=wanted)
    return uv


def prepare_environment(group: str) -> None:
    stamps = stamp_of(VENV)
    if stamps.get("group") == "dev":
        group = "dev"  # a superset: `run` after `test` need not shrink it
    wanted = digest([ROOT / f"requirements-{group}.txt", ROOT / "pyproject.toml"], str(ROOT))
    if PYTHON.exists() and stamps.get("environment") == wanted:
        return
    uv = prepare_tools()
    if not PYTHON.exists():
        run(uv, "venv", "--quiet", "--allow-existing", "--python", sys.executable, VENV)
    say(f"installing requirements-{group}.txt")
    into: list[str | Path] = ["--quiet", "--python", PYTHON]
    # Compiled once here: where Python may not write beside its modules, every start would do it, for half of its time.
    lock = ROOT / f"requirements-{group}.txt"
    run(uv, "pip", "sync", *into, "--compile-bytecode", "--require-hashes", lock)
    run(uv, "pip", "install", *into, "--no-deps", "--no-build-isolation", "--editable", ROOT)
    set_stamp(VENV, environment=wanted, group=group)


def prepare_assets() -> None:
    """Bundle the client and compile the translations, as the wheel's build does."""
    stamps = stamp_of(VENV)
    client = digest(client_sources())
    if stamps.get("client") != client or not BUNDLE.exists():
        say("building the client")
        run(PYTHON, ROOT / "hatch_build.py", "client")
        set_stamp(VENV, client=client)
    if stamps.get("locale") != locale_digest():
        run(PYTHON, ROOT / "hatch_build.py", "locale")
        set_stamp(VENV, locale=locale_digest())


def locale_digest() -> str:
    """Of the catalogues and of which compiled ones exist: a deleted one is made again."""
    compiled = sorted(str(path) for path in ROOT.glob("tertulia/**/*.mo"))
    return digest(ROOT.glob("tertulia/**/*.po"), *compiled)


def prepare_programs(*, required: bool) -> None:
    """What the whole-system tests drive is the system's own; on Debian as root the quickest is installed."""
    packages = [package for names, each in PROGRAMS.items() if not shutil.which(names[0]) for package in each]
    install = ["apt-get", "install", "--yes", "--no-install-recommends", *packages]
    if packages and shutil.which("apt-get") and hasattr(os, "geteuid") and os.geteuid() == 0:
        say(f"installing {', '.join(packages)}")
        os.environ["DEBIAN_FRONTEND"] = "noninteractive"
        # Where that fails, as without a network, what is there has to do.
        if not status_of("apt-get", "update", "--quiet"):
            status_of(*install, "--quiet")
    if required and not all(any(map(shutil.which, names)) for names in PROGRAMS):
        fail(f"The tests of the whole system need more. On Debian or Ubuntu: sudo {shlex.join(install)}")


# --- Commands ----------------------------------------------------------------------------------------


def command_run(arguments: list[str]) -> None:
    """set everything up and serve; arguments are those of `tertulia serve`"""
    prepare("build")
    become(VENV / BIN / "tertulia", "serve", *arguments)


def command_test(arguments: list[str]) -> None:
    """check, then all tests on both databases; with arguments: one pytest run; --fast: the inner loop"""
    prepare("dev")
    if "--fast" in arguments:
        arguments.remove("--fast")
        become(PYTHON, "-m", "pytest", "-n", "2", *without_whole_system(), *arguments)
    prepare_programs(required=not arguments)
    if arguments:
        become(PYTHON, "-m", "pytest", *arguments)
    command_check([])
    # A third of their time they wait, so two processors have work for three.
    pytest("-n", "3", *without_whole_system())
    pytest("-n", "3", "--db", "postgres", *without_whole_system())
    say("acceptance: whole servers, both databases")
    # A fixed seed: what is merged is judged alike each time; without one the runner draws a new one.
    run(PYTHON, "-m", "tests.acceptance", "--seed", "7")
    become(PYTHON, "-m", "pytest", "tests/browser")


def without_whole_system() -> list[str]:
    return [f"--ignore={folder}" for folder in WHOLE_SYSTEM]


def pytest(*arguments: str) -> None:
    say(shlex.join(["pytest", *arguments]))
    run(PYTHON, "-m", "pytest", *arguments)


def command_check(arguments: list[str]) -> None:
    """lint, format, types, layers, templates and the client's own checks and tests"""
    prepare("dev")
    npm: list[str | Path] = [PYTHON, "hatch_build.py", "npm", "run", "--silent"]
    checks: dict[str, list[str | Path]] = {
        "ruff check": [VENV / BIN / "ruff", "check", "--quiet"],
        "ruff format": [VENV / BIN / "ruff", "format", "--check", "--quiet"],
        "mypy": [VENV / BIN / "mypy"],
        "layers": [VENV / BIN / "lint-imports", "--no-logo"],
        "templates": [VENV / BIN / "djlint", "--lint", "--quiet", "tertulia"],
        "client types": [*npm, "check"],
        "client tests": [*npm, "test"],
    }
    failed = []
    for name, command in checks.items():  # all of them, so that one run shows everything
        say(name)
        if status_of(*command):
            failed.append(name)
    if failed:
        fail("failed: " + ", ".join(failed))


def command_format(arguments: list[str]) -> None:
    """format the Python code and repair what the linter can"""
    prepare("dev")
    run(VENV / BIN / "ruff", "check", "--fix-only", *arguments)
    run(VENV / BIN / "ruff", "format", *arguments)


def command_build(arguments: list[str]) -> None:
    """prepare the environment, the client bundle and the translations, and stop there"""
    prepare("build")


def command_bench(arguments: list[str]) -> None:
    """the benchmarks; arguments choose among them"""
    prepare("dev")
    become(PYTHON, "-m", "benchmarks", *arguments)


def command_mutants(arguments: list[str]) -> None:
    """what tests notice of changes to what must be exact; arguments choose groups, `--help` shows them"""
    prepare("dev")
    become(PYTHON, ROOT / "tools" / "mutants.py", *arguments)


def command_messages(arguments: list[str]) -> None:
    """collect the translatable strings into the catalogues of all languages"""
    prepare("dev")
    become(PYTHON, ROOT / "tools" / "messages.py", *arguments)


def command_npm(arguments: list[str]) -> None:
    """npm from the pinned wheel, in client/"""
    prepare("build")
    become(PYTHON, ROOT / "hatch_build.py", "npm", *arguments)


def command_lock(arguments: list[str]) -> None:
    """pin the dependencies anew; `--upgrade` takes the newest versions"""
    uv = prepare_tools()
    # Universal, hashed and without an index: plain pip installs them anywhere, and they name no host.
    options = "--quiet --universal --python-version 3.11 --generate-hashes".split()
    options += "--no-emit-index-url --no-emit-find-links".split()
    options += ["--custom-compile-command", "python3 dev.py lock", *arguments]
    previous: list[str] = []
    for lock, more in LOCKS.items():
        run(uv, "pip", "compile", "pyproject.toml", *more, *options, *previous, "--output-file", lock)
        previous = ["--constraints", lock]
    run(uv, "pip", "compile", "--group", "tools", *options, "--output-file", "requirements-tools.txt")


COMMANDS: dict[str, Callable[[list[str]], None]] = {
    "run": command_run,
    "test": command_test,
    "check": command_check,
    "format": command_format,
    "build": command_build,
    "bench": command_bench,
    "mutants": command_mutants,
    "messages": command_messages,
    "npm": command_npm,
    "lock": command_lock,
}


# --- Processes ---------------------------------------------------------------------------------------


def say(text: str) -> None:
    print(f"== {text}", flush=True)


def fail(text: str) -> NoReturn:
    raise SystemExit(text)


def run(*command: str | Path) -> None:
    """Run to the end in the project's folder; a failed command ends this one with its status."""
    if status := status_of(*command):
        raise SystemExit(status)


def status_of(*command: str | Path) -> int:
    try:
        return subprocess.run([str(word) for word in command], cwd=ROOT, check=False).returncode
    except KeyboardInterrupt:
        raise SystemExit(130) from None


def become(*command: str | Path) -> NoReturn:
    """Replace this process, so that signals reach the program itself."""
    words = [str(word) for word in command]
    os.chdir(ROOT)
    sys.stdout.flush()
    if os.name == "nt":  # execv returns to the shell at once there
        raise SystemExit(subprocess.run(words, check=False).returncode)
    os.execv(words[0], words)  # noqa: S606


def main() -> None:
    name, arguments = (sys.argv[1] if len(sys.argv) > 1 else ""), sys.argv[2:]
    if name not in COMMANDS:
        lines = [f"  {command:9} {action.__doc__}" for command, action in COMMANDS.items()]
        fail("\n".join(["usage: python3 dev.py COMMAND [ARGUMENTS]", "", *lines]))
    COMMANDS[name](arguments)


if __name__ == "__main__":
    if sys.version_info < (3, 11):  # noqa: UP036  (the reader may have started it with an older one)
        fail("Tertulia needs Python 3.11 or newer; this is " + sys.version.split()[0])
    main()

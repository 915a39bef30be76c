"""What a deployment archive holds, and why it must not be made; `archive` and the command `package` call it."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tertulia.config.packaging.leaks import leaks, secret_values

# Where the build puts what git does not keep.
_BUNDLE = "tertulia/web/static/tertulia/app"
_SHIPPED = ("tertulia", "requirements.txt", "LICENSE", "NOTICE", "CHANGELOG.md")
# Names that never travel, whatever they contain.
_FORBIDDEN = re.compile(
    r"(^|/)(\.env(\.(?!example$)[^/]*)?|secret_key|id_(rsa|ecdsa|ed25519)|[^/]*\.(sqlite3?|db|pem|key|p12|pfx|dump)(-\w+)?)$"
)


class Refused(Exception):
    """The archive must not be made; one reason a line."""


def content(root: Path) -> dict[str, bytes]:
    """The archive's files by name, sorted; raises Refused with every reason at once."""
    names = sorted([*_tracked(root), *_built(root)])
    files = {name: (root / name).read_bytes() for name in names}
    if reasons := [*_uncommitted(root), *_unbuilt(root), *_unfit(files)]:
        raise Refused("\n".join(reasons))
    return files


def _tracked(root: Path) -> list[str]:
    return _git(root, "ls-files", "-z", "--", *_SHIPPED).rstrip("\0").split("\0")


def _built(root: Path) -> Iterator[str]:
    for path in [*(root / _BUNDLE).rglob("*"), *(root / "tertulia").rglob("*.mo")]:
        if path.is_file():
            yield path.relative_to(root).as_posix()


def _uncommitted(root: Path) -> Iterator[str]:
    """What is not in a commit cannot be found again when the deployed instance has a fault."""
    changed = _git(root, "status", "--porcelain", "--untracked-files=all").splitlines()
    if changed:
        more = f" and {len(changed) - 3} more" if len(changed) > 3 else ""
        yield f"uncommitted changes: {', '.join(line[3:] for line in changed[:3])}{more}"


def _unbuilt(root: Path) -> Iterator[str]:
    if not (root / _BUNDLE / "main.js").is_file():
        yield "the client is not built: python3 dev.py build"
    for catalogue in sorted((root / "tertulia").rglob("*.po")):
        if not catalogue.with_suffix(".mo").is_file():
            yield f"{catalogue.relative_to(root)} is not compiled: python3 dev.py build"


def _unfit(files: dict[str, bytes]) -> Iterator[str]:
    values = secret_values(os.environ)
    for name, text in files.items():
        if _FORBIDDEN.search(name):
            yield f"{name}: such a file never travels"
        for leak in leaks(text, values):
            yield f"{name}, line {leak.line}: {leak.kind}"


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, check=True)  # noqa: S603, S607
    except FileNotFoundError:
        raise Refused("git is not installed: it says what belongs to the project") from None
    except subprocess.CalledProcessError as error:
        raise Refused(f"not a git checkout: {error.stderr.decode(errors='replace').strip()}") from None
    return done.stdout.decode()

"""Programs from PyPI that judge the project and are no part of it, each in an environment of its own; nightly items.

They stay in the user's cache folder, so that only the first night fetches them.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path


def python_with(requirement: str) -> Path:
    """The interpreter of an environment with one pinned package; raises CalledProcessError without a registry."""
    place = _cache() / f"{requirement.replace('==', '-')}-py{sys.version_info.major}.{sys.version_info.minor}"
    if not place.is_dir():
        place.parent.mkdir(parents=True, exist_ok=True)
        unfinished = Path(tempfile.mkdtemp(prefix=f".{place.name}-", dir=place.parent))
        try:
            _install(unfinished, requirement)
            # Its scripts name the old place, the interpreter finds its packages at the new one.
            unfinished.replace(place)
        finally:
            shutil.rmtree(unfinished, ignore_errors=True)
    return place / "bin/python"


def _install(place: Path, requirement: str) -> None:
    subprocess.run([sys.executable, "-m", "venv", place], check=True)
    install = "-m pip install --quiet --quiet --disable-pip-version-check --no-compile".split()
    subprocess.run([place / "bin/python", *install, requirement], check=True)


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "tertulia"


def megabytes(python: Path) -> float:
    """What such an environment takes on the disk."""
    return sum(path.stat().st_size for path in python.parent.parent.rglob("*") if path.is_file()) / 1e6

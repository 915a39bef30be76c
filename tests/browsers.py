"""Which browser the tests, the benchmarks and the pictures use: Chromium, as the system has it."""

import os
import shutil

# Debian's package of the first is the same Chromium without the parts that show its windows: a page costs it half of
# the processor's time.
NAMES = ("chromium-headless-shell", "chromium", "chromium-browser", "google-chrome")


def chromium() -> str:
    """The program's path; TERTULIA_CHROMIUM names another one. Raises RuntimeError where there is none."""
    path = os.environ.get("TERTULIA_CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
    if path is None:
        raise RuntimeError("no Chromium: set TERTULIA_CHROMIUM or install one")
    return path

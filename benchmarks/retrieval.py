"""Which lines the board finds for a question (recall by language, method and kind), and how fast among 100,000.

`benchmarks.board` does it inside an empty instance, which `measure` makes on either database.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.report import Report
from tests import postgres

ROOT = Path(__file__).resolve().parent.parent
_CHILD = "import sys, django; django.setup(); from benchmarks import board; board.main(sys.argv[1:])"


async def measure(report: Report, only: frozenset[str]) -> None:
    """The parts `quality` and `speed`, or those of them in `only`."""
    folder = Path(tempfile.mkdtemp(prefix="tertulia-retrieval-"))
    try:
        figures = await asyncio.to_thread(_in_instance, folder, report.db, only)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    for case, row in figures.items():
        report.show(case, [row])


def _in_instance(folder: Path, db: str, only: frozenset[str]) -> dict[str, dict[str, Any]]:
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tertulia.config.settings",
        "TERTULIA_DATA": str(folder),
        "SECRET_KEY": "for a benchmark only, of sufficient length: 0123456789",
        "DATABASE_URL": postgres.start(folder) if db == "postgres" else "",
    }
    command = [sys.executable, "-c", _CHILD, *sorted(only)]
    done = subprocess.run(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, check=True)
    result: dict[str, dict[str, Any]] = json.loads(done.stdout)
    return result

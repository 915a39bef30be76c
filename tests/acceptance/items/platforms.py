"""P1, P2: what the deployment pages tell a reader to type or to install, judged by the platforms' own programs.

Played by the programme through `items`.
"""

import asyncio
import json
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.acceptance import scratch
from tests.acceptance.figures import Outcome
from tests.acceptance.processes import ROOT
from tests.acceptance.stage import Stage

_AZURE_CLI = "azure-cli==2.91.0"
_READER = ROOT / "tests/acceptance/az.py"
_BLOCK = re.compile(r"^```sh\n(.*?)^```", re.MULTILINE | re.DOTALL)
_INLINE = re.compile(r"`(az\s[^`]+)`")

# What a shell makes of a page: every `az` tells its arguments instead of doing anything, and of all other programs only
# the one that makes passwords exists.
_SHELL = """
az() { printf '%s\\0' "$#" "$@" >&3; }
openssl() { printf 'a1b2c3d4'; }
"""

# Without these being refused, nothing else that it says counts.
_WRONG = {
    "unknown command": ["webapp", "creat", "--name", "x"],
    "unknown argument": ["group", "create", "--name", "x", "--location", "y", "--colour", "red"],
    "missing argument": ["group", "create", "--name", "x"],
    "unknown value": ["appservice", "plan", "create", "--resource-group", "g", "--name", "x", "--sku", "B9"],
}


async def azure_commands(stage: Stage) -> Outcome:
    """Every `az` line of the pages goes through the parser of the real program, of a pinned version."""
    outcome = Outcome()
    lines = [(page, line) for page in _pages() for line in await asyncio.to_thread(_lines, page)]
    outcome.at_least("lines", len(lines), 10)
    program = await asyncio.to_thread(scratch.python_with, _AZURE_CLI)
    outcome.note("azure_cli_megabytes", await asyncio.to_thread(scratch.megabytes, program))
    faults = await asyncio.to_thread(_faults, program, [*_WRONG.values(), *(line for _, line in lines)])
    wrong, told = faults[: len(_WRONG)], faults[len(_WRONG) :]
    outcome.none_of(
        "wrong_and_accepted", [name for name, fault in zip(_WRONG, wrong, strict=True) if not fault]
    )
    outcome.none_of(
        "refused",
        [
            f"{page.relative_to(ROOT)}: az {' '.join(line)}: {fault}"
            for (page, line), fault in zip(lines, told, strict=True)
            if fault
        ],
    )
    return outcome


def _pages() -> list[Path]:
    found = [*(ROOT / "deploy").rglob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "README.md"]
    return sorted(page for page in found if re.search(r"^az |`az ", page.read_text(), re.MULTILINE))


def _lines(page: Path) -> list[list[str]]:
    """The arguments of every `az` on a page, with variables filled in by a shell as the reader's would."""
    text = page.read_text()
    blocks = _BLOCK.findall(text)
    inline = [_whole(" ".join(line.split())) for line in _INLINE.findall(_BLOCK.sub("", text))]
    with tempfile.TemporaryDirectory(prefix="tertulia-az-") as folder:
        told = Path(folder, "told")
        script = _SHELL + "\n".join([*blocks, *inline])
        subprocess.run(
            ["/bin/bash", "-c", f"exec 3>{told}\n{script}"],
            cwd=folder,
            env={"PATH": folder},
            stderr=subprocess.DEVNULL,
            check=False,
        )
        return _split(told.read_text().split("\0"))


def _whole(mention: str) -> str:
    """A mere mention of a command is made a question about it."""
    return mention if " -" in mention else f"{mention} --help"


def _split(fields: list[str]) -> list[list[str]]:
    lines, position = [], 0
    while position < len(fields) - 1:
        count = int(fields[position])
        lines.append(fields[position + 1 : position + 1 + count])
        position += 1 + count
    return lines


def _faults(program: Path, lines: list[list[str]]) -> list[str]:
    done = subprocess.run(
        [program, _READER], input=json.dumps(lines), capture_output=True, text=True, check=True
    )
    return list(json.loads(done.stdout))


# --- P2: systemd ----------------------------------------------------------------------------------------------------

# systemd's own scale, from 0 for a service that can do nothing to 10 for one that can do everything.
_EXPOSURE = 3.0


async def systemd_unit(stage: Stage) -> Outcome:
    """`systemd-analyze` knows every line of the unit and finds the service well confined."""
    return await asyncio.to_thread(_unit)


def _unit() -> Outcome:
    outcome = Outcome()
    unit = (ROOT / "deploy/systemd/tertulia.service").read_text()
    # The program is not installed here; that there is one is all that the check wants of it.
    unit = re.sub(r"^ExecStart=\S+", f"ExecStart={sys.executable}", unit, flags=re.MULTILINE)
    outcome.none_of("complaints", _analysed(unit, "verify").splitlines())
    misspelt = _analysed(unit + "[Service]\nRestrictNamespace=yes\n", "verify")
    outcome.exactly("misspelt_line_found", "RestrictNamespace" in misspelt, True)
    judged = _analysed(unit, "security", "--offline=true")
    level = re.search(r"Overall exposure level for \S+: ([0-9.]+)", judged)
    outcome.at_most("exposure", float(level[1]) if level else 10.0, _EXPOSURE)
    return outcome


def _analysed(unit: str, *arguments: str) -> str:
    with tempfile.TemporaryDirectory(prefix="tertulia-unit-") as folder:
        file = Path(folder, "tertulia.service")
        file.write_text(unit)
        command = ["systemd-analyze", *arguments, str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.stderr + done.stdout

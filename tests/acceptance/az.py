"""Reads command lines with the real `az`, without network or account: everything it does up to having parsed them.

Run by an interpreter that has azure-cli (see `items.platforms`): a JSON list of argument lists on standard input, and
for each of them on standard output what is wrong with it, empty when nothing is.
"""

import contextlib
import io
import json
import logging
import os
import sys
import tempfile

_FOLDER = tempfile.TemporaryDirectory(prefix="tertulia-az-")
# Before the first import: it reads them then.
os.environ |= {
    "AZURE_CONFIG_DIR": _FOLDER.name,
    "AZURE_EXTENSION_DIR": f"{_FOLDER.name}/none",
    "AZURE_CORE_COLLECT_TELEMETRY": "no",
    "AZURE_CORE_ERROR_RECOMMENDATION": "off",
    "AZURE_CORE_NO_COLOR": "yes",
    "AZURE_EXTENSION_USE_DYNAMIC_INSTALL": "no",
}

from azure.cli.core import get_default_cli  # type: ignore[import-not-found]  # noqa: E402
from knack.events import EVENT_INVOKER_POST_PARSE_ARGS  # type: ignore[import-not-found]  # noqa: E402


def main() -> None:
    cli = get_default_cli()
    cli.register_event(EVENT_INVOKER_POST_PARSE_ARGS, _stop)
    json.dump([_fault(cli, line) for line in json.load(sys.stdin)], sys.stdout)


def _stop(*_: object, **__: object) -> None:
    """The line has been understood; what comes next would ask Azure."""
    raise SystemExit(0)


def _fault(cli: object, line: list[str]) -> str:
    said = io.StringIO()
    # It says what is wrong by its logger, whose own handler keeps the first standard error that it saw.
    handler = logging.StreamHandler(said)
    handler.setLevel(logging.ERROR)
    logging.getLogger("cli").addHandler(handler)
    try:
        with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
            status = cli.invoke(line)  # type: ignore[attr-defined]
    except SystemExit as ended:
        status = ended.code
    finally:
        logging.getLogger("cli").removeHandler(handler)
    return "" if status == 0 else next(iter(said.getvalue().splitlines()), f"status {status}")


if __name__ == "__main__":
    main()

"""`python3 -m tests.acceptance [ITEM …] [--db …] [--seed N] [--nightly]`: exit status 1 when an item failed."""

import argparse
import asyncio
import json
import random
import signal
import sys
from types import FrameType

from tests.acceptance import program
from tests.acceptance.items import ITEMS


def main() -> int:
    options = _parser().parse_args()
    # Ends by SystemExit, so that the processes that were started end too.
    signal.signal(signal.SIGTERM, _leave)
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    chosen = [ITEMS[name] for name in options.item] or list(ITEMS.values())
    databases = program.DATABASES if options.db == "both" else (options.db,)
    passed = True
    for item in chosen:
        for db in databases:
            if db in item.databases:
                report = asyncio.run(program.run(item, db, seed, nightly=options.nightly))
                print(json.dumps(report.as_json(), ensure_ascii=False), flush=True)
                passed = passed and report.passed
    return 0 if passed else 1


def _parser() -> argparse.ArgumentParser:
    lines = [f"  {item.name:4} {item.title}" for item in ITEMS.values()]
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.acceptance",
        description="Black-box proof against real server processes.",
        epilog="items:\n" + "\n".join(lines),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("item", nargs="*", choices=[*ITEMS, []], metavar="ITEM", help="default: all")
    parser.add_argument("--db", choices=[*program.DATABASES, "both"], default="both")
    parser.add_argument("--seed", type=int, help="default: a random one, printed with each item")
    parser.add_argument("--nightly", action="store_true", help="the full sizes")
    return parser


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

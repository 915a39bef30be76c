"""`python3 -m tests.acceptance [ITEM …] [--db …] [--seed N] [--lanes N] [--nightly]`: 1 when an item failed."""

import argparse
import asyncio
import json
import random
import signal
import sys
from types import FrameType

from tests.acceptance import program
from tests.acceptance.items import ITEMS
from tests.acceptance.lanes import Play, play_all


def main() -> int:
    options = _parser().parse_args()
    # Ends by SystemExit, so that the processes that were started end too.
    signal.signal(signal.SIGTERM, _leave)
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    chosen = [ITEMS[name] for name in options.item] or list(ITEMS.values())
    databases = program.DATABASES if options.db == "both" else (options.db,)
    plays = [Play(item, db) for item in chosen for db in databases if db in item.databases]
    if options.lanes > 1 and len(plays) > 1:
        passed = asyncio.run(play_all(plays, seed=seed, nightly=options.nightly, lanes=options.lanes))
    else:
        results = [_played(play, seed, nightly=options.nightly) for play in plays]  # all, whatever fails
        passed = all(results)
    return 0 if passed else 1


def _played(play: Play, seed: int, *, nightly: bool) -> bool:
    report = asyncio.run(program.run(play.item, play.db, seed, nightly=nightly))
    print(json.dumps(report.as_json(), ensure_ascii=False), flush=True)
    return report.passed


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
    parser.add_argument("--lanes", type=int, default=2, help="so many items at a time; default: 2")
    parser.add_argument("--nightly", action="store_true", help="the full sizes")
    return parser


def _leave(number: int, frame: FrameType | None) -> None:
    sys.exit(128 + number)


if __name__ == "__main__":
    sys.exit(main())

"""`python3 -m tests.acceptance [ITEM …] [--db …] [--seed N] [--lanes N] [--nightly [--minutes N]]`.

Its exit status is 1 when an item failed. Any Python does: one that lacks what the programme needs goes on as the
project's own, which is prepared first.
"""

import argparse
import asyncio
import importlib.util
import os
import random
import signal
import sys
import time

import dev


def _go_on_as_the_projects_own() -> None:
    """Prepare as dev.py's commands do, and take this process's place; standard output is the items' alone."""
    items_only = os.dup(1)
    os.dup2(2, 1)
    dev.prepare("dev")
    dev.prepare_programs(required=True)
    sys.stdout.flush()
    os.dup2(items_only, 1)
    dev.become(dev.PYTHON, "-m", "tests.acceptance", *sys.argv[1:])


if not dev.BUNDLE.exists() or importlib.util.find_spec("aiohttp") is None:
    _go_on_as_the_projects_own()

from tests.acceptance import program  # noqa: E402
from tests.acceptance.items import ITEMS  # noqa: E402
from tests.acceptance.lanes import Play, Terms, leave, play_all, played  # noqa: E402


def main() -> int:
    options = _parser().parse_args()
    signal.signal(signal.SIGTERM, leave)
    seed = options.seed if options.seed is not None else random.randrange(10**6)
    merge_set = [item for item in ITEMS.values() if options.nightly or not item.nightly]
    chosen = [ITEMS[name] for name in options.item] or merge_set
    databases = program.DATABASES if options.db == "both" else (options.db,)
    plays = [Play(item, db) for item in chosen for db in databases if db in item.databases]
    terms = Terms(seed, options.nightly, options.minutes)
    begun = time.monotonic()
    if options.lanes > 1 and len(plays) > 1:
        passed = asyncio.run(play_all(plays, terms, lanes=options.lanes))
    else:
        results = [played(play, terms) for play in plays]  # each of them, whatever fails
        passed = all(results)
    seconds, verdict = time.monotonic() - begun, "all have passed" if passed else "some have failed"
    print(f"{len(plays)} plays in {seconds:.0f} s: {verdict}", file=sys.stderr)
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
    parser.add_argument(
        "--lanes",
        type=int,
        default=2,
        help="so many items at a time, and as many that mostly wait; default: 2",
    )
    parser.add_argument("--nightly", action="store_true", help="the full sizes, and items that take hours")
    parser.add_argument("--minutes", type=float, help="so long only, for items that go on for a given time")
    return parser


if __name__ == "__main__":
    sys.exit(main())

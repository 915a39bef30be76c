"""`python -m benchmarks [NAME …]`: runs benchmarks, by default all, and prints what they measured; asserts nothing."""

import argparse
import asyncio

from benchmarks import browser, lists, retrieval, speech, start, streams, turn
from benchmarks.report import Report, machine

BENCHMARKS = {
    "start": start.measure,
    "streams": streams.measure,
    "turn": turn.measure,
    "lists": lists.measure,
    "retrieval": retrieval.measure,
    "speech": speech.measure,
    "browser": browser.measure,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 dev.py bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(BENCHMARKS)}; default: all")
    parser.add_argument("--db", choices=("sqlite", "postgres"), default="sqlite")
    parser.add_argument("--workers", type=int, default=1, help="processes that serve")
    parser.add_argument("--repeat", type=int, default=3, help="runs of each measurement; medians are shown")
    parser.add_argument("--only", default="", help="scenarios or variants, separated by commas")
    options = parser.parse_args()
    if unknown := set(options.names) - BENCHMARKS.keys():
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    print(machine(), flush=True)
    for name in options.names or BENCHMARKS:
        report = Report(name, db=options.db, workers=options.workers, repeat=options.repeat)
        only = frozenset(filter(None, options.only.split(",")))
        asyncio.run(BENCHMARKS[name](report, only))


main()

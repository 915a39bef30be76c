"""`python -m tests.provider --port 0 [--log FILE]`: the scripted provider as a process of its own."""

import argparse
from pathlib import Path

from tests.provider.serving import serve


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--log", type=Path, help="append each finished request as a JSON line")
    options = parser.parse_args()
    serve(lambda url: print(f"ready {url}", flush=True), port=options.port, log_path=options.log)


main()

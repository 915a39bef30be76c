"""`python -m tests.provider --port 0 [--log FILE]`: the scripted provider as a process of its own."""

import argparse
import asyncio
import signal
from pathlib import Path

import uvloop

from tests.provider.record import Log
from tests.provider.server import Routes, listen, port_of


async def serve(port: int, log_path: Path | None) -> None:
    server = await listen(Routes(Log(log_path)), port=port)
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    print(f"ready http://127.0.0.1:{port_of(server)}/v1", flush=True)
    await stopping.wait()
    server.close()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.provider", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help="0 lets the system choose")
    parser.add_argument("--log", type=Path, help="append each finished request as a JSON line")
    options = parser.parse_args()
    uvloop.run(serve(options.port, options.log))


main()

"""What the generator is told and what it tells, as JSON in two files; benchmarks call `run`."""

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

import msgspec


class Chat(msgspec.Struct, frozen=True):
    """One streamed request. `start` is in seconds from the beginning of the plan."""

    path: str
    body: str
    headers: dict[str, str]
    start: float = 0.0


class Plan(msgspec.Struct, frozen=True):
    """All requests of a scenario to one port of this machine. `in_turn`: each when the one before has ended.

    `tokens` is how many an answer has to have. `form` is that of the stream: Tertulia's events, or OpenAI's chunks as
    the provider itself sends them.
    """

    port: int
    tokens: int
    chats: list[Chat]
    in_turn: bool = False
    form: str = "tertulia"


class Outcome(msgspec.Struct):
    """What one chat saw. Times in milliseconds: `first` from opening the connection to the first token, `lags`
    from the provider's sending of each token to its arrival here. `error` is empty when every token came, once.
    """

    error: str = ""
    first: float = 0.0
    whole: float = 0.0
    text: str = ""
    lags: list[float] = msgspec.field(default_factory=list)


async def run(plan: Plan) -> list[Outcome]:
    """Play a plan in a process of its own and return what each chat saw, in the plan's order."""
    return await asyncio.to_thread(_run, plan)


def _run(plan: Plan) -> list[Outcome]:
    with tempfile.TemporaryDirectory(prefix="tertulia-load-") as folder:
        told, seen = Path(folder, "plan"), Path(folder, "outcomes")
        told.write_bytes(msgspec.json.encode(plan))
        subprocess.run([sys.executable, "-m", "benchmarks.load", told, seen], check=True)
        return msgspec.json.decode(seen.read_bytes(), type=list[Outcome])

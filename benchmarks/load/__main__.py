"""`python -m benchmarks.load PLAN OUTCOMES`: plays the plan in one file, writes what it saw to the other."""

import asyncio
import gc
import resource
import sys
from pathlib import Path

import msgspec
import uvloop

from benchmarks.load.plan import Chat, Outcome, Plan
from benchmarks.load.stream import FORMS

# So long before the first request that all timers are set.
_HEAD_START = 0.05


async def play(plan: Plan) -> list[Outcome]:
    if plan.in_turn:
        return [await stream(plan, chat) for chat in plan.chats]
    start = asyncio.get_running_loop().time() + _HEAD_START
    return await asyncio.gather(*(stream(plan, chat, start + chat.start) for chat in plan.chats))


async def stream(plan: Plan, chat: Chat, at: float | None = None) -> Outcome:
    loop = asyncio.get_running_loop()
    if at is not None:
        await asyncio.sleep(at - loop.time())
    outcome: asyncio.Future[Outcome] = loop.create_future()
    reader = FORMS[plan.form](chat, plan.tokens, outcome.set_result)  # its clock begins before the connection
    try:
        await loop.create_connection(lambda: reader, "127.0.0.1", plan.port)
    except OSError as error:
        return Outcome(error=repr(error))
    return await outcome


def main() -> None:
    told, seen = map(Path, sys.argv[1:])
    plan = msgspec.json.decode(told.read_bytes(), type=Plan)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, files))
    gc.freeze()
    gc.disable()  # a collection would be seen as lag
    seen.write_bytes(msgspec.json.encode(uvloop.run(play(plan))))


main()

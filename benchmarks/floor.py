"""The least that a server costs: a bare ASGI application that writes the same stream and knows nothing.

`streams` measures it beside Tertulia, because the ratio to it says more than milliseconds of a shared machine.
`python -m benchmarks.floor` serves it with the settings that Tertulia is served with.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import msgspec
import uvicorn

Message = MutableMapping[str, Any]
HEADERS = [(b"content-type", b"text/event-stream")]


async def application(
    scope: MutableMapping[str, Any],
    receive: Callable[[], Awaitable[Message]],
    send: Callable[[Message], Awaitable[None]],
) -> None:
    """Takes {"tokens", "rate"} and sends so many stamped tokens as Tertulia's events."""
    script = msgspec.json.decode((await receive())["body"])
    await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
    loop = asyncio.get_running_loop()
    start, length = loop.time(), 0
    for number in range(script["tokens"]):
        if script["rate"]:
            await asyncio.sleep(start + number / script["rate"] - loop.time())
        text = f"{time.time_ns()} "
        length += len(text)
        await send(
            _body(b'id: %d\nevent: delta\ndata: {"text":"%b"}\n\n' % (length, text.encode()), more=True)
        )
    end = b'event: end\ndata: {"status":"complete","length":%d}\n\n' % length
    await send(_body(end, more=False))


def _body(data: bytes, *, more: bool) -> Message:
    return {"type": "http.response.body", "body": data, "more_body": more}


def main() -> None:
    config = uvicorn.Config(application, port=0, lifespan="off", log_level="error", access_log=False)
    listening = config.bind_socket()
    print(f"ready http://127.0.0.1:{listening.getsockname()[1]}", flush=True)
    uvicorn.Server(config).run(sockets=[listening])


if __name__ == "__main__":
    main()

"""The addresses of the server under test, from its own URL configuration; items that are about all of them call it."""

import asyncio
import json
import re

from tests.acceptance.stage import World

_LIST_ROUTES = """
import json
from django.urls import get_resolver
def walk(patterns, prefix=""):
    for each in patterns:
        address = prefix + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from walk(each.url_patterns, address)
        else:
            yield address
print("ROUTES", json.dumps(list(walk(get_resolver().url_patterns))))
"""


async def live_routes(world: World) -> list[str]:
    """All addresses, parameters as {name}; of regular expressions only what is fixed."""
    printed = await asyncio.to_thread(world.command, "shell", "-v0", "-c", _LIST_ROUTES)
    found = re.search(r"ROUTES (.*)", printed)
    assert found, printed
    return sorted(
        {"/" + re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", _plain(route)) for route in json.loads(found[1])}
    )


def _plain(route: str) -> str:
    return re.sub(r"\^|\$|/\?", "", route)

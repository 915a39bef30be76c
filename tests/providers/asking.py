"""Requests to the scripted provider and their answers, for every test in this folder."""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from tertulia.providers.base import ChatMessage, ChatRequest, Chunk, Parameters, Provider
from tests.provider.script import MARKER


def scripted_request(
    model: str = "scripted-small", parameters: Parameters | None = None, **script: Any
) -> ChatRequest:
    """A request that tells the scripted provider what to do."""
    return said(MARKER + json.dumps(script), model=model, parameters=parameters)


def said(text: str, **options: Any) -> ChatRequest:
    options = {"model": "scripted-small", **options}
    options["parameters"] = options.get("parameters") or Parameters()
    return ChatRequest(messages=(ChatMessage("user", text),), **options)


async def whole(provider: Provider, request: ChatRequest) -> Chunk:
    """The answer as one chunk."""
    answer = Chunk()
    async for chunk in provider.stream(request):
        fold(answer, chunk)
    return answer


def fold(answer: Chunk, chunk: Chunk) -> None:
    answer.text += chunk.text
    answer.reasoning += chunk.reasoning
    answer.sources += chunk.sources
    answer.usage = chunk.usage or answer.usage
    answer.finish_reason = chunk.finish_reason or answer.finish_reason


async def until(condition: Callable[[], object]) -> None:
    """Wait for something in the scripted provider's thread to be so."""
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - the other thread has no event of this loop
            await asyncio.sleep(0.01)

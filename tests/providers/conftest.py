"""What the provider tests share: one scripted provider, and clients of it that give up soon."""

from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import pytest

from tertulia.providers.openai import OpenAIProvider
from tests.provider import ScriptedProvider

API_KEY = "sk-canary-key-91c2"

MakeProvider = Callable[..., OpenAIProvider]


@pytest.fixture(scope="session")
def scripted_server() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as server:
        yield server


@pytest.fixture
def scripted(scripted_server: ScriptedProvider) -> ScriptedProvider:
    """The scripted provider as new."""
    scripted_server.routes.reset()
    return scripted_server


@pytest.fixture
async def make_provider(scripted: ScriptedProvider) -> AsyncIterator[MakeProvider]:
    """Builds clients of the scripted provider, closed after the test."""
    made: list[OpenAIProvider] = []

    def make(**options: Any) -> OpenAIProvider:
        settings = {"base_url": scripted.base_url, "api_key": API_KEY, "retry_pause": 0.01, **options}
        made.append(OpenAIProvider(**settings))
        return made[-1]

    yield make
    for provider in made:
        await provider.close()

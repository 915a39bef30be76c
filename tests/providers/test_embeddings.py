"""Texts as vectors: what is asked, how answers and faults are read."""

import math

import pytest

from tertulia.providers.embeddings import Embedder
from tertulia.providers.errors import ProviderError
from tests.provider import ScriptedProvider, wire
from tests.provider.server import refused_url

TEXTS = ["a boat at noon", "a ferry at noon", "nothing of the kind"]


def embedder(url: str) -> Embedder:
    return Embedder(base_url=url, api_key="sk-secret", model="text-embedding-x")


async def test_vectors_come_in_order_and_have_length_one(scripted: ScriptedProvider) -> None:
    model = embedder(scripted.base_url)
    boat, ferry, other = await model.embed(TEXTS, seconds=5)
    (alone,) = await model.embed(["a ferry at noon"], seconds=5)
    await model.close()
    assert alone == ferry
    assert math.hypot(*boat) == pytest.approx(1)
    assert boat == pytest.approx(ferry)
    assert sum(a * b for a, b in zip(boat, other, strict=True)) < 0.5


@pytest.mark.parametrize(
    ("status", "slug"), [(401, "provider_auth"), (429, "provider_rate_limited"), (500, "provider_error")]
)
async def test_refusals_have_the_usual_names(scripted: ScriptedProvider, status: int, slug: str) -> None:
    scripted.routes.embeddings_status = status
    model = embedder(scripted.base_url)
    with pytest.raises(ProviderError) as caught:
        await model.embed(TEXTS, seconds=5)
    await model.close()
    assert caught.value.slug == slug


async def test_a_server_that_is_not_there() -> None:
    model = embedder(refused_url())
    with pytest.raises(ProviderError) as caught:
        await model.embed(TEXTS, seconds=5)
    await model.close()
    assert caught.value.slug == "provider_unreachable"


@pytest.mark.parametrize(
    "body",
    [
        b"not JSON",
        wire.DEEP,
        b"{}",
        b'{"data": []}',
        b'{"data": [{"index": 0, "embedding": [1, 0]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 0]}, {"index": 0, "embedding": [1, 0]}]}',
        b'{"data": [{"index": 0, "embedding": [1, 0]}, {"index": 1, "embedding": [1]}]}',
        b'{"data": [{"index": 0, "embedding": [0, 0]}, {"index": 1, "embedding": [1, 0]}]}',
        b'{"data": [{"index": 0, "embedding": []}, {"index": 1, "embedding": []}]}',
        b'{"data": [{"index": 0, "embedding": [1e999, 0]}, {"index": 1, "embedding": [1, 0]}]}',
    ],
)
async def test_an_answer_that_is_none(scripted: ScriptedProvider, body: bytes) -> None:
    scripted.routes.embeddings_body = body
    model = embedder(scripted.base_url)
    with pytest.raises(ProviderError) as caught:
        await model.embed(["one", "two"], seconds=5)
    await model.close()
    assert caught.value.slug == "provider_malformed"

"""Texts as vectors, from any server that speaks OpenAI's embeddings API; used by the search of the quote board.

Format: https://platform.openai.com/docs/api-reference/embeddings.
"""

import asyncio
import math
from collections.abc import Sequence

import aiohttp
import msgspec

from tertulia.providers.connection import Sessions, proxy_for
from tertulia.providers.diagnosis import (
    complaint_in_bytes,
    diagnose,
    diagnose_exception,
    retry_after_seconds,
)
from tertulia.providers.errors import ProviderError

Vector = tuple[float, ...]

_CONNECT_SECONDS = 5.0
# 64 texts of 4,096 numbers of 20 digits each, and some air.
_BODY_BYTES = 8 * 1024 * 1024
_MOST_NUMBERS = 16_384


class _Embedding(msgspec.Struct):
    index: int
    embedding: list[float]


class _Answer(msgspec.Struct):
    data: list[_Embedding]


class Embedder:
    """One embedding model of one server."""

    def __init__(self, *, base_url: str, api_key: str, model: str) -> None:
        base = base_url.rstrip("/")
        self.model = model
        self._url = f"{base}/embeddings"
        self._proxy = proxy_for(base)
        headers = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        self._sessions = Sessions(headers=headers, connect_timeout=_CONNECT_SECONDS)

    async def embed(self, texts: Sequence[str], *, seconds: float) -> list[Vector]:
        """The vectors of `texts` in their order, each of length 1; raises ProviderError, also after `seconds`."""
        try:
            async with asyncio.timeout(seconds):
                body = await self._post(texts)
        except (aiohttp.ClientError, OSError) as error:  # TimeoutError is an OSError
            raise diagnose_exception(error) from None
        return _vectors(body, len(texts))

    async def close(self) -> None:
        """Close the connections of the running loop."""
        await self._sessions.close()

    async def _post(self, texts: Sequence[str]) -> bytes:
        async with self._sessions.current().post(
            self._url,
            data=msgspec.json.encode({"model": self.model, "input": texts, "encoding_format": "float"}),
            headers={"Content-Type": "application/json", "Accept": "application/json"},
            proxy=self._proxy,
            # The key and the texts go to the configured host only.
            allow_redirects=False,
        ) as response:
            body = await _read(response)
            if response.status != 200:
                complaint = complaint_in_bytes(body)
                raise diagnose(response.status, complaint, retry_after_seconds(response.headers))
            return body


async def _read(response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    while read := await response.content.readany():
        body += read
        if len(body) > _BODY_BYTES:
            raise ProviderError("provider_too_large")
    return bytes(body)


def _vectors(body: bytes, count: int) -> list[Vector]:
    try:
        rows = msgspec.json.decode(body, type=_Answer).data
    except (ValueError, RecursionError):
        raise ProviderError("provider_malformed") from None
    by_index = {row.index: row.embedding for row in rows}
    lengths = {len(numbers) for numbers in by_index.values()}
    is_whole = by_index.keys() == set(range(count)) and len(lengths) == 1
    if not is_whole or not 0 < lengths.pop() <= _MOST_NUMBERS:
        raise ProviderError("provider_malformed")
    return [_unit(by_index[index]) for index in range(count)]


def _unit(numbers: Sequence[float]) -> Vector:
    length = math.hypot(*numbers)
    if not length or not math.isfinite(length):
        raise ProviderError("provider_malformed")
    return tuple(number / length for number in numbers)

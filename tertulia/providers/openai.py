"""Any server that speaks OpenAI's chat API, read at the lowest cost per token; used through Catalogue.

aiohttp and a typed decoder stand in the token path because the official client costs ten times the
processor time for each streamed chunk.
"""

import asyncio
import logging
from collections.abc import AsyncGenerator
from types import SimpleNamespace

import aiohttp
import msgspec

from tertulia.providers.base import ChatRequest, Chunk
from tertulia.providers.connection import Sessions, proxy_for
from tertulia.providers.deadline import Watchdog
from tertulia.providers.diagnosis import (
    complaint_in_bytes,
    diagnose,
    diagnose_exception,
    retry_after_seconds,
)
from tertulia.providers.errors import ProviderError
from tertulia.providers.sse import MAX_EVENT_BYTES
from tertulia.providers.wire import AnswerReader, Dialect, encode_request

logger = logging.getLogger(__name__)

OPENAI_BASE_URL = "https://api.openai.com/v1"

_CONNECT_SECONDS = 10.0
_FIRST_TOKEN_SECONDS = 30.0
_IDLE_SECONDS = 60.0
_MODELS_SECONDS = 5.0
# After [DONE] only the end of the body is outstanding; a server that keeps it loses its connection.
_END_OF_BODY_SECONDS = 0.25

# A wait that a reader will sit through; a longer Retry-After is passed on instead.
_LONGEST_PAUSE_SECONDS = 5.0
_RETRY_PAUSE_SECONDS = 0.5
_RETRIED_STATUSES = frozenset({502, 503, 529})
_RETRIED_SLUGS = frozenset({"provider_unreachable", "provider_dns"})

_STREAMED = "text/event-stream"
# What a server sends that cannot stream, or does not for this model.
_WHOLE = "application/json"

_ERROR_BODY_BYTES = 64 * 1024
_MODELS_BODY_BYTES = 4 * 1024 * 1024


class _Retryable(Exception):
    """An attempt failed before its first token in a way that a second one may mend."""

    def __init__(self, error: ProviderError, pause: float) -> None:
        self.error = error
        self.pause = pause


class OpenAIProvider:
    """A Provider over HTTP. Times are in seconds.

    `first_token_timeout` counts from the request to the first text, retry included; `idle_timeout`
    from one event that moves the answer on to the next. Bytes that complete no such event, comments
    and empty deltas do not count. A consumer that holds a chunk longer than that loses the stream.
    """

    name = "openai"

    def __init__(
        self,
        *,
        base_url: str = OPENAI_BASE_URL,
        api_key: str = "",
        connect_timeout: float = _CONNECT_SECONDS,
        first_token_timeout: float = _FIRST_TOKEN_SECONDS,
        idle_timeout: float = _IDLE_SECONDS,
        models_timeout: float = _MODELS_SECONDS,
        retry_pause: float = _RETRY_PAUSE_SECONDS,
    ) -> None:
        base = base_url.rstrip("/")
        self._completions_url = f"{base}/chat/completions"
        self._models_url = f"{base}/models"
        self._proxy = proxy_for(base)
        self._first_token_timeout = first_token_timeout
        self._idle_timeout = idle_timeout
        self._models_timeout = models_timeout
        self._retry_pause = retry_pause
        self._dialects: dict[str, Dialect] = {}
        # identity: a compressing proxy would hold tokens back to fill its blocks.
        headers = {"Accept-Encoding": "identity"}
        if api_key:
            headers["Authorization"] = f"Bearer {api_key}"
        self._sessions = Sessions(headers=headers, connect_timeout=connect_timeout)

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Yield one Chunk per network read that moved the answer on; raises ProviderError."""
        first_token_by = asyncio.get_running_loop().time() + self._first_token_timeout
        response = await self._open(request, first_token_by)
        watchdog = Watchdog(first_token_by, response.close)
        reader = AnswerReader()
        started = False
        try:
            if response.content_type == _WHOLE:
                chunk = reader.feed_whole(await _read_at_most(response, MAX_EVENT_BYTES))
                if chunk is not None:
                    yield chunk
            while not reader.done and (read := await response.content.readany()):
                chunk = reader.feed(read)
                if chunk is not None:
                    started = True
                    watchdog.extend(self._idle_timeout)
                    yield chunk
                if reader.fault is not None:
                    raise reader.fault
            reader.close()
            await _read_to_end(response)
        except (aiohttp.ClientError, OSError) as error:
            if reader.finished:
                reader.close()  # some servers name a finish reason and then hang or break off
            elif watchdog.expired:
                slug = "provider_timeout_idle" if started else "provider_timeout_first_token"
                raise ProviderError(slug) from None
            else:
                raise diagnose_exception(error) from None
        finally:
            watchdog.cancel()
            response.close()  # after the end of the body this keeps the connection, before it drops it

    async def models(self) -> list[str]:
        try:
            async with asyncio.timeout(self._models_timeout):
                return await self._list_models()
        except (aiohttp.ClientError, OSError) as error:
            raise diagnose_exception(error) from None

    async def close(self) -> None:
        await self._sessions.close()

    async def _open(self, request: ChatRequest, deadline: float) -> aiohttp.ClientResponse:
        """The response whose body is the answer, after at most one retry."""
        try:
            return await self._attempt(request, deadline)
        except _Retryable as failure:
            loop = asyncio.get_running_loop()
            if loop.time() + failure.pause >= deadline:
                raise failure.error from None
            logger.debug("provider retry after %s", failure.error.slug)
            await asyncio.sleep(failure.pause)
        try:
            return await self._attempt(request, deadline)
        except _Retryable as failure:
            raise failure.error from None

    async def _attempt(self, request: ChatRequest, deadline: float) -> aiohttp.ClientResponse:
        """One request, sent again only in another dialect when the server refuses a field of it."""
        while True:
            dialect = self._dialects.get(request.model, Dialect())
            response = await self._post(encode_request(request, dialect), deadline)
            if response.status == 200:
                return _answering(response)
            body = await _error_body(response, deadline)
            complaint = complaint_in_bytes(body)
            adapted = dialect.adapted_to(complaint) if response.status in (400, 422) else None
            if adapted is None:
                error = diagnose(response.status, complaint, retry_after_seconds(response.headers))
                logger.debug("provider answered %d: %s", response.status, error.slug)
                raise self._judged(response.status, error)
            self._dialects[request.model] = adapted

    async def _post(self, body: bytes, deadline: float) -> aiohttp.ClientResponse:
        connection = SimpleNamespace(reused=False)
        try:
            async with asyncio.timeout_at(deadline):
                # Redirects are not followed: the key and the conversation go to the configured host only.
                return await self._sessions.current().post(
                    self._completions_url,
                    data=body,
                    headers={"Content-Type": "application/json", "Accept": _STREAMED},
                    proxy=self._proxy,
                    allow_redirects=False,
                    trace_request_ctx=connection,
                )
        except (aiohttp.ClientError, OSError) as failure:
            error = diagnose_exception(failure)
            # On a kept connection a reset means that the server had closed it before it saw the request.
            if error.slug in _RETRIED_SLUGS or (error.slug == "provider_reset" and connection.reused):
                raise _Retryable(error, self._retry_pause) from None
            raise error from None

    def _judged(self, status: int, error: ProviderError) -> ProviderError | _Retryable:
        """`error` itself, or as _Retryable when it is a passing fault whose wait is short."""
        pause = error.retry_after
        if status in _RETRIED_STATUSES:
            pause = self._retry_pause if pause is None else pause
        elif error.slug != "provider_rate_limited":
            return error
        if pause is None or pause > _LONGEST_PAUSE_SECONDS:
            return error
        return _Retryable(error, pause)

    async def _list_models(self) -> list[str]:
        async with self._sessions.current().get(
            self._models_url, proxy=self._proxy, allow_redirects=False
        ) as response:
            if response.status == 404:
                return []
            if response.status != 200:
                complaint = complaint_in_bytes(await _read_at_most(response, _ERROR_BODY_BYTES))
                raise diagnose(response.status, complaint, retry_after_seconds(response.headers))
            return _model_ids(await _read_at_most(response, _MODELS_BODY_BYTES))


class _Model(msgspec.Struct):
    id: str


class _ModelList(msgspec.Struct):
    data: list[_Model] | None = None


def _model_ids(body: bytes) -> list[str]:
    try:
        listed = msgspec.json.decode(body, type=_ModelList)
    except (ValueError, RecursionError) as error:
        raise ProviderError("provider_malformed") from error
    return [model.id for model in listed.data or ()]


def _answering(response: aiohttp.ClientResponse) -> aiohttp.ClientResponse:
    if response.content_type not in (_STREAMED, _WHOLE):
        response.close()
        raise ProviderError("provider_not_sse")
    return response


async def _error_body(response: aiohttp.ClientResponse, deadline: float) -> bytes:
    """What a refusal says, as far as it comes in time; the status alone is enough of a diagnosis."""
    try:
        async with asyncio.timeout_at(deadline):
            return await _read_at_most(response, _ERROR_BODY_BYTES)
    except (aiohttp.ClientError, OSError):
        return b""
    finally:
        response.close()


async def _read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    while len(body) < limit and (read := await response.content.readany()):
        body += read
    return bytes(body[:limit])


async def _read_to_end(response: aiohttp.ClientResponse) -> None:
    """Let the connection be kept: only one whose body was read to its end can be."""
    try:
        async with asyncio.timeout(_END_OF_BODY_SECONDS):
            await response.content.readany()
    except (aiohttp.ClientError, OSError):
        logger.debug("provider kept the body open after its end")

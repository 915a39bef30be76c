"""Which models there are and who serves them; built once at start-up, asked by the engine and the API."""

import asyncio
import re
import time
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass

from tertulia.providers.base import ChatRequest, Chunk, Provider
from tertulia.providers.errors import ModelUnknown, ProviderError
from tertulia.providers.offline import OFFLINE_MODEL

_FRESH_SECONDS = 60.0
_STALE_SECONDS = 600.0
# While the provider is down every message would otherwise wait for another failing look-up.
_FAILURE_SECONDS = 5.0

# What servers with one unnamed model (llama.cpp, some vLLM set-ups) accept.
_UNNAMED_MODEL = "default"

# Providers list everything they sell and do not say what is for chat; their names do.
_NOT_FOR_CHAT = re.compile(
    r"embed|whisper|tts|dall-e|image|moderation|realtime|audio|transcri|speech|sora|rerank|guard"
    r"|babbage|davinci|gpt-3\.5-turbo-instruct|computer-use|deep-research",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class ModelInfo:
    """A model a person may choose. `provider` is the Provider's name."""

    id: str
    provider: str


@dataclass(frozen=True, slots=True)
class Resolved:
    provider: Provider
    model: str


@dataclass(frozen=True, slots=True)
class _Listing:
    """The outcome of one look-up: ids, or why there are none."""

    at: float
    ids: tuple[str, ...] = ()
    error: ProviderError | None = None


class NotListedYet(Exception):
    """Whether a model is offered cannot be told before its provider has been asked; `resolve` asks."""

    def __init__(self, model: str) -> None:
        super().__init__(model)
        self.model = model


class Unavailable:
    """Stands for a provider that cannot be reached, so that the engine has one failing path."""

    def __init__(self, name: str, error: ProviderError) -> None:
        self.name = name
        self._error = error

    async def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        self._fail()
        yield Chunk()  # never reached: makes this a generator

    async def models(self) -> list[str]:
        self._fail()
        return []

    async def close(self) -> None:
        """Nothing is open."""

    def _fail(self) -> None:
        # A raised exception keeps its traceback: sharing one between runs would grow it.
        raise ProviderError(self._error.slug, retry_after=self._error.retry_after)


class Catalogue:
    """The models of one optional remote provider and of the offline one.

    `clock` gives seconds and never goes back. The list is kept for a minute; after a failed look-up the
    last good one serves for ten. Concurrent callers share one look-up.
    """

    def __init__(
        self,
        remote: Provider | None,
        offline: Provider,
        default_model: str | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._remote = remote
        self._offline = offline
        self._default_model = default_model or None
        self._clock = clock
        self._good: _Listing | None = None
        self._failed: _Listing | None = None
        self._lookup: asyncio.Task[_Listing] | None = None

    async def models(self) -> list[ModelInfo]:
        """What to offer: the provider's chat models, the configured default among them, offline last."""
        offered: list[ModelInfo] = []
        if self._remote is not None:
            listing = await self._listing(self._remote)
            chat = [model for model in listing.ids if not _NOT_FOR_CHAT.search(model)]
            if self._default_model not in (None, OFFLINE_MODEL, *chat):
                chat.insert(0, str(self._default_model))
            if not chat and listing.error is None:
                chat = [self._first(listing)]
            offered = [ModelInfo(model, self._remote.name) for model in chat if model != OFFLINE_MODEL]
        return [*offered, ModelInfo(OFFLINE_MODEL, self._offline.name)]

    async def resolve(self, requested: str | None = None) -> Resolved:
        """Who answers for `requested`, or for the default; raises ModelUnknown.

        A provider out of reach is no error here: what is returned raises it when streamed.
        """
        wanted = requested or self._default_model
        if wanted == OFFLINE_MODEL:
            return Resolved(self._offline, OFFLINE_MODEL)
        if self._remote is None:
            return self._without_provider(wanted)
        # The operator's own default is taken at its word: Azure lists models, not deployments.
        if wanted is not None and wanted == self._default_model:
            return Resolved(self._remote, wanted)
        listing = self._known(self._remote)
        if listing is None or wanted not in (None, *listing.ids):
            listing = await self._listing(self._remote)
        if wanted is None:
            return self._first_of(listing, self._remote)
        if listing.ids and wanted not in listing.ids:
            raise ModelUnknown(wanted)
        return Resolved(self._remote, wanted)

    def at_once(self, wanted: str) -> Resolved:
        """Who answers for a model, told without waiting, in any thread; raises ModelUnknown, NotListedYet."""
        if wanted == OFFLINE_MODEL:
            return Resolved(self._offline, OFFLINE_MODEL)
        if self._remote is None:
            return self._without_provider(wanted)
        if wanted == self._default_model:
            return Resolved(self._remote, wanted)
        listing = self._decisive(wanted)
        if listing.ids and wanted not in listing.ids:
            raise ModelUnknown(wanted)
        return Resolved(self._remote, wanted)

    async def close(self) -> None:
        """Close the providers' connections of the running loop."""
        for provider in (self._remote, self._offline):
            if provider is not None:
                await provider.close()

    def _without_provider(self, wanted: str | None) -> Resolved:
        if wanted not in (None, self._default_model):
            raise ModelUnknown(wanted)
        return Resolved(self._offline, OFFLINE_MODEL)

    def _first_of(self, listing: _Listing, remote: Provider) -> Resolved:
        if listing.error is not None:
            return Resolved(Unavailable(remote.name, listing.error), _UNNAMED_MODEL)
        return Resolved(remote, self._first(listing))

    @staticmethod
    def _first(listing: _Listing) -> str:
        chat = (model for model in listing.ids if not _NOT_FOR_CHAT.search(model))
        return next(chat, listing.ids[0] if listing.ids else _UNNAMED_MODEL)

    def _decisive(self, wanted: str) -> _Listing:
        """What the last look-up found, unless another one could find more."""
        good, failed = self._good, self._failed
        is_fresh = self._is_younger(good, _FRESH_SECONDS)
        has_failed = self._is_younger(failed, _FAILURE_SECONDS)
        if good and self._is_younger(good, _STALE_SECONDS) and (wanted in good.ids or is_fresh or has_failed):
            return good
        if failed and has_failed:
            return failed
        raise NotListedYet(wanted)

    def _known(self, remote: Provider) -> _Listing | None:
        """A good listing at no wait, renewed behind when it is old: a message must not queue for it."""
        if self._good is None or not self._is_younger(self._good, _STALE_SECONDS):
            return None
        is_fresh = self._is_younger(self._good, _FRESH_SECONDS)
        if not is_fresh and not self._is_younger(self._failed, _FAILURE_SECONDS):
            self._shared_lookup(remote)
        return self._good

    async def _listing(self, remote: Provider) -> _Listing:
        """The best listing to be had: fresh, else the last good one, else an empty one with its error."""
        if self._good is not None and self._is_younger(self._good, _FRESH_SECONDS):
            return self._good
        found = self._failed
        if found is None or not self._is_younger(found, _FAILURE_SECONDS):
            found = await asyncio.shield(self._shared_lookup(remote))
        if found.error is not None and self._good is not None:
            return self._good if self._is_younger(self._good, _STALE_SECONDS) else found
        return found

    def _is_younger(self, listing: _Listing | None, seconds: float) -> bool:
        return listing is not None and self._clock() - listing.at < seconds

    def _shared_lookup(self, remote: Provider) -> "asyncio.Task[_Listing]":
        task = self._lookup
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            task = self._lookup = asyncio.create_task(self._look_up(remote))
        return task

    async def _look_up(self, remote: Provider) -> _Listing:
        """Never raises: a caller that went away must not leave an exception nobody took."""
        try:
            found = _Listing(self._clock(), tuple(dict.fromkeys(await remote.models())))
        except ProviderError as error:
            self._failed = _Listing(self._clock(), error=error)
            return self._failed
        self._good, self._failed = found, None
        return found

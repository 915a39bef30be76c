"""Speech of every interface: gate, one unit of the speech quota, then audio as it is made, or a text.

The views of speech and transcription, native and of the facade, are its callers. While an engine works, the request
holds neither a thread nor a connection; when the client goes away, the work ends, here or at the provider.
"""

import logging
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import aclosing, contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar
from uuid import UUID

from django.http import HttpRequest, StreamingHttpResponse
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _
from rest_framework.exceptions import ValidationError

from tertulia.accounts import gate, quota
from tertulia.accounts.gate import Identity
from tertulia.api.problems import invalid_input
from tertulia.chat import speech
from tertulia.core.db import in_db, transaction
from tertulia.core.errors import CutShort, GenerationFailed, InvalidInput, Problem, TooLarge, Unavailable
from tertulia.core.ids import uuid7
from tertulia.providers.errors import ProviderError
from tertulia.speech.base import CONTENT_TYPES, Ear, Recording, Transcript, Utterance, Voice
from tertulia.speech.errors import AudioRefused, Busy, SpeechError, VoiceUnknown, no_engine

logger = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R")


class SpeechUnavailable(Problem):
    """Nothing here can speak or write down what was asked for; `slug` is the engine's."""

    status, slug, title = 501, "speech_unavailable", _("Speech is not available")

    def __init__(self, slug: str, detail: str) -> None:
        super().__init__(detail)
        self.slug = slug


@dataclass(frozen=True, slots=True)
class Charged:
    """An accepted request. `was_taken` tells whether it took the unit that `key` stands for."""

    identity: Identity
    key: UUID
    was_taken: bool
    headers: dict[str, str]


def required_voice() -> Voice:
    """The instance's voice; raises SpeechUnavailable."""
    return _required(speech.voice())


def required_ear() -> Ear:
    """The instance's ear; raises SpeechUnavailable."""
    return _required(speech.ear())


def _required(engine: T | None) -> T:
    with told():
        if engine is None:
            raise no_engine()
    assert engine is not None
    return engine


async def admitted(request: HttpRequest, read: Callable[[HttpRequest], T]) -> tuple[Charged, T]:
    """Let a request in, read it and take its unit.

    Who asks is checked first: a visitor without an account learns nothing from the faults of a body.
    """

    def unit() -> tuple[Charged, T]:
        identity = gate.require(request)
        try:
            asked = read(request)
        except ValidationError as error:
            raise invalid_input(error) from None
        return charge(identity, uuid7()), asked

    return await in_db(unit)


def charge(identity: Identity, key: UUID) -> Charged:
    """Take the unit of what `key` stands for. Raises OverQuota."""
    with transaction():
        standing, was_taken = quota.reserve_speech(user=identity.user, key=key)
    return Charged(identity, key, was_taken, quota.rate_limit_headers(standing))


async def spoken(
    charged: Charged,
    utterance: Utterance,
    headers: dict[str, str] | None = None,
    further: AsyncGenerator[Utterance, None] | None = None,
) -> "AudioResponse":
    """The audio, streamed. The first bytes are waited for: what cannot even begin is an error, and costs nothing.

    `further` utterances follow in the same stream; mp3 is made of frames, so that files can be strung together.
    """
    pieces = required_voice().speak(utterance)
    try:
        with told():
            first = await anext(pieces, b"")
    except BaseException:
        await pieces.aclose()
        await in_db(_give_back, charged, "speech_failed")
        raise
    fields = {**charged.headers, **(headers or {})}
    return AudioResponse(
        _whole_or_cut(_stream(first, pieces, further)), CONTENT_TYPES[utterance.format], fields
    )


async def written_down(charged: Charged, recording: Recording) -> Transcript:
    """What is said in a recording; what fails costs nothing."""
    try:
        with told():
            return await required_ear().transcribe(recording)
    except BaseException:
        await in_db(_give_back, charged, "transcription_failed")
        raise


def _give_back(charged: Charged, reason: str) -> None:
    if charged.was_taken:
        with transaction():
            quota.refund(generation_id=charged.key, reason=reason)


async def _whole_or_cut(pieces: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    async with aclosing(pieces):
        try:
            async for piece in pieces:
                yield piece
        except (ProviderError, SpeechError) as error:
            logger.warning("the sound broke off: %s", error.slug)
            raise CutShort from None


async def _stream(
    first: bytes, rest: AsyncGenerator[bytes, None], further: AsyncGenerator[Utterance, None] | None
) -> AsyncGenerator[bytes, None]:
    async with aclosing(rest):
        yield first
        async for piece in rest:
            yield piece
    if further is None:
        return
    async with aclosing(further):
        async for utterance in further:
            async with aclosing(required_voice().speak(utterance)) as pieces:
                async for piece in pieces:
                    yield piece


class AudioResponse(StreamingHttpResponse):
    """Hands the generator itself to the server, which closes it when the client goes away."""

    def __init__(
        self, pieces: AsyncGenerator[bytes, None], content_type: str, headers: dict[str, str]
    ) -> None:
        # Proxies that buffer would wait for the end of the sentence.
        fields = {"Cache-Control": "private, no-store", "X-Accel-Buffering": "no", **headers}
        super().__init__(pieces, content_type=content_type, headers=fields)
        self._pieces = pieces

    def __aiter__(self) -> AsyncGenerator[bytes, None]:
        return self._pieces


@contextmanager
def told() -> Iterator[None]:
    """What engines raise, as problems."""
    try:
        yield
    except ProviderError as error:
        detail = gettext(_DETAILS.get(error.slug, error.detail))
        raise GenerationFailed(error.slug, error.status, detail) from None
    except SpeechError as error:
        raise _problem(error) from None


# Sentences of the language model's errors that would send an operator to the wrong place.
_DETAILS = {
    "provider_not_found": gettext_noop("There is no speech service at the configured address."),
    "provider_bad_request": gettext_noop("The speech service does not accept this request."),
    "provider_context_length": gettext_noop("The text is too long for the speech service."),
}


def _problem(error: SpeechError) -> Problem:
    detail = gettext(error.detail) % error.values
    if isinstance(error, VoiceUnknown):
        return InvalidInput.field("voice", detail)
    if isinstance(error, AudioRefused):
        kind: type[Problem] = TooLarge if error.status == 413 else InvalidInput
        problem = kind(detail, errors={"file": [detail]})
        problem.slug = error.slug
        return problem
    if isinstance(error, Busy):
        return Unavailable(detail)
    return SpeechUnavailable(error.slug, detail)


def any_of(given: dict[str, Any], *names: str) -> dict[str, Any]:
    """The fields that a body has, of these."""
    return {name: given[name] for name in names if given.get(name) is not None}

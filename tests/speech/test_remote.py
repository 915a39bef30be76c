"""Servers that speak OpenAI's audio API, over real HTTP."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing

import pytest

from tertulia.providers.errors import ProviderError
from tertulia.speech.base import Recording, Utterance
from tertulia.speech.errors import AudioRefused
from tertulia.speech.processes import Hearing
from tertulia.speech.remote import RemoteEar, RemoteVoice, Server
from tests.provider import ScriptedProvider
from tests.provider.audio import HEARD, mp3
from tests.provider.server import refused_url
from tests.speech import sounds


@pytest.fixture(scope="module")
def scripted() -> Iterator[ScriptedProvider]:
    with ScriptedProvider() as provider:
        yield provider


def voice_of(scripted: ScriptedProvider, **options: float) -> RemoteVoice:
    scripted.routes.audio.reset()
    return RemoteVoice(Server(scripted.base_url, "sk-speech", "voice-model"), "usual", **options)


def ear_of(scripted: ScriptedProvider, hearing: Hearing | None, **options: float) -> RemoteEar:
    scripted.routes.audio.reset()
    return RemoteEar(Server(scripted.base_url, "sk-ear", "ear-model"), hearing, **options)


async def audio_of(voice: RemoteVoice, utterance: Utterance) -> bytes:
    try:
        return b"".join([piece async for piece in voice.speak(utterance)])
    finally:
        await voice.close()


async def test_what_is_sent_and_what_comes_back(scripted: ScriptedProvider) -> None:
    audio = await audio_of(voice_of(scripted), Utterance("Hello.", "", "en", "wav", 1.5))
    assert audio.startswith(b"RIFF")
    (asked,) = scripted.routes.audio.spoken
    assert (asked.input, asked.voice, asked.model) == ("Hello.", "usual", "voice-model")
    assert (asked.format, asked.speed, asked.authorization) == ("wav", 1.5, "Bearer sk-speech")


async def test_stopping_drops_the_request(scripted: ScriptedProvider) -> None:
    voice = voice_of(scripted)
    async with aclosing(voice.speak(Utterance("On and on.", "endless"))) as pieces:
        await anext(pieces)
    async with asyncio.timeout(5):
        while scripted.routes.audio.spoken[0].ended != "dropped":  # noqa: ASYNC110  (another thread sets it)
            await asyncio.sleep(0.01)
    await voice.close()


REFUSALS = [
    ("status-400", "provider_bad_request"),
    ("status-401", "provider_auth"),
    ("status-429", "provider_rate_limited"),
    ("status-500", "provider_error"),
    ("status-503", "provider_overloaded"),
    ("status-302", "provider_error"),
    ("status-200", "provider_error"),
    ("html", "provider_malformed"),
    ("deep", "provider_malformed"),
    ("hang", "provider_timeout_first_token"),
]


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        *REFUSALS,
        ("empty", "provider_empty"),
        ("broken", "provider_reset"),
        ("cut", "provider_reset"),
        ("wait-5000", "provider_timeout_first_token"),
        ("paced-90000", "provider_timeout_idle"),
    ],
)
async def test_faults(scripted: ScriptedProvider, name: str, slug: str) -> None:
    voice = voice_of(scripted, first_byte_timeout=2.0, idle_timeout=2.0)
    with pytest.raises(ProviderError) as failed:
        await audio_of(voice, Utterance("Hello.", name))
    assert (failed.value.slug, failed.value.status) == (slug, 504 if "timeout" in slug else 502)
    assert await audio_of(voice, Utterance("And the next one.")), "the next request works"


async def test_sound_whose_length_nobody_tells(scripted: ScriptedProvider) -> None:
    assert await audio_of(voice_of(scripted), Utterance("Hello.", "unmeasured")) == mp3(0.5)


async def test_who_listens_slowly_gets_everything(scripted: ScriptedProvider) -> None:
    heard = b""
    voice = voice_of(scripted, idle_timeout=1.0)
    async for piece in voice.speak(Utterance("Hello.", "paced-300")):
        await asyncio.sleep(0.0 if heard else 1.5)
        heard += piece
    await voice.close()
    assert heard == mp3(3.0)


async def test_nobody_there() -> None:
    with pytest.raises(ProviderError) as failed:
        await audio_of(RemoteVoice(Server(refused_url())), Utterance("Hello."))
    assert failed.value.slug == "provider_unreachable"


async def test_a_recording_is_decoded_here_and_sent_as_wav(scripted: ScriptedProvider) -> None:
    spoken = await sounds.say("Good morning to everybody.", "opus")
    ear = ear_of(scripted, Hearing(30))
    heard = await ear.transcribe(Recording(spoken, "recording.webm", "ko-KR"))
    await ear.close()
    (sent,) = scripted.routes.audio.heard
    assert (heard.text, heard.language) == (HEARD, "ko-KR")
    assert heard.duration == pytest.approx(1.7, abs=0.6)
    assert (sent.model, sent.language, sent.name) == ("ear-model", "ko", "recording.wav")
    assert sent.audio.startswith(b"RIFF")


async def test_silence_never_leaves(scripted: ScriptedProvider) -> None:
    heard = await ear_of(scripted, Hearing(30)).transcribe(Recording(sounds.wav(bytes(96_000))))
    assert (heard.text, heard.duration) == ("", 3.0)
    assert scripted.routes.audio.heard == []


async def test_what_cannot_be_read_never_leaves(scripted: ScriptedProvider) -> None:
    with pytest.raises(AudioRefused):
        await ear_of(scripted, Hearing(30)).transcribe(Recording(b"<html>"))
    assert scripted.routes.audio.heard == []


async def test_without_the_extra_a_recording_goes_as_it_is(scripted: ScriptedProvider) -> None:
    ear = ear_of(scripted, None)
    heard = await ear.transcribe(Recording(b"whatever it is", "recording.m4a"))
    await ear.close()
    (sent,) = scripted.routes.audio.heard
    assert (sent.name, sent.audio) == ("recording.m4a", b"whatever it is")
    assert (heard.text, heard.duration) == (HEARD, None)


@pytest.mark.parametrize(
    ("manner", "language", "duration"),
    [("json", "", None), ("verbose", "", 8.47), ("text", "", None)],
)
async def test_every_manner_of_telling_it(
    scripted: ScriptedProvider, manner: str, language: str, duration: float | None
) -> None:
    """A language in words is none: the text tells its own."""
    ear = ear_of(scripted, None)
    scripted.routes.audio.manner = manner
    heard = await ear.transcribe(Recording(b"x", "recording.webm"))
    await ear.close()
    assert (heard.text, heard.language, heard.duration) == (HEARD, language, duration)


@pytest.mark.parametrize(
    ("manner", "slug"), [*REFUSALS, ("null", "provider_malformed"), ("cut", "provider_reset")]
)
async def test_faults_of_an_ear(scripted: ScriptedProvider, manner: str, slug: str) -> None:
    ear = ear_of(scripted, None, timeout=2.0)
    scripted.routes.audio.manner = manner
    with pytest.raises(ProviderError) as failed:
        await ear.transcribe(Recording(b"x", "recording.webm"))
    scripted.routes.audio.manner = "json"
    assert (failed.value.slug, failed.value.status) == (slug, 504 if "timeout" in slug else 502)
    assert (await ear.transcribe(Recording(b"x", "recording.webm"))).text == HEARD, "the next request works"
    await ear.close()

"""Any server that speaks OpenAI's audio API; `chat.speech` builds these from the settings.

Keys, addresses and models of speech and of transcription are separate: they are rarely the same server's.
"""

import asyncio
import re
from collections.abc import AsyncGenerator
from dataclasses import dataclass

import aiohttp
import msgspec

from tertulia.providers.connection import Sessions, proxy_for
from tertulia.providers.diagnosis import (
    Complaint,
    complaint_in_bytes,
    diagnose,
    diagnose_exception,
    retry_after_seconds,
)
from tertulia.providers.errors import ProviderError
from tertulia.speech import riff
from tertulia.speech.base import SAMPLE_RATE, Recording, Transcript, Utterance
from tertulia.speech.processes import Hearing

_CONNECT_SECONDS = 10.0
_FIRST_BYTE_SECONDS = 30.0
_IDLE_SECONDS = 20.0
_TRANSCRIPTION_SECONDS = 180.0
_ERROR_BODY_BYTES = 64 * 1024
_TEXT_BODY_BYTES = 4 * 1024 * 1024

_CONTROL = re.compile("[\0\ud800-\udfff]")
_TAG = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")


@dataclass(frozen=True, slots=True)
class Server:
    """Where an engine is and how it is asked."""

    base_url: str
    api_key: str = ""
    model: str = ""

    def sessions(self) -> Sessions:
        headers = {"Authorization": f"Bearer {self.api_key}"} if self.api_key else {}
        return Sessions(headers=headers, connect_timeout=_CONNECT_SECONDS)


class RemoteVoice:
    """POST /audio/speech. `default_voice` speaks where nobody chose one. Times are in seconds."""

    name = "openai"

    def __init__(
        self,
        server: Server,
        default_voice: str = "alloy",
        *,
        first_byte_timeout: float = _FIRST_BYTE_SECONDS,
        idle_timeout: float = _IDLE_SECONDS,
    ) -> None:
        self.model = server.model
        self._url = f"{server.base_url.rstrip('/')}/audio/speech"
        self._proxy = proxy_for(server.base_url)
        self._default_voice = default_voice
        self._first_byte_timeout = first_byte_timeout
        self._idle_timeout = idle_timeout
        self._sessions = server.sessions()

    def accepts(self, voice: str) -> bool:
        """There is no list to ask: the server itself refuses what it does not have."""
        return True

    async def speak(self, utterance: Utterance) -> AsyncGenerator[bytes, None]:
        """Yield the bytes as they come; closing the generator drops the connection. Raises ProviderError."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._first_byte_timeout
        response = await self._open(utterance, deadline)
        try:
            piece = await _piece(response, deadline, "provider_timeout_first_token")
            if not piece:
                raise ProviderError("provider_empty")
            while piece:
                # However long the listener takes over it: only the server's own silence counts.
                yield piece
                piece = await _piece(response, loop.time() + self._idle_timeout, "provider_timeout_idle")
        finally:
            response.close()

    async def close(self) -> None:
        await self._sessions.close()

    async def _open(self, utterance: Utterance, deadline: float) -> aiohttp.ClientResponse:
        body: dict[str, str | float] = {
            "model": self.model,
            "input": utterance.text,
            "voice": utterance.voice or self._default_voice,
            "response_format": utterance.format,
        }
        if utterance.speed != 1.0:
            body["speed"] = utterance.speed
        try:
            async with asyncio.timeout_at(deadline):
                response = await self._sessions.current().post(
                    self._url, json=body, proxy=self._proxy, allow_redirects=False
                )
        except (aiohttp.ClientError, OSError) as error:
            raise diagnose_exception(error) from None
        await _check(response)
        if response.content_type.startswith("text/") or response.content_type.endswith("json"):
            raise await _refusal_of(response)
        return response


async def _piece(response: aiohttp.ClientResponse, deadline: float, late: str) -> bytes:
    """What comes next, empty at the end. Raises ProviderError, `late` at the deadline in the loop's time."""
    try:
        async with asyncio.timeout_at(deadline):
            return await response.content.readany()
    except TimeoutError:
        raise ProviderError(late) from None
    except (aiohttp.ClientError, OSError) as error:
        raise diagnose_exception(error) from None


class RemoteEar:
    """POST /audio/transcriptions.

    With `hearing` (the extra `speech`) a recording is decoded here first: its length is measured, silence never
    leaves, where recognisers invent words for it, and the server gets plain wav whatever a browser recorded.
    """

    name = "openai"

    def __init__(
        self, server: Server, hearing: Hearing | None, *, timeout: float = _TRANSCRIPTION_SECONDS
    ) -> None:
        self.model = server.model
        self._url = f"{server.base_url.rstrip('/')}/audio/transcriptions"
        self._proxy = proxy_for(server.base_url)
        self._hearing = hearing
        self._timeout = timeout
        self._sessions = server.sessions()

    def understands(self, language: str | None) -> bool:
        return True

    async def transcribe(self, recording: Recording) -> Transcript:
        """Raises ProviderError, AudioRefused, Busy."""
        duration: float | None = None
        if self._hearing is not None:
            samples, duration = await self._hearing.samples_of(recording.audio)
            if not samples:
                return Transcript("", recording.language or "", duration)
            wav = riff.header(SAMPLE_RATE, len(samples)) + samples
            recording = Recording(wav, "recording.wav", recording.language)
        heard = await self._ask(recording)
        text = _CONTROL.sub("", heard.text).strip()
        language = _tag(heard.language) or recording.language or ""
        return Transcript(text, language, duration or heard.duration)

    async def close(self) -> None:
        await self._sessions.close()

    async def _ask(self, recording: Recording) -> "_Heard":
        form = aiohttp.FormData()
        form.add_field("model", self.model)
        form.add_field("response_format", "json")
        if recording.language:
            form.add_field("language", recording.language.partition("-")[0])
        form.add_field("file", recording.audio, filename=recording.name or "recording")
        try:
            async with asyncio.timeout(self._timeout):
                async with self._sessions.current().post(
                    self._url, data=form, proxy=self._proxy, allow_redirects=False
                ) as response:
                    await _check(response)
                    body = await _read_at_most(response, _TEXT_BODY_BYTES)
                    return _decoded(body, response.content_type)
        except TimeoutError:
            raise ProviderError("provider_timeout_first_token") from None
        except (aiohttp.ClientError, OSError) as error:
            raise diagnose_exception(error) from None


class _Heard(msgspec.Struct):
    """The common part of what servers answer as json and as verbose_json."""

    text: str
    language: str | None = None
    duration: float | None = None


def _decoded(body: bytes, content_type: str) -> _Heard:
    """Some servers give the bare text whatever they are asked for; some write numbers as strings."""
    try:
        return msgspec.json.decode(body, type=_Heard, strict=False)
    except (ValueError, RecursionError) as error:
        if content_type == "text/plain":
            return _Heard(body.decode(errors="replace"))
        raise _refusal_in(body) from error


def _tag(language: str | None) -> str:
    """A BCP 47 tag; empty for the names in words that verbose_json has: the text tells its language by itself."""
    return language if language and _TAG.fullmatch(language) else ""


async def _check(response: aiohttp.ClientResponse) -> None:
    """Raises ProviderError for anything but 200, and closes the response then."""
    if response.status != 200:
        complaint = complaint_in_bytes(await _complaint_of(response))
        raise diagnose(response.status, complaint, retry_after_seconds(response.headers))


async def _refusal_of(response: aiohttp.ClientResponse) -> ProviderError:
    """Why a server sent words with 200 where audio was asked for."""
    return _refusal_in(await _complaint_of(response))


def _refusal_in(body: bytes) -> ProviderError:
    complaint = complaint_in_bytes(body)
    return ProviderError("provider_malformed") if complaint == Complaint() else diagnose(None, complaint)


async def _complaint_of(response: aiohttp.ClientResponse) -> bytes:
    """The body of a refusal, as far as it comes in time; the response is closed."""
    try:
        async with asyncio.timeout(_IDLE_SECONDS):
            return await _read_at_most(response, _ERROR_BODY_BYTES)
    except (TimeoutError, aiohttp.ClientError, OSError):
        return b""
    finally:
        response.close()


async def _read_at_most(response: aiohttp.ClientResponse, limit: int) -> bytes:
    body = bytearray()
    while len(body) < limit and (read := await response.content.readany()):
        body += read
    return bytes(body[:limit])

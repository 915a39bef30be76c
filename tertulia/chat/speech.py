"""The voice and the ear that this instance offers: one of each per process, built from the settings. The API asks
them to work, pages whether they are there.
"""

from functools import cache

from django.conf import settings

from tertulia.speech.base import Ear, Voice
from tertulia.speech.builtin import BuiltinEar, BuiltinVoice, is_installed
from tertulia.speech.processes import Hearing
from tertulia.speech.remote import RemoteEar, RemoteVoice, Server

# OpenAI's own names, for who gives only a key.
SPEECH_MODEL = "gpt-4o-mini-tts"
TRANSCRIPTION_MODEL = "gpt-4o-mini-transcribe"


@cache
def voice() -> Voice | None:
    """Who reads aloud: the configured server, else the built-in engine, None without either."""
    server = _server(
        settings.TERTULIA_SPEECH_BASE_URL,
        settings.TERTULIA_SPEECH_API_KEY,
        settings.TERTULIA_SPEECH_MODEL,
        SPEECH_MODEL,
    )
    if server:
        return RemoteVoice(server, settings.TERTULIA_SPEECH_VOICE or "alloy")
    return BuiltinVoice(settings.TERTULIA_SPEECH_VOICE) if is_installed() else None


@cache
def ear() -> Ear | None:
    """Who writes down recordings, likewise."""
    hearing = Hearing(settings.TERTULIA_TRANSCRIPTION_SECONDS) if is_installed() else None
    server = _server(
        settings.TERTULIA_TRANSCRIPTION_BASE_URL,
        settings.TERTULIA_TRANSCRIPTION_API_KEY,
        settings.TERTULIA_TRANSCRIPTION_MODEL,
        TRANSCRIPTION_MODEL,
    )
    if server:
        return RemoteEar(server, hearing)
    return BuiltinEar(hearing) if hearing else None


async def close() -> None:
    """End what the running event loop has open of them."""
    for engine in (voice(), ear()):
        if engine is not None:
            await engine.close()


def _server(base_url: str, api_key: str, model: str, default_model: str) -> Server | None:
    """Where to ask; None when nothing of this kind was configured.

    The language model's key goes along only to the language model's own address.
    """
    if base_url:
        return Server(base_url, api_key, model or default_model)
    if not (api_key or model):
        return None
    address = settings.OPENAI_BASE_URL or "https://api.openai.com/v1"
    return Server(address, api_key or settings.OPENAI_API_KEY, model or default_model)

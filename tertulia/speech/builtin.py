"""The engines that need no network: espeak-ng speaks, pocketsphinx writes down English. `chat.speech` builds them.

They come with the extra `speech`; without it `is_installed` says no.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from importlib.util import find_spec

from tertulia.providers.errors import ProviderError
from tertulia.speech import voices
from tertulia.speech.base import Recording, Transcript, Utterance
from tertulia.speech.errors import no_recogniser
from tertulia.speech.processes import Broken, Hearing, Speaking

VOICE_MODEL = "espeak-ng"
EAR_MODEL = "pocketsphinx"


def is_installed() -> bool:
    """Whether the extra `speech` is there."""
    return all(find_spec(module) for module in ("av", "espeakng_loader", "pocketsphinx"))


class BuiltinVoice:
    """espeak-ng: clear, and plainly a machine. `default_voice` as in `voices.espeak_voice`."""

    name = "builtin"
    model = VOICE_MODEL

    def __init__(self, default_voice: str = "") -> None:
        self._default_voice = default_voice
        self._speaking = Speaking()

    def accepts(self, voice: str) -> bool:
        return voices.is_known(voice)

    async def speak(self, utterance: Utterance) -> AsyncGenerator[bytes, None]:
        """Raises VoiceUnknown, Unsupported for a language without a voice, ProviderError when the worker failed."""
        job = {
            "text": utterance.text,
            "voice": voices.espeak_voice(utterance.voice or self._default_voice, utterance.language),
            "speed": utterance.speed,
            "format": utterance.format,
        }
        try:
            async with aclosing(self._speaking.speak(**job)) as pieces:
                async for piece in pieces:
                    yield piece
        except Broken as error:
            raise ProviderError("provider_error") from error

    async def close(self) -> None:
        await self._speaking.close()


class BuiltinEar:
    """pocketsphinx with its English model. Usable, never good: the page says so."""

    name = "builtin"
    model = EAR_MODEL

    def __init__(self, hearing: Hearing) -> None:
        self._hearing = hearing

    def understands(self, language: str | None) -> bool:
        """A recording whose language nobody told is taken for English, the only one there is."""
        return language is None or voices.primary(language) == "en"

    async def transcribe(self, recording: Recording) -> Transcript:
        """Raises Unsupported for another language, AudioRefused, Busy."""
        if not self.understands(recording.language):
            raise no_recogniser(recording.language or "")
        text, duration = await self._hearing.text_of(recording.audio)
        return Transcript(text, "en", duration)

    async def close(self) -> None:
        """Its processes end with each recording."""

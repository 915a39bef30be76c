"""The types that every voice and every recogniser speaks; the API depends on nothing else of an engine."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol, get_args

Format = Literal["mp3", "wav", "opus"]
FORMATS: tuple[Format, ...] = get_args(Format)
CONTENT_TYPES: dict[Format, str] = {"mp3": "audio/mpeg", "wav": "audio/wav", "opus": "audio/ogg"}

# What OpenAI's endpoint takes; 1 is the voice's own pace.
SLOWEST, FASTEST = 0.25, 4.0

# Decoders of speech are made for this rate, one channel, 16 bits.
SAMPLE_RATE = 16_000
BYTES_PER_SECOND = SAMPLE_RATE * 2


@dataclass(frozen=True, slots=True)
class Utterance:
    """What shall be said. `voice` empty: the engine's own choice for the language, a BCP 47 tag."""

    text: str
    voice: str = ""
    language: str = "en"
    format: Format = "mp3"
    speed: float = 1.0


@dataclass(frozen=True, slots=True)
class Recording:
    """What shall be written down. `language` None: not told. `name` is the file's as it was sent."""

    audio: bytes
    name: str = ""
    language: str | None = None


@dataclass(frozen=True, slots=True)
class Transcript:
    """`duration` in seconds, None where nothing could measure it; an empty text is silence."""

    text: str
    language: str
    duration: float | None


class Voice(Protocol):
    """A source of speech. Raises what `errors` names."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str:
        """What clients call the model."""
        ...

    def accepts(self, voice: str) -> bool:
        """Whether this engine may have a voice of that name; one that cannot tell says yes."""
        ...

    def speak(self, utterance: Utterance) -> AsyncGenerator[bytes, None]:
        """Yield the audio as it is made; closing the generator ends the work, here or at a provider, at once."""
        ...

    async def close(self) -> None:
        """Release the processes or connections of the running event loop."""
        ...


class Ear(Protocol):
    """A recogniser of speech. Raises what `errors` names."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    def understands(self, language: str | None) -> bool:
        """Whether it can write down this language, None: whatever is spoken."""
        ...

    async def transcribe(self, recording: Recording) -> Transcript: ...

    async def close(self) -> None: ...

"""Why there is no audio or no text, as stable slugs; raised by engines, rendered by the API layer.

SpeechError
├── AudioRefused        400/413  the recording itself
├── Unsupported         501      nothing here can do it; the reason says what would
├── VoiceUnknown        400      the engine has no such voice
└── Busy                503      every worker is taken
A provider's fault is a `tertulia.providers.errors.ProviderError`.
"""

from collections.abc import Mapping


def gettext_noop(message: str) -> str:
    """Mark a sentence for extraction; whoever shows it translates it (this package knows no Django)."""
    return message


class SpeechError(Exception):
    """`detail` is a sentence for people, with `values` to be filled in after its translation."""

    status = 500

    def __init__(self, slug: str, detail: str, values: Mapping[str, object] | None = None) -> None:
        self.slug = slug
        self.detail = detail
        self.values = dict(values or {})
        super().__init__(slug)


class AudioRefused(SpeechError):
    """The recording cannot be taken."""

    status = 400


class Unsupported(SpeechError):
    status = 501


class VoiceUnknown(SpeechError):
    status = 400

    def __init__(self, voice: str) -> None:
        text = gettext_noop("There is no voice of this name here: %(voice)s.")
        super().__init__("voice_unknown", text, {"voice": voice[:80]})


class Busy(SpeechError):
    status = 503

    def __init__(self) -> None:
        super().__init__("speech_busy", gettext_noop("Too many recordings at once. Try again in a moment."))


def unreadable() -> AudioRefused:
    """Not audio, damaged, or made to be endless work."""
    return AudioRefused(
        "audio_unreadable",
        gettext_noop("This is no recording that can be read: wav, mp3, webm, ogg, m4a and flac are."),
    )


def too_long(seconds: float) -> AudioRefused:
    """More audio than is taken."""
    refusal = AudioRefused(
        "audio_too_long",
        gettext_noop("A recording may last at most %(seconds)d seconds."),
        {"seconds": int(seconds)},
    )
    refusal.status = 413
    return refusal


def no_engine() -> Unsupported:
    """Neither a provider nor the extra is there."""
    return Unsupported(
        "speech_unavailable",
        gettext_noop(
            "Speech is not set up here: install the extra “speech” or configure a provider of audio."
        ),
    )


def no_recogniser(language: str) -> Unsupported:
    """The built-in recogniser has one language."""
    return Unsupported(
        "recogniser_unavailable",
        gettext_noop(
            "No recogniser for “%(language)s” works without a provider; the built-in one understands English only."
        ),
        {"language": language[:20]},
    )


def by_slug(slug: str, limit_seconds: float) -> SpeechError:
    """The error that a worker process reported; whatever else it said is a recording that cannot be read."""
    return too_long(limit_seconds) if slug == "audio_too_long" else unreadable()

"""Names of voices: what characters and clients write, and what the built-in engine makes of it. Pure; the API and
`builtin` call it.
"""

import re
from dataclasses import dataclass

from tertulia.speech.base import FASTEST, SLOWEST
from tertulia.speech.errors import Unsupported, VoiceUnknown, gettext_noop

# espeak-ng's accents of each interface language; the first is the usual one.
ACCENTS = {
    "en": ("en-us", "en-gb", "en-gb-scotland", "en-gb-x-rp", "en-us-nyc"),
    "es": ("es", "es-419"),
    "ko": ("ko",),
    "ru": ("ru",),
    "zh": ("cmn",),
}
# Its throats; they go with every accent.
VARIANTS = frozenset(
    "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f3 f4 f5 croak whisper whisperf aunty grandma grandpa".split()
)
# The names that clients of OpenAI's endpoint send without asking anybody.
ALIASES = {
    "alloy": "", "ash": "m2", "ballad": "m3", "cedar": "m6", "coral": "f4", "echo": "m1", "fable": "m5",
    "marin": "f5", "nova": "f3", "onyx": "m7", "sage": "f2", "shimmer": "f1", "verse": "m4",
}  # fmt: skip

_OF_CHARACTER = re.compile(r"(?P<name>.*?)(?:@(?P<speed>\d(?:\.\d{1,2})?))?")


@dataclass(frozen=True, slots=True)
class Chosen:
    """What a character's field `voice` asks for: a name, which may be empty, and a speed."""

    name: str = ""
    speed: float = 1.0


def chosen(text: str) -> Chosen:
    """Reads `name@speed`, either part of which may be missing; a speed out of range comes to its nearest end."""
    found = _OF_CHARACTER.fullmatch(text.strip())
    assert found  # both parts are optional, and `.` fails only at a line end
    speed = float(found["speed"] or 1.0)
    return Chosen(found["name"].strip(), min(FASTEST, max(SLOWEST, speed)))


def espeak_voice(name: str, language: str) -> str:
    """espeak-ng's name of a voice for a text in `language` (BCP 47).

    `name` is an accent, a variant, `accent+variant`, one of ALIASES, or empty. An accent of another language than
    the text's gives way to it, the variant stays. Raises VoiceUnknown, Unsupported for a language without a voice.
    """
    accent, variant = _parts(name.strip().lower())
    accents = ACCENTS.get(primary(language))
    if accents is None:
        text = gettext_noop("No voice for “%(language)s” works without a provider.")
        raise Unsupported("voice_unavailable", text, {"language": language[:20]})
    own = accent or language.lower()
    return (own if own in accents else accents[0]) + (f"+{variant}" if variant else "")


def is_known(name: str) -> bool:
    """Whether the built-in engine has a voice of this name."""
    try:
        _parts(name.strip().lower())
    except VoiceUnknown:
        return False
    return True


def primary(language: str) -> str:
    """The language of a BCP 47 tag, without region and script; Mandarin's own code counts as Chinese."""
    first = language.lower().replace("_", "-").partition("-")[0]
    return "zh" if first == "cmn" else first


def _parts(name: str) -> tuple[str, str]:
    if name in ALIASES:
        return "", ALIASES[name]
    accent, plus, variant = name.partition("+")
    if not plus and accent in VARIANTS:
        return "", accent
    is_accent = not accent or any(accent in each for each in ACCENTS.values())
    if not is_accent or (plus and variant not in VARIANTS):
        raise VoiceUnknown(name)
    return accent, variant

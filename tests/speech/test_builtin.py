"""The built-in engines: a round trip in five languages, what they refuse, and what they leave behind."""

import asyncio
import subprocess
import sys

import pytest

from tertulia.speech import processes
from tertulia.speech.base import Format, Recording, Utterance
from tertulia.speech.builtin import BuiltinEar, BuiltinVoice
from tertulia.speech.errors import AudioRefused, Unsupported
from tertulia.speech.processes import AT_ONCE, Hearing
from tests.speech import sounds

LIMIT = 30.0

# A sentence, what must be in its phonemes (IPA as espeak-ng writes it), and how long it takes to say, in seconds.
SENTENCES = {
    "en": ("Good morning, how are you today?", ["ɡˈʊd", "mˈɔːɹnɪŋ", "tədˈeɪ"], (1.0, 3.5)),
    "es": ("Buenos días, ¿cómo está usted?", ["bwˈenos", "ðˈias", "kˈomo"], (1.0, 3.5)),
    "zh": (
        "你好，我们今天去公园。",
        ["ni2", "χˈɑu2", "wˈo2mˈə1n", "tɕˈi5nthˈiɛ5n", "kˈonɡ5jˈyæɜn"],
        (1.2, 4.5),
    ),
    "ko": ("안녕하세요. 오늘 날씨가 좋습니다.", ["ˈɐnnjʌŋhˌɐsejˌo", "tɕˈot-sɯpnˌidɐ"], (1.2, 4.5)),
    "ru": ("Привет, как дела? Москва слезам не верит.", ["prʲivʲˈet", "dʲˈeɭa", "mʌskvˈɑ"], (1.2, 4.5)),
}
ESPEAK = {"en": "en-us", "es": "es", "zh": "cmn", "ko": "ko", "ru": "ru"}

_PHONEMES = """
import sys
from tertulia.speech.espeak import Espeak
sys.stdout.buffer.write(Espeak().phonemes(sys.argv[1], sys.argv[2]).encode())
"""


def hearing(seconds: float = LIMIT) -> Hearing:
    return Hearing(seconds)


async def duration_of(audio: bytes) -> float:
    _samples, duration = await hearing().samples_of(audio)
    return duration


@pytest.mark.parametrize("language", SENTENCES)
async def test_a_round_trip_in_five_languages(language: str) -> None:
    text, _sounds, (least, most) = SENTENCES[language]
    audio = await sounds.say(text, language=language)
    samples, duration = await hearing().samples_of(audio)
    assert least < duration < most
    assert samples, "nobody speaks in it"
    slow = await duration_of(await sounds.say(text, language=language, speed=0.5))
    assert slow > 1.5 * duration


@pytest.mark.parametrize("language", SENTENCES)
def test_it_pronounces_the_language_and_does_not_spell_it(language: str) -> None:
    text, wanted, _duration = SENTENCES[language]
    # In a process of its own: the library is never loaded into the server's, nor into this one.
    command = [sys.executable, "-c", _PHONEMES, text, ESPEAK[language]]
    said = subprocess.run(command, capture_output=True, check=True, text=True).stdout.replace(" ", "")
    assert [sound for sound in wanted if sound.replace(" ", "") not in said] == []


@pytest.mark.parametrize("format", ["mp3", "wav", "opus"])
async def test_every_format_holds_the_same_speech(format: Format) -> None:
    plain = await duration_of(await sounds.say("The same sentence in every format."))
    audio = await sounds.say("The same sentence in every format.", format)
    assert abs(await duration_of(audio) - plain) < 0.15


async def test_what_it_says_can_be_written_down() -> None:
    audio = await sounds.say("The quick brown fox jumps over the lazy dog.", "opus")
    heard = await BuiltinEar(hearing()).transcribe(Recording(audio))
    assert {"quick", "brown", "fox", "lazy"} <= set(heard.text.split())
    assert heard.language == "en"


# What browsers record, and what people have on their telephones.
KINDS = [("webm", "libopus"), ("ogg", "libopus"), ("mp4", "aac"), ("mp3", "libmp3lame"), ("wav", "pcm_s16le")]
FORMS = [
    (*kind, rate, layout)
    for kind in KINDS
    for rate in (8_000, 44_100, 48_000)
    for layout in ("mono", "stereo")
    if (kind[1], rate) != ("libopus", 44_100)  # there is no such opus
]


@pytest.fixture(scope="module")
def greeting() -> tuple[bytes, float]:
    """Samples of a sentence, and how long it takes."""
    said = asyncio.run(sounds.say("Good morning, how are you today?"))
    return asyncio.run(hearing().samples_of(said))


@pytest.mark.parametrize(("container", "codec"), KINDS)
async def test_every_kind_can_be_written_down(
    container: str, codec: str, greeting: tuple[bytes, float]
) -> None:
    audio = sounds.encoded(greeting[0], container, codec)
    heard = await BuiltinEar(hearing()).transcribe(Recording(audio))
    assert {"good", "morning", "today"} <= set(heard.text.split())
    assert heard.duration == pytest.approx(greeting[1], abs=0.15)


@pytest.mark.parametrize(("container", "codec", "rate", "layout"), FORMS)
async def test_every_rate_and_layout_can_be_read(
    container: str, codec: str, rate: int, layout: str, greeting: tuple[bytes, float]
) -> None:
    audio = sounds.encoded(greeting[0], container, codec, rate=rate, layout=layout)
    samples, duration = await hearing().samples_of(audio)
    assert samples, "nobody speaks in it"
    assert duration == pytest.approx(greeting[1], abs=0.25)


@pytest.mark.parametrize("count", [1, 160, 1_600])
async def test_a_recording_of_an_instant_is_an_empty_text(count: int) -> None:
    assert (await BuiltinEar(hearing()).transcribe(Recording(sounds.wav(bytes(2 * count))))).text == ""


@pytest.mark.parametrize(("container", "codec"), [kind for kind in KINDS if kind[0] != "mp4"])
async def test_what_was_cut_off_is_read_as_far_as_it_goes(
    container: str, codec: str, greeting: tuple[bytes, float]
) -> None:
    """An mp4 that is not made for streams has its index at the end; without it, it cannot be read."""
    whole = sounds.encoded(greeting[0], container, codec)
    duration = await duration_of(whole[: len(whole) * 3 // 4])
    assert 0.2 * greeting[1] < duration < 0.9 * greeting[1]


async def test_words_between_exact_zeros_are_written_down() -> None:
    """As made here, and as a recorder that suppresses noise writes them: nothing at all around the words."""
    audio = await sounds.say("Good morning, how are you today?", "wav")
    heard = await BuiltinEar(hearing()).transcribe(Recording(audio))
    assert heard.text == "good morning how are you today"


async def test_silence_is_an_empty_text() -> None:
    heard = await BuiltinEar(hearing()).transcribe(Recording(sounds.wav(bytes(5 * sounds.RATE * 2))))
    assert (heard.text, heard.duration) == ("", 5.0)


async def test_only_english_is_written_down() -> None:
    with pytest.raises(Unsupported) as refused:
        await BuiltinEar(hearing()).transcribe(Recording(b"", language="ko"))
    assert refused.value.slug == "recogniser_unavailable"


@pytest.mark.parametrize(
    ("recording", "slug"),
    [
        (b"", "audio_unreadable"),
        (b"RIFF", "audio_unreadable"),
        (b"\0" * 1000, "audio_unreadable"),
        (b"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\nfile:///etc/passwd\n", "audio_unreadable"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "audio_unreadable"),
        (b"\x1a\x45\xdf\xa3" + b"\xff" * 5000, "audio_unreadable"),
        (b"OggS" + b"\0" * 5000, "audio_unreadable"),
        (b"\0\0\0\x18ftypmp42" + b"\0" * 5000, "audio_unreadable"),
        (sounds.lying_wav(b"", rate=1), "audio_unreadable"),
        (sounds.lying_wav(bytes(100), channels=60_000), "audio_unreadable"),
        (sounds.wav(bytes(int(LIMIT + 1) * sounds.RATE * 2)), "audio_too_long"),
    ],
)
async def test_what_cannot_be_taken(recording: bytes, slug: str) -> None:
    with pytest.raises(AudioRefused) as refused:
        await hearing().samples_of(recording)
    assert refused.value.slug == slug


async def test_a_header_that_lies_about_the_length_is_not_believed() -> None:
    assert await duration_of(sounds.lying_wav(bytes(2 * sounds.RATE * 2))) == pytest.approx(2.0, abs=0.05)


async def test_listeners_who_take_nothing_do_not_keep_the_voices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(processes, "LISTENING_SECONDS", 3.0)
    voice = BuiltinVoice()
    stalled = [voice.speak(Utterance("A long sentence. " * 5, format="mp3")) for _place in range(AT_ONCE)]
    begun = [await anext(pieces) for pieces in stalled]
    async with asyncio.timeout(30):
        assert [piece async for piece in voice.speak(Utterance("And me?"))]
    whole = [
        first + b"".join([piece async for piece in rest]) for first, rest in zip(begun, stalled, strict=True)
    ]
    assert await duration_of(whole[0]) == await duration_of(whole[1]) > 4, "what had been made is theirs"
    await voice.close()


async def test_an_interrupted_voice_is_not_reused_and_leaves_no_process() -> None:
    voice = BuiltinVoice()
    pieces = voice.speak(Utterance("A long sentence. " * 50, format="wav"))
    await anext(pieces)
    (process,) = voice._speaking.busy
    await pieces.aclose()
    assert await asyncio.wait_for(process.wait(), 5) != 0
    whole = [piece async for piece in voice.speak(Utterance("Once more.", format="wav"))]
    assert whole[0].startswith(b"RIFF")
    await voice.close()

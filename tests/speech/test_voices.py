"""Names of voices."""

import pytest

from tertulia.speech.errors import Unsupported, VoiceUnknown
from tertulia.speech.voices import Chosen, chosen, espeak_voice, is_known


@pytest.mark.parametrize(
    ("name", "language", "voice"),
    [
        ("", "en", "en-us"),
        ("", "en-GB", "en-gb"),
        ("", "zh-Hans", "cmn"),
        ("", "ko-KR", "ko"),
        ("f3", "ru", "ru+f3"),
        ("en-gb+m2", "en", "en-gb+m2"),
        ("en-gb+m2", "es", "es+m2"),
        ("ES-419", "es", "es-419"),
        ("nova", "ko", "ko+f3"),
        ("alloy", "en", "en-us"),
    ],
)
def test_espeak_voice(name: str, language: str, voice: str) -> None:
    assert espeak_voice(name, language) == voice
    assert is_known(name)


@pytest.mark.parametrize("name", ["x", "en-us+x", "+", "en-us+", "../../etc", "f3+f3", "a" * 500])
def test_unknown_voices(name: str) -> None:
    assert not is_known(name)
    with pytest.raises(VoiceUnknown):
        espeak_voice(name, "en")


def test_a_language_without_a_voice() -> None:
    with pytest.raises(Unsupported):
        espeak_voice("", "fr")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", Chosen()),
        ("nova", Chosen("nova")),
        ("en-gb+f2@1.2", Chosen("en-gb+f2", 1.2)),
        ("@0.8", Chosen("", 0.8)),
        ("x@9", Chosen("x", 4.0)),
        ("x@0", Chosen("x", 0.25)),
        ("a@b", Chosen("a@b")),
    ],
)
def test_what_a_character_chose(text: str, found: Chosen) -> None:
    assert chosen(text) == found

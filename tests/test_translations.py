"""Every catalogue is complete and keeps the placeholders of its strings, and Django answers from the compiled ones."""

import re
from collections import Counter
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from django.conf import settings
from django.utils import translation
from django.utils.translation import to_locale

LOCALE = Path(__file__).parent.parent / "tertulia/locale"
# English is the source: its catalogue is empty on purpose.
LANGUAGES = [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE]
# Both kinds of placeholder, the tags of HTML, and code in back-ticks.
FIXED = re.compile(r"%\(\w+\)[a-z]|%[a-z%]|\{\w*\}|</?[a-z][^>]*>|`[^`]*`")


def path_of(language: str, suffix: str) -> Path:
    return LOCALE / to_locale(language) / "LC_MESSAGES" / f"django{suffix}"


def catalogue(language: str) -> Catalog:
    with path_of(language, ".po").open("rb") as file:
        return read_po(file, locale=to_locale(language))


def messages(language: str) -> list[Message]:
    return [message for message in catalogue(language) if message.id]


def forms(text: str | list[str] | tuple[str, ...] | None) -> list[str]:
    """The singular and the plurals; a string without plural is a list of one."""
    return [text] if isinstance(text, str) else list(text or [""])


def margins(text: str) -> tuple[str, str]:
    """The white space before and after the words."""
    return text[: len(text) - len(text.lstrip())], text[len(text.rstrip()) :]


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_string_is_translated(language: str) -> None:
    untranslated = [m.id for m in messages(language) if not all(forms(m.string))]
    assert not untranslated


@pytest.mark.parametrize("language", LANGUAGES)
def test_nothing_is_guessed(language: str) -> None:
    assert not catalogue(language).fuzzy
    assert not [m.id for m in messages(language) if m.fuzzy]


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_languages_translate_the_same_strings(language: str) -> None:
    assert {str(m.id) for m in messages(language)} == {str(m.id) for m in messages(LANGUAGES[0])}


@pytest.mark.parametrize("language", LANGUAGES)
def test_plural_forms_are_as_many_as_the_language_has(language: str) -> None:
    expected = catalogue(language).num_plurals
    assert not [m.id for m in messages(language) if m.pluralizable and len(forms(m.string)) != expected]


@pytest.mark.parametrize("language", LANGUAGES)
def test_placeholders_and_margins_are_kept(language: str) -> None:
    for message in messages(language):
        # A plural form may leave out the number ("one message"), so only the last, general form is compared.
        source, translated = forms(message.id)[-1], forms(message.string)[-1]
        assert Counter(FIXED.findall(translated)) == Counter(FIXED.findall(source)), source
        assert margins(translated) == margins(source), source


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_compiled_catalogue_is_as_long_as_its_source(language: str) -> None:
    with path_of(language, ".mo").open("rb") as file:
        compiled = read_mo(file)
    assert len(compiled) == len(catalogue(language))


@pytest.mark.parametrize("language", LANGUAGES)
def test_django_answers_in_the_language(language: str) -> None:
    expected = {m.id: m.string for m in messages(language)}["Conversations"]
    with translation.override(language):
        assert translation.gettext("Conversations") == expected

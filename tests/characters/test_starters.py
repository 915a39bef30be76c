"""The characters that every instance begins with."""

import pytest
from django.conf import settings

from tertulia.characters import cards, lorebook, prompt, validation
from tertulia.characters.models import MAX_SUMMARY, Character
from tertulia.characters.starters import ensure, starters

pytestmark = pytest.mark.usefixtures("database")

LANGUAGES = {code for code, _name in settings.LANGUAGES}


def test_they_are_there_once_for_everybody() -> None:
    def rows() -> list[tuple[object, ...]]:
        mine = Character.objects.filter(owner=None, visibility="public").order_by("slug")
        return list(mine.values_list("id", "slug", "name", "search"))

    before = rows()
    assert {row[1] for row in before} == {fields["slug"] for fields in starters()}
    ensure(Character)
    assert rows() == before


@pytest.mark.parametrize("fields", starters(), ids=lambda fields: str(fields["slug"]))
def test_each_is_whole_in_five_languages(fields: dict[str, object]) -> None:
    values = {name: value for name, value in fields.items() if name not in ("slug", "translations")}
    assert validation.cleaned(values) == values
    character = Character.objects.get(slug=fields["slug"])
    assert character.description
    assert set(character.translations) | {character.language} == LANGUAGES
    faces = {character.face(code) for code in LANGUAGES}
    assert len(faces) == len(LANGUAGES)
    for face in faces:
        assert all(face)
        assert len(face.name) <= cards.MAX_NAME
        assert len(face.summary) <= MAX_SUMMARY
    greetings = [character.greetings(code) for code in LANGUAGES]
    assert {len(each) for each in greetings} == {1 + len(character.alternate_greetings)}
    spoken = [text for each in greetings for text in each]
    assert len(set(spoken)) == len(spoken)
    assert "{{" not in prompt.system_text(character, None, "Ana", [], [])


def test_lore_is_found_in_every_language() -> None:
    book = Character.objects.get(slug="kestrel-ship-mind").lorebook
    assert book
    for text in ("Send a probe", "Lanza la sonda", "Запусти зонд", "发射探测器", "탐사기를 보내"):
        assert [lore.text[:10] for lore in lorebook.select(book, [text])] == ["The probes"]

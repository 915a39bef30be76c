"""From an id or a slug to a character, an instance, a note: one's own, what others share, and nothing else."""

import pytest

from tertulia.accounts.models import User
from tertulia.characters import access
from tertulia.characters.models import Character, Instance, MemoryEntry
from tertulia.core.errors import Forbidden, NotFound
from tertulia.core.ids import uuid7
from tests.characters.rows import a_character, a_user, an_instance

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def owner() -> User:
    return a_user()


@pytest.fixture
def other() -> User:
    return a_user("Bob")


def may_see(user: User, reference: str) -> bool:
    try:
        access.character_for(user, reference)
    except NotFound:
        return False
    return True


@pytest.mark.parametrize(("visibility", "shared"), [("private", False), ("unlisted", True), ("public", True)])
def test_who_sees_a_character(owner: User, other: User, visibility: str, shared: bool) -> None:
    character = a_character(owner, visibility=visibility)
    a_character(owner), a_character(other)
    for reference in (str(character.id), str(character.id).upper(), character.slug):
        assert access.character_for(owner, reference) == character
        assert may_see(other, reference) is shared


def test_a_character_comes_with_its_owner(owner: User, django_queries: list[str]) -> None:
    character = a_character(owner)
    django_queries.clear()
    found = access.character_for(owner, str(character.id)).owner
    assert found
    assert found.nickname == "Ana"
    assert len(django_queries) == 1


def test_neither_an_id_nor_a_slug_of_any_character(owner: User) -> None:
    known = str(a_character(owner).id)
    # An id has one spelling: others are slugs, and nobody's.
    other_spellings = (known.replace("-", ""), "{" + known + "}", f"urn:uuid:{known}", known + " ")
    for reference in (str(uuid7()), "nobody-of-this-name", "", "\0", "x" * 1_000, *other_spellings):
        assert not may_see(owner, reference)


def test_a_slug_may_look_like_an_id(owner: User) -> None:
    character = a_character(owner)
    digits = character.id.hex
    Character.objects.filter(id=character.id).update(slug=digits)
    assert access.character_for(owner, digits).id == character.id


def test_what_is_only_shared_may_not_be_changed(owner: User, other: User) -> None:
    shared, private = a_character(owner, visibility="public"), a_character(owner)
    assert access.own_character_for(owner, shared.slug) == shared
    assert access.own_character_for(owner, private.slug) == private
    with pytest.raises(Forbidden) as refused:
        access.own_character_for(other, str(shared.id))
    assert str(refused.value.detail) == "Only its owner may change this character. You can make a copy of it."
    with pytest.raises(NotFound):
        access.own_character_for(other, str(private.id))


def test_an_instance_is_its_owners_alone(owner: User, other: User, django_queries: list[str]) -> None:
    shared = a_character(owner, visibility="public")
    theirs, mine = (an_instance(user, shared, name=user.nickname) for user in (other, owner))
    django_queries.clear()
    found = access.instance_for(owner, mine.id)
    assert (found, found.character) == (mine, shared)
    assert len(django_queries) == 1
    for instance_id in (theirs.id, uuid7()):
        with pytest.raises(NotFound):
            access.instance_for(owner, instance_id)


def test_a_note_belongs_to_its_instance(owner: User) -> None:
    character: Character = a_character(owner)
    one, two = an_instance(owner, character, name="One"), an_instance(owner, character, name="Two")
    notes = {instance: a_note(instance, text) for instance in (one, two) for text in ("first", "second")}
    for instance, note in notes.items():
        assert access.entry_for(instance, note.id) == note
    with pytest.raises(NotFound):
        access.entry_for(one, notes[two].id)
    with pytest.raises(NotFound):
        access.entry_for(one, uuid7())


def a_note(instance: Instance, text: str) -> MemoryEntry:
    return MemoryEntry.objects.create(instance=instance, text=text)

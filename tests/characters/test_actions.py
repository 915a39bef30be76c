"""Writes to characters, instances and memories, and who keeps what when a character is taken back."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, TypeVar
from uuid import UUID

import pytest
from django.conf import settings
from django.db import IntegrityError, connection, transaction

from tertulia.accounts import actions as accounts
from tertulia.accounts.models import User
from tertulia.characters import access, actions, exchange, persona, queries, remembering
from tertulia.characters.models import Character, Instance, MemoryEntry
from tertulia.characters.remembering import Fact
from tertulia.core import clock
from tertulia.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Problem
from tertulia.core.ids import uuid7
from tests.characters.files import PIXEL, png_file
from tests.characters.rows import a_character, a_user, an_instance

pytestmark = pytest.mark.usefixtures("database")

Made = TypeVar("Made")

CARD = {"spec": "chara_card_v2", "spec_version": "2.0", "data": {"name": "Mira", "description": "Bees."}}


def picture_of(character: Character) -> Path:
    return Path(settings.MEDIA_ROOT) / str(character.picture.name)


def pictures() -> set[Path]:
    return set((Path(settings.MEDIA_ROOT) / "characters").glob("*"))


def shared_with_picture(user: User) -> Character:
    character = actions.import_character(user=user, file=png_file(chara=CARD))
    return actions.update_character(character=character, values={"visibility": "public"})


def fresh(instance: Instance) -> Instance:
    return access.instance_for(instance.owner, instance.pk)


# --- Characters -----------------------------------------------------------------------------------------------------


def test_a_name_is_enough() -> None:
    character = a_character(a_user(), name="  Mira del Río ")
    assert (character.name, character.visibility) == ("Mira del Río", "private")
    assert character.slug.startswith("mira-del-río-")
    assert 0 <= character.hue < 360
    assert a_character(a_user(), name="!!!").slug.startswith("character-")


@pytest.mark.parametrize(
    ("values", "faults"),
    [
        ({"name": ""}, ["name"]),
        ({"name": "a\nb"}, ["name"]),
        ({"name": "a\u202eb"}, ["name"]),
        ({"name": "\u200b"}, ["name"]),
        ({"summary": "s" * 301}, ["summary"]),
        ({"visibility": "secret", "hue": 360}, ["hue", "visibility"]),
        ({"language": "english, mostly"}, ["language"]),
        ({"description": "a\0"}, ["description"]),
        ({"extensions": {"a": "\ud800"}}, ["extensions.a"]),
        ({"extensions": {"a": "x" * 200_001}}, ["extensions"]),
        ({"lorebook": {"entries": [{"keys": 1}]}}, ["lorebook.entries.0.keys"]),
        ({"tags": ["a\tb"]}, ["tags.0"]),
    ],
)
def test_faults_are_named(values: dict[str, Any], faults: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        a_character(a_user(), **values)
    assert sorted(refused.value.errors or {}) == faults


def test_tags_are_kept_once_and_null_parameters_not_at_all() -> None:
    values = {"tags": ["Bees", "calm", "bees", " "], "parameters": {"temperature": None, "top_p": 0.5}}
    character = a_character(a_user(), **values)
    assert character.tags == ["Bees", "calm"]
    assert character.parameters == {"top_p": 0.5}


def test_a_search_finds_every_script(database: str) -> None:
    user = a_user()
    one = a_character(user, name="Мира ПАСЕЧНИЦА", summary="여름 벌", tags=["Abejas"])
    a_character(user, name="Another")
    for words in ("пасечница мира", "ПАСЕЧ", "여름", "abejas МИРА", "#abejas"):
        assert list(queries.characters(user, words=words, mine=True)) == [one]
    assert list(queries.characters(user, words="пасечница another", mine=True)) == []
    assert list(queries.characters(user, tag="ABEJAS", mine=True)) == [one]
    assert list(queries.characters(user, tag="abeja", mine=True)) == []


def test_who_may_see_and_change_a_character() -> None:
    alice, bob = a_user(), a_user()
    for visibility, seen, listed in (
        ("private", False, False),
        ("unlisted", True, False),
        ("public", True, True),
    ):
        character = a_character(alice, visibility=visibility)
        assert (character in queries.characters(bob)) is listed
        assert character in queries.characters(alice)
        assert access.own_character_for(alice, character.slug) == character
        for reference in (str(character.pk), character.slug):
            with pytest.raises(Forbidden if seen else NotFound):
                access.own_character_for(bob, reference)


def test_a_duplicate_is_ones_own() -> None:
    alice, bob = a_user(), a_user()
    original = shared_with_picture(alice)
    copy = actions.duplicate_character(user=bob, character=original, language="en")
    assert (copy.owner, copy.visibility, copy.description) == (bob, "private", "Bees.")
    assert copy.slug != original.slug
    assert picture_of(copy) != picture_of(original)
    assert picture_of(copy).read_bytes() == picture_of(original).read_bytes()


def test_a_duplicate_of_a_starter_speaks_the_readers_language() -> None:
    starter = Character.objects.get(slug="quote-librarian")
    copy = actions.duplicate_character(user=a_user(), character=starter, language="ko")
    assert copy.name == starter.translations["ko"]["name"]
    assert copy.greeting == starter.translations["ko"]["greeting"]
    assert copy.translations == {}


def test_pictures_come_and_go_with_their_rows() -> None:
    character = actions.import_character(user=a_user(), file=png_file(chara=CARD))
    first = picture_of(character)
    assert first.read_bytes().startswith(b"RIFF")
    second = picture_of(actions.set_picture(character=character, picture=b"RIFF2"))
    assert (first.exists(), second.read_bytes()) == (False, b"RIFF2")
    actions.set_picture(character=character, picture=None)
    assert not second.exists()
    third = picture_of(actions.set_picture(character=character, picture=b"RIFF3"))
    actions.delete_character(character=character)
    assert not third.exists()


def test_a_write_that_fails_leaves_no_picture(monkeypatch: pytest.MonkeyPatch) -> None:
    user, before = a_user(), pictures()
    monkeypatch.setattr(actions, "MAX_CHARACTERS", 0)
    with pytest.raises(Conflict):
        actions.import_character(user=user, file=png_file(chara=CARD))
    assert pictures() == before


def test_a_character_that_no_card_could_carry_is_refused() -> None:
    user = a_user()
    greetings = ["한" * 30_000] * 30
    with pytest.raises(InvalidInput):
        a_character(user, alternate_greetings=greetings)
    character = a_character(user, alternate_greetings=greetings[:20])
    with pytest.raises(InvalidInput):
        actions.update_character(
            character=character,
            values={
                "description": "한" * 30_000,
                "scenario": "한" * 30_000,
                "personality": "한" * 30_000,
                "greeting": "한" * 30_000,
            },
        )


def test_a_card_of_a_character_makes_the_same_character() -> None:
    user = a_user()
    values = {
        "description": "d", "summary": "s", "language": "ko", "voice": "v", "hue": 7, "tags": ["a"],
        "lorebook": {"entries": [{"keys": ["k"], "content": "c", "own": 1}]}, "extensions": {"x": {"y": [1]}},
        "alternate_greetings": ["one", ""], "nickname": "n",
    }  # fmt: skip
    original = a_character(user, **values)
    formats: tuple[Any, ...] = ("json", "png", "apng", "charx")
    for form in formats:
        copy = actions.import_character(user=user, file=exchange.file_of(original, form).content)
        for name, value in values.items():
            if name != "lorebook":
                assert getattr(copy, name) == value
        assert exchange.card_of(copy) == exchange.card_of(refreshed(copy))
        assert exchange.file_of(copy, "json").content == exchange.file_of(refreshed(copy), "json").content
        assert copy.lorebook
        assert copy.lorebook["entries"][0]["own"] == 1


def refreshed(character: Character) -> Character:
    return Character.objects.get(pk=character.pk)


# --- What others keep -----------------------------------------------------------------------------------------------


def test_a_change_reaches_all_instances_and_a_memory_none_but_its_own() -> None:
    alice, bob = a_user(), a_user()
    character = a_character(alice, visibility="public")
    mine, mine_too = an_instance(alice, character), an_instance(alice, character, name="Second", memory="m")
    theirs = an_instance(bob, character)
    actions.update_character(character=character, values={"description": "Changed."})
    actions.update_instance(instance=mine, values={"memory": "Only mine."})
    assert {fresh(each).character.description for each in (mine, mine_too, theirs)} == {"Changed."}
    assert [fresh(each).memory for each in (mine, mine_too, theirs)] == ["Only mine.", "m", ""]


def take_back(character: Character) -> None:
    actions.update_character(character=character, values={"visibility": "private", "description": "Secret."})


def delete(character: Character) -> None:
    actions.delete_character(character=character)


def erase(character: Character) -> None:
    assert character.owner
    actions.erase_user(user=character.owner)
    accounts.erase_account(user=character.owner)


@pytest.mark.parametrize("part", [take_back, delete, erase])
def test_other_peoples_instances_keep_what_they_have(part: Callable[[Character], None]) -> None:
    alice, bob = a_user(), a_user()
    character = shared_with_picture(alice)
    actions.update_character(character=character, values={"creator": "Alice"})
    mine, theirs = an_instance(alice, character), an_instance(bob, character, memory="m")
    part(character)
    kept = fresh(theirs)
    assert (kept.memory, kept.character.description, kept.character.creator) == ("m", "Bees.", "")
    assert kept.character != character
    assert kept.character.is_retired
    assert picture_of(kept.character).exists()
    assert kept.character not in queries.characters(bob)
    assert access.character_for(bob, str(kept.character.pk)) == kept.character
    with pytest.raises(NotFound):
        access.character_for(bob, str(character.pk))
    assert Instance.objects.filter(pk=mine.pk).exists() is (part is take_back)
    actions.delete_instance(instance=kept)
    assert not Character.objects.filter(pk=kept.character_id).exists()
    assert not picture_of(kept.character).exists()


def test_an_erased_user_leaves_nothing() -> None:
    alice, bob = a_user(), a_user()
    before = pictures()
    theirs = shared_with_picture(bob)
    kept = an_instance(alice, theirs)
    delete(theirs)  # of bob's, a copy stays for alice
    character = shared_with_picture(alice)
    remembering.add_entry(instance=an_instance(alice, character, name="x"), values={"text": "t"})
    retired = fresh(kept).character_id
    actions.erase_user(user=alice)
    accounts.erase_account(user=alice)
    assert not Character.objects.filter(pk__in=[character.pk, retired]).exists()
    assert not Instance.objects.filter(owner_id=alice.pk).exists()
    assert not MemoryEntry.objects.filter(instance__owner_id=alice.pk).exists()
    assert pictures() == before


def test_the_database_keeps_a_character_that_others_use() -> None:
    alice, bob = a_user(), a_user()
    character = a_character(alice, visibility="public")
    an_instance(bob, character)
    with pytest.raises(IntegrityError):
        character.delete()


def test_an_instance_and_a_deletion_at_the_same_time() -> None:
    """Whichever comes first, no instance is without its character, and nothing but a Problem is raised."""
    alice = a_user()
    for _ in range(5):
        character = a_character(alice, visibility="public")
        others = [a_user() for _ in range(3)]

        with ThreadPoolExecutor(4) as pool:
            started = [pool.submit(quietly, partial(an_instance, user, character)) for user in others]
            pool.submit(quietly, partial(delete, character)).result()
        kept = [made.pk for each in started if (made := each.result())]
        assert Instance.objects.filter(pk__in=kept, character__visibility="unlisted").count() == len(kept)
        assert not Character.objects.filter(pk=character.pk).exists()


def quietly(call: Callable[[], Made]) -> Made | None:
    """What a call on a thread of its own returns, None for a Problem."""
    try:
        return call()
    except Problem:
        return None
    finally:
        connection.close()


# --- Instances and memory -------------------------------------------------------------------------------------------


def test_names_are_unique_per_owner() -> None:
    alice, bob = a_user(), a_user()
    character = a_character(alice, visibility="public")
    first = an_instance(alice, character)
    assert first.name == "Mira"
    an_instance(bob, character)
    second = an_instance(alice, character, name="Second")
    for call in (
        partial(an_instance, alice, character),
        partial(actions.update_instance, instance=second, values={"name": " Mira "}),
    ):
        with pytest.raises(InvalidInput) as refused:
            call()
        assert list(refused.value.errors or {}) == ["name"]
    assert fresh(second).name == "Second"


def test_no_instance_of_what_does_not_exist_for_one() -> None:
    alice, bob = a_user(), a_user()
    character = a_character(alice, visibility="public")
    take_back(character)
    with pytest.raises(NotFound):
        an_instance(bob, character)


def test_a_memory_is_bounded() -> None:
    alice = a_user()
    character = a_character(alice)
    with pytest.raises(InvalidInput) as refused:
        an_instance(alice, character, memory="m" * 20_001)
    assert list(refused.value.errors or {}) == ["memory"]


def test_entries_go_with_their_source_unless_rewritten() -> None:
    alice = a_user()
    instance = an_instance(alice, a_character(alice))
    other = an_instance(alice, instance.character, name="Other")
    source, another = uuid7(), uuid7()

    def noted(instance: Instance, text: str, source: UUID | None) -> MemoryEntry:
        return remembering.add_entry(instance=instance, values={"text": text}, source_message_id=source)

    noted(instance, "from the message", source)
    remembering.update_entry(entry=noted(instance, "pinned", source), values={"pinned": True})
    rewritten = noted(instance, "before", source)
    remembering.update_entry(entry=rewritten, values={"text": "in my own words"})
    noted(instance, "from another message", another)
    noted(instance, "written", None)
    noted(other, "elsewhere", source)
    assert remembering.forget_sources([source]) == 3
    assert [entry.text for entry in queries.entries(instance)] == [
        "in my own words", "from another message", "written",
    ]  # fmt: skip
    assert list(queries.entries(other)) == []


def test_entries_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = a_user()
    instance = an_instance(alice, a_character(alice))
    monkeypatch.setattr(remembering, "MAX_ENTRIES", 1)
    remembering.add_entry(instance=instance, values={"text": "one"})
    with pytest.raises(Conflict):
        remembering.add_entry(instance=instance, values={"text": "two"})


def test_a_briefing_is_one_query_and_tells_what_was_used(django_queries: list[str]) -> None:
    alice = a_user()
    book = {"entries": [{"keys": ["bees"], "content": "Bees dance."}]}
    instance = an_instance(alice, a_character(alice, description="Keeper.", lorebook=book), memory="Kind.")
    dog = remembering.add_entry(instance=instance, values={"text": "The dog is called Bruno."})
    remembering.add_entry(instance=instance, values={"text": "It rained."})
    django_queries.clear()
    speaker = persona.speaker(instance.character, instance)
    brief = persona.briefing(speaker, "Ana", ["I like bees.", "Where is the dog?"], clock.now())
    assert len(django_queries) == 1
    for text in ("Keeper.", "Kind.", "Bees dance.", "- The dog is called Bruno.\n- It rained."):
        assert text in brief.system
    assert (brief.used, brief.left_out, brief.closing) == ((dog.pk,), (), "")
    remembering.note_use(brief.used)
    used = MemoryEntry.objects.get(pk=dog.pk).last_used_at
    assert used
    assert used > clock.now() - timedelta(minutes=1)


def test_an_instance_recalls_nothing_of_another() -> None:
    alice = a_user()
    character = a_character(alice)
    one, two = an_instance(alice, character), an_instance(alice, character, name="Two", memory="Two's.")
    remembering.add_entry(instance=two, values={"text": "Two's entry."})
    speaker = persona.speaker(character, one)
    assert "Two" not in persona.briefing(speaker, "Ana", ["Two's entry?"], clock.now()).system


def test_the_rules_stand_in_the_database() -> None:
    user = a_user()
    for changes in ({"hue": 400}, {"visibility": "open"}, {"owner": None}):
        row = Character(**({"owner": user, "slug": uuid7().hex, "name": "n", "hue": 1} | changes))
        with pytest.raises(IntegrityError), transaction.atomic():
            row.save()


def test_a_pixel_is_a_picture() -> None:
    character = actions.import_character(user=a_user(), file=png_file(chara=CARD))
    assert exchange.file_of(character, "png").content.startswith(PIXEL[:16])


# --- What an instance notes by itself -------------------------------------------------------------------------------


def test_facts_are_noted_once_whatever_their_spelling() -> None:
    alice = a_user()
    instance = an_instance(alice, a_character(alice))
    first, second = uuid7(), uuid7()

    def note(*facts: Fact) -> int:
        return remembering.note_facts(instance_id=instance.pk, facts=facts)

    assert note(Fact("The  dog is\ncalled Bruno.", first), Fact("the dog is called bruno", second)) == 1
    [entry] = queries.entries(instance)
    assert (entry.text, entry.source_message_id) == ("The dog is called Bruno.", first)
    assert note(Fact("", second, entry.pk), Fact("", second, uuid7())) == 0
    assert remembering.forget_sources([first]) == 0
    assert [each.source_message_id for each in queries.entries(instance)] == [second]
    assert remembering.forget_sources([second]) == 1


def test_what_no_entry_may_hold_is_passed_over() -> None:
    alice = a_user()
    instance = an_instance(alice, a_character(alice))
    wrong = [Fact(text, uuid7()) for text in ("x" * 501, "\0", "\ud800", " ")]
    assert remembering.note_facts(instance_id=instance.pk, facts=[*wrong, Fact("Right.", uuid7())]) == 1
    assert [entry.text for entry in queries.entries(instance)] == ["Right."]
    with pytest.raises(NotFound):
        remembering.note_facts(instance_id=uuid7(), facts=[])


def test_a_fact_that_its_user_wrote_gets_no_source() -> None:
    alice = a_user()
    instance = an_instance(alice, a_character(alice))
    remembering.add_entry(instance=instance, values={"text": "The dog is called Bruno."})
    source = uuid7()
    remembering.note_facts(instance_id=instance.pk, facts=[Fact("The dog is called Bruno.", source)])
    assert remembering.forget_sources([source]) == 0
    assert queries.entries(instance).count() == 1


def test_a_full_memory_forgets_what_was_noted_and_is_stale(monkeypatch: pytest.MonkeyPatch) -> None:
    alice = a_user()
    instance = an_instance(alice, a_character(alice))
    monkeypatch.setattr(remembering, "MAX_ENTRIES", 3)
    remembering.add_entry(instance=instance, values={"text": "Written."})
    stale, fresh = (
        remembering.add_entry(instance=instance, values={"text": text}, source_message_id=uuid7())
        for text in ("Stale.", "Fresh.")
    )
    remembering.note_use([fresh.pk])
    assert remembering.note_facts(instance_id=instance.pk, facts=[Fact("New.", uuid7())]) == 1
    assert [entry.text for entry in queries.entries(instance)] == ["Written.", "Fresh.", "New."]
    assert not MemoryEntry.objects.filter(pk=stale.pk).exists()
    remembering.update_entry(entry=fresh, values={"pinned": True})
    facts = [Fact(f"More {number}.", uuid7()) for number in range(5)]
    assert remembering.note_facts(instance_id=instance.pk, facts=facts) == 1
    assert [entry.text for entry in queries.entries(instance)] == ["Written.", "Fresh.", "More 0."]

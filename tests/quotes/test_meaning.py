"""Finding lines by meaning: what is embedded and when, the two rankings as one, and life without the server."""

import asyncio
from collections.abc import Callable, Iterator, Sequence

import pytest
from django.conf import settings
from django.db import connection

from tertulia.accounts.models import User
from tertulia.core.errors import Unauthenticated
from tertulia.providers.embeddings import Embedder, Vector
from tertulia.quotes import actions, meaning, retrieval, vectors
from tertulia.quotes.meaning import Meaning
from tertulia.quotes.models import Quote, QuoteVector
from tests.accounts.people import make_user
from tests.provider import ScriptedProvider
from tests.quotes.rows import a_quote, a_word, staff

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def model(provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch) -> Iterator[Meaning]:
    """The instance's embedding model, at the scripted provider."""
    monkeypatch.setattr(settings, "TERTULIA_EMBEDDINGS_MODEL", f"text-embedding-{a_word()}")
    monkeypatch.setattr(settings, "TERTULIA_EMBEDDINGS_URL", provider.base_url)
    _forget()
    # Those of earlier tests mean the same, and only the nearest few are cited.
    ferries = Quote.objects.filter(is_apply=True, content__contains="ferry")
    actions.decide_quotes(user=staff(), ids=list(ferries.values_list("id", flat=True)), is_apply=False)
    found = meaning.meaning()
    assert found is not None
    yield found
    provider.routes.reset()
    _forget()


def _forget() -> None:
    for known in (meaning.meaning, vectors.has_pgvector, vectors._index_of, vectors._prepare_index):
        known.cache_clear()


def keep_up(model: Meaning) -> None:
    """Embed everything that is applied."""

    async def all_batches() -> None:
        while await model.embed_applied():
            pass
        await model.close()

    asyncio.run(all_batches())


def ask(model: Meaning, question: str) -> list[str]:
    """The texts that are found for a question whose meaning was prepared."""

    async def prepared() -> None:
        await model.prepare(question)
        await model.close()

    asyncio.run(prepared())
    return [passage.text for passage in retrieval.relevant(question)]


def test_a_line_is_found_by_what_it_means(model: Meaning) -> None:
    word = a_word()
    line = a_quote(f"The {word} ferry will commence after the frost", is_apply=True).content
    a_quote(f"Nothing to do with it {a_word()} {a_word()} {a_word()}", is_apply=True)
    assert retrieval.relevant("vessel outset winter 겨울") == []
    keep_up(model)
    assert ask(model, "vessel outset winter 겨울")[:1] == [line]
    assert ask(model, f"{word} ferry commence frost")[:1] == [line]


def test_what_is_far_from_everything_finds_nothing(model: Meaning) -> None:
    a_quote(f"The {a_word()} ferry will commence after the frost", is_apply=True)
    keep_up(model)
    assert ask(model, f"{a_word()} {a_word()} {a_word()}") == []


def test_only_applied_lines_are_embedded_each_once(model: Meaning, provider: ScriptedProvider) -> None:
    waiting, applied = a_quote(), a_quote(is_apply=True, speaker="Odile", source="The Pier", mood="calm")
    keep_up(model)
    keep_up(model)
    assert provider.routes.embedded.count(f"{applied.content}\nOdile\nThe Pier\ncalm") == 1
    assert not any(waiting.content in text for text in provider.routes.embedded)
    actions.decide_quotes(user=staff(), ids=[waiting.id], is_apply=True)
    keep_up(model)
    assert QuoteVector.objects.filter(quote__in=[waiting, applied], model=model.space.name).count() == 2


def test_a_withdrawn_line_is_gone_and_an_edited_one_is_embedded_anew(model: Meaning) -> None:
    mona = staff()
    quote = a_quote(f"The ferry {a_word()} winter", user=mona, is_apply=True)
    keep_up(model)
    assert quote.content in ask(model, "vessel frost")
    actions.decide_quotes(user=mona, ids=[quote.id], is_apply=False)
    assert quote.content not in ask(model, "vessel frost")
    assert not QuoteVector.objects.filter(quote=quote).exists()
    words = f"Something {a_word()} outset"
    actions.update_quote(user=mona, quote=quote, changes={"content": words})
    actions.decide_quotes(user=mona, ids=[quote.id], is_apply=True)
    keep_up(model)
    assert words in ask(model, "commence something")


def test_a_line_that_was_withdrawn_while_it_was_embedded_stays_out(model: Meaning) -> None:
    quote = a_quote()
    vectors.store(model.space, {quote.id: (1.0, 0.0)})
    assert not QuoteVector.objects.filter(quote=quote).exists()


def test_the_language_is_kept_to(model: Meaning) -> None:
    line = a_quote(f"The ferry {a_word()} of winter", is_apply=True).content
    keep_up(model)
    assert line in ask(model, "vessel frost")
    assert retrieval.relevant("vessel frost", language="ko") == []


def test_another_model_begins_anew(model: Meaning) -> None:
    quote = a_quote(is_apply=True)
    keep_up(model)
    QuoteVector.objects.filter(quote=quote).update(model="an-earlier-model")
    model._alone_in = ""
    keep_up(model)
    rows = QuoteVector.objects.filter(quote=quote)
    assert list(rows.values_list("model", flat=True)) == [model.space.name]


@pytest.mark.parametrize("common", [0.0, 0.5, 0.85])
def test_what_is_near_is_told_from_what_is_far_by_any_model(
    model: Meaning, provider: ScriptedProvider, common: float
) -> None:
    """Some models give texts that have nothing to do with each other a cosine of 0.8."""
    provider.routes.embeddings_common = common
    line = a_quote(f"The {a_word()} ferry will commence after frost", is_apply=True).content
    keep_up(model)
    assert line in ask(model, "vessel outset winter 겨울")
    assert ask(model, f"{a_word()} {a_word()} {a_word()}") == []


def test_the_few_that_are_compared_are_near_whatever_a_model_gives_to_all(
    model: Meaning, provider: ScriptedProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where all vectors point nearly the same way their signs are nearly the same, unless taken about the centre."""
    monkeypatch.setattr(vectors, "_RESCORED", 3)
    provider.routes.embeddings_common = 0.85
    mona = staff()
    line = a_quote(f"The {a_word()} ferry will commence after frost", user=mona, is_apply=True).content
    for _ in range(60):
        a_quote(f"Nothing to do with it {a_word()} {a_word()} {a_word()}", user=mona, is_apply=True)
    keep_up(model)
    assert ask(model, "vessel outset winter 겨울") == [line]


def test_a_server_that_gives_its_model_another_length_begins_anew(
    model: Meaning, provider: ScriptedProvider
) -> None:
    line = a_quote("Boat, winter.", is_apply=True)  # what the questions mean, wholly
    keep_up(model)
    assert line.content in ask(model, "лодка 겨울")
    provider.routes.embeddings_dimensions = 200
    assert line.content not in ask(model, "лодка 겨울?")
    keep_up(model)
    assert line.content in ask(model, "лодка 겨울!")
    stored = QuoteVector.objects.get(quote=line)
    assert (stored.model, len(stored.embedding)) == (model.space.name, 200)


def test_servers_that_take_turns_with_different_models_do_no_harm(
    model: Meaning, provider: ScriptedProvider
) -> None:
    line = a_quote(f"Boat, winter, {a_word()}.", is_apply=True).content

    async def taking_turns() -> None:
        embed = model._embedder.embed

        async def another(texts: Sequence[str], *, seconds: float) -> list[Vector]:
            provider.routes.embeddings_dimensions = 456 - provider.routes.embeddings_dimensions
            return await embed(texts, seconds=seconds)

        model._embedder.embed = another  # type: ignore[method-assign]
        await model.prepare(line)
        await model.close()

    provider.routes.embeddings_dimensions = 200
    asyncio.run(taking_turns())
    assert retrieval.relevant(line)[0].text == line


def test_lines_that_were_withdrawn_leave_room_for_others(
    model: Meaning, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vectors, "_RESCORED", 2)
    # Always the same words: of some, the signs alone put the second line behind the third.
    mona, mark = staff(), "lighthouse"
    quotes = [a_quote(f"{mark} vessel {word}", user=mona, is_apply=True) for word in (mark, "a", "b c d")]
    keep_up(model)
    (question,) = asyncio.run(_embedded(model, f"{mark} boat {mark}"))

    def nearest() -> list[int]:
        return [near.quote_id for near in vectors.nearest(model.space, question, 2)]

    assert nearest() == [quotes[0].id, quotes[1].id]
    actions.decide_quotes(user=mona, ids=[quotes[0].id, quotes[1].id], is_apply=False)
    assert nearest()[0] == quotes[2].id


def test_a_server_that_fails_is_left_alone_and_words_still_find(
    model: Meaning, provider: ScriptedProvider
) -> None:
    word = a_word()
    line = a_quote(f"Nobody counts the {word}", is_apply=True).content
    provider.routes.embeddings_status = 500
    assert ask(model, word) == [line]
    provider.routes.embeddings_status = 200
    assert ask(model, word.upper()) == [line]
    assert provider.routes.embedded == []


def test_nothing_is_asked_where_no_model_is_set(provider: ScriptedProvider) -> None:
    provider.routes.reset()
    assert meaning.meaning() is None
    asyncio.run(meaning.prepare("a question", make_user))
    asyncio.run(meaning.keep_up())
    assert provider.routes.embedded == []


def test_only_who_may_ask_causes_a_call(model: Meaning, provider: ScriptedProvider) -> None:
    def nobody() -> User:
        raise Unauthenticated

    async def asked_by(asker: Callable[[], User]) -> list[str]:
        await meaning.prepare("a question", asker)
        await model.close()
        return provider.routes.embedded

    provider.routes.reset()
    assert asyncio.run(asked_by(nobody)) == []
    assert asyncio.run(asked_by(lambda: make_user(daily_quota=0))) == []
    assert asyncio.run(asked_by(make_user)) == ["a question", *meaning.EVERYDAY]


def test_what_is_kept_of_questions_is_bounded(monkeypatch: pytest.MonkeyPatch, model: Meaning) -> None:
    monkeypatch.setattr(meaning, "_KEPT", 2)
    for number in range(4):
        ask(model, f"question {number}")
    assert [model.known(f"question {number}") is not None for number in range(4)] == [
        False,
        False,
        True,
        True,
    ]


def test_both_ways_to_search_agree(model: Meaning) -> None:
    """On PostgreSQL the extension's way against our own; SQLite has only our own, which must be exact at its head."""
    contents = [f"ferry {a_word()} {a_word()}", f"ferry winter {a_word()}", f"winter ferry outset {a_word()}"]
    ids = [a_quote(content, is_apply=True).id for content in contents]
    keep_up(model)
    (question,) = asyncio.run(_embedded(model, "boat frost begin"))
    by_signs = [each for each in vectors.nearest(model.space, question, 60) if each.quote_id in ids]
    assert [each.quote_id for each in by_signs] == ids[::-1]
    assert by_signs[0].cosine > by_signs[1].cosine > by_signs[2].cosine
    if connection.vendor == "sqlite":
        assert not vectors.has_pgvector()
        return
    with connection.cursor() as cursor:
        cursor.execute("CREATE EXTENSION IF NOT EXISTS vector")
    _forget()
    vectors._prepare_index(model.space.name, len(question))
    assert vectors.has_pgvector()
    by_extension = [each for each in vectors.nearest(model.space, question, 60) if each.quote_id in ids]
    assert [each.quote_id for each in by_extension] == ids[::-1]
    cosines = [each.cosine for each in by_signs]
    assert [each.cosine for each in by_extension] == pytest.approx(cosines, abs=1e-5)
    with connection.cursor() as cursor:
        cursor.execute("DROP EXTENSION vector CASCADE")


async def _embedded(model: Meaning, text: str) -> list[tuple[float, ...]]:
    embedder = Embedder(
        base_url=settings.TERTULIA_EMBEDDINGS_URL, api_key="", model=settings.TERTULIA_EMBEDDINGS_MODEL
    )
    found = await embedder.embed([text], seconds=5)
    await embedder.close()
    return found


def test_rankings_become_one() -> None:
    assert retrieval.fused([[1, 2, 3], []]) == [1, 2, 3]
    assert retrieval.fused([[1, 2], [3, 2]]) == [2, 1, 3]
    assert retrieval.fused([[], []]) == []

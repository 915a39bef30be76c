"""Finding lines: in five languages, by two-syllable words, by names, only what fits, only what is applied."""

import pytest

from tertulia.providers.base import Passage
from tertulia.providers.lexical import terms
from tertulia.quotes import actions, candidates, index, queries, retrieval
from tests.accounts.people import make_user
from tests.quotes.rows import a_quote, a_word, staff

pytestmark = pytest.mark.usefixtures("database")

# Language, line, speaker, work, and questions that it answers.
LINES = [
    (
        "en",
        "The ferryman's umbrella leaks, but his stories never do.",
        "Odile Brandt",
        "Crossing at Noon",
        ["Who has a leaking umbrella?", "What does Odile Brandt say?", "a line from Crossing at Noon", "FERRYMAN"],
    ),
    (
        "es",
        "El molinero guarda el viento en un frasco de mermelada.",
        "Casilda",
        "Harina y niebla",
        ["¿Quién guarda el viento?", "una frase sobre molineros", "algo de Casilda sobre mermelada", "mermelada"],
    ),
    (
        "ru",
        "Трамвай опаздывает только к тем, кто его не ждёт.",
        "Вагоновожатый Пахом",
        "Депо",
        ["что говорят о трамваях", "кто опаздывает на трамвай", "Пахом", "реплика вагоновожатого"],
    ),
    (
        "ko",
        "만두는 식어도 약속은 식으면 안 된다.",
        "덕배",
        "골목 분식",
        ["만두", "식은 만두 이야기", "덕배", "골목 분식"],
    ),
    (
        "zh",
        "灯笼照得见路，照不见归人。",
        "老秦",
        "渡口夜话",
        ["灯笼", "关于灯笼和归人的台词", "老秦", "渡口夜话"],
    ),
]  # fmt: skip


@pytest.fixture(scope="module", autouse=True)
def _board(database: str) -> None:
    for _language, content, speaker, work, _questions in LINES:
        a_quote(content, speaker=speaker, source=work, is_apply=True)
    # On a board of a handful of lines no word is rare enough to mean anything.
    for number in range(60):
        a_quote(f"Filler{number} stands beside filler{number + 1}.", is_apply=True)


@pytest.mark.parametrize(
    ("line", "question"),
    [(line, question) for line in LINES for question in line[4]],
    ids=lambda each: str(each)[:12],
)
def test_a_line_is_found(line: tuple[str, str, str, str, list[str]], question: str) -> None:
    language, content, speaker, work, _questions = line
    first = retrieval.relevant(question)[0]
    assert first == Passage(
        kind="quote", id=first.id, text=content, speaker=speaker, work=work, language=language,
        url=f"/quotes/{first.id}",
    )  # fmt: skip
    assert first == retrieval.relevant(question, language=language)[0]
    assert content in [quote.content for quote in queries.found(question, {"language": language})]


@pytest.mark.parametrize(
    "question",
    [
        "",
        "   ",
        "?!",
        "the of and",
        "How do I install the printer driver on my umbrella-coloured laptop without a network?",
        "¿Cuál es la capital de Mongolia y cuántos habitantes tiene su provincia con viento?",
        "как настроить маршрутизатор провайдера трамвай модель двести",
        "엑셀에서 피벗 테이블 합계를 계산하는 공식",
        "怎样用电子表格计算贷款利率",
    ],
)
def test_nothing_where_nothing_fits(question: str) -> None:
    assert retrieval.relevant(question) == []


def test_another_language_is_left_out() -> None:
    assert retrieval.relevant("Odile Brandt", language="es") == []
    found = retrieval.relevant("Odile Brandt", language="en-GB")
    assert found[0].speaker == "Odile Brandt"
    assert {passage.language for passage in found} == {"en"}


def test_applying_and_withdrawing_show_in_the_next_answer() -> None:
    word = a_word()
    quote = a_quote(f"Nobody counts the {word}")
    assert retrieval.relevant(word) == []
    actions.decide_quotes(user=staff(), ids=[quote.id], is_apply=True)
    assert [passage.id for passage in retrieval.relevant(word)] == [str(quote.id)]
    actions.decide_quotes(user=staff(), ids=[quote.id], is_apply=False)
    assert retrieval.relevant(word) == []


def test_one_character_is_found_wherever_it_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    """For Korean and Chinese that is a word, at the beginning, the end and in the midst of others."""
    lines = ["꿈을 꾸는 사람은 늙지 않는다.", "개꿈을 꿔", "내 꿈", "그것은 한여름밤의꿈이었다."]
    quotes = [a_quote(line, is_apply=True) for line in lines]
    a_quote("꿈은 아직 아니다.")
    a_quote("做梦的人", speaker="阿梦", is_apply=True)
    for most_matches in (index._MOST_MATCHES, 1):  # and as if it stood in very many
        monkeypatch.setattr(index, "_MOST_MATCHES", most_matches)
        found = queries.found(" 꿈! ", {"is_apply": True})
        assert {quote.id for quote in found} == {quote.id for quote in quotes}
        assert found[0].content == "내 꿈"
        assert [quote.content for quote in queries.found("梦", {"speaker": "阿梦"})] == ["做梦的人"]
    assert not queries.found("龘", {})
    # Whoever says no more than that has not asked for a line.
    assert retrieval.relevant("늙", language="ko") == []


def test_proposals_do_not_crowd_out_what_is_applied() -> None:
    word = a_word()
    applied = a_quote(f"The applied line is long and speaks of {word} among many other things", is_apply=True)
    for number in range(8):
        a_quote(f"{word} {word} {number}")
    assert [passage.id for passage in retrieval.relevant(word, limit=1)] == [str(applied.id)]


def test_rare_words_and_repeated_ones_weigh_more() -> None:
    common, rare = a_word(), a_word()
    once = a_quote(f"{common} and {rare} in one line", is_apply=True)
    for _each in range(5):
        a_quote(f"{common} without the other {a_word()}", is_apply=True)
    twice = a_quote(f"{rare} {rare}", is_apply=True)
    hits = index.search(terms(f"{common} {rare}"), columns={}, limit=3)
    assert [hit.id for hit in hits[:2]] == [once.id, twice.id]
    assert hits[0].coverage == 1.0
    assert hits[0].score > hits[1].score > hits[2].score


def test_a_word_that_is_everywhere_still_finds_the_newest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(index, "_MOST_MATCHES", 2)
    one, other = a_word(), a_word()
    both = a_quote(f"{one} {other} both", is_apply=True)
    ones = [a_quote(f"{one} alone {number}", is_apply=True) for number in range(4)]
    for number in range(4):
        a_quote(f"{other} alone {number}", is_apply=True)
    assert [hit.id for hit in index.search([one, other], columns={}, limit=9)] == [both.id]
    found = {hit.id for hit in index.search([one], columns={"is_apply": True}, limit=9)}
    assert found == {both.id, *(quote.id for quote in ones)}


@pytest.mark.parametrize("looked_through", [0, 2, 5_000])
def test_a_word_that_is_everywhere_finds_what_the_columns_allow(
    monkeypatch: pytest.MonkeyPatch, looked_through: int
) -> None:
    monkeypatch.setattr(index, "_MOST_MATCHES", 2)
    monkeypatch.setattr(candidates, "_MOST_LOOKED_THROUGH", looked_through)
    one, other, speaker, mona = a_word(), a_word(), a_word(), staff()
    both = a_quote(f"{one} {other} both", speaker=speaker, user=mona, is_apply=True)
    alone = a_quote(f"{one} alone, {other}s apart", speaker=speaker, user=mona)
    a_quote(f"{one}{other} is neither", speaker=speaker, user=mona, is_apply=True)
    for number in range(4):
        a_quote(f"{one} {other} elsewhere {number}", is_apply=True)
    expected = {
        (f"{one} {other}", True): [both.id],
        (f"{one} {other}", False): [alone.id],
        (one, None): [both.id, alone.id],
    }
    for (text, is_apply), ids in expected.items():
        columns = {"speaker": speaker, "user_id": mona.pk} | (
            {} if is_apply is None else {"is_apply": is_apply}
        )
        hits = index.search(terms(text), columns=columns, limit=9)
        assert (text, sorted(hit.id for hit in hits)) == (text, sorted(ids))


@pytest.mark.parametrize(
    "text", ["'", '"', "a'b", "l'amour", "x\\y", "NEAR(a b)", "a AND b OR *", "-a ^b", "ß" * 70, "😀"]
)
def test_no_text_breaks_a_search(text: str) -> None:
    retrieval.relevant(text)
    assert queries.found(text, {}).count() >= 0
    quote = a_quote(f"{text} {a_word()}", speaker=text[:40])
    queries.similar(quote.content)


def test_a_pasted_page_costs_no_more(django_queries: list[str]) -> None:
    page = " ".join(f"word{number}" for number in range(3000))
    django_queries.clear()
    retrieval.relevant(page)
    assert len(django_queries) <= 5


def test_similar_lines_are_told_and_others_not() -> None:
    mark = a_word()
    author = make_user()
    first = a_quote(f"The {mark} lighthouse keeper counts ships and never waves", user=author)
    near = a_quote(f"The {mark} lighthouse keeper counts the ships, and he never waves back", user=author)
    a_quote(f"The {mark} baker sells bread", user=author)
    # Other tests write of lighthouses, too.
    assert [quote for quote in queries.similar(near.content, near.id) if quote.user == author] == [first]
    assert queries.similar(first.content)[0] == first

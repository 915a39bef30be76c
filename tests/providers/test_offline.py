"""The offline model: quotes what it finds, cites it, and says what it is."""

import time

import pytest

from tertulia.providers.base import ChatMessage, ChatRequest, Chunk, Parameters, Passage
from tertulia.providers.offline import OfflineProvider
from tertulia.providers.phrases import PHRASES
from tertulia.providers.repertory import repertory
from tests.providers.asking import said, whole

PROVIDER = OfflineProvider(pace=0)


def history(*texts: str) -> tuple[Passage, ...]:
    return tuple(Passage("history", f"m{n}", text) for n, text in enumerate(texts))


async def answer_to(text: str, **options: object) -> Chunk:
    return await whole(PROVIDER, said(text, model="offline", **options))


@pytest.mark.parametrize(
    ("question", "language", "words"),
    [
        ("What do you say about the sea?", "en", "The sea keeps no appointments"),
        ("STORMS!", "en", "A storm is only weather"),
        ("¿Qué es el amor?", "es", "El amor es una visita"),
        ("hablame de los secretos de mi madre", "es", "guardaba los secretos"),
        ("爱情是什么？", "zh", "爱情像一壶茶"),
        ("사랑이 뭐야?", "ko", "사랑은 막차"),
        ("расскажи мне о деньгах", "ru", "Деньги любят счёт"),
    ],
)
async def test_the_answer_is_in_the_language_of_the_question(
    question: str, language: str, words: str
) -> None:
    answer = await answer_to(question, language="de")
    assert answer.text.startswith(PHRASES[language].found)
    assert words in answer.text
    best = answer.sources[0]
    assert words in best.text
    assert (best.kind, best.language) == ("repertory", language)


async def test_every_quotation_is_cited_by_its_source() -> None:
    answer = await answer_to("the sea")
    assert 1 <= len(answer.sources) <= 3
    assert [source.marker for source in answer.sources] == list(range(1, len(answer.sources) + 1))
    lines = {line.id: line for line in repertory()}
    for source in answer.sources:
        line = lines[source.id]
        assert (source.text, source.speaker, source.work) == (line.text, line.speaker, line.work)
        assert f"> “{source.text}”\n>\n> — {source.speaker}, *{source.work}* [{source.marker}]" in answer.text
    assert answer.finish_reason == "stop"


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("hello", "en"),
        ("hola", "es"),
        ("你好", "zh"),
        ("안녕하세요", "ko"),
        ("привет", "ru"),
        ("", "en"),
        ("?!", "en"),
    ],
)
async def test_small_talk_gets_an_honest_answer(text: str, language: str) -> None:
    answer = await answer_to(text)
    assert answer.text == f"{PHRASES[language].nothing}\n\n{PHRASES[language].connect}"
    assert "`OPENAI_API_KEY`" in answer.text
    assert "`OPENAI_BASE_URL`" in answer.text
    assert answer.sources == ()


@pytest.mark.parametrize(
    ("reader", "language"), [("ko", "ko"), ("zh-Hans", "zh"), ("pt-BR", "en"), ("", "en")]
)
async def test_a_question_without_words_is_answered_in_the_readers_language(
    reader: str, language: str
) -> None:
    assert (await answer_to("42", language=reader)).text.startswith(PHRASES[language].nothing)


async def test_nothing_relevant_is_said_to_be_nothing() -> None:
    answer = await answer_to("Compare quicksort and heapsort complexity")
    assert answer.text.startswith(PHRASES["en"].nothing)


async def test_the_users_own_messages_are_found_and_named_so() -> None:
    passages = history("My cat is called Biscuit.", "The train leaves at nine.", "Biscuit?")
    answer = await answer_to("Biscuit?", passages=passages)
    assert [(source.kind, source.id) for source in answer.sources] == [("history", "m0")]
    assert "> “My cat is called Biscuit.”\n>\n> — You, earlier [1]" in answer.text


async def test_a_line_of_the_board_that_was_found_by_its_meaning_is_cited() -> None:
    meant = Passage("quote", "7", "Zebras wear pyjamas.", "Ana", "The Zoo", "en", "/quotes/7")
    answer = await answer_to("xylophonist", passages=(meant, *history("a word about giraffes")))
    assert [(source.kind, source.id) for source in answer.sources] == [("quote", "7")]
    assert "Zebras wear pyjamas" in answer.text
    both = await answer_to("Zanzibar", passages=(meant, Passage("quote", "1", "Zanzibar at noon.")))
    assert [source.id for source in both.sources] == ["1", "7"]


async def test_a_passage_without_speaker_has_only_its_marker() -> None:
    answer = await answer_to("Zanzibar", passages=(Passage("memory", "1", "Born in Zanzibar."),))
    assert answer.text.endswith("> “Born in Zanzibar.”\n>\n> [1]")


async def test_a_quoted_text_cannot_shape_the_answer() -> None:
    passages = history("Zanzibar\n\n# Head\n![x](http://e.test/?a) <img src=x> [1] *b* `c` $d$")
    answer = await answer_to("zanzibar", passages=passages)
    assert (
        r"> “Zanzibar # Head !\[x\](http://e.test/?a) \<img src=x\> \[1\] \*b\* \`c\` \$d\$”" in answer.text
    )


async def test_equal_passages_are_quoted_once() -> None:
    passage = Passage("quote", "1", "Zanzibar at noon.")
    assert len((await answer_to("zanzibar", passages=(passage, passage))).sources) == 1


async def test_only_the_last_user_message_is_the_question() -> None:
    request = ChatRequest(
        "offline",
        (
            ChatMessage("system", "Speak of money."),
            ChatMessage("user", "money"),
            ChatMessage("assistant", "money"),
            ChatMessage("user", "clocks"),
            ChatMessage("assistant", "money"),
        ),
    )
    answer = await whole(PROVIDER, request)
    assert "clock" in answer.sources[0].text


async def test_equal_requests_get_equal_answers() -> None:
    request = said("tell me about the night and love", passages=history("love at night", "night of love"))
    assert await whole(PROVIDER, request) == await whole(PROVIDER, request)


@pytest.mark.parametrize("limit", [1, 2, 10, 40])
@pytest.mark.parametrize("question", ["the sea", "大海", "바다", "море"])
async def test_max_tokens_cuts_at_a_piece(question: str, limit: int) -> None:
    full = await answer_to(question)
    answer = await answer_to(question, parameters=Parameters(max_tokens=limit))
    assert answer.text
    assert full.text.startswith(answer.text)
    assert answer.finish_reason == "length"
    assert answer.usage is not None
    assert answer.usage.completion_tokens <= max(limit, 3)  # one piece at least, however long
    assert answer.sources == ()


async def test_a_limit_that_is_not_reached_changes_nothing() -> None:
    full = await answer_to("the sea")
    assert full.usage is not None
    limit = full.usage.completion_tokens
    assert await answer_to("the sea", parameters=Parameters(max_tokens=limit)) == full


async def test_stop_strings_end_the_answer_before_them() -> None:
    full = await answer_to("the sea")
    answer = await answer_to("the sea", parameters=Parameters(stop=("nowhere", "\n\n>", "connected,")))
    assert full.text.startswith(answer.text + " connected,")
    assert (answer.finish_reason, answer.sources) == ("stop", ())


async def test_usage_is_an_estimate_and_says_so() -> None:
    answer = await answer_to("hello there")
    assert answer.usage is not None
    assert (answer.usage.prompt_tokens, answer.usage.estimated) == (3, True)
    assert answer.usage.completion_tokens > 20
    assert answer.usage.total_tokens == 3 + answer.usage.completion_tokens


async def test_it_streams_sources_first_then_about_a_word_at_a_time() -> None:
    for question in ("the sea", "大海", "바다에 가고 싶다"):
        chunks = [chunk async for chunk in PROVIDER.stream(said(question))]
        assert chunks[0].sources
        assert chunks[-1].finish_reason
        pieces = [chunk.text for chunk in chunks[1:-1]]
        assert all(pieces)
        assert len(pieces) > 20
        assert max(map(len, pieces)) < 20


async def test_it_keeps_its_pace() -> None:
    began = time.monotonic()
    chunks = [chunk async for chunk in OfflineProvider(pace=1000).stream(said("hello"))]
    assert time.monotonic() - began >= 0.9 * (len(chunks) - 1) / 1000


async def test_a_long_history_and_a_long_question_are_bounded() -> None:
    passages = history(*("needle " + "straw " * 2000 for _ in range(600)))
    answer = await answer_to("x " * 500_000 + "needle", passages=passages)
    assert answer.text.startswith(PHRASES["en"].nothing)
    assert len((await answer_to("needle", passages=passages)).sources) == 3


async def test_it_lists_itself() -> None:
    assert await PROVIDER.models() == ["offline"]
    await PROVIDER.close()


def test_the_repertory_has_enough_lines_in_five_languages() -> None:
    lines = repertory()
    assert len({line.id for line in lines}) == len(lines)
    for language in ("en", "zh", "es", "ko", "ru"):
        own = [line for line in lines if line.language == language]
        assert len(own) >= 24
        assert all(line.text and line.speaker and line.work for line in own)


def test_what_it_says_of_itself_is_complete_in_every_language() -> None:
    for phrases in PHRASES.values():
        assert phrases.quoted.count("{}") == 1
        assert all(name in phrases.connect for name in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "Tertulia"))

"""Requests in OpenAI's form, and streamed events folded into chunks."""

import json

import pytest

from tertulia.providers.base import ChatMessage, ChatRequest, Chunk, Parameters, Usage
from tertulia.providers.diagnosis import Complaint
from tertulia.providers.errors import ProviderError
from tertulia.providers.wire import AnswerReader, Dialect, encode_request


def event(payload: object) -> bytes:
    return b"data: " + json.dumps(payload).encode() + b"\n\n"


def delta(finish_reason: str | None = None, **fields: object) -> bytes:
    return event({"choices": [{"index": 0, "delta": fields, "finish_reason": finish_reason}]})


def test_a_bare_request_sends_no_parameters() -> None:
    request = ChatRequest("m", (ChatMessage("system", "Be kind."), ChatMessage("user", "Hola «tú»")))
    assert json.loads(encode_request(request, Dialect())) == {
        "model": "m",
        "messages": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": "Hola «tú»"},
        ],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def test_every_parameter_is_sent_and_zero_is_a_value() -> None:
    parameters = Parameters(
        temperature=0,
        top_p=0.5,
        max_tokens=9,
        frequency_penalty=0.0,
        presence_penalty=-1,
        stop=("a", "b"),
        seed=0,
    )
    body = json.loads(
        encode_request(ChatRequest("m", (), parameters), Dialect(False, "max_completion_tokens"))
    )
    assert body == {
        "model": "m",
        "messages": [],
        "stream": True,
        "temperature": 0,
        "top_p": 0.5,
        "max_completion_tokens": 9,
        "frequency_penalty": 0.0,
        "presence_penalty": -1,
        "stop": ["a", "b"],
        "seed": 0,
    }


@pytest.mark.parametrize(
    ("complaint", "adapted"),
    [
        (Complaint(message="Unknown field stream_options"), Dialect(counts_usage=False)),
        (Complaint(param="stream_options"), Dialect(counts_usage=False)),
        (
            Complaint(message="Use 'max_completion_tokens' instead."),
            Dialect(limit_field="max_completion_tokens"),
        ),
        (Complaint(message="Bad temperature"), None),
    ],
)
def test_a_dialect_is_learnt_from_a_refusal_once(complaint: Complaint, adapted: Dialect | None) -> None:
    assert Dialect().adapted_to(complaint) == adapted
    if adapted is not None:
        assert adapted.adapted_to(complaint) is None


def test_one_read_is_one_chunk() -> None:
    read = (
        delta(role="assistant", content="")
        + delta(reasoning_content="Hm. ")
        + delta(reasoning="So.")
        + delta(content="Good ")
        + delta(content="day")
        + delta("stop")
        + event({"choices": [], "usage": {"prompt_tokens": 3, "completion_tokens": 2}})
        + b"data: [DONE]\n\n"
    )
    reader = AnswerReader()
    assert reader.feed(read) == Chunk(
        text="Good day", reasoning="Hm. So.", usage=Usage(3, 2), finish_reason="stop"
    )
    assert reader.done
    reader.close()


@pytest.mark.parametrize(
    "read",
    [
        b"",
        b": keep-alive\n\n",
        b"data: \n\n",
        b"data: {}\n\n",
        event({"choices": None}),
        event({"choices": []}),
        event({"choices": [], "usage": None}),
        event({"choices": [{}]}),
        event({"choices": [{"delta": None}]}),
        event({"choices": [], "prompt_filter_results": [{"prompt_index": 0}]}),
        delta(role="assistant"),
        delta(role="assistant", content=None),
        delta(content=""),
        delta(reasoning={"summary": "an object"}),
        b'data: {"choices":[{"delta":{"content":"cut',
    ],
)
def test_reads_that_move_nothing_on(read: bytes) -> None:
    reader = AnswerReader()
    assert reader.feed(read) is None
    assert reader.fault is None


def test_usage_counts_reasoning_and_bears_nulls() -> None:
    reader = AnswerReader()
    details = {"reasoning_tokens": 4, "audio_tokens": 0}
    usage = {"prompt_tokens": 3, "completion_tokens": 9, "completion_tokens_details": details}
    assert reader.feed(event({"choices": [], "usage": usage})) == Chunk(usage=Usage(3, 9, 4))
    nulls = {"prompt_tokens": None, "completion_tokens": None, "completion_tokens_details": None}
    assert reader.feed(event({"usage": nulls})) == Chunk(usage=Usage(0, 0))


@pytest.mark.parametrize(
    ("damage", "slug"),
    [
        (b"data: {oops\n\n", "provider_malformed"),
        (b"data: [1]\n\n", "provider_malformed"),
        (b"data: " + b"[" * 100_000 + b"\n\n", "provider_malformed"),
        (b'data: {"error":' + b"[" * 100_000 + b"\n\n", "provider_malformed"),
        (delta(content={"parts": []}), "provider_malformed"),
        (b"data: " + b"x" * 5_000_000, "provider_too_large"),
        (event({"error": {"message": "m", "code": "insufficient_quota"}}), "provider_quota_exhausted"),
        (event({"error": {"message": "m", "code": 429}}), "provider_rate_limited"),
        (event({"error": "out of memory"}), "provider_error"),
        (event({"error": {}}), "provider_error"),
    ],
)
def test_text_before_a_fault_in_the_same_read_is_kept(damage: bytes, slug: str) -> None:
    reader = AnswerReader()
    assert reader.feed(delta(content="kept") + damage) == Chunk(text="kept")
    assert reader.fault is not None
    assert reader.fault.slug == slug


@pytest.mark.parametrize(
    ("contents", "text"),
    [
        ([r"a\u0000b"], "a\ufffdb"),
        ([r"\ud83d\ude00"], "😀"),
        ([r"a\ud83d", r"\ude00b"], "a😀b"),
        ([r"a\ud83d", "b"], "a\ufffdb"),
        ([r"\ude00b"], "\ufffdb"),
        ([r"a\ud83d"], "a\ufffd"),
        ([r"\ud83d\ud83d", r"\ude00"], "\ufffd😀"),
        ([r"\u0000é"], "\ufffdé"),
    ],
)
def test_text_is_fit_for_every_database(contents: list[str], text: str) -> None:
    for merged in (True, False):
        reader = AnswerReader()
        events = [f'data: {{"choices":[{{"delta":{{"content":"{c}"}}}}]}}\n\n'.encode() for c in contents]
        events.append(delta("stop"))
        chunks = [reader.feed(read) for read in ([b"".join(events)] if merged else events)]
        assert "".join(chunk.text for chunk in chunks if chunk) == text


def test_bytes_that_are_no_utf8_become_replacement_characters() -> None:
    reader = AnswerReader()
    assert reader.feed(b'data: {"choices":[{"delta":{"content":"a\xffb"}}]}\n\n') == Chunk(text="a\ufffdb")


@pytest.mark.parametrize(
    ("reads", "slug"),
    [
        ([], "provider_truncated"),
        ([delta(content="a")], "provider_truncated"),
        ([delta("stop")], "provider_empty"),
        ([b"data: [DONE]\n\n"], "provider_empty"),
        ([delta("stop", reasoning="only thought")], "provider_empty"),
        ([delta("stop", content="a")], None),
        ([delta(content="a"), b"data: [DONE]\n\n"], None),
        ([delta("length")], None),
        ([delta("content_filter")], None),
    ],
)
def test_how_an_answer_may_end(reads: list[bytes], slug: str | None) -> None:
    reader = AnswerReader()
    for read in reads:
        reader.feed(read)
    if slug is None:
        reader.close()
        return
    with pytest.raises(ProviderError) as raised:
        reader.close()
    assert raised.value.slug == slug


def test_nothing_is_read_after_the_end() -> None:
    reader = AnswerReader()
    assert reader.feed(delta(content="a") + b"data: [DONE]\n\n" + delta(content="b")) == Chunk(text="a")


def test_content_in_typed_parts_is_text_and_reasoning() -> None:
    reader = AnswerReader()
    thought = {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}, {"type": "image"}, 7]}
    first = reader.feed(delta(content=[thought]))
    second = reader.feed(delta("stop", content=[{"type": "text", "text": "Sí"}, {"type": "text"}, None, "x"]))
    assert first is not None
    assert second is not None
    assert (first.text, first.reasoning, second.text) == ("", "Hm.", "Sí")


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"<html>", b'{"choices": 1}'])
def test_a_body_that_is_no_answer_is_malformed(body: bytes) -> None:
    with pytest.raises(ProviderError) as caught:
        AnswerReader().feed_whole(body)
    assert caught.value.slug == "provider_malformed"


def test_an_error_in_a_body_is_its_diagnosis() -> None:
    with pytest.raises(ProviderError) as caught:
        AnswerReader().feed_whole(
            json.dumps({"error": {"message": "Overloaded", "type": "overloaded_error"}}).encode()
        )
    assert caught.value.slug == "provider_overloaded"

"""The OpenAI-compatible client against a real server that fails in every known way."""

import asyncio
import contextlib
import logging
from typing import Any

import pytest

from tertulia.providers.base import ChatRequest, Chunk, Parameters, Usage
from tertulia.providers.connection import proxy_for
from tertulia.providers.errors import ProviderError
from tertulia.providers.openai import OpenAIProvider
from tests.provider import ScriptedProvider, wire
from tests.provider.server import STRICT_MODEL, dns_url, refused_url
from tests.providers.asking import fold, said, scripted_request, until, whole
from tests.providers.conftest import API_KEY, MakeProvider

QUICK = {"first_token_timeout": 0.3, "idle_timeout": 0.3}


async def failure_of(provider: OpenAIProvider, request: ChatRequest) -> tuple[Chunk, ProviderError]:
    """What came before the error, and the error."""
    answer = Chunk()
    try:
        async for chunk in provider.stream(request):
            fold(answer, chunk)
    except ProviderError as error:
        return answer, error
    raise AssertionError(f"no error, but {answer}")


async def test_an_answer_streams_with_reasoning_usage_and_finish_reason(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    request = scripted_request(text="Guten Tag, 안녕 👋!", reasoning="A greeting. ")
    assert await whole(make_provider(), request) == Chunk(
        text="Guten Tag, 안녕 👋!",
        reasoning="A greeting. ",
        usage=Usage(prompt_tokens=10, completion_tokens=6, reasoning_tokens=2),
        finish_reason="stop",
    )
    [record] = scripted.log.records
    assert record.authorization == f"Bearer {API_KEY}"
    assert record.body["messages"][0]["content"] == request.messages[0].content


async def test_no_key_sends_no_authorization(scripted: ScriptedProvider, make_provider: MakeProvider) -> None:
    await whole(make_provider(api_key=""), said("hello"))
    assert scripted.log.records[0].authorization == ""


@pytest.mark.parametrize("split", ["bytes", 2, 7, 300])
async def test_the_network_may_cut_anywhere(make_provider: MakeProvider, split: str | int) -> None:
    text = "Añade una señal: 신호 в конце 👋\u2028\u0085 fin"
    answer = await whole(make_provider(), scripted_request(text=text, split=split))
    assert answer.text == text


async def test_the_first_token_is_passed_on_at_once(make_provider: MakeProvider) -> None:
    stream = make_provider().stream(scripted_request(tokens=3, fault="idle", at=1))
    async with contextlib.aclosing(stream):
        assert (await anext(stream)).text == "word0 "


@pytest.mark.parametrize(
    ("fault", "slug", "text", "calls"),
    [
        ("400", "provider_bad_request", "", 1),
        ("401", "provider_auth", "", 1),
        ("402", "provider_quota_exhausted", "", 1),
        ("403", "provider_forbidden", "", 1),
        ("404", "provider_not_found", "", 1),
        ("429", "provider_rate_limited", "", 1),
        ("500", "provider_error", "", 1),
        ("502", "provider_error", "", 2),
        ("503", "provider_overloaded", "", 2),
        ("529", "provider_overloaded", "", 2),
        ("insufficient_quota", "provider_quota_exhausted", "", 1),
        ("context_length", "provider_context_length", "", 1),
        ("model_not_found", "provider_model_unknown", "", 1),
        ("html_200", "provider_not_sse", "", 1),
        ("deep_refusal", "provider_bad_request", "", 1),
        ("redirect", "provider_error", "", 1),
        ("empty", "provider_empty", "", 1),
        ("reset", "provider_reset", "word0 word1 ", 1),
        ("no_done", "provider_truncated", "word0 word1 ", 1),
        ("broken_json", "provider_malformed", "word0 word1 ", 1),
        ("huge_event", "provider_too_large", "word0 word1 ", 1),
        ("error_event", "provider_overloaded", "word0 word1 ", 1),
    ],
)
async def test_faults(
    scripted: ScriptedProvider,
    make_provider: MakeProvider,
    caplog: pytest.LogCaptureFixture,
    fault: str,
    slug: str,
    text: str,
    calls: int,
) -> None:
    caplog.set_level(logging.DEBUG)
    # A pause lets the first tokens arrive before a reset overtakes them in the kernel.
    rate = 100 if fault == "reset" else 0
    answer, error = await failure_of(
        make_provider(), scripted_request(tokens=9, at=2, fault=fault, rate=rate)
    )
    assert (error.slug, answer.text, len(scripted.log.records)) == (slug, text, calls)
    told = error.detail + str(error) + caplog.text
    assert not any(secret in told for secret in (API_KEY, wire.BODY_CANARY, scripted.base_url))


@pytest.mark.parametrize(
    ("script", "slug", "text"),
    [
        ({"fault": "no_headers"}, "provider_timeout_first_token", ""),
        ({"fault": "no_first_token"}, "provider_timeout_first_token", ""),
        ({"fault": "drip", "rate": 50}, "provider_timeout_first_token", ""),
        ({"fault": "idle", "at": 2}, "provider_timeout_idle", "word0 word1 "),
    ],
)
async def test_time_outs(
    scripted: ScriptedProvider, make_provider: MakeProvider, script: dict[str, Any], slug: str, text: str
) -> None:
    answer, error = await failure_of(make_provider(**QUICK), scripted_request(tokens=9, **script))
    assert (error.slug, error.status, answer.text) == (slug, 504, text)
    assert len(scripted.log.records) == 1


async def test_a_slow_answer_that_moves_on_is_no_time_out(make_provider: MakeProvider) -> None:
    provider = make_provider(first_token_timeout=0.3, idle_timeout=0.3)
    answer = await whole(provider, scripted_request(tokens=8, rate=10))
    assert answer.finish_reason == "stop"


async def test_an_answer_that_is_not_streamed_is_an_answer(make_provider: MakeProvider) -> None:
    answer = await whole(make_provider(), scripted_request(tokens=3, fault="not_streamed"))
    assert (answer.text, answer.finish_reason) == ("word0 word1 word2 ", "stop")
    assert answer.usage is not None


async def test_an_empty_answer_that_is_not_streamed_is_told(make_provider: MakeProvider) -> None:
    _, error = await failure_of(make_provider(), scripted_request(tokens=0, fault="not_streamed"))
    assert error.slug == "provider_empty"


@pytest.mark.parametrize("finish_reason", ["length", "content_filter"])
async def test_other_ends_are_answers(make_provider: MakeProvider, finish_reason: str) -> None:
    answer = await whole(make_provider(), scripted_request(tokens=9, fault=finish_reason, at=2))
    assert (answer.text, answer.finish_reason) == ("word0 word1 ", finish_reason)


async def test_a_server_that_hangs_after_the_finish_reason_gave_its_answer(
    make_provider: MakeProvider,
) -> None:
    answer = await whole(make_provider(**QUICK), scripted_request(tokens=9, fault="hang_after_finish", at=2))
    assert (answer.text, answer.finish_reason) == ("word0 word1 ", "stop")


async def test_damaged_text_is_repaired(make_provider: MakeProvider) -> None:
    answer = await whole(make_provider(), scripted_request(tokens=9, fault="odd_text", at=0))
    assert answer.text == "a\ufffdbc😀de\ufffdfg\ufffdhi\ufffd"


async def test_addresses_that_cannot_be_reached(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    for base_url, slug in (
        (refused_url(), "provider_unreachable"),
        (dns_url(), "provider_dns"),
        (scripted.tls_url, "provider_tls"),
        ("http://", "provider_unreachable"),
    ):
        _, error = await failure_of(make_provider(base_url=base_url), said("hello"))
        assert (base_url, error.slug) == (base_url, slug)
        with pytest.raises(ProviderError) as raised:
            await make_provider(base_url=base_url).models()
        assert raised.value.slug == slug


@pytest.mark.parametrize(
    "script",
    [
        {"fault": "503"},
        {"fault": "502", "retry_after": 0.01},
        {"fault": "429", "retry_after": 0.01},
    ],
)
async def test_a_passing_fault_is_retried_once(
    scripted: ScriptedProvider, make_provider: MakeProvider, script: dict[str, Any]
) -> None:
    request = scripted_request(text="Second try.", fail_first=1, **script)
    assert (await whole(make_provider(), request)).text == "Second try."
    assert len(scripted.log.records) == 2


async def test_a_long_wait_is_passed_on_instead(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    for fault in ("429", "503"):
        _, error = await failure_of(make_provider(), scripted_request(fault=fault, retry_after=6))
        assert error.retry_after == 6
    assert len(scripted.log.records) == 2


async def test_no_retry_when_its_pause_would_outlast_the_first_token_limit(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    provider = make_provider(first_token_timeout=1)
    _, error = await failure_of(provider, scripted_request(fault="429", retry_after=2))
    assert error.slug == "provider_rate_limited"
    assert len(scripted.log.records) == 1


async def test_a_kept_connection_that_the_server_closed_is_replaced(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    provider = make_provider()
    await whole(provider, said("first"))
    scripted.routes.drops_next_kept_connection = True
    assert (await whole(provider, said("second"))).finish_reason == "stop"
    assert [record.body["messages"][0]["content"] for record in scripted.log.records] == ["first", "second"]


async def test_connections_are_kept(scripted: ScriptedProvider, make_provider: MakeProvider) -> None:
    provider = make_provider()
    for _ in range(3):
        await whole(provider, scripted_request(tokens=5))
    await provider.models()
    assert scripted.routes.connections == 1


async def test_closing_the_stream_drops_the_connection(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    stream = make_provider().stream(scripted_request(tokens=1000, rate=100))
    await anext(stream)
    await stream.aclose()
    await until(lambda: scripted.log.records[0].closed_at)
    [record] = scripted.log.records
    assert record.disconnected
    assert len(record.sent) < 1000


async def test_cancelling_a_waiting_reader_drops_the_connection(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    request = scripted_request(tokens=5, fault="idle", at=1)
    reading = asyncio.create_task(whole(make_provider(), request))
    await until(lambda: scripted.log.records and scripted.log.records[0].sent)
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await until(lambda: scripted.log.records[0].closed_at)
    assert scripted.log.records[0].disconnected


async def test_a_model_that_wants_another_limit_field_gets_it(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    provider = make_provider()
    request = scripted_request(model=STRICT_MODEL, parameters=Parameters(max_tokens=7), tokens=2)
    for _ in range(2):
        assert (await whole(provider, request)).finish_reason == "stop"
    asked = [record.body for record in scripted.log.records]
    assert [body.get("max_tokens") for body in asked] == [7, None, None]
    assert [body.get("max_completion_tokens") for body in asked] == [None, 7, 7]


async def test_a_server_without_stream_options_is_asked_without(
    scripted: ScriptedProvider, make_provider: MakeProvider
) -> None:
    scripted.routes.refused_fields = frozenset({"stream_options"})
    answer = await whole(make_provider(), scripted_request(tokens=2))
    assert (answer.text, answer.usage) == ("word0 word1 ", None)
    assert ["stream_options" in record.body for record in scripted.log.records] == [True, False]


async def test_models_in_the_providers_order(scripted: ScriptedProvider, make_provider: MakeProvider) -> None:
    assert await make_provider().models() == list(scripted.routes.models)


@pytest.mark.parametrize(("status", "outcome"), [(404, []), (401, "provider_auth"), (500, "provider_error")])
async def test_models_that_cannot_be_listed(
    scripted: ScriptedProvider, make_provider: MakeProvider, status: int, outcome: str | list[str]
) -> None:
    scripted.routes.models_status = status
    if status == 404:
        assert await make_provider().models() == outcome
        return
    with pytest.raises(ProviderError) as raised:
        await make_provider().models()
    assert raised.value.slug == outcome


@pytest.mark.parametrize("body", [b"<html>", b"[]", wire.DEEP])
async def test_a_list_of_models_that_is_none(
    scripted: ScriptedProvider, make_provider: MakeProvider, body: bytes
) -> None:
    scripted.routes.models_body = body
    with pytest.raises(ProviderError) as raised:
        await make_provider().models()
    assert raised.value.slug == "provider_malformed"


def test_one_provider_serves_several_event_loops(scripted: ScriptedProvider) -> None:
    provider = OpenAIProvider(base_url=scripted.base_url + "/")

    async def ask() -> str:
        return (await whole(provider, scripted_request(text="again"))).text

    async def ask_and_close() -> str:
        text = await ask()
        await provider.close()
        return text

    assert asyncio.run(ask_and_close()) == asyncio.run(ask_and_close()) == "again"


async def test_fifty_streams_at_once(make_provider: MakeProvider) -> None:
    provider = make_provider()
    request = scripted_request(tokens=40, rate=200)
    answers = await asyncio.gather(*(whole(provider, request) for _ in range(50)))
    assert {answer.text for answer in answers} == {"".join(f"word{n} " for n in range(40))}


def test_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://proxy.test:3128")
    monkeypatch.setenv("http_proxy", "socks5://proxy.test:1080")
    monkeypatch.setenv("no_proxy", "inside.test")
    assert proxy_for("https://api.test/v1") == "http://proxy.test:3128"
    assert proxy_for("https://inside.test/v1") is None
    assert proxy_for("http://api.test/v1") is None
    for here in ("https://localhost:1/v1", "https://127.9.9.9/v1", "https://[::1]/v1", "https://a.localhost"):
        assert proxy_for(here) is None

"""/v1: the facade, with the official client and by hand."""

from collections.abc import Iterator
from typing import Any

import httpx
import openai
import pytest

from tests.people import Person

QUESTION: list[Any] = [{"role": "user", "content": '!script {"text": "Hello from the facade.", "rate": 200}'}]


@pytest.fixture
def client(alice: Person) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{alice.server}/v1", api_key=alice.access) as client:
        yield client


def complete(person: Person, **body: Any) -> httpx.Response:
    body = {"model": "scripted-small", "messages": QUESTION, **body}
    return person.client.post("/v1/chat/completions", json=body)


def test_models(client: openai.OpenAI) -> None:
    ids = [model.id for model in client.models.list()]
    assert "scripted-small" in ids
    models = [id for id in ids if not id.startswith(("character:", "instance:"))]
    assert models[-1] == "offline"
    assert client.models.retrieve("offline").object == "model"
    with pytest.raises(openai.NotFoundError) as caught:
        client.models.retrieve("no/such model")
    assert caught.value.code == "model_not_found"


def test_a_completion(client: openai.OpenAI, alice: Person) -> None:
    answer = client.chat.completions.create(model="scripted-small", messages=QUESTION)
    assert answer.choices[0].message.content == "Hello from the facade."
    assert answer.choices[0].finish_reason == "stop"
    assert answer.model == "scripted-small"
    assert answer.usage is not None
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert answer._request_id is not None
    assert alice.client.get("/api/usage").json()["used"] == 1


def test_the_shape_of_a_completion(alice: Person) -> None:
    body = complete(alice).json()
    assert body == {
        "id": body["id"],
        "object": "chat.completion",
        "created": body["created"],
        "model": "scripted-small",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "Hello from the facade.", "refusal": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": body["usage"],
    }
    assert body["id"].startswith("chatcmpl-")


@pytest.mark.parametrize("include_usage", [False, True])
def test_a_stream(client: openai.OpenAI, include_usage: bool) -> None:
    chunks = list(
        client.chat.completions.create(
            model="scripted-small",
            messages=QUESTION,
            stream=True,
            stream_options={"include_usage": include_usage},
        )
    )
    assert len({(chunk.id, chunk.created, chunk.object, chunk.model) for chunk in chunks}) == 1
    choices = [chunk.choices[0] for chunk in chunks if chunk.choices]
    assert "".join(choice.delta.content or "" for choice in choices) == "Hello from the facade."
    assert choices[0].delta.role == "assistant"
    assert [choice.finish_reason for choice in choices] == [None] * (len(choices) - 1) + ["stop"]
    assert [chunk.usage is not None for chunk in chunks] == [False] * (len(chunks) - 1) + [include_usage]
    assert (chunks[-1].choices == []) is include_usage


def test_reasoning_has_a_place_of_its_own(alice: Person) -> None:
    messages = [{"role": "user", "content": '!script {"text": "Yes.", "reasoning": "Well then"}'}]
    body = complete(alice, messages=messages).json()
    assert body["choices"][0]["message"]["reasoning_content"] == "Well then"


def test_the_clients_own_history_is_what_is_sent(client: openai.OpenAI, alice: Person) -> None:
    answer = client.chat.completions.create(
        model="scripted-small",
        messages=[
            {"role": "developer", "content": "Be brief."},
            {"role": "user", "content": "First."},
            {"role": "assistant", "content": "Yes?"},
            {"role": "user", "content": [{"type": "text", "text": "Se"}, {"type": "text", "text": "cond."}]},
        ],
        temperature=0.5,
        max_completion_tokens=50,
        stop="END",
        user="somebody",
        n=1,
        tools=[],
        response_format={"type": "text"},
    )
    content = answer.choices[0].message.content
    assert content is not None
    assert content.startswith("You said: Second.")
    newest = alice.client.get("/chat").json()["results"][0]
    assert newest["content"] == "Second."
    stored = alice.client.get(f"/api/messages/{newest['chat_reply']['id']}").json()
    assert stored["parameters"] == {"temperature": 0.5, "max_tokens": 50, "stop": ["END"]}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"messages": []}, "messages"),
        ({"messages": "x"}, "messages"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.role"),
        ({"messages": [{"role": "user"}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": [{"type": "image_url"}]}]}, "messages.0.content"),
        ({"messages": [{"role": "user", "content": " "}]}, "messages"),
        ({"messages": [{"role": "system", "content": "x"}]}, "messages"),
        ({"messages": [1]}, "messages"),
        ({"model": None}, "model"),
        ({"model": 5}, "model"),
        ({"tools": [{"type": "function"}]}, "tools"),
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"response_format": {"type": "json_object"}}, "response_format"),
        ({"temperature": 3}, "temperature"),
        ({"max_completion_tokens": 0}, "max_completion_tokens"),
        ({"stop": ["a"] * 5}, "stop"),
        ({"stream": "yes"}, "stream"),
        ({"unheard_of": 1}, "unheard_of"),
    ],
)
def test_what_is_not_honoured_is_named(alice: Person, body: dict[str, Any], param: str) -> None:
    answer = complete(alice, **body)
    assert answer.status_code == 400, answer.text
    error = answer.json()["error"]
    assert set(error) == {"message", "type", "param", "code"}
    assert (error["type"], error["param"].split(".0")[0]) == (
        "invalid_request_error",
        param.split(".0", maxsplit=1)[0],
    )
    assert alice.client.get("/api/usage").json()["used"] == 0


def test_an_unknown_model(client: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        client.chat.completions.create(model="instance:nobody", messages=QUESTION)
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


def test_no_credential(server: str) -> None:
    for answer in (
        httpx.get(f"{server}/v1/models"),
        httpx.post(f"{server}/v1/chat/completions", json={}),
        httpx.get(f"{server}/v1/models", headers={"Authorization": "Bearer tt_nothing"}),
    ):
        assert (answer.status_code, answer.json()["error"]["code"]) == (401, "invalid_api_key")


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v1/nothing", 404),
        ("POST", "/v1/embeddings", 404),
        ("GET", "/v1/chat/completions", 405),
        ("DELETE", "/v1/models", 405),
    ],
)
def test_errors_have_openais_shape_everywhere(alice: Person, method: str, path: str, status: int) -> None:
    answer = alice.client.request(method, path)
    assert answer.status_code == status
    assert set(answer.json()) == {"error"}
    assert answer.headers["X-Request-Id"]


def test_over_quota(client: openai.OpenAI, alice: Person) -> None:
    for _ in range(5):
        client.chat.completions.create(model="offline", messages=QUESTION)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="offline", messages=QUESTION)
    assert caught.value.code == "insufficient_quota"
    assert caught.value.response.headers["RateLimit-Remaining"] == "0"


@pytest.mark.parametrize("stream", [False, True])
def test_a_provider_that_does_not_begin_is_an_error(
    client: openai.OpenAI, alice: Person, stream: bool
) -> None:
    messages: Any = [{"role": "user", "content": '!script {"status": 401}'}]
    with pytest.raises(openai.InternalServerError) as caught:
        client.chat.completions.create(model="scripted-small", messages=messages, stream=stream)
    assert (caught.value.status_code, caught.value.code) == (502, "provider_auth")
    assert alice.client.get("/api/usage").json()["used"] == 0


def test_a_provider_that_breaks_off_ends_the_stream_with_an_error(client: openai.OpenAI) -> None:
    messages: Any = [
        {"role": "user", "content": '!script {"text": "a b c d e f", "fault": "reset", "rate": 50}'}
    ]
    chunks = client.chat.completions.create(model="scripted-small", messages=messages, stream=True)
    texts: list[str] = []
    with pytest.raises(openai.APIError) as caught:
        texts.extend(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert caught.value.code == "provider_reset"


def test_a_stream_that_breaks_off_keeps_what_came(alice: Person) -> None:
    messages = [{"role": "user", "content": '!script {"text": "a b c d e f", "fault": "reset", "rate": 50}'}]
    body = complete(alice, messages=messages, stream=True).text
    assert body.count('"content":"') > 1
    assert "data: [DONE]" not in body
    kept = alice.client.get("/chat").json()["results"][0]["chat_reply"]["content"]
    assert "a b c d e f".startswith(kept)
    assert alice.client.get("/api/usage").json()["used"] == 1

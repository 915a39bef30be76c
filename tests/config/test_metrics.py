"""/metrics: behind its token, and counting what happened."""

import re
from collections.abc import Iterator

import httpx
import pytest
from django.conf import settings

from tests.people import Person

TOKEN = "of the tests, long enough"


@pytest.fixture
def token() -> Iterator[str]:
    settings.TERTULIA_METRICS_TOKEN = TOKEN
    yield TOKEN
    settings.TERTULIA_METRICS_TOKEN = ""


def scraped(server: str, token: str) -> dict[str, float]:
    answer = httpx.get(f"{server}/metrics", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 200
    assert answer.headers["Content-Type"].startswith("text/plain")
    return {
        name: float(value)
        for name, value in re.findall(r"^([^# ]\S*(?: \S+=\S+)*) (\S+)$", answer.text, re.MULTILINE)
    }


def test_without_a_token_in_the_settings_it_does_not_exist(server: str) -> None:
    unknown = httpx.get(f"{server}/nowhere")
    answer = httpx.get(f"{server}/metrics")
    assert answer.status_code == 404
    assert answer.json() == unknown.json()


@pytest.mark.parametrize("given", ["", "Bearer", "Bearer of the tests", f"Basic {TOKEN}", f"Bearer {TOKEN}x"])
def test_it_wants_its_token(server: str, token: str, given: str) -> None:
    assert httpx.get(f"{server}/metrics", headers={"Authorization": given}).status_code == 401


def test_requests_and_runs_are_counted(server: str, token: str, alice: Person) -> None:
    before = scraped(server, token)
    assert alice.client.post("/chat", json={"content": "One, two, three."}).status_code == 201
    for _ in range(3):
        alice.client.get("/api/usage")
    after = scraped(server, token)
    grown = {name: after[name] - before.get(name, 0) for name in after}
    requests = 'tertulia_request_duration_seconds_count{method="%s",route="%s",status="%d"}'
    assert grown[requests % ("POST", "chat", 201)] == 1
    assert grown[requests % ("GET", "api/usage", 200)] == 3
    assert grown['tertulia_generations_total{error="",status="complete"}'] == 1
    assert grown['tertulia_tokens_total{kind="completion"}'] > 0
    assert after["tertulia_open_streams"] == 0


def test_an_open_stream_is_counted_while_it_is_open(server: str, token: str, alice: Person) -> None:
    conversation = alice.client.post("/api/conversations", json={}).json()["id"]
    with alice.client.stream(
        "POST",
        f"/api/conversations/{conversation}/messages",
        json={"content": 'Count me. !script {"tokens": 30, "rate": 20}'},
        headers={"Accept": "text/event-stream"},
    ) as response:
        pieces = response.iter_raw()
        next(pieces)
        assert scraped(server, token)["tertulia_open_streams"] == 1
        for _ in pieces:
            pass
    assert scraped(server, token)["tertulia_open_streams"] == 0


def test_nothing_of_a_person_is_a_label(server: str, token: str, alice: Person) -> None:
    conversation = alice.client.post("/api/conversations", json={}).json()["id"]
    alice.client.get(f"/api/conversations/{conversation}")
    answer = httpx.get(f"{server}/metrics", headers={"Authorization": f"Bearer {token}"})
    assert conversation not in answer.text
    assert "alice" not in answer.text

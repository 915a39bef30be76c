"""The scripted provider itself: what it records is what other tests compare with."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.provider import ScriptedProvider
from tests.provider.faults import NAMES
from tests.provider.record import messages_sha256
from tests.provider.script import MARKER


@pytest.fixture
def client(scripted: ScriptedProvider) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=scripted.base_url, trust_env=False) as client:
        yield client


def body(stream: bool = False, **script: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": f"please {MARKER}{json.dumps(script)} thanks"}]
    return {"model": "scripted-small", "messages": messages, "stream": stream}


def log(client: httpx.Client, query: str = "") -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = client.get(f"../_log{query}").json()
    return records


def test_it_echoes_what_it_has_no_script_for(client: httpx.Client) -> None:
    sent = {"model": "m", "messages": [{"role": "user", "content": "good day"}]}
    response = client.post("chat/completions", json=sent)
    answer = response.json()
    assert "You said: good day" in answer["choices"][0]["message"]["content"]
    [record] = log(client)
    assert (record["n"], record["model"], record["body"], record["disconnected"]) == (1, "m", sent, False)
    assert record["messages_sha256"] == messages_sha256(response.request.content)
    assert messages_sha256(b'{"model":"m","messages": [1, 2] ,"x":3}') == sha256(b"[1, 2]").hexdigest()
    assert record["sent_text"] == answer["choices"][0]["message"]["content"]
    assert record["at"] <= record["closed_at"] <= time.time()


def test_a_stream_ends_with_usage_only_when_asked(client: httpx.Client) -> None:
    for options, usages in (({}, 0), ({"stream_options": {"include_usage": True}}, 1)):
        sent = {**body(stream=True, text="one two"), **options}
        events = client.post("chat/completions", json=sent).text.split("\n\n")
        assert events[-2:] == ["data: [DONE]", ""]
        decoded = [json.loads(event.removeprefix("data: ")) for event in events[:-2]]
        assert sum("usage" in event for event in decoded) == usages
        deltas = [choice["delta"] for event in decoded for choice in event["choices"]]
        assert deltas[0]["role"] == "assistant"
        assert [delta["content"] for delta in deltas[1:-1]] == ["one ", "two"]


def test_stamps_and_times_tell_when_each_token_was_sent(client: httpx.Client) -> None:
    before = time.time_ns()
    client.post("chat/completions", json=body(stream=True, tokens=3, stamp=True, rate=200))
    [record] = log(client, "?times=1")
    stamps = [int(stamp) for stamp in record["sent_text"].split()]
    assert len(stamps) == len(record["times"]) == 3
    assert before <= stamps[0] <= record["times"][0] <= stamps[1]


def test_a_reader_that_leaves_is_recorded(client: httpx.Client, scripted: ScriptedProvider) -> None:
    with client.stream("POST", "chat/completions", json=body(stream=True, tokens=999, rate=50)) as response:
        next(response.iter_bytes())
    deadline = time.monotonic() + 5
    while scripted.log.records[0].closed_at is None and time.monotonic() < deadline:
        time.sleep(0.01)
    [record] = log(client)
    assert record["disconnected"]
    assert 0 < len(record["sent_text"].split()) < 999


@pytest.mark.parametrize(
    "script", [{"fault": "nonesuch"}, {"nonesuch": 1}], ids=["unknown fault", "unknown field"]
)
def test_a_script_that_cannot_be_followed_is_refused(client: httpx.Client, script: dict[str, Any]) -> None:
    response = client.post("chat/completions", json=body(**script))
    assert response.status_code == 400
    assert "nonesuch" in response.json()["error"]["message"]
    assert log(client) == []


def test_a_reset_forgets(client: httpx.Client) -> None:
    client.post("chat/completions", json=body(text="x"))
    assert client.post("../_reset").status_code == 200
    assert log(client) == []
    assert client.get("nonesuch").status_code == 404


def test_every_fault_of_a_provider_that_answers_has_a_name() -> None:
    wanted = "401 403 429 500 502 503 529 no_headers no_first_token idle reset no_done broken_json html_200"
    assert {*wanted.split(), "huge_event", "drip", "empty", "length", "content_filter"} <= NAMES


def test_as_a_process_it_says_where_it_is_and_keeps_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    command = [sys.executable, "-m", "tests.provider", "--port", "0", "--log", str(path)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        try:
            assert process.stdout is not None
            word, base_url = process.stdout.readline().split()
            answer = httpx.post(f"{base_url}/chat/completions", json=body(text="logged"), trust_env=False)
        finally:
            process.terminate()
    assert (word, answer.status_code) == ("ready", 200)
    [line] = path.read_text().splitlines()
    assert json.loads(line)["sent_text"] == "logged"

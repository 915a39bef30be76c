"""Speech over HTTP: every interface, limits, quota, parts of an answer while it is written, and who may hear it."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from uuid import UUID

import httpx
import openai
import pytest

from tests.accounts.browsing import Browser
from tests.people import Person
from tests.provider import ScriptedProvider
from tests.provider.audio import HEARD
from tests.speech import sounds
from tests.speech.engines import configured

Join = Callable[..., Person]


@pytest.fixture
def remote(provider: ScriptedProvider) -> Iterator[ScriptedProvider]:
    """The instance with providers of audio, which answer at once and are watched."""
    with configured(
        TERTULIA_SPEECH_BASE_URL=provider.base_url,
        TERTULIA_SPEECH_API_KEY="sk-speech",
        TERTULIA_TRANSCRIPTION_BASE_URL=provider.base_url,
    ):
        provider.routes.audio.reset()
        yield provider


def say(person: Person, text: str = "Good morning.", **more: object) -> httpx.Response:
    return person.client.post("/api/speech", json={"input": text, **more})


def write_down(person: Person, recording: bytes, **fields: str) -> httpx.Response:
    files = {"file": ("recording.webm", recording, "audio/webm")}
    return person.client.post("/api/transcriptions", files=files, data=fields)


def answer(person: Person, text: str) -> str:
    """The id of an answer with this text."""
    script = json.dumps({"text": text})
    body = person.client.post("/chat", json={"content": f"Say it. !script {script}"}).json()
    return str(body["chat_reply"]["id"])


def used(person: Person) -> int:
    from tertulia.accounts.models import Allowance

    row = Allowance.objects.filter(pk=UUID(person.id)).first()
    return row.speech_used if row else 0


# --- A text read aloud ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("format", "content_type", "magic"),
    [("mp3", "audio/mpeg", b"\xff"), ("wav", "audio/wav", b"RIFF"), ("opus", "audio/ogg", b"OggS")],
)
def test_formats(alice: Person, format: str, content_type: str, magic: bytes) -> None:
    spoken = say(alice, format=format)
    assert (spoken.status_code, spoken.headers["Content-Type"]) == (200, content_type)
    assert spoken.content.startswith(magic)
    assert len(spoken.content) > 2_000


@pytest.mark.parametrize(
    ("body", "status", "field"),
    [
        ({}, 400, "input"),
        ({"input": ""}, 400, "input"),
        ({"input": " \n"}, 400, "input"),
        ({"input": 7}, 400, "input"),
        ({"input": "a" * 4_097}, 413, "input"),
        ({"input": "a", "voice": "nobody"}, 400, "voice"),
        ({"input": "a", "voice": "v" * 81}, 400, "voice"),
        ({"input": "a", "format": "flac"}, 400, "format"),
        ({"input": "a", "speed": 0.1}, 400, "speed"),
        ({"input": "a", "speed": 5}, 400, "speed"),
        ({"input": "a", "language": "english, please"}, 400, "language"),
        ({"input": "a", "model": "x"}, 400, "model"),
    ],
)
def test_bad_requests_name_the_field_and_cost_nothing(
    alice: Person, body: dict[str, object], status: int, field: str
) -> None:
    refused = alice.client.post("/api/speech", json=body)
    assert (refused.status_code, list(refused.json()["errors"])) == (status, [field])
    assert used(alice) == 0


def test_the_limit_of_characters_is_named(alice: Person) -> None:
    assert "4096" in say(alice, "a" * 5_000).json()["detail"]
    with configured(TERTULIA_SPEECH_CHARACTERS=10):
        assert say(alice, "a" * 11).status_code == 413


def test_a_language_without_a_voice_is_not_there(alice: Person) -> None:
    refused = say(alice, "Bonjour.", language="fr")
    assert (refused.status_code, refused.json()["type"]) == (501, "voice_unavailable")
    assert used(alice) == 0


def test_without_an_engine_nothing_is_there(alice: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    from tertulia.chat import speech

    monkeypatch.setattr(speech, "is_installed", lambda: False)
    with configured():
        for refused in (say(alice), write_down(alice, b"x")):
            assert (refused.status_code, refused.json()["type"]) == (501, "speech_unavailable")


def test_strangers_get_nothing(server: str) -> None:
    for path in ("/api/speech", "/api/transcriptions", "/v1/audio/speech", "/v1/audio/transcriptions"):
        assert httpx.post(server + path, json={"input": ""}).status_code == 401


# --- A recording written down ---------------------------------------------------------------------------------------


async def test_what_was_said_comes_back(alice: Person) -> None:
    recording = await sounds.say("The quick brown fox jumps over the lazy dog.", "opus")
    heard = write_down(alice, recording, language="en").json()
    assert {"brown", "fox", "lazy"} <= set(heard["text"].split())
    assert (heard["language"], heard["duration"]) == ("en", pytest.approx(2.6, abs=0.5))


def test_silence_is_an_empty_text(alice: Person) -> None:
    assert write_down(alice, sounds.wav(bytes(64_000))).json() == {
        "text": "",
        "language": "en",
        "duration": 2.0,
    }


def test_no_recogniser_for_the_language(alice: Person) -> None:
    refused = write_down(alice, b"x", language="ko")
    assert (refused.status_code, refused.json()["type"]) == (501, "recogniser_unavailable")


def test_limits_of_a_recording(alice: Person) -> None:
    too_large = write_down(alice, bytes(25 * 1_048_576 + 1))
    assert too_large.status_code == 413
    assert "25 megabytes" in too_large.json()["errors"]["file"][0]
    assert write_down(alice, bytes(25 * 1_048_576)).json()["type"] == "audio_unreadable", "it was looked at"
    with configured(TERTULIA_TRANSCRIPTION_SECONDS=2):
        too_long = write_down(alice, sounds.wav(bytes(3 * 32_000)))
    assert (too_long.status_code, too_long.json()["type"]) == (413, "audio_too_long")
    assert "2 " in too_long.json()["errors"]["file"][0]
    unreadable = write_down(alice, b"not a recording")
    assert (unreadable.status_code, unreadable.json()["type"]) == (400, "audio_unreadable")
    assert used(alice) == 0


@pytest.mark.parametrize(
    ("request_options", "status"),
    [
        ({"json": {"file": "a"}}, 415),
        ({"files": {"other": b"x"}}, 400),
        ({"files": [("file", b"x"), ("file", b"y")]}, 400),
        ({"files": {"file": b"x"}, "data": {"model": "a"}}, 400),
        ({"files": {"file": b"x"}, "data": {"language": "?"}}, 400),
        ({"content": b"--x", "headers": {"Content-Type": "multipart/form-data; boundary=x"}}, 400),
        ({"content": b"x", "headers": {"Content-Type": "multipart/form-data"}}, 400),
    ],
)
def test_bad_forms(alice: Person, request_options: dict[str, Any], status: int) -> None:
    assert alice.client.post("/api/transcriptions", **request_options).status_code == status


# --- Quota ----------------------------------------------------------------------------------------------------------


def test_speech_has_a_quota_of_its_own(alice: Person, bob: Person) -> None:
    with configured(TERTULIA_SPEECH_QUOTA=2):
        assert say(alice).headers["RateLimit-Remaining"] == "1"
        assert write_down(alice, sounds.wav(bytes(32_000))).headers["RateLimit-Remaining"] == "0"
        refused = say(alice)
        assert (refused.status_code, refused.json()["type"]) == (429, "over_quota")
        assert int(refused.headers["Retry-After"]) > 0
        assert say(bob).status_code == 200
    assert alice.client.get("/api/usage").json()["used"] == 0
    assert alice.client.post("/chat", json={"content": "Still here?"}).status_code == 201


def test_the_unlimited_are_not_limited(join: Join) -> None:
    with configured(TERTULIA_SPEECH_QUOTA=0):
        assert say(join("alice")).status_code == 429
        assert say(join("ada", is_superuser=True)).status_code == 200


def test_a_message_costs_one_unit_however_often_it_is_heard(alice: Person) -> None:
    message = answer(alice, "One. Two.\n\nThree.")
    for _time in range(2):
        for part in range(3):
            assert alice.client.get(f"/api/messages/{message}/speech/{part}").status_code == 200
    assert used(alice) == 1
    alice.client.get(f"/api/messages/{message}/speech")
    assert used(alice) == 1
    alice.client.get(f"/api/messages/{message}/speech")
    assert used(alice) == 2, "one unit does not pay for ever"


def test_the_day_of_speech_is_shown(alice: Person) -> None:
    say(alice)
    answer(alice, "Hello.")
    day = alice.client.get("/api/usage").json()
    speech = alice.client.get("/api/usage/speech").json()
    assert (day["used"], set(day)) == (1, {"limit", "used", "remaining", "resets_at"})
    assert speech == {"limit": 50, "used": 1, "remaining": 49, "resets_at": day["resets_at"]}
    with configured(TERTULIA_SPEECH_QUOTA=None):
        unlimited = alice.client.get("/api/usage/speech").json()
    assert (unlimited["limit"], unlimited["used"], unlimited["remaining"]) == (None, 1, None)


def test_the_page_shows_the_day_of_speech(
    server: str, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tertulia.chat import speech

    say(alice)
    with Browser(server) as browser:
        browser.sign_in(alice)
        for page in ("/accounts/usage", "/accounts/profile"):
            assert "<strong>49</strong> of 50 readings and recordings left today" in browser.see(page)
        with configured(TERTULIA_SPEECH_QUOTA=None):
            assert "<strong>1</strong> readings and recordings today, no limit" in browser.see(
                "/accounts/usage"
            )
        monkeypatch.setattr(speech, "is_installed", lambda: False)
        with configured():
            assert "readings and recordings" not in browser.see("/accounts/usage"), "nothing speaks here"


# --- What fails at a provider ---------------------------------------------------------------------------------------

FAULTS = [
    ("status-400", 502, "provider_bad_request"),
    ("status-429", 502, "provider_rate_limited"),
    ("status-500", 502, "provider_error"),
    ("status-200", 502, "provider_error"),
    ("html", 502, "provider_malformed"),
    ("hang", 504, "provider_timeout_first_token"),
]


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Engines that do not wait long."""
    from tertulia.chat import speech
    from tertulia.speech.remote import RemoteEar, RemoteVoice

    monkeypatch.setattr(speech, "RemoteVoice", partial(RemoteVoice, first_byte_timeout=3.0))
    monkeypatch.setattr(speech, "RemoteEar", partial(RemoteEar, timeout=3.0))


@pytest.mark.parametrize(("name", "status", "slug"), [*FAULTS, ("empty", 502, "provider_empty")])
def test_what_failed_costs_nothing(
    alice: Person, hasty: None, remote: ScriptedProvider, name: str, status: int, slug: str
) -> None:
    failed = say(alice, voice=name)
    assert (failed.status_code, failed.json()["type"]) == (status, slug)
    assert used(alice) == 0
    assert say(alice).status_code == 200
    assert used(alice) == 1


@pytest.mark.parametrize(("manner", "status", "slug"), [*FAULTS, ("null", 502, "provider_malformed")])
def test_what_was_not_written_down_costs_nothing(
    alice: Person, hasty: None, remote: ScriptedProvider, manner: str, status: int, slug: str
) -> None:
    recording = asyncio.run(sounds.say("Good morning.", "opus"))
    remote.routes.audio.manner = manner
    failed = write_down(alice, recording)
    assert (failed.status_code, failed.json()["type"]) == (status, slug)
    assert used(alice) == 0
    remote.routes.audio.manner = "json"
    assert write_down(alice, recording).json()["text"] == HEARD
    assert used(alice) == 1


@pytest.mark.parametrize("manner", ["json", "verbose", "text"])
async def test_every_manner_of_a_provider(alice: Person, remote: ScriptedProvider, manner: str) -> None:
    recording = await sounds.say("Good morning.", "opus")
    remote.routes.audio.manner = manner
    heard = write_down(alice, recording).json()
    assert (heard["text"], heard["language"]) == (HEARD, "en")
    assert heard["duration"] == pytest.approx(1.0, abs=0.5), "measured here, not by the provider"


def test_a_voice_that_breaks_off_is_not_taken_for_a_whole_one(
    alice: Person, remote: ScriptedProvider, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        say(alice, voice="cut")
    assert used(alice) == 1, "something was heard"
    assert "the sound broke off: provider_reset" in caplog.messages
    assert [record.message for record in caplog.records if record.exc_info] == [], "it is no fault of ours"


# --- An answer, part by part ----------------------------------------------------------------------------------------


def test_the_parts_of_an_answer(alice: Person, remote: ScriptedProvider) -> None:
    message = answer(alice, "# Title\n\nFirst **words**. Second.\n\n```\ncode\n```\n\nLast.")
    statuses = [alice.client.get(f"/api/messages/{message}/speech/{part}").status_code for part in range(4)]
    assert statuses == [200, 200, 200, 204]
    assert [each.input for each in remote.routes.audio.spoken] == ["Title", "First words. Second.", "Last."]


def test_a_whole_answer_in_one(alice: Person, remote: ScriptedProvider) -> None:
    message = answer(alice, "First. Second.\n\nThird.")
    spoken = alice.client.get(f"/api/messages/{message}/speech")
    assert spoken.content.count(b"RIFF") == 3
    assert [each.input for each in remote.routes.audio.spoken] == ["First.", "Second.", "Third."]


def test_what_is_kept_is_asked_for_and_not_made_again(alice: Person, remote: ScriptedProvider) -> None:
    url = f"/api/messages/{answer(alice, 'Once.')}/speech/0"
    first = alice.client.get(url)
    assert first.headers["Cache-Control"] == "private, no-cache"
    again = alice.client.get(url, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert len(remote.routes.audio.spoken) == 1
    with configured(TERTULIA_SPEECH_MODEL="another"):
        assert alice.client.get(url, headers={"If-None-Match": first.headers["ETag"]}).status_code == 200


def test_speech_begins_while_the_answer_is_written(alice: Person, remote: ScriptedProvider) -> None:
    script = json.dumps({"text": "The first sentence. And then a second one that takes its time.", "rate": 4})
    conversation = alice.client.post("/api/conversations", json={}).json()["id"]
    ids: dict[str, str] = {}
    done = threading.Event()

    def read() -> None:
        headers = {"Accept": "text/event-stream"}
        path = f"/api/conversations/{conversation}/messages"
        body = {"content": f"Tell. !script {script}"}
        with alice.client.stream("POST", path, json=body, headers=headers) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: ") and not ids:
                    ids.update(json.loads(line[6:]))
        done.set()

    reader = threading.Thread(target=read)
    reader.start()
    while not ids:
        time.sleep(0.01)
    first = alice.client.get(f"/api/messages/{ids['answer']}/speech/0")
    assert (first.status_code, done.is_set()) == (200, False)
    assert remote.routes.audio.spoken[0].input == "The first sentence."
    last = alice.client.get(f"/api/messages/{ids['answer']}/speech/1")
    assert (last.status_code, remote.routes.audio.spoken[1].input) == (
        200,
        "And then a second one that takes its time.",
    )
    assert alice.client.get(f"/api/messages/{ids['answer']}/speech/2").status_code == 204
    reader.join(10)


def test_who_goes_away_stops_the_providers_work(alice: Person, remote: ScriptedProvider) -> None:
    with alice.client.stream(
        "POST", "/api/speech", json={"input": "On and on.", "voice": "endless"}
    ) as spoken:
        next(spoken.iter_bytes())
    deadline = time.monotonic() + 5
    while remote.routes.audio.spoken[0].ended != "dropped":
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_character_has_its_voice_and_speed(alice: Person, remote: ScriptedProvider) -> None:
    character = alice.client.post("/api/characters", json={"name": "Marta", "voice": "coral@1.25"}).json()
    instance = alice.client.post("/api/instances", json={"character": character["id"], "name": "Mine"}).json()
    conversation = alice.client.post("/api/conversations", json={"instance": instance["id"]}).json()["id"]
    sent = alice.client.post(f"/api/conversations/{conversation}/messages", json={"content": "Hello."}).json()
    assert alice.client.get(f"/api/messages/{sent['answer']['id']}/speech/0").status_code == 200
    (asked,) = remote.routes.audio.spoken
    assert (asked.voice, asked.speed, asked.format) == ("coral", 1.25, "mp3")


def test_other_peoples_messages_do_not_exist(alice: Person, bob: Person, server: str) -> None:
    message = answer(alice, "Private.")
    for path in (f"/api/messages/{message}/speech", f"/api/messages/{message}/speech/0"):
        assert bob.client.get(path).status_code == 404
        assert httpx.get(server + path).status_code == 401
    assert alice.client.get(f"/api/messages/{message}/speech/first").status_code == 404
    assert alice.client.get(f"/api/messages/{message}/speech/-1").status_code == 404
    assert alice.client.get(f"/api/messages/{message}/speech/99999999999").status_code == 404


# --- The facade and keys --------------------------------------------------------------------------------------------


def key_of(person: Person, scope: str) -> str:
    made = person.client.post("/api/keys", json={"name": scope, "scope": scope})
    return str(made.json()["key"])


async def test_the_official_client(server: str, alice: Person) -> None:
    client = openai.OpenAI(base_url=f"{server}/v1", api_key=key_of(alice, "speech"), max_retries=0)
    spoken = client.audio.speech.create(
        model="tts-1", voice="nova", input="Good morning.", response_format="wav"
    )
    assert spoken.read().startswith(b"RIFF")
    recording = await sounds.say("The quick brown fox jumps over the lazy dog.", "opus")
    heard = client.audio.transcriptions.create(model="whisper-1", file=("a.ogg", recording), language="en")
    assert "fox" in heard.text
    text = client.audio.transcriptions.create(
        model="whisper-1", file=("a.ogg", recording), response_format="text"
    )
    assert "fox" in str(text)
    with pytest.raises(openai.NotFoundError):
        client.audio.speech.create(model="no-such", voice="nova", input="Good morning.")
    with pytest.raises(openai.BadRequestError) as refused:
        client.audio.speech.create(model="tts-1", voice="nobody", input="Good morning.")
    assert refused.value.param == "voice"


@pytest.mark.parametrize(
    ("scope", "is_open"), [("all", True), ("speech", True), ("chat", False), ("read", False)]
)
def test_only_keys_for_speech_take_units_of_speech(
    server: str, alice: Person, scope: str, is_open: bool
) -> None:
    message = answer(alice, "Hello.")
    key = {"Authorization": f"Bearer {key_of(alice, scope)}"}
    requests = [
        httpx.Request("GET", f"{server}/api/messages/{message}/speech", headers=key),
        httpx.Request("GET", f"{server}/api/messages/{message}/speech/0", headers=key),
        *(
            httpx.Request("POST", f"{server}/{path}", json={"input": "a", "model": "tts-1"}, headers=key)
            for path in ("api/speech", "api/transcriptions", "v1/audio/speech", "v1/audio/transcriptions")
        ),
    ]
    with httpx.Client(timeout=30) as client:
        statuses = {request.url.path: client.send(request).status_code for request in requests}
    refused = {path for path, status in statuses.items() if status == 403}
    assert len(refused) == (0 if is_open else len(requests)), statuses
    assert (used(alice) > 0) == is_open


def test_providers_of_audio_are_asked_with_their_own_key(alice: Person, remote: ScriptedProvider) -> None:
    say(alice, "Hello.", voice="coral")
    assert remote.routes.audio.spoken[0].authorization == "Bearer sk-speech"
    heard = write_down(alice, sounds.wav(b"\x00\x00" * 16_000), language="ko").json()
    assert heard == {"text": "", "language": "ko", "duration": 1.0}


async def test_any_language_with_a_provider(alice: Person, remote: ScriptedProvider) -> None:
    recording = await sounds.say("안녕하세요. 반갑습니다.", "opus", language="ko")
    assert write_down(alice, recording, language="ko").json()["text"] == HEARD

"""Who loses a login stops reading: every carrier, every way in which a login ends, streamed and not."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import timedelta
from threading import Event as Signal
from typing import Any

import httpx
import pytest

from tertulia.accounts import actions, keys, sessions, watching
from tertulia.accounts.models import User
from tertulia.core import clock
from tests.accounts.browsing import Browser
from tests.accounts.people import make_user
from tests.api.streams import events_of, open_conversation
from tests.people import PASSWORD, Person

# Some ten seconds; readers are looked after every two.
LONG = '!script {"tokens": 400, "rate": 40}'
STREAM = {"Accept": "text/event-stream"}
COMPLETION = {"model": "scripted-small", "messages": [{"role": "user", "content": LONG}]}

Leave = Callable[[Person], object]


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    with ThreadPoolExecutor(4) as pool:
        yield pool


class Reader:
    """A client that reads a stream in a thread of its own until the server closes it."""

    def __init__(
        self, pool: ThreadPoolExecutor, client: httpx.Client, method: str, path: str, body: Any = None
    ) -> None:
        self._begun = Signal()
        self._parts: list[str] = []
        self._reading: Future[None] = pool.submit(self._read, client, method, path, body)
        assert self._begun.wait(10), "nothing came"

    def _read(self, client: httpx.Client, method: str, path: str, body: Any) -> None:
        with client.stream(method, path, json=body, headers=STREAM, timeout=30) as answer:
            for part in answer.iter_text():
                self._parts.append(part)
                self._begun.set()

    @property
    def events_path(self) -> str:
        """Where the run is read again; its id came first of all."""
        return f"/api/generations/{events_of(self._parts[0])[0].data['generation']}/events"

    @property
    def text(self) -> str:
        """Everything that came, once the stream is closed."""
        self._reading.result()
        return "".join(self._parts)

    @property
    def ends(self) -> list[str]:
        return [event.data["status"] for event in events_of(self.text) if event.kind == "end"]


def messages_of(person: Person) -> str:
    return f"/api/conversations/{open_conversation(person)}/messages"


def user_of(person: Person) -> User:
    return User.objects.get(id=person.id)


def sign_in(person: Person) -> httpx.Client:
    """Another login of the same person."""
    answer = httpx.post(
        f"{person.server}/accounts/login",
        json={"email": person.email, "password": PASSWORD},
        headers={"Accept": "application/json"},
    )
    return httpx.Client(
        base_url=person.server, headers={"Authorization": f"Bearer {answer.json()['access']}"}, timeout=30
    )


def log_out(person: Person) -> None:
    assert person.client.post("/accounts/logout").status_code == 204


def suspend(person: Person) -> None:
    actions.suspend(user=user_of(person))


def switch_off(person: Person) -> None:
    """As somebody does who knows the database only."""
    User.objects.filter(id=person.id).update(is_active=False)


def erase(person: Person) -> None:
    answer = person.client.request("DELETE", "/accounts/profile", json={"current_password": PASSWORD})
    assert answer.status_code == 204, answer.text


def test_logging_out_ends_that_logins_reader_and_not_the_answer(
    pool: ThreadPoolExecutor, alice: Person
) -> None:
    with sign_in(alice) as elsewhere:
        reader = Reader(pool, alice.client, "POST", messages_of(alice), {"content": LONG})
        log_out(alice)
        assert reader.ends == []
        assert alice.client.get(reader.events_path).status_code == 401
        assert Reader(pool, elsewhere, "GET", reader.events_path).ends == ["complete"]


@pytest.mark.parametrize("leave", [suspend, switch_off, erase])
def test_who_may_not_come_in_any_more_reads_nothing_more(
    pool: ThreadPoolExecutor, alice: Person, leave: Leave
) -> None:
    reader = Reader(pool, alice.client, "POST", messages_of(alice), {"content": LONG})
    leave(alice)
    assert "complete" not in reader.ends


def test_a_new_password_ends_the_readers_of_all_other_logins(pool: ThreadPoolExecutor, alice: Person) -> None:
    with sign_in(alice) as other:
        path = messages_of(alice)
        mine = Reader(pool, alice.client, "POST", path, {"content": LONG})
        theirs = Reader(pool, other, "POST", path, {"content": LONG})
        changes = {"password": "a short walk by the sea 43", "current_password": PASSWORD}
        assert alice.client.put("/accounts/profile", json=changes).status_code == 200
        assert theirs.ends == []
        assert mine.ends == ["complete"]


def test_a_browser_that_signs_out_in_another_tab(
    pool: ThreadPoolExecutor, server: str, alice: Person
) -> None:
    program = Reader(pool, alice.client, "POST", messages_of(alice), {"content": LONG})
    with Browser(server) as browser:
        browser.sign_in(alice)
        tab = Reader(pool, browser.http, "GET", program.events_path)
        assert browser.press("/accounts/logout").status_code == 303
        assert tab.ends == []
    assert program.ends == ["complete"]


def test_a_revoked_key_ends_the_facades_stream_with_an_error(pool: ThreadPoolExecutor, alice: Person) -> None:
    key, text = keys.create_api_key(user=user_of(alice), name="program")
    with httpx.Client(base_url=alice.server, headers={"Authorization": f"Bearer {text}"}) as program:
        reader = Reader(pool, program, "POST", "/v1/chat/completions", COMPLETION | {"stream": True})
        keys.delete_api_key(user=user_of(alice), key_id=key.id)
        assert '"code":"invalid_api_key"' in reader.text
        assert "[DONE]" not in reader.text


@pytest.mark.parametrize("path", ["/chat", "/v1/chat/completions"])
def test_an_answer_that_is_waited_for_is_refused(pool: ThreadPoolExecutor, alice: Person, path: str) -> None:
    body = {"content": LONG} if path == "/chat" else COMPLETION
    answer = pool.submit(alice.client.post, path, json=body)
    while alice.client.get("/api/usage").json()["used"] == 0:
        time.sleep(0.05)
    log_out(alice)
    assert answer.result().status_code == 401


def test_one_statement_stands_for_all_readers_of_a_kind(django_queries: list[str]) -> None:
    user, suspended = make_user(), make_user()
    good = [str(sessions.open_session(user).session_key) for _number in range(5)]
    of_suspended = str(sessions.open_session(suspended).session_key)
    key, _text = keys.create_api_key(user=user, name="k")
    old, _text = keys.create_api_key(user=user, name="k", expires_at=clock.now() + timedelta(days=1))
    type(old).objects.filter(pk=old.pk).update(expires_at=clock.now())
    User.objects.filter(pk=suspended.pk).update(is_active=False)
    django_queries.clear()
    asked: set[watching.Login] = {*good, of_suspended, "unknown", key.id, old.id}
    assert watching._still_valid(asked) == {*good, key.id}
    assert len(django_queries) == 2

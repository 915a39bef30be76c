"""Break-glass: who may open somebody else's conversation, when, and what trace it leaves."""

from collections.abc import Callable
from uuid import UUID

import httpx
import pytest
from django.conf import settings

from tertulia.accounts.models import AuditEvent
from tertulia.chat.models import Conversation, Generation
from tests.accounts.browsing import Browser
from tests.people import PASSWORD, Person

WORDS = "nobody else's business"
GREETING = "Come in, come in."
REASON = "A report of threats, case 7."


@pytest.fixture
def root(server: str, join: Callable[..., Person]) -> Person:
    return join("root", is_staff=True, is_superuser=True)


@pytest.fixture
def allowed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TERTULIA_BREAK_GLASS", True)


@pytest.fixture
def path(alice: Person) -> str:
    """The address of a conversation of Alice's."""
    assert alice.client.post("/chat", json={"content": WORDS}).status_code == 201
    return f"/admin/conversations/{Conversation.objects.get(user_id=alice.id).id}"


def openings(person: Person) -> list[tuple[str, str]]:
    events = AuditEvent.objects.filter(user_id=person.id, kind="opened")
    return [(str(event.actor_id), event.detail) for event in events]


def test_by_default_nobody_opens_anything(server: str, root: Person, alice: Person, path: str) -> None:
    run = Generation.objects.get(user_id=alice.id).id
    with Browser(server) as browser:
        browser.sign_in(root)
        browser.see(path, status=404)
        assert browser.press(path, on="/accounts/profile", reason=REASON).status_code == 404
        assert path not in browser.see(f"/admin/chat/generation/{run}/change/")
    assert openings(alice) == []


@pytest.mark.usefixtures("allowed")
def test_an_administrator_opens_one_with_a_reason_that_the_owner_sees(
    server: str, root: Person, alice: Person, path: str
) -> None:
    run = Generation.objects.get(user_id=alice.id).id
    with Browser(server) as browser:
        browser.sign_in(root)
        assert path in browser.see(f"/admin/chat/generation/{run}/change/")
        Conversation.objects.filter(user_id=alice.id).update(greeting=GREETING)
        sealed = browser.see(path)
        assert WORDS not in sealed.replace("&#x27;", "'")
        assert GREETING not in sealed
        assert alice.email in sealed
        for reason in ("", "   ", "x" * 201, "a\nb"):
            refused = browser.press(path, reason=reason)
            assert refused.status_code == 400
            assert WORDS not in refused.text.replace("&#x27;", "'")
        assert openings(alice) == []
        opened = browser.press(path, reason=REASON)
        assert opened.status_code == 200
        assert opened.text.index(GREETING) < opened.text.replace("&#x27;", "'").index(WORDS)
    assert openings(alice) == [(root.id, REASON)]
    with Browser(server) as browser:
        browser.sign_in(alice)
        page = browser.see("/accounts/security")
    assert REASON in page
    assert "by Root, who runs this place" in page


@pytest.mark.usefixtures("allowed")
def test_nobody_else_opens_it(server: str, root: Person, mona: Person, alice: Person, path: str) -> None:
    with Browser(server) as browser:
        browser.see(path, status=302)
        for person in (alice, mona):
            browser.http.cookies.clear()
            browser.sign_in(person)
            browser.see(path, status=404)
            assert browser.press(path, on="/accounts/profile", reason=REASON).status_code == 404
    key = root.client.post("/api/keys", json={"name": "k"}).json()["key"]
    by_key = {"Authorization": f"Bearer {key}", "Accept": "text/html"}
    assert httpx.get(f"{server}{path}", headers=by_key).status_code == 403
    assert openings(alice) == []


@pytest.mark.usefixtures("allowed")
def test_what_does_not_exist_is_not_found(server: str, root: Person) -> None:
    with Browser(server) as browser:
        browser.sign_in(root)
        browser.see("/admin/conversations/01890000-0000-7000-8000-000000000000", status=404)


@pytest.mark.usefixtures("allowed")
def test_the_reason_goes_with_the_account(server: str, root: Person, alice: Person, path: str) -> None:
    reason = f"What {alice.email} is said to have written."
    with Browser(server) as browser:
        browser.sign_in(root)
        assert browser.press(path, reason=reason).status_code == 200
    assert openings(alice) == [(root.id, reason)]
    answer = alice.client.request("DELETE", "/accounts/profile", json={"current_password": PASSWORD})
    assert answer.status_code == 204
    assert not AuditEvent.objects.filter(detail=reason).exists()
    assert AuditEvent.objects.filter(actor_id=UUID(root.id), kind="opened", user=None).exists()

"""A forgotten password, a confirmed address, invitations: what is proved by a link."""

import re
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from io import StringIO

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings
from django.core import mail as outgoing
from django.core.management import CommandError, call_command

from tertulia.accounts import attempts, inviting, mail
from tertulia.accounts.models import ApiKey, Invitation, Ticket, User
from tertulia.core import clock
from tests.accounts.browsing import Browser
from tests.accounts.people import fresh_email
from tests.people import PASSWORD, Person

JSON = {"Accept": "application/json"}
NEW_PASSWORD = "another walk, by the sea 43"


@pytest.fixture
def post(server: str) -> Iterator[list[outgoing.EmailMessage]]:
    """What was sent, through Django's in-memory back end."""
    before = settings.EMAIL_BACKEND
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    box: list[outgoing.EmailMessage] = []
    outgoing.outbox = box
    yield box
    mail.settle()
    settings.EMAIL_BACKEND = before


@pytest.fixture
def visitor(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, headers=JSON, timeout=30) as client:
        yield client


@pytest.fixture
def confirming() -> Iterator[None]:
    settings.TERTULIA_VERIFY_EMAIL = True
    yield
    settings.TERTULIA_VERIFY_EMAIL = False


@pytest.fixture
def by_invitation() -> Iterator[None]:
    settings.TERTULIA_SIGNUP = "invite"
    yield
    settings.TERTULIA_SIGNUP = "open"


def link_for(post: list[outgoing.EmailMessage], email: str, what: str) -> str:
    """The token of the last link that was sent to an address."""
    mail.settle()
    (*_, message) = [each for each in post if each.to == [email]]
    found = re.search(rf"http://\S+/accounts/{what}/(\S+)", str(message.body))
    assert found, message.body
    return found.group(1)


def reset_token(visitor: httpx.Client, post: list[outgoing.EmailMessage], email: str) -> str:
    assert visitor.post("/accounts/reset", json={"email": email}).status_code == 202
    return link_for(post, email, "reset")


def can_sign_in(visitor: httpx.Client, email: str, password: str) -> bool:
    answer = visitor.post("/accounts/login", json={"email": email, "password": password})
    assert answer.status_code in (200, 401)
    return answer.status_code == 200


# --- A forgotten password -------------------------------------------------------------------------------------------


def test_a_reset_sets_the_password_and_ends_every_login(
    server: str, visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person
) -> None:
    with Browser(server) as browser:
        browser.sign_in(alice)
        token = reset_token(visitor, post, alice.email)
        assert alice.client.get("/accounts/profile").status_code == 200
        answer = visitor.post(f"/accounts/reset/{token}", json={"password": NEW_PASSWORD})
        assert answer.status_code == 204
        assert not browser.is_signed_in()
    assert alice.client.get("/accounts/profile").status_code == 401
    assert visitor.post("/accounts/refresh", json={"refresh": alice.refresh}).status_code == 401
    assert not can_sign_in(visitor, alice.email, PASSWORD)
    assert can_sign_in(visitor, alice.email, NEW_PASSWORD)


def test_only_a_link_of_ones_own_works_and_once(
    visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person, bob: Person
) -> None:
    token = reset_token(visitor, post, alice.email)
    for bad in ("null", "undefined", "0", "x" * 43, token[:-1], token.swapcase(), "%00", "%ed%a0%80"):
        answer = visitor.post(f"/accounts/reset/{bad}", json={"password": NEW_PASSWORD})
        assert answer.status_code == 404, bad
    for body in (
        {"password": NEW_PASSWORD},
        {"email": None},
        {"email": ""},
        {"email": bob.email, "token": token},
    ):
        assert visitor.post("/accounts/reset/", json=body).status_code == 400
    assert visitor.post(f"/accounts/reset/{token}", json={"password": "short"}).status_code == 400
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(
                lambda _: visitor.post(f"/accounts/reset/{token}", json={"password": NEW_PASSWORD}), range(8)
            )
        )
    assert sorted(answer.status_code for answer in answers) == [204] + [404] * 7
    assert can_sign_in(visitor, bob.email, PASSWORD)


def test_links_that_no_longer_work(
    visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person
) -> None:
    old = reset_token(visitor, post, alice.email)
    Ticket.objects.filter(user_id=alice.id).update(expires_at=clock.now() - timedelta(seconds=1))
    sent_elsewhere = reset_token(visitor, post, alice.email)
    email = fresh_email()
    assert alice.client.put("/accounts/profile", json={"email": email}).status_code == 200
    before_password = reset_token(visitor, post, email)
    change = {"password": NEW_PASSWORD, "current_password": PASSWORD}
    assert alice.client.put("/accounts/profile", json=change).status_code == 200
    before_suspension = reset_token(visitor, post, email)
    User.objects.filter(id=alice.id).update(is_active=False)
    for token in (old, sent_elsewhere, before_password, before_suspension):
        assert visitor.post(f"/accounts/reset/{token}", json={"password": PASSWORD}).status_code == 404


def test_the_answer_does_not_tell_who_exists(
    visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person, join: Callable[..., Person]
) -> None:
    charlie = join("charlie", is_active=False)
    answers = [
        visitor.post("/accounts/reset", json={"email": email})
        for email in (alice.email, fresh_email(), charlie.email)
    ]
    assert {(answer.status_code, answer.text) for answer in answers} == {(202, "")}
    mail.settle()
    assert [message.to for message in post] == [[alice.email]]


def test_nobodys_mailbox_is_filled(
    visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person
) -> None:
    for _ in range(10):
        assert visitor.post("/accounts/reset", json={"email": alice.email}).status_code == 202
    mail.settle()
    assert len(post) == attempts.MAILS.limit


def test_the_first_proof_of_an_address_ends_what_a_stranger_prepared(
    server: str, visitor: httpx.Client, post: list[outgoing.EmailMessage], join: Callable[..., Person]
) -> None:
    """Somebody joined with the victim's address, made a key, linked a provider, and waits."""
    mallory = join("victim")
    key = mallory.client.post("/api/keys", json={"name": "waiting"}).json()["key"]
    SocialAccount.objects.create(user_id=mallory.id, provider="github", uid=f"m{mallory.id}")
    token = reset_token(visitor, post, mallory.email)
    visitor.post(f"/accounts/reset/{token}", json={"password": NEW_PASSWORD})
    assert visitor.get("/accounts/profile", headers={"Authorization": f"Bearer {key}"}).status_code == 401
    assert not SocialAccount.objects.filter(user_id=mallory.id).exists()
    body = visitor.post("/accounts/login", json={"email": mallory.email, "password": NEW_PASSWORD}).json()
    access = {"Authorization": f"Bearer {body['access']}"}
    key = visitor.post("/api/keys", json={"name": "mine"}, headers=access).json()["key"]
    token = reset_token(visitor, post, mallory.email)
    visitor.post(f"/accounts/reset/{token}", json={"password": PASSWORD})
    assert visitor.get("/accounts/profile", headers={"Authorization": f"Bearer {key}"}).status_code == 200
    assert ApiKey.objects.filter(user_id=mallory.id).count() == 1


def test_the_pages_of_a_reset(
    server: str, visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person
) -> None:
    with Browser(server) as browser:
        assert "Forgotten password" in browser.see("/accounts/login")
        page = browser.press("/accounts/reset", email=alice.email)
        assert "on its way" in page.text
        token = link_for(post, alice.email, "reset")
        browser.see(f"/accounts/reset/{token}")
        browser.see(f"/accounts/reset/{token}")
        assert browser.press(f"/accounts/reset/{token}", password="short").status_code == 400
        done = browser.press(f"/accounts/reset/{token}", password=NEW_PASSWORD)
        assert (done.status_code, done.headers["location"]) == (303, "/accounts/login")
        browser.see(f"/accounts/reset/{token}", status=404)
        assert browser.sign_in(alice, NEW_PASSWORD).status_code == 303


# --- Addresses ------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("confirming")
def test_an_address_is_confirmed_before_anything_is_asked(
    visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person
) -> None:
    refused = alice.client.post("/chat", json={"content": "Hello"})
    assert (refused.status_code, refused.json()["type"]) == (403, "address_unconfirmed")
    token = link_for(post, alice.email, "confirm")
    assert visitor.post(f"/accounts/confirm/{token}").status_code == 204
    assert visitor.post(f"/accounts/confirm/{token}").status_code == 404
    assert alice.client.post("/chat", json={"content": "Hello"}).status_code == 201


@pytest.mark.usefixtures("confirming")
def test_a_new_address_counts_once_it_is_confirmed(
    server: str, visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person, bob: Person
) -> None:
    new = fresh_email()
    answer = alice.client.put("/accounts/profile", json={"email": new})
    assert (answer.status_code, answer.json()["email"]) == (200, alice.email)
    assert alice.client.put("/accounts/profile", json={"email": bob.email}).status_code == 400
    token = link_for(post, new, "confirm")
    with Browser(server) as browser:
        browser.see(f"/accounts/confirm/{token}")
        assert alice.client.get("/accounts/profile").json()["email"] == alice.email
        assert browser.press(f"/accounts/confirm/{token}").status_code == 303
    assert alice.client.get("/accounts/profile").json()["email"] == new
    assert can_sign_in(visitor, new, PASSWORD)


@pytest.mark.usefixtures("confirming")
def test_an_address_that_was_taken_meanwhile(
    visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person, bob: Person
) -> None:
    new = fresh_email()
    tokens = []
    for person in (alice, bob):
        person.client.put("/accounts/profile", json={"email": new})
        tokens.append(link_for(post, new, "confirm"))
    assert visitor.post(f"/accounts/confirm/{tokens[1]}").status_code == 204
    taken = visitor.post(f"/accounts/confirm/{tokens[0]}")
    assert (taken.status_code, list(taken.json()["errors"])) == (400, ["email"])
    assert alice.client.get("/accounts/profile").json()["email"] == alice.email


@pytest.mark.usefixtures("confirming")
def test_the_last_wish_counts(
    visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person
) -> None:
    first, second = fresh_email(), fresh_email()
    for email in (first, second):
        alice.client.put("/accounts/profile", json={"email": email})
    assert visitor.post(f"/accounts/confirm/{link_for(post, first, 'confirm')}").status_code == 404
    assert visitor.post(f"/accounts/confirm/{link_for(post, second, 'confirm')}").status_code == 204


def test_without_confirmation_a_new_address_counts_at_once(
    visitor: httpx.Client, post: list[outgoing.EmailMessage], alice: Person
) -> None:
    new = fresh_email()
    assert alice.client.put("/accounts/profile", json={"email": new}).json()["email"] == new
    mail.settle()
    assert post == []


def test_a_mail_server_that_fails_costs_no_answer(visitor: httpx.Client, alice: Person) -> None:
    before = settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1
    try:
        assert visitor.post("/accounts/reset", json={"email": alice.email}).status_code == 202
        mail.settle()
    finally:
        settings.EMAIL_BACKEND, settings.EMAIL_HOST, settings.EMAIL_PORT = before


# --- Invitations ----------------------------------------------------------------------------------------------------


def join_by(visitor: httpx.Client, invite: str | None) -> httpx.Response:
    body = {"email": fresh_email(), "nickname": "Ana", "password": PASSWORD}
    return visitor.post("/accounts/join", json=body | ({"invite": invite} if invite is not None else {}))


@pytest.mark.usefixtures("by_invitation")
def test_an_invitation_lets_one_person_in(visitor: httpx.Client) -> None:
    token = inviting.make()
    for bad in (None, "", "x", token[:-1]):
        assert join_by(visitor, bad).status_code == 403
    assert join_by(visitor, "a\0b").status_code == 400
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: join_by(visitor, token), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [403] * 7
    (made,) = [answer for answer in answers if answer.status_code == 201]
    assert str(Invitation.objects.get(used_by_id=made.json()["id"]).used_by_id) == made.json()["id"]


@pytest.mark.usefixtures("by_invitation")
def test_a_refused_form_leaves_the_invitation(visitor: httpx.Client) -> None:
    token = inviting.make()
    body = {"email": "no address", "nickname": "Ana", "password": PASSWORD, "invite": token}
    assert visitor.post("/accounts/join", json=body).status_code == 400
    assert join_by(visitor, token).status_code == 201


@pytest.mark.usefixtures("by_invitation")
def test_an_invitation_ends(visitor: httpx.Client) -> None:
    token = inviting.make()
    Invitation.objects.filter(used_at=None).update(expires_at=clock.now())
    assert join_by(visitor, token).status_code == 403


@pytest.mark.usefixtures("by_invitation")
def test_the_page_takes_an_invitation(server: str) -> None:
    out = StringIO()
    call_command("invite", days=3, stdout=out)
    path = "/" + out.getvalue().strip().partition("://")[2].partition("/")[2]
    with Browser(server) as browser:
        assert "by invitation only" in browser.see("/accounts/join")
        page = browser.see(path)
        token = path.partition("invite=")[2]
        assert f'name="invite" value="{token}"' in page
        fields = {"email": fresh_email(), "nickname": "Ana", "password": PASSWORD, "invite": token}
        assert browser.press("/accounts/join", on=path, **fields).status_code == 303
        assert browser.is_signed_in()


def test_the_command_says_what_is_wrong() -> None:
    with pytest.raises(CommandError):
        call_command("invite", days=0)


def test_where_joining_is_open_an_invitation_does_no_harm(visitor: httpx.Client) -> None:
    assert join_by(visitor, "whatever").status_code == 201
    assert "invite" not in visitor.get("/accounts/join").json()["fields"]

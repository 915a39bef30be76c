"""The pages' forms over HTTP: every bad input is refused with a page that says why, and the next request works."""

import re
from collections.abc import Iterator

import httpx
import pytest

from tests.people import PASSWORD, Person

# An id that nothing has; fixed, because it names test cases.
NOBODYS = "01a1fd75-0000-7000-8000-000000000000"


class Browser:
    """A client with cookies and the CSRF token of the last page, as a browser without a program has them."""

    def __init__(self, server: str) -> None:
        self.client = httpx.Client(base_url=server, headers={"Accept": "text/html"}, timeout=30)

    def get(self, path: str) -> httpx.Response:
        return self.client.get(path)

    def post(self, path: str, on: str, **fields: str) -> httpx.Response:
        """Submits a form of the page `on`."""
        found = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', self.get(on).text)
        assert found
        return self.client.post(
            path, data={**fields, "csrfmiddlewaretoken": found[1]}, headers={"Referer": on}
        )

    def sign_in(self, person: Person) -> None:
        answer = self.post("/accounts/login", "/accounts/login", email=person.email, password=PASSWORD)
        assert answer.status_code == 303


@pytest.fixture
def browser(server: str, alice: Person) -> Iterator[Browser]:
    browser = Browser(server)
    browser.sign_in(alice)
    yield browser
    browser.client.close()


BAD_MESSAGES: list[tuple[dict[str, str], int]] = [
    ({}, 400),
    ({"content": " \n"}, 400),
    ({"content": "a\0b"}, 400),
    ({"content": "x" * 100_001}, 400),
    ({"content": "x", "temperature": "nan"}, 400),
    ({"content": "x", "temperature": "warm"}, 400),
    ({"content": "x", "top_p": "1.1"}, 400),
    ({"content": "x", "max_tokens": "0"}, 400),
    ({"content": "x", "max_tokens": "9" * 5000}, 400),
    ({"content": "x", "frequency_penalty": "-3"}, 400),
    ({"content": "x", "seed": str(2**63)}, 400),
    ({"content": "x", "stop": "a\nb\nc\nd\ne"}, 400),
    ({"content": "x", "stop": "s" * 201}, 400),
    ({"content": "x", "model": "nobody's model"}, 400),
    ({"content": "x", "model": "m" * 201}, 400),
    ({"content": "x", "parent": "not an id"}, 400),
    ({"content": "x", "key": "k" * 201}, 400),
]


@pytest.mark.parametrize(("fields", "status"), BAD_MESSAGES)
def test_a_bad_message_is_refused_beside_the_composer(
    browser: Browser, fields: dict[str, str], status: int
) -> None:
    answer = browser.post("/send", "/", **fields)
    assert answer.status_code == status
    assert 'id="composer-notice" role="alert">' in answer.text
    assert browser.get("/").status_code == 200


@pytest.mark.parametrize(
    "path",
    ["/c/not-an-id", f"/c/{NOBODYS}", "/?leaf=x", f"/c/{NOBODYS}?leaf={NOBODYS}", "/accounts/link/nothing"],
)
def test_what_does_not_exist_is_a_page(browser: Browser, path: str) -> None:
    answer = browser.get(path)
    assert answer.status_code == 404
    assert "<h1" in answer.text


@pytest.mark.parametrize(
    "cursor", ["x", "2026-01-01T00:00:00,x", f"0001-01-01T00:00:00+14:00,{NOBODYS}", "\0"]
)
def test_a_broken_cursor_begins_anew(browser: Browser, cursor: str) -> None:
    assert browser.client.get("/", params={"older": cursor}).status_code == 200


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/language", {"language": "tlh"}, 400),
        ("/language", {}, 400),
        ("/theme", {"theme": "loud"}, 400),
        ("/settings/keys", {"name": ""}, 400),
        ("/settings/keys", {"name": "n" * 81}, 400),
        (f"/settings/keys/{NOBODYS}/revoke", {}, 404),
        (f"/c/{NOBODYS}/rename", {"title": "x"}, 404),
        (f"/c/{NOBODYS}/delete", {}, 404),
        (f"/c/{NOBODYS}/feedback", {"up": NOBODYS}, 404),
        (f"/c/{NOBODYS}/regenerate", {"message": NOBODYS}, 404),
        (f"/c/{NOBODYS}/edit", {"message": NOBODYS, "content": "x"}, 404),
        (f"/c/{NOBODYS}/stop", {}, 404),
    ],
)
def test_other_forms(browser: Browser, path: str, fields: dict[str, str], status: int) -> None:
    assert browser.post(path, "/settings", **fields).status_code == status


def test_a_refused_form_leads_back_to_the_page_that_it_stood_on(browser: Browser) -> None:
    """The address that refused it takes forms only: whoever went there by a link would be told so."""
    refused = browser.post("/send", "/", content="", back="/?older=")
    shown = set(re.findall(r'name="(?:back|next)" value="([^"]*)"', refused.text))
    assert shown == {"/?older="}
    assert "/send" not in re.findall(r'href="([^"?#]*)', refused.text)
    elsewhere = browser.post("/send", "/", content="", back="https://example.org/")
    assert "https://example.org/" not in elsewhere.text


def test_a_refused_key_keeps_what_was_chosen(browser: Browser) -> None:
    chosen = {"name": "n" * 81, "scope": "chat", "days": "90"}
    refused = browser.post("/settings/keys", "/settings", **chosen)
    assert f'value="{chosen["name"]}"' in refused.text
    assert re.findall(r'value="(\w+)" selected', refused.text) == ["chat", "90"]


def test_a_form_without_its_token_is_refused(browser: Browser) -> None:
    assert browser.client.post("/send", data={"content": "x"}).status_code == 403


def test_feedback_belongs_to_answers_of_ones_own(browser: Browser, bob: Person, server: str) -> None:
    sent = browser.post("/send", "/", content="hello")
    conversation, answer = re.findall(r"[0-9a-f]{8}-[0-9a-f-]{27}", sent.headers["location"])
    other = Browser(server)
    other.sign_in(bob)
    for deed in ("feedback", "rename", "delete", "stop", "send"):
        refused = other.post(f"/c/{conversation}/{deed}", "/", up=answer, title="x", content="x")
        assert refused.status_code == 404
    assert browser.post(f"/c/{conversation}/feedback", "/", up=answer).status_code == 303
    assert browser.post(f"/c/{conversation}/feedback", "/").status_code == 400


def test_pages_are_kept_out_of_caches_and_carry_a_policy(browser: Browser) -> None:
    for path in ("/", "/settings", "/accounts/profile", "/accounts/logout"):
        answer = browser.get(path)
        assert answer.status_code == 200
        assert "no-store" in answer.headers["cache-control"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert not re.search(r"<[^>]+\s(on\w+|style)=", answer.text)


def test_head_is_answered(browser: Browser) -> None:
    assert browser.client.head("/").status_code == 200


def test_the_manifest_names_an_icon_that_exists(browser: Browser) -> None:
    manifest = browser.get("/manifest.webmanifest").json()
    assert browser.get(manifest["icons"][0]["src"]).headers["content-type"] == "image/svg+xml"

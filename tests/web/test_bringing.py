"""/accounts/import without scripts: the form, what it refuses beside its field, and what became of a file."""

import html
import re
from collections.abc import Iterator

import httpx
import pytest

from tests.accounts.browsing import Browser
from tests.chat import exports
from tests.people import Person


@pytest.fixture
def browser(server: str, alice: Person) -> Iterator[Browser]:
    with Browser(server) as browser:
        browser.sign_in(alice)
        yield browser


def bring(browser: Browser, file: bytes | None, token: str | None = None) -> httpx.Response:
    found = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', browser.see("/accounts/data"))
    assert found
    fields = {"csrfmiddlewaretoken": token or found.group(1), "back": "/accounts/import"}
    files = {"file": ("export.zip", file)} if file is not None else {"other": ("x", b"")}
    return browser.http.post("/accounts/import", data=fields, files=files)


def text_of(answer: httpx.Response) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.text)))


def test_a_file_and_what_became_of_it(browser: Browser, alice: Person) -> None:
    file = exports.zipped({
        "conversations.json": b'[{"mapping": nul}]',
        "conversations-2.json": [exports.chatgpt(title="<b>Tea</b>"), exports.claude()],
        "user.json": {},
    })  # fmt: skip
    answer = bring(browser, file)
    assert answer.status_code == 200
    told = text_of(answer)
    assert "7 messages came in." in told
    assert "<b>Tea</b>" in told
    assert "It is not valid JSON." in told
    assert "pictures and files, left behind: 1" in told
    assert "user.json There are no conversations in it that can be read here." in told
    [address] = set(re.findall(r'href="(/c/[^"]+)" dir="auto">&lt;b&gt;', answer.text))
    assert "A meeting of friends who talk." in browser.see(address)
    again = text_of(bring(browser, file))
    assert "Nothing new: what can come in is here already." in again


def test_what_is_refused_stands_beside_its_field(browser: Browser) -> None:
    refused = bring(browser, b"dear diary")
    assert refused.status_code == 400
    assert 'id="file-error">There are no conversations in this file that can be read here.' in refused.text
    missing = bring(browser, None)
    assert missing.status_code == 400
    assert "Choose a file first." in missing.text
    empty = bring(browser, b'[{"mapping": {}, "title": "Nothing"}]')
    assert "Nothing came in." in text_of(empty)
    assert "Nothing was said in it." in text_of(empty)


def test_a_form_of_another_site_brings_nothing(browser: Browser, alice: Person) -> None:
    answer = bring(browser, exports.zipped({"c.json": [exports.chatgpt()]}), token="x" * 32)
    assert answer.status_code == 403
    assert alice.client.get("/api/conversations").json()["results"] == []


def test_visitors_are_led_to_the_sign_in(server: str) -> None:
    for answer in (httpx.get(f"{server}/accounts/import"), httpx.post(f"{server}/accounts/import")):
        assert answer.status_code == 302
        assert answer.headers["location"].startswith("/accounts/login?next=")

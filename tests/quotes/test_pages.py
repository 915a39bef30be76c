"""The board's pages without a program: lists, forms with their faults, what staff decide, who may see what."""

import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tertulia.accounts import actions as account_actions
from tertulia.accounts.models import User
from tertulia.quotes import actions
from tertulia.quotes.models import Quote
from tests.accounts.browsing import Browser
from tests.api.conftest import statements
from tests.api.test_quotes import a_word, about_the_board, applied, proposed, put, shown
from tests.people import Person

__all__ = ["statements"]


@pytest.fixture
def open_browser(server: str) -> Iterator[Callable[[Person], Browser]]:
    """A browser in which somebody is signed in."""
    browsers: list[Browser] = []

    def make(person: Person) -> Browser:
        browser = Browser(server)
        browser.sign_in(person)
        browsers.append(browser)
        return browser

    yield make
    for browser in browsers:
        browser.http.close()


Open = Callable[[Person], Browser]


def lines_on(page: str) -> list[int]:
    """The ids of the lines that a list shows."""
    return [int(id) for id in re.findall(r'<li class="line" id="q-(\d+)"', page)]


def tabs_on(page: str) -> str:
    """The tabs of a page of the board."""
    return page.partition('<nav class="tabs"')[2].partition("</nav>")[0]


# --- Reading --------------------------------------------------------------------------------------------------------


def test_the_list_can_be_searched_and_narrowed(
    alice: Person, bob: Person, mona: Person, open_browser: Open
) -> None:
    work, word = a_word(), a_word()
    first = proposed(alice, f"A {word} on the pier", source=work, speaker="Ana")
    second = applied(mona, bob, f"Волна и {a_word()}", source=work)
    browser = open_browser(alice)
    expected = {
        f"source={work}": [second, first],
        f"source={work}&applied=true": [second],
        f"source={work}&applied=false&language=": [first],
        f"source={work}&mine=true": [first],
        f"source={work}&language=ru": [second],
        f"source={work}&speaker=Ana": [first],
        f"q={word}": [first],
        f"q={word}&applied=true": [],
    }
    for query, items in expected.items():
        assert (query, lines_on(browser.see(f"/quotes?{query}"))) == (query, [item["id"] for item in items])
    page = browser.see(f"/quotes/?source={work}")
    assert work in page
    assert "2 lines fit." in page
    assert "No line fits." in browser.see(f"/quotes?q={a_word()}")


def test_pages_keep_the_filters(alice: Person, open_browser: Open) -> None:
    work = f"{a_word()} & more"
    items = [proposed(alice, source=work) for _each in range(23)]
    browser = open_browser(alice)
    page = browser.http.get("/quotes", params={"source": work, "mine": "true"}).text
    assert lines_on(page) == [item["id"] for item in items[:2:-1]]
    following = re.search(r'rel="next" href="([^"]+)"', page)
    assert following
    page = browser.see("/quotes" + following.group(1).replace("&amp;", "&"))
    assert lines_on(page) == [item["id"] for item in items[2::-1]]


@pytest.mark.parametrize("query", ["applied=yes", "language=tlh", "q=" + "x" * 201, "q=%00", "mine=2"])
def test_a_filter_that_is_none(alice: Person, open_browser: Open, query: str) -> None:
    page = open_browser(alice).see(f"/quotes?{query}", 400)
    assert 'role="alert"' in page


def test_one_line_shows_no_address(alice: Person, bob: Person, mona: Person, open_browser: Open) -> None:
    item = applied(mona, alice, f"Seen <b>{a_word()}</b>\nin two lines", speaker="Ana", source="The & Pier")
    for person in (bob, mona):
        page = open_browser(person).see(f"/quotes/{item['id']}")
        assert "&lt;b&gt;" in page
        assert "The &amp; Pier" in page
        assert "proposed by Alice" in page
        assert alice.email not in page


def test_a_line_keeps_no_name_of_an_account_that_is_gone(
    join: Callable[..., Person], bob: Person, mona: Person, open_browser: Open
) -> None:
    zoe = join("zoe")
    item = applied(mona, zoe)
    user = User.objects.get(id=zoe.id)
    account_actions.suspend(user=user)
    actions.erase_user(user=user)
    page = open_browser(bob).see(f"/quotes/{item['id']}")
    assert "Zoe" not in page
    assert "proposed by" not in page


@pytest.mark.parametrize("id", ["0", "01", "x", "9" * 18, "9" * 40, "%00"])
def test_unknown_lines(alice: Person, open_browser: Open, id: str) -> None:
    browser = open_browser(alice)
    for address in (f"/quotes/{id}", f"/quotes/{id}/edit"):
        browser.see(address, 404)
    for deed in ("delete", "report"):
        assert browser.press(f"/quotes/{id}/{deed}", on="/quotes").status_code == 404


@pytest.mark.parametrize("path", ["/quotes?source={}", "/quotes?q={}", "/quotes/queue"])
def test_a_page_costs_the_same_whatever_its_length(
    mona: Person, open_browser: Open, statements: Any, path: str
) -> None:
    one, three = a_word(), a_word()
    browser = open_browser(mona)
    counts = []
    for word, count in ((one, 1), (three, 3)):
        for number in range(count):
            proposed(mona, f"Number {number} of {word} {a_word()}", source=word)
        address = path.format(word)
        counts.append(about_the_board(statements(lambda address=address: browser.see(address))))
    assert counts[0] == counts[1]


# --- Members --------------------------------------------------------------------------------------------------------


def test_proposing_changing_and_taking_back(alice: Person, open_browser: Open) -> None:
    browser, word = open_browser(alice), a_word()
    done = browser.press("/quotes/new", content=f"First\r\n{word}", speaker="Ana", source="The Pier")
    assert done.status_code == 303
    address = done.headers["Location"]
    item = alice.client.get(address.replace("quotes", "quote")).json()
    assert (item["content"], item["speaker"], item["language"]) == (f"First\n{word}", "Ana", "en")
    assert "Thank you." in browser.see(address)
    assert f"First\n{word}" in browser.see(f"{address}/edit")
    done = browser.press(f"{address}/edit", content=f"Second {word}", speaker="", source="")
    assert (done.status_code, done.headers["Location"]) == (303, address)
    assert shown(alice, item)["content"] == f"Second {word}"
    done = browser.press(f"{address}/delete", on=address)
    assert done.status_code == 303
    browser.see(address, 404)


def test_faults_stand_beside_the_fields_and_what_was_typed_stays(alice: Person, open_browser: Open) -> None:
    browser = open_browser(alice)
    answer = browser.press("/quotes/new", content="x" * 1001, speaker="y" * 101, source="Kept", mood="z" * 61)
    assert answer.status_code == 400
    assert {name for name in ("content", "speaker", "mood") if f'id="{name}-error"' in answer.text} == {
        "content", "speaker", "mood",
    }  # fmt: skip
    assert 'value="Kept"' in answer.text
    assert "y" * 101 in answer.text
    item = proposed(alice)
    answer = browser.press(f"/quotes/{item['id']}/edit", content=" ", speaker="Kept")
    assert answer.status_code == 400
    assert 'value="Kept"' in answer.text


def test_the_same_line_leads_to_the_first_and_a_similar_one_asks(
    alice: Person, bob: Person, open_browser: Open
) -> None:
    word = a_word()
    item = proposed(alice, f"The {word} lighthouse keeper counts ships and never waves")
    browser = open_browser(bob)
    before = Quote.objects.count()
    near = f"The {word} lighthouse keeper counts the ships, and never waves back"
    asked = browser.press("/quotes/new", content=near)
    assert asked.status_code == 200
    assert f'href="/quotes/{item["id"]}"' in asked.text
    assert "Propose it all the same" in asked.text
    assert Quote.objects.count() == before
    seen = re.search(r'name="seen" value="([^"]*)"', asked.text)
    assert seen
    assert browser.press("/quotes/new", content=near, seen=seen.group(1)).status_code == 303
    same = browser.press("/quotes/new", content=item["content"].upper(), seen=item["content"].upper())
    assert same.status_code == 409
    assert f'href="/quotes/{item["id"]}"' in same.text


def test_a_line_is_reported(alice: Person, bob: Person, mona: Person, open_browser: Open) -> None:
    item, why = proposed(alice), a_word()
    address = f"/quotes/{item['id']}"
    reader, staff = open_browser(bob), open_browser(mona)
    assert reader.press(f"{address}/report", on=address, reason=" ").status_code == 400
    assert reader.press(f"{address}/report", on=address, reason=why).status_code == 303
    assert why not in open_browser(alice).see(address)
    assert why in staff.see(address)
    assert why in staff.see("/quotes/reports")
    assert staff.press(f"{address}/close", on=address).status_code == 303
    assert why not in staff.see("/quotes/reports")


def test_only_its_author_changes_a_line_and_only_until_it_is_applied(
    alice: Person, bob: Person, mona: Person, open_browser: Open
) -> None:
    item = proposed(alice)
    address = f"/quotes/{item['id']}"
    for person in (bob, mona):
        browser = open_browser(person)
        browser.see(f"{address}/edit", 403)
        assert f"{address}/edit" not in browser.see(address)
        assert browser.press(f"{address}/delete", on=address).status_code == 403
        assert browser.press(f"{address}/edit", on=address, content="forged").status_code == 403
    put(mona, item, is_apply=True)
    browser = open_browser(alice)
    browser.see(f"{address}/edit", 409)
    assert browser.press(f"{address}/delete", on=address).status_code == 409
    assert shown(alice, item)["content"] == item["content"]


# --- Staff ----------------------------------------------------------------------------------------------------------


def test_a_decision_is_told_to_the_author_and_can_be_undone(
    alice: Person, mona: Person, open_browser: Open
) -> None:
    item, author, staff = proposed(alice), open_browser(alice), open_browser(mona)
    address = f"/quotes/{item['id']}"
    assert staff.press(f"{address}/decide", on=address, decision="apply").headers["Location"] == address
    assert shown(alice, item)["is_apply"] is True
    assert 'name="undo"' in staff.see(address)
    assert 'name="undo"' not in staff.see(address)
    assert "is applied." in author.see("/quotes")
    assert (
        author.press("/quotes/news", on="/quotes", next="/quotes?mine=true")
        .headers["Location"]
        .endswith("true")
    )
    assert "is applied." not in author.see("/quotes")
    undone = staff.press("/quotes/decide", on=address, decision="withdraw", ids=str(item["id"]), undo="1")
    assert undone.status_code == 303
    assert shown(alice, item)["is_apply"] is False
    assert "is withdrawn." in author.see("/quotes")


def test_a_returned_line_says_why_and_waits_again_once_it_is_changed(
    alice: Person, mona: Person, open_browser: Open
) -> None:
    item, why, author, staff = proposed(alice), a_word(), open_browser(alice), open_browser(mona)
    address = f"/quotes/{item['id']}"
    nothing = staff.press(f"{address}/decide", on=address, decision="return", reason="")
    assert nothing.status_code == 400
    assert 'id="return-reason-error"' in nothing.text
    assert staff.press(f"{address}/decide", on=address, decision="return", reason=why).status_code == 303
    assert why in author.see(address)
    assert why in author.see("/quotes?mine=true")
    assert f"/quotes/{item['id']}/decide" not in staff.see("/quotes/queue")
    author.press(f"{address}/edit", content=f"Better {a_word()}")
    assert why not in author.see(address)
    assert shown(alice, item)["returned_reason"] is None
    staff.press(f"{address}/decide", on=address, decision="return", reason=why)
    staff.press(f"{address}/decide", on=address, decision="reopen")
    assert shown(alice, item)["returned_reason"] is None


def test_many_are_applied_at_once(alice: Person, mona: Person, open_browser: Open) -> None:
    items = [proposed(alice) for _each in range(3)]
    staff = open_browser(mona)
    ids = [str(item["id"]) for item in items]
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', staff.see("/quotes/queue"))
    assert token
    body = {"csrfmiddlewaretoken": token.group(1), "decision": "apply", "ids": [*ids[:2], "x", "9" * 18]}
    assert staff.http.post("/quotes/decide", data=body).status_code == 303
    assert [shown(alice, item)["is_apply"] for item in items] == [True, True, False]
    assert "2 lines are applied." in staff.see("/quotes/queue")
    assert staff.http.post("/quotes/decide", data=body | {"decision": "keep"}).status_code == 400


def test_an_import_tells_of_every_line(mona: Person, open_browser: Open) -> None:
    staff, word = open_browser(mona), a_word()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', staff.see("/quotes/import"))
    assert token
    form = {"csrfmiddlewaretoken": token.group(1), "apply": "true"}
    file = f"content,speaker\nOne {word},Ana\none {word}!,ana\n,Nobody\nalone\n".encode()
    answer = staff.http.post("/quotes/import", data=form, files={"file": ("lines.csv", file, "text/csv")})
    assert answer.status_code == 200
    rows = re.findall(r'<tr class="(\w+)"><td>(\d+)</td>', answer.text)
    assert rows == [("invalid", "4"), ("invalid", "5"), ("duplicate", "3"), ("created", "2")]
    assert Quote.objects.get(content=f"One {word}").is_apply
    for name, data in (("lines.exe", b"x"), ("lines.csv", b"\xff")):
        answer = staff.http.post("/quotes/import", data=form, files={"file": (name, data, "text/csv")})
        assert answer.status_code == 400
        assert 'id="file-error"' in answer.text
    assert staff.http.post("/quotes/import", data=form).status_code == 400


def test_staff_pages_are_for_staff(alice: Person, open_browser: Open) -> None:
    item, browser = proposed(alice), open_browser(alice)
    assert "/quotes/queue" not in tabs_on(browser.see("/quotes"))
    for path in ("/quotes/queue", "/quotes/reports", "/quotes/import"):
        browser.see(path, 403)
    for path in ("/quotes/decide", f"/quotes/{item['id']}/decide", f"/quotes/{item['id']}/close"):
        answer = browser.press(path, on="/quotes", decision="apply", ids=str(item["id"]))
        assert answer.status_code == 403
    assert shown(alice, item)["is_apply"] is False


def test_strangers_are_led_to_the_sign_in_page(server: str, alice: Person) -> None:
    item = proposed(alice)
    with Browser(server) as browser:
        for path in ("/quotes", f"/quotes/{item['id']}", "/quotes/new", "/quotes/queue"):
            answer = browser.http.get(path)
            assert (answer.status_code, answer.headers["Location"].partition("?")[0]) == (
                302,
                "/accounts/login",
            )

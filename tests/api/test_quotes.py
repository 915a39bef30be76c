"""/quote: the contract's shapes, who may do what, the list, decisions, reports and imports."""

import itertools
import json
import os
import re
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tertulia.accounts import actions as account_actions
from tertulia.accounts.models import User
from tertulia.quotes.models import Quote
from tests.people import Person

Statements = Callable[[Callable[[], object]], list[str]]
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{6})?Z")
LINK = re.compile(r'<([^>]+)>; rel="(\w+)"')

_number = itertools.count(1)


def a_word() -> str:
    """A word that no other test uses."""
    return f"b{os.getpid()}v{next(_number)}z"


def about_the_board(statements: list[str]) -> int:
    """How many statements a page caused; what the server does in the background meanwhile is left out."""
    return sum("quotes_" in sql or '"accounts_user"' in sql for sql in statements)


def propose(person: Person, content: str = "", **words: Any) -> httpx.Response:
    return person.client.post("/quote", json={"content": content or f"About {a_word()}", **words})


def proposed(person: Person, content: str = "", **words: Any) -> dict[str, Any]:
    answer = propose(person, content, **words)
    assert answer.status_code == 201, answer.text
    item: dict[str, Any] = answer.json()
    return item


def put(person: Person, item: dict[str, Any], **changes: Any) -> httpx.Response:
    return person.client.put(f"/quote/{item['id']}", json=changes)


def applied(mona: Person, author: Person, content: str = "", **words: Any) -> dict[str, Any]:
    item = proposed(author, content, **words)
    assert put(mona, item, is_apply=True).status_code == 201
    return item


def shown(person: Person, item: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = person.client.get(f"/quote/{item['id']}").json()
    return found


# --- The contract's shapes ------------------------------------------------------------------------------------------


def test_a_proposal_has_the_contracts_shape(alice: Person) -> None:
    word = a_word()
    answer = propose(alice, f"  Salt keeps {word} longer. ", source="The Pier", speaker="Odile")
    assert answer.status_code == 201
    item = answer.json()
    address = f"{alice.server}/quote/{item['id']}"
    assert item == {
        "id": item["id"],
        "user": alice.email,
        "proposer": "Alice",
        "content": f"Salt keeps {word} longer.",
        "source": "The Pier",
        "speaker": "Odile",
        "mood": "",
        "language": "en",
        "is_apply": False,
        "returned_reason": None,
        "created_at": item["created_at"],
        "updated_at": item["updated_at"],
        "applied_at": None,
        "links": [
            {"rel": "self", "href": address, "method": "GET"},
            {"rel": "patch", "href": address, "method": "PUT"},
            {"rel": "delete", "href": address, "method": "DELETE"},
        ],
        "similar": [],
    }
    assert INSTANT.fullmatch(item["created_at"])
    assert answer.headers["Location"] == address
    del item["similar"]
    assert alice.client.get(address).json() == item
    assert alice.client.get(f"{address}/").json() == item
    assert item in alice.client.get("/quote?mine=true").json()["results"]


def test_from_proposal_to_withdrawal(alice: Person, mona: Person) -> None:
    item = proposed(alice)
    answer = put(alice, item, content=f"Better: {a_word()}", speaker="Ana", source=None)
    assert (answer.status_code, answer.json()) == (201, {})
    changed = shown(alice, item)
    assert (changed["speaker"], changed["source"], changed["created_at"]) == ("Ana", "", item["created_at"])
    assert changed["updated_at"] > item["updated_at"]

    answer = put(mona, item, is_apply=True)
    assert (answer.status_code, answer.json()) == (201, {})
    first = shown(alice, item)
    assert first["is_apply"] is True
    assert INSTANT.fullmatch(first["applied_at"])
    assert [link["rel"] for link in first["links"]] == ["self"]
    assert put(mona, item, is_apply=True).status_code == 201
    assert shown(alice, item) == first

    for answer in (put(alice, item, content="late"), alice.client.delete(f"/quote/{item['id']}")):
        assert (answer.status_code, answer.json()["type"]) == (409, "conflict")
    assert put(mona, item, is_apply=False, returned_reason="Who says it?").status_code == 201
    back = shown(alice, item)
    assert (back["is_apply"], back["applied_at"], back["returned_reason"]) == (False, None, "Who says it?")
    assert alice.client.delete(f"/quote/{item['id']}").status_code == 204
    assert alice.client.get(f"/quote/{item['id']}").status_code == 404


def test_an_address_is_shown_to_its_owner_only(alice: Person, bob: Person) -> None:
    item = proposed(alice)
    assert shown(alice, item)["user"] == alice.email
    assert shown(bob, item)["user"] == "Alice"
    assert alice.email not in bob.client.get("/quote").text


def test_a_reason_is_for_the_author_and_staff(alice: Person, bob: Person, mona: Person) -> None:
    item = proposed(alice)
    assert put(mona, item, returned_reason="Too long").status_code == 201
    reasons = [shown(person, item)["returned_reason"] for person in (alice, mona, bob)]
    assert reasons == ["Too long", "Too long", None]


def test_the_same_line_again_names_the_first_one(alice: Person, bob: Person) -> None:
    word = a_word()
    item = proposed(alice, f"The {word} lamp goes out at nine")
    again = propose(bob, f"the {word} LAMP goes out, at nine!")
    assert (again.status_code, again.json()["type"], again.json()["quote"]) == (409, "conflict", item["id"])
    other = proposed(bob, f"The {word} lamp goes out at nine", speaker="Odile")
    assert [each["id"] for each in other["similar"]] == [item["id"]]
    assert put(bob, other, speaker="").status_code == 409


# --- Who may do what ------------------------------------------------------------------------------------------------

# Rows: method and body on a line of Alice's that is open or applied. Cells: status for each of the cast.
_CAST = ("alice", "bob", "mona", "charlie", "nobody")
_CELLS: list[tuple[str, str, dict[str, Any] | None, tuple[int, ...]]] = [
    ("GET", "open", None, (200, 200, 200, 401, 401)),
    ("GET", "applied", None, (200, 200, 200, 401, 401)),
    ("PUT", "open", {"content": "changed"}, (201, 403, 403, 401, 401)),
    ("PUT", "open", {"is_apply": True}, (403, 403, 201, 401, 401)),
    ("PUT", "open", {"is_apply": False}, (403, 403, 201, 401, 401)),
    ("PUT", "open", {"returned_reason": "no"}, (403, 403, 201, 401, 401)),
    ("PUT", "open", {"content": "changed", "is_apply": True}, (403, 403, 403, 401, 401)),
    ("PUT", "open", {}, (201, 403, 201, 401, 401)),
    ("PUT", "applied", {"content": "changed"}, (409, 403, 403, 401, 401)),
    ("PUT", "applied", {"is_apply": False}, (403, 403, 201, 401, 401)),
    ("PUT", "applied", {"returned_reason": "no"}, (403, 403, 409, 401, 401)),
    ("DELETE", "open", None, (204, 403, 403, 401, 401)),
    ("DELETE", "applied", None, (409, 403, 403, 401, 401)),
    ("POST report", "open", {"reason": "rude"}, (201, 201, 201, 401, 401)),
]


@pytest.fixture
def cast(join: Callable[..., Person], alice: Person, bob: Person, mona: Person) -> dict[str, Person]:
    """Everybody; Charlie was suspended after he had signed in, and nobody carries no credential."""
    charlie, nobody = join("charlie"), join("nobody")
    account_actions.suspend(user=User.objects.get(id=charlie.id))
    del nobody.client.headers["Authorization"]
    return {"alice": alice, "bob": bob, "mona": mona, "charlie": charlie, "nobody": nobody}


def test_every_cell_of_the_authorization_table(cast: dict[str, Person]) -> None:
    wrong: list[tuple[Any, ...]] = []
    for method, state, given, statuses in _CELLS:
        for name, expected in zip(_CAST, statuses, strict=True):
            item = proposed(cast["alice"])
            if state == "applied":
                put(cast["mona"], item, is_apply=True)
            verb, _blank, rest = method.partition(" ")
            before = Quote.objects.filter(id=item["id"]).values().get()
            body = given and {name: a_word() if name == "content" else each for name, each in given.items()}
            address = f"/quote/{item['id']}" + (f"/{rest}" if rest else "")
            status = cast[name].client.request(verb, address, json=body).status_code
            if status != expected:
                wrong.append((method, state, given, name, status))
            if status >= 400 and Quote.objects.filter(id=item["id"]).values().get() != before:
                wrong.append((method, state, given, name, "changed"))
    assert wrong == []


def test_the_board_and_its_tools(cast: dict[str, Person]) -> None:
    csv = {"file": ("lines.csv", f"content\n{a_word()}\n", "text/csv")}
    calls: list[tuple[Callable[[Person], httpx.Response], tuple[int, ...]]] = [
        (lambda person: person.client.get("/quote"), (200, 200, 200, 401, 401)),
        (propose, (201, 201, 201, 401, 401)),
        (lambda person: propose(person, is_apply=True), (403, 403, 201, 401, 401)),
        (lambda person: person.client.post("/quote/apply", json={"ids": [1]}), (403, 403, 200, 401, 401)),
        (lambda person: person.client.post("/quote/import", files=csv), (403, 403, 200, 401, 401)),
    ]
    for call, statuses in calls:
        assert tuple(call(cast[name]).status_code for name in _CAST) == statuses


@pytest.mark.parametrize(
    "forged",
    ["id", "user", "user_id", "applied_at", "applied_by", "created_at", "updated_at", "digest", "terms"],
)
def test_nothing_is_assigned_in_passing(alice: Person, mona: Person, forged: str) -> None:
    item = proposed(alice)
    before = Quote.objects.filter(id=item["id"]).values().get()
    for answer in (
        propose(alice, "", **{forged: "x"}),
        put(alice, item, **{forged: "x"}),
        put(mona, item, is_apply=True, **{forged: "x"}),
    ):
        assert answer.status_code == 400
        assert list(answer.json()["errors"]) == [forged]
    assert Quote.objects.filter(id=item["id"]).values().get() == before


@pytest.mark.parametrize(
    "id", ["0", "01", "-1", "1.0", "x", "9" * 18, "9" * 40, "١", "1%00", "null", "%F0%9F%98%80"]
)
def test_unknown_ids(mona: Person, id: str) -> None:
    for method, path in itertools.product(("GET", "PUT", "DELETE"), (f"/quote/{id}",)):
        assert mona.client.request(method, path, json={} if method == "PUT" else None).status_code == 404
    assert mona.client.post(f"/quote/{id}/report", json={"reason": "x"}).status_code == 404


# --- Bad input ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({}, ["content"]),
        ({"content": ""}, ["content"]),
        ({"content": " \n\t"}, ["content"]),
        ({"content": None}, ["content"]),
        ({"content": 5}, ["content"]),
        ({"content": ["a"]}, ["content"]),
        ({"content": "x" * 1001}, ["content"]),
        ({"content": "a\0b"}, ["content"]),
        ({"content": "a\u202eb"}, ["content"]),
        ({"content": "a", "source": "x" * 201, "speaker": "x" * 101}, ["source", "speaker"]),
        ({"content": "a", "language": "tlh"}, ["language"]),
        ({"content": "a", "is_apply": "true"}, ["is_apply"]),
        ({"content": "a", "is_apply": None}, ["is_apply"]),
        ({"content": "a", "nonsense": 1}, ["nonsense"]),
    ],
)
def test_a_bad_proposal_names_its_fields(alice: Person, body: dict[str, Any], fields: list[str]) -> None:
    item = proposed(alice)
    answers = [alice.client.post("/quote", json=body)]
    if "content" in body:
        answers.append(alice.client.put(f"/quote/{item['id']}", json=body))
    for answer in answers:
        assert answer.status_code == 400, answer.text
        assert sorted(answer.json()["errors"]) == fields
    assert shown(alice, item)["updated_at"] == item["updated_at"]


def test_lone_surrogates_and_other_bodies(alice: Person) -> None:
    for content, status in [(rb'{"content": "\ud800"}', 400), (b"[]", 400), (b"{", 400), (b"\xff", 400)]:
        answer = alice.client.post("/quote", content=content, headers={"Content-Type": "application/json"})
        assert answer.status_code == status
    assert (
        alice.client.post("/quote", content=b"x", headers={"Content-Type": "text/plain"}).status_code == 415
    )
    assert alice.client.post("/quote", data={"content": f"By form {a_word()}"}).status_code == 201
    assert alice.client.patch("/quote/1", json={}).status_code == 405
    assert alice.client.delete("/quote").status_code == 405


@pytest.mark.parametrize("is_multipart", [False, True], ids=["urlencoded", "multipart"])
def test_a_form_decides_as_json_does(alice: Person, mona: Person, is_multipart: bool) -> None:
    def by_form(person: Person, is_apply: str) -> httpx.Response:
        fields = {"content": f"By form {a_word()}", "is_apply": is_apply}
        if is_multipart:
            return person.client.post("/quote", files={name: (None, text) for name, text in fields.items()})
        return person.client.post("/quote", data=fields)

    for text, is_apply in (("true", True), ("True", True), ("false", False)):
        answer = by_form(mona, text)
        assert (answer.status_code, answer.json()["is_apply"]) == (201, is_apply)
        assert by_form(alice, text).status_code == 403
    for text in ("", "yes", "1", "null", '"true"', "[" * 10_000):
        answer = by_form(mona, text)
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["is_apply"])


def test_the_limits_are_inclusive(alice: Person) -> None:
    item = proposed(alice, (a_word() + " ").ljust(1000, "ж"), source="s" * 200, speaker="p" * 100)
    assert len(item["content"]) == 1000


# --- The list -------------------------------------------------------------------------------------------------------


def test_pages_keep_the_filters(alice: Person) -> None:
    work = a_word()
    items = [proposed(alice, source=work) for _each in range(12)]
    answer = alice.client.get(f"/quote?per_page=5&page=2&source={work}&mine=true")
    body = answer.json()
    assert body["count"] == 12
    assert [row["id"] for row in body["results"]] == [item["id"] for item in items[::-1][5:10]]
    links = {rel: url for url, rel in LINK.findall(answer.headers["Link"])}
    assert set(links) == {"first", "prev", "next", "last"}
    assert body["links"] == [{"rel": rel, "method": "GET", "link": url} for rel, url in links.items()]
    pages = [alice.client.get(links[rel]).json() for rel in ("first", "next")]
    assert [len(page["results"]) for page in pages] == [5, 2]
    assert {page["count"] for page in pages} == {12}


def test_filters(alice: Person, bob: Person, mona: Person) -> None:
    work = a_word()
    first = proposed(alice, source=work, speaker="Ana")
    second = applied(mona, bob, f"Волна и {a_word()}", source=work, speaker="Bo")
    expected: dict[str, list[dict[str, Any]]] = {
        "": [second, first],
        "&applied=true": [second],
        "&applied=false": [first],
        "&mine=true": [first],
        "&mine=false": [second, first],
        "&speaker=Bo": [second],
        "&speaker=Nobody": [],
        "&language=ru": [second],
        "&language=en-GB": [first],
        "&applied=true&mine=true": [],
        "&q=": [second, first],
        "&q=волны": [second],
        "&q=the": [],
    }
    for filters, items in expected.items():
        body = alice.client.get(f"/quote?source={work}{filters}").json()
        assert (filters, [row["id"] for row in body["results"]]) == (filters, [item["id"] for item in items])
        assert body["count"] == len(items)


@pytest.mark.parametrize(
    "query",
    [
        "applied=yes",
        "mine=1",
        "language=tlh",
        "q=" + "x" * 201,
        "q=a%00b",
        "speaker=%00",
        "page=0",
        "per_page=4",
    ],
)
def test_bad_parameters_are_named(alice: Person, query: str) -> None:
    answer = alice.client.get(f"/quote?{query}")
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == [query.partition("=")[0]]


LINES = {
    "en": ("The cobbler mends what the drizzle undoes", ["cobbler", "mending drizzle", "COBBLERS"]),
    "es": ("El zapatero cose la niebla con hilo de plata", ["zapateros", "niebla", "hilos"]),
    "ru": ("Сапожник чинит то, что размыл дождь", ["сапожника", "дождём", "САПОЖНИК"]),
    "ko": ("구두장이는 이슬비도 꿰맨다", ["이슬비", "구두장이", "구두"]),
    "zh": ("鞋匠把月光也缝进鞋底", ["鞋匠", "月光", "鞋底"]),
}


@pytest.mark.parametrize("language", LINES)
def test_the_best_fit_comes_first_in_every_language(alice: Person, mona: Person, language: str) -> None:
    content, questions = LINES[language]
    work = a_word()
    item = proposed(alice, content, source=work)
    assert item["language"] == language
    for question in questions:
        body = alice.client.get("/quote", params={"q": question, "source": work}).json()
        assert [row["id"] for row in body["results"]] == [item["id"]]


def test_a_search_is_by_rank(alice: Person) -> None:
    one, other = a_word(), a_word()
    best = proposed(alice, f"{one} {other} together")
    second = proposed(alice, f"{one} alone and quite a bit longer than that")
    rows = alice.client.get("/quote", params={"q": f"{one} {other}"}).json()["results"]
    assert [row["id"] for row in rows] == [best["id"], second["id"]]


@pytest.mark.parametrize("path", ["/quote?source={}", "/quote?source={}&q={}"])
def test_a_list_costs_the_same_whatever_its_length(alice: Person, statements: Statements, path: str) -> None:
    one, three = a_word(), a_word()
    for work, count in ((one, 1), (three, 3)):
        for number in range(count):
            proposed(alice, f"Number {number} of {work}", source=work)
    short = about_the_board(statements(lambda: alice.client.get(path.format(one, one))))
    long = about_the_board(statements(lambda: alice.client.get(path.format(three, three))))
    assert short == long
    assert len(alice.client.get(path.format(three, three)).json()["results"]) == 3


# --- Staff ----------------------------------------------------------------------------------------------------------


def test_many_decisions_at_once(alice: Person, mona: Person) -> None:
    items = [proposed(alice), proposed(alice), applied(mona, alice)]
    ids = [item["id"] for item in items]
    answer = mona.client.post("/quote/apply", json={"ids": [*ids, ids[0], 2**62]})
    assert answer.json()["results"] == [
        {"id": ids[0], "status": "applied"},
        {"id": ids[1], "status": "applied"},
        {"id": ids[2], "status": "unchanged"},
        {"id": 2**62, "status": "unknown"},
    ]
    undone = mona.client.post("/quote/apply", json={"ids": ids[:1], "is_apply": False})
    assert undone.json()["results"] == [{"id": ids[0], "status": "withdrawn"}]
    assert [shown(alice, item)["is_apply"] for item in items] == [False, True, True]


@pytest.mark.parametrize("ids", [None, 1, ["1"], [0], [-1], [2**63], [True], [1.5], [1] * 501])
def test_bad_decisions(mona: Person, ids: Any) -> None:
    answer = mona.client.post("/quote/apply", json={"ids": ids})
    assert answer.status_code == 400
    assert {name.partition(".")[0] for name in answer.json()["errors"]} == {"ids"}


def test_reports(alice: Person, bob: Person) -> None:
    item = proposed(alice)
    for reason in ("rude", "very rude"):
        answer = bob.client.post(f"/quote/{item['id']}/report", json={"reason": reason})
        assert answer.status_code == 201
        assert answer.json() == {"reason": reason, "created_at": answer.json()["created_at"]}
    assert bob.client.post(f"/quote/{item['id']}/report", json={"reason": ""}).status_code == 400


def test_an_import_tells_of_every_line(mona: Person) -> None:
    word = a_word()
    lines = [
        json.dumps({"content": f"Первая {word}", "speaker": "Ана"}),
        json.dumps({"content": f"первая {word}!", "speaker": "Ана"}),
        json.dumps({"content": ""}),
    ]
    file = {"file": ("lines.jsonl", "\n".join(lines).encode(), "application/jsonl")}
    answer = mona.client.post("/quote/import", files=file, data={"apply": "true"})
    assert answer.status_code == 200, answer.text
    body = answer.json()
    assert {name: body[name] for name in ("created", "duplicate", "invalid")} == {
        "created": 1, "duplicate": 1, "invalid": 1,
    }  # fmt: skip
    assert [(row["line"], row["status"]) for row in body["results"]] == [
        (1, "created"), (2, "duplicate"), (3, "invalid"),
    ]  # fmt: skip
    assert list(body["results"][2]["errors"]) == ["content"]
    item = mona.client.get(f"/quote/{body['results'][0]['id']}").json()
    assert (item["is_apply"], item["user"], item["language"]) == (True, mona.email, "ru")


def test_bad_imports(mona: Person) -> None:
    file = ("lines.csv", b"content\nx", "text/csv")

    def import_(**parts: Any) -> httpx.Response:
        return mona.client.post("/quote/import", **parts)

    assert import_(json={}).status_code == 415
    assert list(import_(files={"other": file}).json()["errors"]) == ["other"]
    assert list(import_(files={"file": file}, data={"user": "1"}).json()["errors"]) == ["user"]
    assert list(import_(files={"file": file}, data={"apply": "1"}).json()["errors"]) == ["apply"]
    for name, data in (("lines.exe", b"x"), ("lines.csv", b"\xff"), ("lines.csv", b"nonsense\nx")):
        answer = import_(files={"file": (name, data, "text/csv")})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["file"])
    big = import_(files={"file": ("lines.csv", b"content\n" + b"x" * 1_100_000, "text/csv")})
    assert big.status_code == 413
    broken = import_(content=b"--x", headers={"Content-Type": "multipart/form-data"})
    assert broken.status_code == 400


# --- Beside the contract --------------------------------------------------------------------------------------------


def test_the_author_is_told(alice: Person, bob: Person, mona: Person) -> None:
    def news(person: Person) -> list[tuple[int, bool, str | None]]:
        rows = person.client.get("/quote/news").json()["results"]
        return [(row["id"], row["is_apply"], row["returned_reason"]) for row in rows]

    first, second = proposed(alice), proposed(alice)
    assert news(alice) == []
    put(mona, first, is_apply=True)
    put(mona, second, returned_reason="Who says it?")
    assert news(alice) == [(second["id"], False, "Who says it?"), (first["id"], True, None)]
    assert news(bob) == []
    assert bob.client.delete("/quote/news").status_code == 204
    assert len(news(alice)) == 2
    assert alice.client.delete("/quote/news").status_code == 204
    assert news(alice) == []
    own = applied(mona, mona)
    assert own["id"] not in [id for id, *_rest in news(mona)]


def test_similar_lines_can_be_asked_for(alice: Person, bob: Person) -> None:
    word = a_word()
    item = proposed(alice, f"The {word} beekeeper sells umbrellas and honey on Fridays")
    near = {"content": f"the {word} beekeeper sells honey, umbrellas on Fridays"}
    found = bob.client.post("/quote/similar", json=near).json()["results"]
    assert [(row["id"], row["content"]) for row in found] == [(item["id"], item["content"])]
    assert bob.client.post("/quote/similar", json={"content": a_word()}).json() == {"results": []}
    assert list(bob.client.post("/quote/similar", json={"content": ""}).json()["errors"]) == ["content"]


def test_lines_by_their_ids(alice: Person, bob: Person) -> None:
    word = a_word()
    items = [proposed(alice, f"Number {number} of {word}") for number in range(3)]
    ids = f"{items[2]['id']},{items[0]['id']}"
    for query in (f"ids={ids}", f"ids={ids}&q={word}"):
        rows = bob.client.get(f"/quote?{query}").json()["results"]
        assert {row["id"] for row in rows} == {items[0]["id"], items[2]["id"]}
        assert {(row["user"], row["proposer"]) for row in rows} == {("Alice", "Alice")}
    for bad in ("x", "1,", "1,,2", "-1", ",".join(map(str, range(1, 102)))):
        answer = bob.client.get(f"/quote?ids={bad}")
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["ids"])


def test_staff_see_and_close_reports(alice: Person, bob: Person, mona: Person) -> None:
    item, why = proposed(alice), a_word()
    bob.client.post(f"/quote/{item['id']}/report", json={"reason": why})

    def reported() -> list[tuple[str, str, int]]:
        rows = mona.client.get("/quote/reports?per_page=100").json()["results"]
        return [(row["reason"], row["reporter"], row["quote"]["id"]) for row in rows if row["reason"] == why]

    assert reported() == [(why, "Bob", item["id"])]
    for person in (alice, bob):
        assert person.client.get("/quote/reports").status_code == 403
        assert person.client.delete(f"/quote/{item['id']}/report").status_code == 403
    assert mona.client.delete(f"/quote/{item['id']}/report").status_code == 204
    assert reported() == []


def test_applying_one_is_visible_in_the_next_answer(alice: Person, bob: Person, mona: Person) -> None:
    word = a_word()
    item = proposed(bob, f"The {word} counts every tide", speaker="Ines", source="The Last Ferry")
    asked = {"content": f"What of the {word}?", "model": "offline"}

    def cited() -> list[tuple[str, str]]:
        exchange = alice.client.post("/chat", json=asked).json()
        message = alice.client.get(f"/api/messages/{exchange['chat_reply']['id']}").json()
        return [(source["text"], source["url"]) for source in message["sources"] if source["kind"] == "quote"]

    assert cited() == []
    put(mona, item, is_apply=True)
    assert cited() == [(item["content"], f"/quotes/{item['id']}")]
    put(mona, item, is_apply=False)
    assert cited() == []


def test_two_staff_at_once_apply_once(alice: Person, mona: Person, join: Callable[..., Person]) -> None:
    other = join("nora", is_staff=True)
    for _round in range(5):
        item = proposed(alice)
        with ThreadPoolExecutor(2) as pool:
            answers = list(
                pool.map(lambda person, item=item: put(person, item, is_apply=True), (mona, other))
            )
        assert [answer.status_code for answer in answers] == [201, 201]
        first = shown(alice, item)["applied_at"]
        put(other, item, is_apply=True)
        assert shown(alice, item)["applied_at"] == first

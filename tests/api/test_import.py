"""POST /api/import: what comes in from elsewhere, what does not and why, and that nothing comes in twice."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from tertulia.accounts.models import User
from tertulia.chat import queries
from tertulia.chat.models import Conversation, Message
from tertulia.core.ids import uuid7
from tertulia.providers.base import ChatMessage
from tertulia.providers.wire import encode_messages
from tests.chat import exports
from tests.people import Person
from tests.provider import ScriptedProvider


def bring(person: Person, file: bytes | Any, name: str = "conversations.json") -> httpx.Response:
    data = file if isinstance(file, bytes) else json.dumps(file).encode()
    return person.client.post("/api/import", files={"file": (name, data)})


def brought(person: Person, file: Any) -> dict[str, Any]:
    answer = bring(person, file)
    assert answer.status_code == 200, answer.text
    report: dict[str, Any] = answer.json()
    return report


def said(person: Person, conversation: str) -> list[dict[str, Any]]:
    """The messages of a conversation, oldest first."""
    rows = person.client.get(f"/api/conversations/{conversation}/messages?limit=200").json()["results"]
    return sorted(rows, key=lambda row: row["id"])


def test_chatgpt(alice: Person) -> None:
    report = brought(alice, [exports.chatgpt()])
    [result] = report["results"]
    assert report | {"results": []} == {
        "imported": 1, "continued": 0, "present": 0, "skipped": 0, "messages": 5, "results": [],
    }  # fmt: skip
    assert result | {"id": ""} == {
        "kind": "conversation", "status": "imported", "title": "Tertulias", "id": "", "messages": 5, "reason": None,
        "notes": {"hidden": 2, "files": 1},
    }  # fmt: skip
    first, again, better, second, last = said(alice, result["id"])
    assert [each["content"] for each in (first, again, better)] == [
        "What is a tertulia?", "A gathering.", "A meeting of friends who talk.",
    ]  # fmt: skip
    assert again["parent"] == better["parent"] == first["id"]
    assert second["content"] == "📎\n\nAnd this?"
    assert (last["content"], last["model"], last["parent"]) == (
        "A café,\n\nin Madrid.",
        "gpt-5",
        second["id"],
    )
    assert first["created_at"] == "2023-11-14T22:14:20.500000Z"
    conversation = alice.client.get(f"/api/conversations/{result['id']}").json()
    assert conversation["leaf"] == last["id"]
    assert conversation["updated_at"] == "2023-11-14T22:23:20.500000Z"


def test_claude_and_open_webui(alice: Person) -> None:
    report = brought(alice, [exports.claude()])
    bees = said(alice, report["results"][0]["id"])
    assert [each["content"] for each in bees] == ["How do bees talk?\n\n📎 bees.pdf", "They dance."]
    assert report["results"][0]["notes"] == {"files": 1}
    report = brought(alice, [exports.open_webui()])
    words, first, second = said(alice, report["results"][0]["id"])
    assert [each["content"] for each in (words, first, second)] == [
        "Why is it blue?", "Rayleigh.", "The air scatters.",
    ]  # fmt: skip
    assert first["parent"] == second["parent"] == words["id"]
    assert alice.client.get(f"/api/conversations/{report['results'][0]['id']}").json()["leaf"] == first["id"]
    thoughts = Message.objects.get(id=first["id"]).reasoning
    assert thoughts == "Hm."


def test_silly_tavern(alice: Person) -> None:
    character = alice.client.post("/api/characters", json={"name": "Mira"}).json()["id"]
    instance = alice.client.post("/api/instances", json={"character": character, "name": "Mira"}).json()["id"]
    [result] = brought(alice, exports.silly_tavern())["results"]
    conversation = alice.client.get(f"/api/conversations/{result['id']}").json()
    assert (conversation["instance"], conversation["greeting"]) == (instance, "The kettle is on.")
    tea, milk, green = said(alice, result["id"])
    assert [each["content"] for each in (tea, milk, green)] == ["Tea, please.", "Milk?", "Green or black?"]
    assert conversation["leaf"] == green["id"]
    assert tea["created_at"] == "2023-06-12T14:32:00Z"
    assert Message.objects.get(id=green["id"]).reasoning == "Ask."


def test_a_zip_of_many_files(alice: Person) -> None:
    """As ChatGPT gives since 2026: parts of any name, and files about other things."""
    files: dict[str, Any] = {
        f"conversations-{number:03}.json": [
            exports.chatgpt(id=f"c-{number}-{each}", title=f"{number}") for each in "ab"
        ]
        for number in range(30)
    }
    files |= {"user.json": {"id": "somebody"}, "chat.html": b"<html>", "file-1.png": b"\x89PNG"}
    report = brought(alice, exports.zipped(files))
    assert (report["imported"], report["messages"]) == (60, 300)
    assert report["results"][-1] == {
        "kind": "file", "status": "skipped", "title": "user.json", "id": None, "messages": 0, "notes": {},
        "reason": "There are no conversations in it that can be read here.",
    }  # fmt: skip


def test_nothing_comes_in_twice(alice: Person) -> None:
    files = [[exports.chatgpt()], [exports.claude()], [exports.open_webui()], exports.silly_tavern()]
    first = [brought(alice, file) for file in files]
    rows = Message.objects.filter(user_id=alice.id).count()
    again = [brought(alice, file) for file in files]
    assert [report["present"] for report in again] == [1, 1, 1, 1]
    assert [report["messages"] for report in again] == [0, 0, 0, 0]
    assert [report["results"][0]["id"] for report in again] == [
        report["results"][0]["id"] for report in first
    ]
    assert Message.objects.filter(user_id=alice.id).count() == rows


def test_a_newer_export_goes_on(alice: Person) -> None:
    """What was said there since comes in; a branch that was gone on with here stays the one that is shown."""
    nodes = [exports.node("1", None, "user", "One?", 1), exports.node("2", "1", "assistant", "One.", 2)]
    [first] = brought(alice, [exports.chatgpt(*nodes)])["results"]
    nodes += [exports.node("3", "2", "user", "Two?", 3), exports.node("4", "3", "assistant", "Two.", 4)]
    [second] = brought(alice, [exports.chatgpt(*nodes)])["results"]
    assert (second["id"], second["status"], second["messages"]) == (first["id"], "continued", 2)
    path = f"/api/conversations/{first['id']}"
    assert alice.client.get(path).json()["leaf"] == said(alice, first["id"])[-1]["id"]
    answer = alice.client.post(f"{path}/messages", json={"content": "And here?"}).json()["answer"]["id"]
    nodes += [exports.node("5", "4", "user", "Three?", 5)]
    assert brought(alice, [exports.chatgpt(*nodes)])["messages"] == 1
    assert alice.client.get(path).json()["leaf"] == answer


def test_everybody_brings_their_own(alice: Person, bob: Person) -> None:
    hers, his = (brought(person, [exports.chatgpt()])["results"][0]["id"] for person in (alice, bob))
    assert hers != his
    assert bob.client.get(f"/api/conversations/{hers}").status_code == 404


def test_lists_show_what_came_in_where_it_was_said(alice: Person) -> None:
    """Old words stand before new ones, answers under their questions, and nothing is looked through for memories."""
    alice.client.post("/chat", json={"content": "Said here."})
    brought(alice, [exports.chatgpt()])
    listed = alice.client.get("/chat?per_page=10").json()
    assert [each["content"] for each in listed["results"]] == [
        "Said here.", "📎\n\nAnd this?", "What is a tertulia?",
    ]  # fmt: skip
    assert listed["results"][2]["chat_reply"]["content"] == "A meeting of friends who talk."
    prompts = alice.client.get("/api/messages").json()["results"]
    assert [each["prompt_message"] for each in prompts][-1] == "Said here."
    user = User.objects.get(id=alice.id)
    assert queries.earlier_words(user, uuid7(), 1)[0][2] == "Said here."
    assert not Conversation.objects.filter(user=user, memory_due_at__isnull=False, source="chatgpt").exists()


def test_talk_goes_on_where_it_ended(alice: Person, provider: ScriptedProvider) -> None:
    [result] = brought(alice, [exports.chatgpt()])["results"]
    path = f"/api/conversations/{result['id']}/messages"
    assert alice.client.post(path, json={"content": "Who goes there?"}).status_code == 201
    words = [
        ("user", "What is a tertulia?"),
        ("assistant", "A meeting of friends who talk."),
        ("user", "📎\n\nAnd this?"),
        ("assistant", "A café,\n\nin Madrid."),
        ("user", "Who goes there?"),
    ]
    sent = encode_messages([ChatMessage(role, text) for role, text in words])  # type: ignore[arg-type]  # roles
    assert provider.log.records[-1].messages_sha256 == hashlib.sha256(sent).hexdigest()
    answer = said(alice, result["id"])[2]["id"]
    assert alice.client.post(f"/api/messages/{answer}/regenerate", json={}).status_code == 201


NOTHING = "There are no conversations in this file that can be read here."
FORBIDDEN = "The archive has a file with a forbidden name."
DAMAGED: dict[str, tuple[Any, str]] = {
    "no json": (b"Dear diary,", NOTHING),
    "nothing": (b"", NOTHING),
    "another list": ([{"name": "x"}, 3, "y", [1]], NOTHING),
    "no zip": (b"PK\x03\x04 is not enough", "The archive is damaged."),
    "a zip without": (exports.zipped({"a.txt": b"x"}), NOTHING),
    "slip": (exports.zipped({"../../conversations.json": [exports.chatgpt()]}), FORBIDDEN),
    "drive": (exports.zipped({"C:/conversations.json": [exports.chatgpt()]}), FORBIDDEN),
    "bomb": (
        exports.zipped({"a.json": b" " * 20_000_000}),
        "The archive has a file that grows too much when it is unpacked.",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_refused(alice: Person, name: str) -> None:
    file, reason = DAMAGED[name]
    answer = bring(alice, file)
    assert answer.status_code == 400, answer.text
    assert answer.json()["errors"] == {"file": [reason]}


def test_a_damaged_one_stops_no_other(alice: Person) -> None:
    good = [json.dumps(exports.chatgpt(id=f"c-{number}")) for number in range(3)]
    faulty, empty = '{"mapping": nul}', '{"mapping": {}, "title": "Empty"}'
    text = "[" + ",".join([good[0], faulty, good[1], '{"mapping": "\\ud800"}', empty, good[2]])
    report = brought(alice, text.encode())
    told = [(result["status"], result["title"], result["reason"]) for result in report["results"]]
    assert told == [
        ("imported", "Tertulias", None),
        ("skipped", "", "It is not valid JSON."),
        ("imported", "Tertulias", None),
        ("skipped", "Empty", "Nothing was said in it."),
        ("imported", "Tertulias", None),
        ("skipped", "", "The file ends in the middle of something: it is not complete."),
    ]


def test_broken_bytes_stop_no_other(alice: Person) -> None:
    files = [exports.chatgpt(exports.node("1", None, "user", word), id=word) for word in ("é", "e")]
    text = json.dumps(files, ensure_ascii=False)
    report = brought(alice, b"\xef\xbb\xbf" + text.encode("latin-1"))
    assert [result["reason"] for result in report["results"]] == ["It is not UTF-8.", None]
    report = brought(alice, text.encode("utf-16"))
    assert (report["imported"], report["skipped"]) == (0, 2)


def test_signs_that_no_database_keeps(alice: Person) -> None:
    nodes = [
        exports.node("1", None, "user", "a\0b \ud83d c", 1),
        exports.node("2", "1", "assistant", "ok\ud83d\ude00", 2),
    ]
    [result] = brought(alice, [exports.chatgpt(*nodes, title="t\0\ud800", id="x\0")])["results"]
    assert (result["title"], result["notes"]) == ("t��", {"replaced": 1})
    assert [each["content"] for each in said(alice, result["id"])] == ["a�b � c", "ok😀"]


def test_trees_that_are_none(alice: Person) -> None:
    """Circles, parents that are missing, the same id twice, itself as parent: everything said is there, once."""
    nodes = [
        exports.node("1", "3", "user", "one", 1),
        exports.node("2", "1", "assistant", "two", 2),
        exports.node("3", "2", "user", "three", 3),
        exports.node("4", "nobody", "user", "four", 4),
        exports.node("5", "5", "user", "five", 5),
    ]
    [result] = brought(alice, [exports.chatgpt(*nodes, current="nobody")])["results"]
    assert result["notes"] == {"relinked": 3}
    assert sorted(each["content"] for each in said(alice, result["id"])) == [
        "five", "four", "one", "three", "two",
    ]  # fmt: skip


def test_long_texts_and_long_conversations(alice: Person) -> None:
    chain = [exports.node("0", None, "user", "x" * 300_000)]
    for number in range(1, 1_200):
        role = "assistant" if number % 2 else "user"
        chain.append(exports.node(str(number), str(number - 1), role, f"word {number}", number))
    [result] = brought(alice, [exports.chatgpt(*chain)])["results"]
    assert (result["messages"], result["notes"]) == (1_200, {"shortened": 1})
    leaf = alice.client.get(f"/api/conversations/{result['id']}").json()["leaf"]
    shown = alice.client.get(f"/api/conversations/{result['id']}/messages?leaf={leaf}&limit=3").json()[
        "results"
    ]
    assert [each["content"] for each in shown] == ["word 1197", "word 1198", "word 1199"]


def test_what_is_no_upload(alice: Person, server: str) -> None:
    post = alice.client.post
    file = ("conversations.json", b"[]")
    assert post("/api/import", json={}).status_code == 415
    assert list(post("/api/import", files={"other": file}).json()["errors"]) == ["other"]
    assert list(post("/api/import", files={"file": file}, data={"user": "1"}).json()["errors"]) == ["user"]
    assert list(post("/api/import", files=[("file", file), ("file", file)]).json()["errors"]) == ["file"]
    assert httpx.post(f"{server}/api/import", files={"file": file}).status_code == 401
    key = post("/api/keys", json={"name": "k", "scope": "chat"}).json()["key"]
    answer = httpx.post(
        f"{server}/api/import", files={"file": file}, headers={"Authorization": f"Bearer {key}"}
    )
    assert answer.status_code == 403


def test_an_import_costs_nothing_of_the_quota(alice: Person) -> None:
    before = alice.client.get("/api/usage").json()["used"]
    brought(alice, [exports.chatgpt(id=f"c-{number}") for number in range(20)])
    assert alice.client.get("/api/usage").json()["used"] == before


def test_the_same_file_twice_at_once(alice: Person) -> None:
    file = [exports.chatgpt(id=f"c-{number}") for number in range(20)]
    with ThreadPoolExecutor(2) as pool:
        reports = list(pool.map(lambda _: brought(alice, file), range(2)))
    assert sum(report["messages"] for report in reports) == 100
    assert Conversation.objects.filter(user_id=alice.id).count() == 20

"""An export of Tertulia comes back: to its owner, to somebody else, to another instance with the other database."""

import io
import json
import os
import subprocess
import sys
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from tertulia.accounts.models import User
from tertulia.api import exporting
from tertulia.chat import actions
from tertulia.chat.importing.storing import import_file
from tertulia.chat.models import Conversation, Message
from tests.accounts.browsing import Browser
from tests.api.test_import import brought, said
from tests.chat import exports, rows
from tests.people import Person
from tests.provider import ScriptedProvider

ROOT = Path(__file__).parents[2]


def furnish(person: Person) -> None:
    """A conversation with everything that a message may hold, one with a character, and one from elsewhere."""
    client = person.client
    User.objects.filter(id=person.id).update(daily_quota=100)
    character = client.post(
        "/api/characters", json={"name": "Mira", "greeting": "Hello, {{user}}.", "tags": ["tea"]}
    )
    picture = io.BytesIO()
    Image.new("RGB", (64, 64), "#a8401f").save(picture, "PNG")
    path = f"/api/characters/{character.json()['id']}"
    assert client.put(f"{path}/picture", files={"file": ("m.png", picture.getvalue())}).status_code < 300
    values = {"character": character.json()["id"], "name": "Mira at home", "memory": "Knows me."}
    instance = client.post("/api/instances", json=values).json()["id"]
    starter = client.get("/api/characters").json()["results"]
    known = next(each for each in starter if each["owner"] is None)
    client.post("/api/instances", json={"character": known["id"], "name": "Somebody known"})
    entry = {"text": "Likes green tea.", "pinned": True}
    assert client.post(f"/api/instances/{instance}/entries", json=entry).status_code == 201
    conversation = client.post("/api/conversations", json={"instance": instance}).json()["id"]
    body: dict[str, Any] = {"content": "Tea?", "parameters": {"temperature": 0.5, "stop": ["\n"]}}
    said = client.post(f"/api/conversations/{conversation}/messages", json=body).json()
    client.post(f"/api/messages/{said['answer']['id']}/regenerate", json={})
    client.patch(f"/api/messages/{said['answer']['id']}", json={"feedback": "down"})
    client.post("/chat", json={"content": "한국어 “quotes” \\u0000 \u2028 <b>&amp;</b>", "model": "offline"})
    client.post("/api/conversations", json={"title": "Empty"})
    brought(person, [exports.chatgpt()])


def export(person: Person) -> bytes:
    answer = person.client.get("/accounts/export")
    assert answer.status_code == 200
    return answer.content


def test_an_export_comes_back_as_it_was(alice: Person, provider: ScriptedProvider) -> None:
    furnish(alice)
    archive = export(alice)
    actions.erase_user(user=User.objects.get(id=alice.id))
    report = brought(alice, archive)
    assert {(each["kind"], each["reason"]) for each in report["results"] if each["status"] == "skipped"} == {
        ("file", "It stays where it was: conversations, characters and instances come in.")
    }
    assert report["imported"] == 7
    assert exports.canonical(export(alice)) == exports.canonical(archive)
    again = brought(alice, archive)
    assert (again["present"], again["messages"]) == (7, 0)
    assert exports.canonical(export(alice)) == exports.canonical(archive)


@pytest.mark.parametrize("microsecond", [0, 7, 3_000, 123_456])
def test_times_come_back_to_the_microsecond(alice: Person, microsecond: int) -> None:
    moment = datetime(2026, 3, 1, 12, 30, 5, microsecond, UTC)
    conversation = rows.a_conversation(User.objects.get(id=alice.id))
    chain = rows.a_chain(conversation, 2)
    Message.objects.filter(conversation=conversation).update(created_at=moment, updated_at=moment)
    Conversation.objects.filter(id=conversation.id).update(
        created_at=moment, updated_at=moment, leaf=chain[-1]
    )
    archive = export(alice)
    actions.erase_user(user=User.objects.get(id=alice.id))
    brought(alice, archive)
    for stored in (Conversation.objects, Message.objects):
        assert set(stored.filter(user__email=alice.email).values_list("created_at", "updated_at")) == {
            (moment, moment)
        }
    assert exports.canonical(export(alice)) == exports.canonical(archive)


def test_on_top_of_what_is_here_nothing_changes(alice: Person) -> None:
    furnish(alice)
    archive = export(alice)
    assert (brought(alice, archive)["present"], brought(alice, archive)["messages"]) == (7, 0)
    assert exports.canonical(export(alice)) == exports.canonical(archive)


def test_somebody_elses_export(alice: Person, bob: Person) -> None:
    """Bob gets copies with ids of their own; nothing of Alice's is touched, and again he gets nothing twice."""
    furnish(alice)
    archive = export(alice)
    report = brought(bob, archive)
    assert (report["imported"], report["skipped"]) == (7, 0)
    assert exports.canonical(export(alice)) == exports.canonical(archive)
    hers, his = (
        set(Message.objects.filter(user_id=each.id).values_list("id", flat=True)) for each in (alice, bob)
    )
    assert len(hers) == len(his)
    assert not hers & his
    again = brought(bob, archive)
    assert (again["present"], again["messages"]) == (7, 0)
    for result in report["results"]:
        if result["kind"] == "conversation":
            assert alice.client.get(f"/api/conversations/{result['id']}").status_code == 404
    # What came from ChatGPT to her is known as the same when he brings it from there himself.
    assert brought(bob, [exports.chatgpt()])["present"] == 1


OTHER = """
import sys
from tertulia.api import exporting
from tertulia.accounts.models import User
user = User.objects.get(email="ana@example.org")
sys.stdout.buffer.write(b"".join(exporting._zipped(user.pk)))
"""


def elsewhere(folder: Path, *arguments: str, **options: Any) -> bytes:
    """A command of another instance, which is empty and has SQLite."""
    inherited = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = inherited | {
        "TERTULIA_DATA": str(folder),
        "TERTULIA_PASSWORD": "a long walk by the river 42",
    }
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stderr.decode()
    return bytes(done.stdout)


def test_another_instance(alice: Person, bob: Person, tmp_path: Path) -> None:
    """From the database under test to an empty SQLite by the command, and from there back to somebody else."""
    furnish(alice)
    archive = export(alice)
    file = tmp_path / "export.zip"
    file.write_bytes(archive)
    elsewhere(tmp_path, "migrate", "-v0")
    elsewhere(tmp_path, "createuser", "ana@example.org")
    told = elsewhere(tmp_path, "import", str(file), "--user", "ana@example.org").decode()
    assert told.startswith("7 imported, 0 continued, 0 here already, 0 not taken;")
    there = elsewhere(tmp_path, "shell", "-v0", "-c", OTHER)
    assert exports.canonical(there) == exports.canonical(archive)
    assert brought(bob, there)["imported"] == 7


def test_a_running_answer_comes_in_as_interrupted(alice: Person) -> None:
    furnish(alice)
    answer = Message.objects.filter(user_id=alice.id, role="assistant", status="complete").first()
    assert answer
    Message.objects.filter(id=answer.id).update(status="streaming")
    archive = export(alice)
    actions.erase_user(user=User.objects.get(id=alice.id))
    brought(alice, archive)
    assert Message.objects.get(id=answer.id).status == "interrupted"


def changed(archive: bytes, table: str, **values: Any) -> bytes:
    """An export in which every row of a table has other values."""
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        files = {name: opened.read(name) for name in opened.namelist()}
    rows = [row | values for row in json.loads(files[f"{table}.json"])]
    return exports.zipped({**files, f"{table}.json": rows})


@pytest.mark.parametrize(
    ("table", "values"),
    [
        ("chat.Message", {"status": "clever"}),
        ("chat.Message", {"parameters": {"stop": 5}}),
        ("chat.Message", {"sources": [{"kind": {}}]}),
        ("chat.Message", {"usage": {"total_tokens": {}}}),
        ("chat.Message", {"id": 1}),
        ("chat.Message", {"created_at": "yesterday"}),
        ("chat.Message", {"content": None}),
        ("chat.Conversation", {"id": "x"}),
        ("chat.Conversation", {"title": "x" * 201}),
        ("characters.Character", {"hue": 999}),
        ("characters.Character", {"name": "\u202e"}),
        ("characters.Instance", {"name": ""}),
        ("characters.Instance", {"character_id": "00000000-0000-7000-8000-000000000000"}),
        ("characters.MemoryEntry", {"text": "x" * 9_999}),
    ],
)
def test_damaged_exports_are_told_of(alice: Person, bob: Person, table: str, values: dict[str, Any]) -> None:
    furnish(alice)
    report = brought(bob, changed(export(alice), table, **values))
    assert [
        each["reason"] for each in report["results"] if each["status"] == "skipped" and each["kind"] != "file"
    ]
    assert bob.client.get("/").status_code == 200
    for result in report["results"]:
        if result["id"] and result["kind"] == "conversation":
            assert said(bob, result["id"]) is not None


def test_ids_of_the_file_are_not_believed(alice: Person, bob: Person) -> None:
    """Ids of the future, of nobody and of others become new ones: lists stay in their order, nothing is overwritten."""
    furnish(alice)
    taken = Message.objects.filter(user_id=alice.id).first()
    assert taken
    moment = "2026-01-01T00:00:00Z"
    pairs = [
        ("ffffffff-ffff-7fff-bfff-ffffffffffff", "ffffffff-ffff-7fff-bfff-ffffffffffff"),
        ("00000000-0000-0000-0000-000000000000", "00000000-0000-0000-0000-000000000000"),
        (str(taken.conversation_id), str(taken.id)),
    ]
    for conversation_id, id in pairs:
        times = {"created_at": moment, "updated_at": moment}
        row = {"id": id, "conversation_id": conversation_id, "role": "user", "content": "Mine.", **times}
        conversation = {"id": conversation_id, "title": "Mine", **times}
        file = exports.zipped({"chat.Message.json": [row], "chat.Conversation.json": [conversation]})
        [result] = brought(bob, file)["results"]
        assert (result["status"], result["messages"]) == ("imported", 1)
        assert result["id"] != conversation_id
        assert said(bob, result["id"])[0]["id"] != id
        assert brought(bob, file)["present"] == 1
    taken.refresh_from_db()
    assert str(taken.user_id) == alice.id


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"])
def test_times_at_the_edge_of_the_calendar(alice: Person, server: str, moment: str) -> None:
    furnish(alice)
    archive = export(alice)
    actions.erase_user(user=User.objects.get(id=alice.id))
    for table in ("chat.Conversation", "chat.Message", "characters.Character", "characters.Instance"):
        archive = changed(archive, table, created_at=moment, updated_at=moment)
    report = brought(alice, archive)
    assert report["imported"] == 7
    with Browser(server) as browser:
        browser.sign_in(alice)
        for result in report["results"]:
            if result["kind"] == "conversation":
                browser.see(f"/c/{result['id']}")


ROLES = st.sampled_from(["user", "assistant", "system"])
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=40)


@st.composite
def trees(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rows of messages whose parents come before them, of any form that the database takes."""
    rows: list[dict[str, Any]] = []
    for _ in range(draw(st.integers(0, 12))):
        role = draw(ROLES)
        is_answer = role == "assistant"
        rows.append(
            {
                "above": draw(st.integers(-1, len(rows) - 1)),
                "role": role,
                "content": draw(TEXTS),
                "reasoning": draw(TEXTS),
                "model": draw(TEXTS),
                "status": draw(st.sampled_from(["complete", "stopped", "failed"]))
                if is_answer
                else "complete",
                "feedback": draw(st.sampled_from([None, 1, -1])) if is_answer else None,
                "parameters": draw(st.sampled_from([{}, {"temperature": 0.5}, {"stop": ["\n"], "seed": -1}])),
                "usage": draw(st.sampled_from([None, {"prompt_tokens": 3, "estimated": True}])),
            }
        )
    return rows


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(trees(), max_size=3), TEXTS)
def test_whatever_is_exported_comes_back(database: str, conversations: list[Any], title: str) -> None:
    user = rows.a_user()
    for messages in conversations:
        conversation = Conversation.objects.create(user=user, title=title)
        made: list[Message] = []
        for each in messages:
            parent = made[each.pop("above")] if each["above"] >= 0 else each.pop("above") and None
            made.append(Message.objects.create(conversation=conversation, user=user, parent=parent, **each))
        Conversation.objects.filter(id=conversation.id).update(leaf=made[-1] if made else None)
    before = b"".join(exporting._zipped(user.pk))
    actions.delete_all(user=user)
    outcomes = [each for each in import_file(user=user, file=io.BytesIO(before)) if each]
    assert sum(each.status == "imported" for each in outcomes) == len(conversations)
    assert exports.canonical(b"".join(exporting._zipped(user.pk))) == exports.canonical(before)

"""What an instance notes when a conversation pauses, over HTTP: noted once, with its source, and gone with it."""

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings

from tertulia.chat.generation import extraction, log
from tertulia.chat.generation.extraction import MOST_AT_ONCE, MOST_TRIES, Due, Reading
from tertulia.chat.models import Conversation, Generation
from tertulia.core.db import released
from tests.people import Person
from tests.provider import ScriptedProvider


@pytest.fixture(autouse=True)
def short_pause(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(settings, "TERTULIA_MEMORY_PAUSE", 0.1)


def noting(words: str, *facts: str, **script: Any) -> str:
    """A message whose answer is plain, and of which the instance notes these facts."""
    return f'{words} !script {{"text": "I see."}} !memory {json.dumps({"facts": facts, **script})}'


@dataclass
class Talk:
    """A person's conversation with an instance."""

    person: Person
    instance: str
    conversation: str = ""

    @classmethod
    def begin(cls, person: Person, **values: Any) -> "Talk":
        character = person.client.post("/api/characters", json={"name": "Mira"}).json()["id"]
        name = f"Mira {uuid.uuid4().hex[:8]}"
        body = {"character": character, "name": name, **values}
        talk = cls(person, person.client.post("/api/instances", json=body).json()["id"])
        if "learns" in values:
            talk.change(learns=values["learns"])
        return talk.again()

    def again(self) -> "Talk":
        """Another conversation with the same instance."""
        made = self.person.client.post("/api/conversations", json={"instance": self.instance}).json()
        return Talk(self.person, self.instance, made["id"])

    def change(self, **values: Any) -> dict[str, Any]:
        changed: dict[str, Any] = self.person.client.patch(
            f"/api/instances/{self.instance}", json=values
        ).json()
        return changed

    def say(self, content: str, **body: Any) -> dict[str, Any]:
        address = f"/api/conversations/{self.conversation}/messages"
        answer = self.person.client.post(address, json={"content": content, **body})
        assert answer.status_code == 201, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def regenerate(self, message: str) -> dict[str, Any]:
        answer = self.person.client.post(f"/api/messages/{message}/regenerate", json={})
        assert answer.status_code == 201, answer.text
        said: dict[str, Any] = answer.json()
        return said

    def entries(self) -> list[dict[str, Any]]:
        found = self.person.client.get(f"/api/instances/{self.instance}/entries").json()
        rows: list[dict[str, Any]] = found["results"]
        return rows

    def texts(self) -> list[str]:
        return [entry["text"] for entry in self.entries()]

    def delete(self, message: str) -> None:
        assert self.person.client.delete(f"/api/messages/{message}").status_code == 204

    def is_settled(self) -> bool:
        """Whether nothing is left to look through."""

        def look() -> bool:
            mine = Conversation.objects.filter(id=self.conversation, memory_due_at__isnull=False)
            return not (mine.exists() or self.runs(status="running"))

        return released(look)

    def settled(self) -> list[str]:
        until(self.is_settled)
        return self.texts()

    def runs(self, **values: Any) -> list[Generation]:
        runs = Generation.objects.filter(conversation_id=self.conversation, purpose="memory", **values)
        return list(runs.order_by("id"))


def until(holds: Callable[[], object], seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not come to that"
        time.sleep(0.05)


@pytest.fixture
def talk(alice: Person) -> Talk:
    return Talk.begin(alice)


def test_a_pause_brings_notes_with_their_source(talk: Talk) -> None:
    said = talk.say(noting("My dog is Bruno.", "The dog is called Bruno."))
    before = talk.person.client.get("/api/usage").json()
    assert talk.settled() == ["The dog is called Bruno."]
    [entry] = talk.entries()
    assert entry["source_message"] == said["user_message"]["id"]
    assert talk.person.client.get("/api/usage").json() == before
    listed = talk.person.client.get(f"/api/conversations/{talk.conversation}/messages").json()["results"]
    assert [row["id"] for row in listed] == [said["user_message"]["id"], said["answer"]["id"]]
    prompt = talk.person.client.get(f"/api/instances/{talk.instance}/prompt").json()
    assert "- The dog is called Bruno." in prompt["messages"][0]["content"]


def test_the_run_is_a_run_like_others(talk: Talk, provider: ScriptedProvider) -> None:
    said = talk.say(noting("My dog is Bruno.", "The dog is called Bruno."))
    talk.settled()
    [run] = talk.runs()
    shown = talk.person.client.get(f"/api/generations/{run.id}").json()
    assert (shown["purpose"], shown["answer"], shown["status"]) == ("memory", None, "complete")
    assert shown["provenance"]["read"] == [said["user_message"]["id"], said["answer"]["id"]]
    asked = [each.messages_sha256 for each in provider.log.records]
    assert shown["provenance"]["messages_sha256"] in asked
    assert (run.layout, run.usage and run.usage["completion_tokens"]) != ([], None)
    assert not run.events.exists()
    assert talk.person.client.get(f"/api/generations/{run.id}/events").status_code == 404


def test_each_exchange_is_read_once(talk: Talk) -> None:
    talk.say(noting("One.", "First fact."))
    talk.settled()
    talk.say(noting("Two.", "Second fact."))
    assert talk.settled() == ["First fact.", "Second fact."]
    first, second = (run.provenance for run in talk.runs())
    assert set(first["read"]).isdisjoint(second["read"])
    assert second["entries"] == [talk.entries()[0]["id"]]


def test_what_is_known_is_noted_once_and_goes_with_its_last_source(talk: Talk) -> None:
    one = talk.say(noting("One.", "The dog is called Bruno."))
    talk.settled()
    two = talk.say(noting("Two.", "the dog is called BRUNO"))
    assert talk.settled() == ["The dog is called Bruno."]
    talk.delete(one["user_message"]["id"])
    [entry] = talk.entries()
    assert entry["source_message"] == two["user_message"]["id"]
    talk.delete(two["user_message"]["id"])
    assert talk.texts() == []


def test_no_instance_notes_for_another(talk: Talk, provider: ScriptedProvider) -> None:
    other = Talk.begin(talk.person)
    word = uuid.uuid4().hex
    talk.say(noting(f"My secret is {word}.", f"The secret is {word}."))
    talk.settled()
    other.say(noting("Nothing secret.", "Nothing happened."))
    assert other.settled() == ["Nothing happened."]
    for record in provider.log.records[-2:]:
        assert word not in json.dumps(record.body)


def test_what_one_instance_heard_another_in_the_conversation_does_not_note(talk: Talk) -> None:
    other = Talk.begin(talk.person)
    talk.say(noting("To the first.", "Said to the first."))
    talk.say(noting("To the second.", "Said to the second."), instance=other.instance)
    until(lambda: talk.is_settled() and talk.texts() and other.texts())
    assert (talk.texts(), other.texts()) == (["Said to the first."], ["Said to the second."])


def test_editing_takes_back_what_was_noted(talk: Talk) -> None:
    talk.say(noting("Before.", "Said before."))
    said = talk.say(noting("Old.", "Old fact."))
    assert talk.settled() == ["Said before.", "Old fact."]
    parent = said["user_message"]["parent"]
    talk.say(noting("New.", "New fact."), parent=parent)
    assert talk.texts() == ["Said before."]
    assert talk.settled() == ["Said before.", "New fact."]


def test_another_answer_has_the_exchange_read_again(talk: Talk) -> None:
    said = talk.say(noting("My dog is Bruno.", "The dog is called Bruno.", "It barks."))
    talk.settled()
    [pinned, _] = talk.entries()
    talk.person.client.patch(f"/api/instances/{talk.instance}/entries/{pinned['id']}", json={"pinned": True})
    talk.regenerate(said["answer"]["id"])
    assert [(entry["id"], entry["pinned"]) for entry in talk.entries()] == [(pinned["id"], True)]
    assert talk.settled() == ["The dog is called Bruno.", "It barks."]
    assert len(talk.runs()) == 2


def test_what_follows_an_edited_message_is_not_known_until_it_is_said_again(talk: Talk) -> None:
    first = talk.say(noting("One.", "First fact."))
    second = talk.say(noting("Two.", "Second fact."))
    talk.settled()
    talk.say(noting("Other.", "Other fact."), parent=None)
    assert talk.settled() == ["Other fact."]
    talk.say(noting("Three.", "Third fact."), parent=second["answer"]["id"])
    assert talk.settled() == ["First fact.", "Second fact.", "Third fact."]
    assert talk.entries()[0]["source_message"] == first["user_message"]["id"]


def test_deleting_the_conversation_takes_its_notes(talk: Talk) -> None:
    talk.say(noting("One.", "First fact."))
    talk.settled()
    other = talk.again()
    other.say(noting("Two.", "Second fact."))
    assert other.settled() == ["First fact.", "Second fact."]
    assert talk.person.client.delete(f"/api/conversations/{talk.conversation}").status_code == 204
    assert talk.texts() == ["Second fact."]
    assert talk.person.client.delete("/chat").status_code == 204
    assert talk.texts() == []


def test_deleting_the_last_exchange_leaves_the_rest_to_be_read(
    talk: Talk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "TERTULIA_MEMORY_PAUSE", 1.5)
    talk.say(noting("One.", "First fact."))
    last = talk.say(noting("Two.", "Second fact.", delay=5))
    until(lambda: talk.runs(status="running"))
    talk.delete(last["user_message"]["id"])
    assert talk.settled() == ["First fact."]


def test_words_of_one_s_own_stay(talk: Talk) -> None:
    said = talk.say(noting("One.", "First fact."))
    talk.settled()
    [entry] = talk.entries()
    address = f"/api/instances/{talk.instance}/entries/{entry['id']}"
    talk.person.client.patch(address, json={"text": "In my words."})
    talk.delete(said["user_message"]["id"])
    assert talk.texts() == ["In my words."]


@pytest.mark.parametrize("how", ["instance", "setting", "no_model"])
def test_where_it_is_off_nothing_is_asked_and_that_is_said(
    alice: Person, how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    talk = Talk.begin(alice)
    with monkeypatch.context() as patch:
        if how == "instance":
            talk.change(learns=False)
        if how == "setting":
            patch.setattr(settings, "TERTULIA_MEMORY", False)
        if how == "no_model":
            patch.setattr(settings, "TERTULIA_DEFAULT_MODEL", "offline")
        shown = alice.client.get(f"/api/instances/{talk.instance}").json()
        assert shown["memory_extraction"] == ("no_model" if how == "no_model" else "off")
        talk.say(noting("My dog is Bruno.", "The dog is called Bruno."))
        assert talk.is_settled()
    talk.change(learns=True)
    # What was said meanwhile is not read afterwards either.
    talk.say(noting("Later.", "Later fact."))
    until(talk.texts)
    assert talk.settled() == ["Later fact."]


def test_a_provider_s_fault_is_tried_again_a_few_times(talk: Talk) -> None:
    talk.say(noting("One.", "First fact.", status=500))
    until(lambda: len(talk.runs(status="failed")) == MOST_TRIES)
    time.sleep(1.5)
    assert (len(talk.runs()), talk.settled()) == (MOST_TRIES, [])


def test_what_cannot_be_read_keeps_nobody_waiting(talk: Talk, monkeypatch: pytest.MonkeyPatch) -> None:
    unreadable = [Talk.begin(talk.person) for _ in range(MOST_AT_ONCE)]
    ids = {uuid.UUID(each.conversation) for each in unreadable}
    claimed = extraction.claimed

    def failing(due: Due) -> Reading | None:
        if due.conversation_id in ids:
            raise RuntimeError("not this one")
        return claimed(due)

    monkeypatch.setattr(extraction, "claimed", failing)
    for each in unreadable:
        each.say(noting("One.", "First fact."))
    talk.say(noting("Two.", "Second fact."))
    assert talk.settled() == ["Second fact."]
    monkeypatch.setattr(extraction, "claimed", claimed)
    assert [each.settled() for each in unreadable] == [["First fact."]] * MOST_AT_ONCE


def test_it_can_be_stopped(talk: Talk) -> None:
    talk.say(noting("One.", "First fact.", delay=20))
    until(lambda: talk.runs(status="running"))
    [run] = talk.runs()
    stopped = talk.person.client.post(f"/api/generations/{run.id}/stop").json()
    assert stopped["status"] == "stopped"
    assert talk.settled() == []
    talk.say(noting("Two.", "Second fact."))
    until(lambda: len(talk.runs()) == 2)
    assert talk.runs()[1].provenance["read"][0] == run.provenance["read"][0]
    talk.person.client.post(f"/api/generations/{talk.runs()[1].id}/stop")


def test_a_lost_run_is_begun_again(talk: Talk) -> None:
    talk.say(noting("One.", "First fact.", delay=3))
    until(lambda: talk.runs(status="running"))
    assert released(lambda: log.interrupt(talk.runs()[0].id))
    assert talk.settled() == ["First fact."]
    assert [run.status for run in talk.runs()] == ["interrupted", "complete"]


def test_answers_go_on_while_it_reads(talk: Talk) -> None:
    talk.say(noting("One.", "First fact.", delay=3))
    until(lambda: talk.runs(status="running"))
    assert talk.say("Meanwhile?")["answer"]["status"] == "complete"
    assert talk.runs()[0].status == "running"
    assert talk.settled() == ["First fact."]


def test_another_person_neither_sees_nor_stops_it(talk: Talk, bob: Person) -> None:
    talk.say(noting("One.", "First fact."))
    talk.settled()
    [run] = talk.runs()
    assert bob.client.get(f"/api/generations/{run.id}").status_code == 404
    assert bob.client.post(f"/api/generations/{run.id}/stop").status_code == 404

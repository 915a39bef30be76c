"""Reads event streams as a client would, from the bytes of a response."""

import json
from typing import Any, NamedTuple

import httpx

from tests.people import Person


class Event(NamedTuple):
    id: int
    kind: str
    data: dict[str, Any]

    @property
    def advance(self) -> int:
        return len(self.data["text"]) if self.kind in ("delta", "reasoning") else 1


def events_of(text: str) -> list[Event]:
    """The events of a whole stream; comments are left out."""
    events = []
    for block in text.split("\n\n"):
        lines = [line for line in block.split("\n") if line and not line.startswith(":")]
        if lines:
            fields = dict(line.split(": ", 1) for line in lines)
            events.append(Event(int(fields["id"]), fields["event"], json.loads(fields["data"])))
    return events


def text_of(events: list[Event], kind: str = "delta") -> str:
    return "".join(event.data["text"] for event in events if event.kind == kind)


def ids_are_gapless(events: list[Event], position: int = 0) -> bool:
    """Each id is the previous one and the event's own advance."""
    for event in events:
        position += event.advance
        if event.id != position:
            return False
    return True


def open_conversation(person: Person, **body: Any) -> str:
    answer = person.client.post("/api/conversations", json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["id"])


def send(person: Person, content: str, conversation: str | None = None, **body: Any) -> httpx.Response:
    """A message, answered as JSON."""
    conversation = conversation or open_conversation(person)
    return person.client.post(
        f"/api/conversations/{conversation}/messages", json={"content": content, **body}
    )


def stream(person: Person, content: str, conversation: str | None = None, **body: Any) -> list[Event]:
    """A message, answered as a stream, read to its end."""
    conversation = conversation or open_conversation(person)
    answer = person.client.post(
        f"/api/conversations/{conversation}/messages",
        json={"content": content, **body},
        headers={"Accept": "text/event-stream"},
    )
    assert answer.status_code == 200, answer.text
    return events_of(answer.text)

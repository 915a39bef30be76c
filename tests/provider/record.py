"""What the scripted provider received and sent, for tests to compare with what Tertulia stored."""

import hashlib
import json
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgspec


@dataclass(slots=True)
class Record:
    """One request for a completion. Times are Unix seconds, `times` one `time.time_ns()` per token."""

    n: int
    model: str
    body: dict[str, Any]
    authorization: str
    messages_sha256: str
    at: float = field(default_factory=time.time)
    closed_at: float | None = None
    status: int | None = None
    disconnected: bool = False
    sent: list[str] = field(default_factory=list)
    times: list[int] = field(default_factory=list)

    @property
    def sent_text(self) -> str:
        return "".join(self.sent)

    def note_token(self, text: str) -> None:
        self.sent.append(text)
        self.times.append(time.time_ns())

    def as_json(self, *, with_times: bool = False) -> dict[str, Any]:
        return {
            "n": self.n,
            "model": self.model,
            "messages_sha256": self.messages_sha256,
            "body": self.body,
            "authorization": self.authorization,
            "at": self.at,
            "closed_at": self.closed_at,
            "status": self.status,
            "sent_text": self.sent_text,
            "disconnected": self.disconnected,
            **({"times": self.times} if with_times else {}),
        }


class _Body(msgspec.Struct):
    messages: msgspec.Raw = msgspec.Raw(b"")


_BODY = msgspec.json.Decoder(_Body)


def messages_sha256(body: bytes) -> str:
    """The digest of the bytes of `messages` in a request's body, exactly as they came."""
    return hashlib.sha256(_BODY.decode(body).messages).hexdigest()


class Log:
    """All records since the last reset, oldest first; a file gets each one as a line when it closes."""

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.reset()

    def reset(self) -> None:
        self.records: list[Record] = []
        self.model_lists = 0

    def open(self, body: dict[str, Any], authorization: str, received: bytes) -> Record:
        """A new record; `received` is the body as it came."""
        digest = messages_sha256(received)
        record = Record(len(self.records) + 1, str(body.get("model", "")), body, authorization, digest)
        self.records.append(record)
        return record

    def close(self, record: Record, *, disconnected: bool) -> None:
        record.closed_at = time.time()
        record.disconnected = disconnected
        if self._path is not None:
            with self._path.open("a", encoding="utf-8") as file:
                file.write(json.dumps(record.as_json()) + "\n")

    def times_asked(self, sha256: str) -> int:
        return sum(record.messages_sha256 == sha256 for record in self.records)

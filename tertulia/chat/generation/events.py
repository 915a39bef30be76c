"""The one vocabulary of events, from the run's log to the wire (`api` encodes it, the client's reducer reads it).

A run's log is a sequence of pieces. Text pieces (delta, reasoning) advance the position by their length in code
points, any other event by 1. The start event takes position 0 to 1, so the first piece begins at 1. A reader that has
seen everything up to position p can be served from exactly there, whatever the pieces were when it saw them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple
from uuid import UUID

import msgspec

START = "start"
DELTA = "delta"
REASONING = "reasoning"
SOURCES = "sources"
END = "end"

TEXT = frozenset({DELTA, REASONING})
FIRST_POSITION = 1

_encode = msgspec.json.encode


class Ids(NamedTuple):
    """What the run of an answer is about, as its start event says it."""

    generation: UUID
    user_message: UUID
    answer: UUID


class Piece(NamedTuple):
    """An event of the log; `position` is the one before it, `payload` text or, for other kinds, JSON."""

    position: int
    kind: str
    payload: str

    @property
    def after(self) -> int:
        """The position after the event, which is its `id` on the wire."""
        return self.position + advance(self.kind, self.payload)

    def beyond(self, position: int) -> "Piece":
        """What a reader at `position`, inside this piece, has not seen."""
        skip = position - self.position
        return self if skip <= 0 else Piece(position, self.kind, self.payload[skip:])


@dataclass(frozen=True, slots=True)
class End:
    """How a run ended. `length` counts the code points of the stored answer."""

    status: str
    finish_reason: str
    usage: dict[str, Any] | None
    length: int
    error: str = ""

    def data(self) -> dict[str, Any]:
        body: dict[str, Any] = {
            "status": self.status,
            "finish_reason": self.finish_reason or None,
            "usage": self.usage,
            "length": self.length,
        }
        if self.error:
            body["error"] = self.error
        return body


def advance(kind: str, payload: str) -> int:
    """By how much an event moves the position."""
    return len(payload) if kind in TEXT else 1


def merged(pieces: Iterable[Piece]) -> list[Piece]:
    """The same log with neighbouring text of one kind joined."""
    result: list[Piece] = []
    texts: list[str] = []
    for piece in pieces:
        if texts and piece.kind == result[-1].kind and piece.kind in TEXT:
            texts.append(piece.payload)
            continue
        _close(result, texts)
        result.append(piece)
        texts = [piece.payload]
    _close(result, texts)
    return result


def _close(result: list[Piece], texts: list[str]) -> None:
    if len(texts) > 1:
        result[-1] = result[-1]._replace(payload="".join(texts))


def layout(pieces: Iterable[Piece]) -> list[list[Any]]:
    """The order of kinds and their lengths, [[kind, advance], …]; with the texts it gives the log back."""
    return [[piece.kind, advance(piece.kind, piece.payload)] for piece in merged(pieces)]


def text_of(pieces: Iterable[Piece], kind: str) -> str:
    """The joined payload of one kind."""
    return "".join(piece.payload for piece in pieces if piece.kind == kind)


def replayed(order: Sequence[Sequence[Any]], payloads: dict[str, str]) -> list[Piece]:
    """The log of an ended run, from its layout and what the message holds."""
    pieces, position = [], FIRST_POSITION
    used = dict.fromkeys(payloads, 0)
    for kind, length in order:
        if kind in TEXT:
            payload = payloads[kind][used[kind] : used[kind] + length]
            used[kind] += length
        else:
            payload = payloads[kind]
        pieces.append(Piece(position, kind, payload))
        position += length
    return pieces


def encode_start(ids: Ids) -> bytes:
    """The first event of every stream."""
    return _frame(FIRST_POSITION, START, _encode(ids._asdict()))


def encode_piece(piece: Piece) -> bytes:
    """A piece as a server-sent event (WHATWG HTML §9.2)."""
    data = _encode({"text": piece.payload}) if piece.kind in TEXT else piece.payload.encode()
    return _frame(piece.after, piece.kind, data)


def encode_end(position: int, end: End) -> bytes:
    """The last event; a stream that closes without it asks the reader to reconnect."""
    return _frame(position + 1, END, _encode(end.data()))


def _frame(identifier: int, kind: str, data: bytes) -> bytes:
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (identifier, kind.encode(), data)

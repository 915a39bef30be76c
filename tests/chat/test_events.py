"""Positions: whatever the cuts, a reader at p gets exactly what follows p, and ids never skip."""

import itertools
import json
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.chat.generation import events
from tertulia.chat.generation.events import DELTA, END, REASONING, SOURCES, End, Ids, Piece

KINDS = st.sampled_from([DELTA, REASONING])
ENTRIES = st.lists(
    st.one_of(st.tuples(KINDS, st.text(min_size=1, max_size=12)), st.just((SOURCES, '{"sources": []}'))),
    max_size=20,
)


def log_of(entries: list[tuple[str, str]]) -> list[Piece]:
    pieces, position = [], events.FIRST_POSITION
    for kind, payload in entries:
        pieces.append(Piece(position, kind, payload))
        position = pieces[-1].after
    return pieces


def flat(pieces: list[Piece]) -> list[tuple[str, str]]:
    """One entry per position."""
    return [
        (piece.kind, unit)
        for piece in pieces
        for unit in (piece.payload if piece.kind in events.TEXT else [piece.payload])
    ]


@pytest.mark.parametrize(
    ("kind", "payload", "steps"),
    [(DELTA, "abc", 3), (DELTA, "한국", 2), (DELTA, "🎭", 1), (REASONING, "hm", 2), (SOURCES, "{…}", 1)],
)
def test_advance_counts_code_points_of_text_and_one_for_the_rest(kind: str, payload: str, steps: int) -> None:
    assert events.advance(kind, payload) == steps
    assert Piece(7, kind, payload).after == 7 + steps


@given(ENTRIES)
def test_merging_changes_no_position(entries: list[tuple[str, str]]) -> None:
    pieces = log_of(entries)
    merged = events.merged(pieces)
    assert flat(merged) == flat(pieces)
    assert [piece.position for piece in merged] == sorted({piece.position for piece in merged})
    assert all(a.kind != b.kind or a.kind == SOURCES for a, b in itertools.pairwise(merged))


@given(ENTRIES, st.integers(0, 60))
def test_beyond_gives_exactly_what_follows(entries: list[tuple[str, str]], position: int) -> None:
    pieces = log_of(entries)
    rest = [piece.beyond(position) for piece in pieces if piece.after > position]
    assert flat(rest) == flat(pieces)[max(0, position - events.FIRST_POSITION) :]


@given(ENTRIES)
def test_layout_and_texts_give_the_log_back(entries: list[tuple[str, str]]) -> None:
    pieces = log_of(entries)
    payloads = {kind: events.text_of(pieces, kind) for kind in (DELTA, REASONING)}
    payloads[SOURCES] = '{"sources": []}'
    assert flat(events.replayed(events.layout(pieces), payloads)) == flat(pieces)


def test_layout_is_compact() -> None:
    pieces = log_of([(REASONING, "ab"), (REASONING, "c"), (DELTA, "x"), (DELTA, "yz"), (SOURCES, "{}")])
    assert events.layout(pieces) == [[REASONING, 3], [DELTA, 3], [SOURCES, 1]]


def test_start_frame() -> None:
    ids = Ids(UUID(int=1), UUID(int=2), UUID(int=3))
    lines = events.encode_start(ids).decode().split("\n")
    assert lines[:2] == ["id: 1", "event: start"]
    assert json.loads(lines[2].removeprefix("data: ")) == {
        "generation": str(UUID(int=1)),
        "user_message": str(UUID(int=2)),
        "answer": str(UUID(int=3)),
    }
    assert lines[3:] == ["", ""]


@pytest.mark.parametrize("text", ["plain", "two\nlines", "\r\n", "a\u2028b\u0085c", "한국어 🎭"])
def test_text_frame_is_one_line_of_json(text: str) -> None:
    frame = events.encode_piece(Piece(4, DELTA, text)).decode()
    head, name, data, *end = frame.split("\n")
    assert (head, name, end) == (f"id: {4 + len(text)}", "event: delta", ["", ""])
    assert json.loads(data.removeprefix("data: ")) == {"text": text}


def test_sources_frame_carries_its_json_as_it_is() -> None:
    assert events.encode_piece(Piece(9, SOURCES, '{"sources": [1]}')) == (
        b'id: 10\nevent: sources\ndata: {"sources": [1]}\n\n'
    )


@pytest.mark.parametrize(
    ("end", "data"),
    [
        (
            End("complete", "stop", {"total_tokens": 3}, 5),
            {"status": "complete", "finish_reason": "stop", "usage": {"total_tokens": 3}, "length": 5},
        ),
        (
            End("failed", "", None, 0, "provider_reset"),
            {
                "status": "failed",
                "finish_reason": None,
                "usage": None,
                "length": 0,
                "error": "provider_reset",
            },
        ),
    ],
)
def test_end_frame(end: End, data: dict[str, object]) -> None:
    head, name, body, *_ = events.encode_end(41, end).decode().split("\n")
    assert (head, name) == ("id: 42", f"event: {END}")
    assert json.loads(body.removeprefix("data: ")) == data

"""The log in memory: every reader gets everything once, from any position, however it is cut."""

import asyncio

import pytest

from tertulia.chat.generation.events import DELTA, REASONING, End, Piece
from tertulia.chat.generation.live import LiveLog
from tertulia.core.ids import uuid7


def log_with(*texts: str) -> LiveLog:
    log = LiveLog(uuid7())
    for text in texts:
        log.append(DELTA, text)
    return log


@pytest.mark.parametrize(
    ("position", "expected"),
    [
        (0, [(1, "ab"), (3, "cde"), (6, "f")]),
        (1, [(1, "ab"), (3, "cde"), (6, "f")]),
        (2, [(2, "b"), (3, "cde"), (6, "f")]),
        (3, [(3, "cde"), (6, "f")]),
        (5, [(5, "e"), (6, "f")]),
        (6, [(6, "f")]),
        (7, []),
        (99, []),
    ],
)
def test_beyond(position: int, expected: list[tuple[int, str]]) -> None:
    log = log_with("ab", "cde", "f")
    assert list(log.beyond(position)) == [Piece(at, DELTA, text) for at, text in expected]


def test_nothing_beyond_an_empty_log() -> None:
    assert list(log_with().beyond(0)) == []


def test_what_is_stored_is_not_offered_again() -> None:
    log = log_with("ab", "c")
    assert [piece.payload for piece in log.unstored()] == ["ab", "c"]
    log.mark_stored(2)
    log.append(REASONING, "hm")
    assert log.unstored() == [Piece(4, REASONING, "hm")]


async def test_every_waiting_reader_wakes_once() -> None:
    log = log_with()
    readers = [asyncio.create_task(log.more()) for _ in range(3)]
    await asyncio.sleep(0)
    log.append(DELTA, "x")
    await asyncio.wait_for(asyncio.gather(*readers), 1)


async def test_a_reader_that_leaves_is_forgotten() -> None:
    log = log_with()
    reader = asyncio.create_task(log.more())
    await asyncio.sleep(0)
    reader.cancel()
    await asyncio.gather(reader, return_exceptions=True)
    log.append(DELTA, "x")
    assert log._waiters == set()


async def test_the_end_wakes_readers() -> None:
    log = log_with("x")
    reader = asyncio.create_task(log.more())
    await asyncio.sleep(0)
    log.close(End("complete", "stop", None, 1))
    await asyncio.wait_for(reader, 1)

"""Identifiers sort by creation and are valid version 7 UUIDs."""

import time

import pytest

from tertulia.core import ids as ids_module
from tertulia.core.ids import tick_in, uuid7, uuid7_at


def test_version_and_variant() -> None:
    value = uuid7()
    assert value.version == 7
    assert value.variant == "specified in RFC 4122"


def test_carries_the_time_in_milliseconds() -> None:
    before = time.time_ns() // 1_000_000
    value = uuid7()
    assert before <= value.int >> 80 <= time.time_ns() // 1_000_000


def test_order_of_ids_is_order_of_creation() -> None:
    ids = [uuid7() for _ in range(5_000)]
    assert ids == sorted(ids)


def test_within_a_tick_and_after_a_small_step_back_ids_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 4_096_000 * 1_000
    monkeypatch.setattr(ids_module, "_last", 0)
    ticks = []
    for clock in (now, now, now + 2, now - 10):
        monkeypatch.setattr(time, "time_ns", lambda clock=clock: -(-clock * 1_000_000 // 4096))
        ticks.append(tick_in(uuid7()))
    assert ticks == [now, now + 1, now + 2, now + 3]


def test_a_clock_set_back_by_exactly_a_second_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    now, second = 4_096_000 * 1_000, 4_096_000
    for back, tick in ((second, now + 1), (second + 1, now - second - 1)):
        monkeypatch.setattr(ids_module, "_last", now)
        monkeypatch.setattr(time, "time_ns", lambda back=back: -(-(now - back) * 1_000_000 // 4096))
        assert tick_in(uuid7()) == tick


def test_the_rest_of_an_id() -> None:
    assert uuid7_at(1, b"\xff" * 8).int & (2**64 - 1) == 0xBFFF_FFFF_FFFF_FFFF
    assert uuid7_at(1, b"\0" * 7 + b"\xff").int & (2**64 - 1) == 0x8000_0000_0000_003F


def test_no_two_alike() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000

"""Identifiers sort by creation and are valid version 7 UUIDs."""

import time

from tertulia.core.ids import uuid7


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


def test_no_two_alike() -> None:
    assert len({uuid7() for _ in range(10_000)}) == 10_000

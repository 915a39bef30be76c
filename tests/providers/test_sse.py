"""The event decoder: one result whatever the network does to the bytes."""

import itertools
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tertulia.providers.sse import EventDecoder, EventTooLarge


def decode(*reads: bytes, limit: int = 4096) -> list[bytes]:
    decoder = EventDecoder(limit)
    return [payload for read in reads for payload in decoder.feed(read)]


@pytest.mark.parametrize(
    ("stream", "payloads"),
    [
        (b"", []),
        (b"data: a\n\n", [b"a"]),
        (b"data:a\n\ndata: b\n\n", [b"a", b"b"]),
        (b"data:  a \n\n", [b" a "]),
        (b"data: a\r\n\r\ndata: b\r\n\r\n", [b"a", b"b"]),
        (b"data: a\r\rdata: b\r\r", [b"a", b"b"]),
        (b"data: a\r\n\rdata: b\n\r\n", [b"a", b"b"]),
        (b"data: a\ndata: b\n\n", [b"a\nb"]),
        (b"data\n\ndata\ndata\n\ndata:", [b"", b"\n"]),
        (b"\xef\xbb\xbfdata: a\n\n", [b"a"]),
        (b"\n\xef\xbb\xbfdata: a\n\n", []),
        (b"data: a\n\n\xef\xbb\xbfdata: b\n\n", [b"a"]),
        (b": comment\n\ndata: a\n: another\n\n", [b"a"]),
        (b"event: x\nid: 1\nretry: 5\ndata: a\n\n", [b"a"]),
        (b"event: x\n\ndata: a\n\n", [b"a"]),
        (b"database: x\ndata: a\n\n", [b"a"]),
        (b"data: a: b\n\n", [b"a: b"]),
        (b"\n\n\ndata: a\n\n\n\n", [b"a"]),
        (b"data: cut off", []),
        (b"data: no blank line\n", []),
        (
            "data: a\u0085b\u2028c\u2029d\x0be\x0cf\n\n".encode(),
            ["a\u0085b\u2028c\u2029d\x0be\x0cf".encode()],
        ),
        ("data: 안녕 👋\n\n".encode(), ["안녕 👋".encode()]),
    ],
)
def test_streams(stream: bytes, payloads: list[bytes]) -> None:
    assert decode(stream) == payloads
    assert decode(*(stream[i : i + 1] for i in range(len(stream)))) == payloads
    for cut in range(len(stream)):
        assert decode(stream[:cut], b"", stream[cut:]) == payloads


LINES = st.sampled_from(
    [
        b"",
        b"data: x",
        b"data:",
        b"data",
        b": c",
        b"id: 7",
        "data: \u2028\u0085é👋".encode(),
        b"data: a:b",
        b"dat",
    ]
)
STREAMS = st.lists(st.tuples(LINES, st.sampled_from([b"\n", b"\r", b"\r\n"])), max_size=12).map(
    lambda lines: b"".join(line + end for line, end in lines)
)


@settings(max_examples=300, deadline=None)
@given(
    stream=st.one_of(STREAMS, STREAMS.map(b"\xef\xbb\xbf".__add__), st.binary(max_size=60)),
    cuts=st.lists(st.integers(0, 200), max_size=8),
)
def test_the_result_does_not_depend_on_the_splitting(stream: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(stream)) for cut in cuts), len(stream)]
    pieces = [stream[start:end] for start, end in itertools.pairwise(edges)]
    assert decode(*pieces) == decode(stream)


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize("line", [b"data: " + b"x" * 95, b": " + b"x" * 99])
def test_a_line_over_the_limit_is_refused_at_the_same_length(line: bytes, size: int) -> None:
    def reads(stream: bytes) -> list[bytes]:
        return [stream[i : i + size] for i in range(0, len(stream), size)]

    assert decode(*reads(line[:100] + b"\n\n"), limit=100) in ([line[6:100]], [])
    with pytest.raises(EventTooLarge):
        decode(*reads(line + b"\n\n"), limit=100)
    with pytest.raises(EventTooLarge):
        decode(*reads(line), limit=100)


def test_many_lines_of_one_event_are_limited_together() -> None:
    assert len(decode(b"data: 123\n" * 10 + b"\n", limit=100)) == 1
    with pytest.raises(EventTooLarge):
        decode(b"data: 1234\n" * 11 + b"\n", limit=100)
    assert len(decode(b"data: 1234\n\n" * 100, limit=100)) == 100


def test_memory_stays_below_twice_the_input() -> None:
    stream = b"data: x\r\n\r\n" * 100_000
    decoder = EventDecoder()
    tracemalloc.start()
    try:
        assert sum(1 for _ in decoder.feed(stream)) == 100_000
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak <= 2 * len(stream)

"""I3: both decoders of server-sent events give the same events, however a stream is cut and whatever ends its lines.

Played by the programme through `items`. A third reading, of the whole text at once and by the letter of the WHATWG's
rules, says what is right. At night an input's way through the provider's decoder guides the making of more of them.
"""

import asyncio
import json
import math
import re
import subprocess
import sys
import tempfile
import time
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import hypothesis
from hypothesis import strategies as st

from tertulia.providers.sse import EventDecoder
from tests.acceptance.figures import Outcome
from tests.acceptance.node import node
from tests.acceptance.processes import ROOT, clean_environment
from tests.acceptance.stage import Stage

EXAMPLES = 10_000
NIGHTLY_EXAMPLES = 1_000_000
# Examples that go to Node at a time.
BATCH = 1_000
NIGHTLY_FUZZING_MINUTES = 30.0
FUZZING_BEGINS_WITH = 500
# Bytes of such an input that are not the stream: where it is cut, and whether little is allowed.
FUZZING_HEAD = 5


class Event(NamedTuple):
    id: str
    event: str
    data: str


# --- What is right --------------------------------------------------------------------------------------------------


def events_of(stream: bytes) -> Iterator[Event]:
    """https://html.spec.whatwg.org/multipage/server-sent-events.html#parsing-an-event-stream, word by word."""
    text = stream.decode("utf-8", "replace").removeprefix("\ufeff")
    *lines, _unfinished = re.split(r"\r\n|\r|\n", text)
    last_id, kind, data = "", "", ""
    for line in lines:
        if not line:
            if data:
                yield Event(last_id, kind or "message", data.removesuffix("\n"))
            kind, data = "", ""
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "event":
                kind = value
            case "data":
                data += value + "\n"
            case "id" if "\0" not in value:
                last_id = value


# --- Streams --------------------------------------------------------------------------------------------------------

_VALUES = st.sampled_from(
    [
        "", "x", " x", "  two blanks", "a:b", ": c",
        "{\"text\": \"안녕 👋\"}", "a\u0085b", "a\u2028b\u2029c", "a\x0bb\x0cc",
        "a\0b", "\ufeff", "e\u0301", "a" * 40, "[DONE]", "\\n", "\x1c\x1d\x1e",
    ]
) | st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), max_size=12)  # fmt: skip
_NAMES = st.sampled_from(
    ["data", "event", "id", "retry", "", "Data", "dat", "database", "\ufeffdata", " data"]
)
_LINES = st.one_of(
    st.just(""),
    st.builds("data: {}".format, _VALUES),
    st.builds("{}:{}".format, _NAMES, _VALUES),
    st.builds("{}".format, _NAMES),
)
_ENDS = st.sampled_from(["\n", "\r", "\r\n"])
_WELL_FORMED = st.lists(st.tuples(_LINES, _ENDS), max_size=14).map(
    lambda lines: "".join(line + end for line, end in lines).encode()
)
_MARK = b"\xef\xbb\xbf"
_STREAMS = st.builds(
    lambda mark, stream, rest: mark + stream + rest,
    st.sampled_from([b"", b"", _MARK]),
    _WELL_FORMED,
    st.sampled_from([b"", b"", b"data: cut off", b"data: no blank line\n", b"\r", b"data: \xf0\x9f"]),
) | st.binary(max_size=40)
# Not two marks, and none that is cut short: of a stream that comes byte by byte Node's TextDecoder takes off a later
# one as well, browsers do not.
STREAMS = _STREAMS.filter(lambda stream: not stream.removeprefix(_MARK).startswith(_MARK[:1]))


class Example(NamedTuple):
    """A stream, and three ways to cut it: not at all, after every byte, anywhere."""

    stream: bytes
    cuts: tuple[list[int], ...]


def _example(stream: bytes, where: list[int]) -> Example:
    anywhere = sorted({cut % (len(stream) + 1) for cut in where})
    return Example(stream, ([], list(range(1, len(stream))), anywhere))


EXAMPLE = st.builds(_example, STREAMS, st.lists(st.integers(0, 10_000), max_size=6))


# --- The item -------------------------------------------------------------------------------------------------------


async def decoded_streams(stage: Stage) -> Outcome:
    """Examples by hypothesis; every stream in three cuts by each decoder."""
    outcome, tally = Outcome(), Tally()
    wanted = stage.size(EXAMPLES, NIGHTLY_EXAMPLES)
    ends_at = time.monotonic() + (stage.minutes or math.inf) * 60
    for turn in range(wanted // EXAMPLES):
        if time.monotonic() > ends_at:
            wanted = turn * EXAMPLES
            break
        for batch in _in_batches(await asyncio.to_thread(_examples, stage.seed + turn)):
            tally.add(batch, await asyncio.to_thread(_by_client, batch))
    outcome.at_least("examples", tally.examples, wanted)
    outcome.at_least("examples with events", tally.with_events, wanted // 10)
    for name, count in tally.unequal.items():
        outcome.exactly(f"streams that the {name}'s decoder reads otherwise", count, 0)
    outcome.examples += tally.shown
    if stage.nightly:
        minutes = stage.minutes or NIGHTLY_FUZZING_MINUTES
        await asyncio.to_thread(_fuzz, minutes, stage.seed, outcome)
    outcome.at_most("memory for a million bytes in one read, per byte", _memory(), 2)
    return outcome


@dataclass(slots=True)
class Tally:
    """What was read and who read it otherwise."""

    examples: int = 0
    with_events: int = 0
    unequal: dict[str, int] = field(default_factory=lambda: {"provider": 0, "client": 0})
    shown: list[str] = field(default_factory=list)

    def add(self, batch: list[Example], by_client: list[list[list[dict[str, Any]]]]) -> None:
        for example, client in zip(batch, by_client, strict=True):
            right = list(events_of(example.stream))
            self.examples += 1
            self.with_events += bool(right)
            self._note("provider", example, right, wrong=_provider_differs(example, right))
            self._note("client", example, right, wrong=any(_events(each) != right for each in client))

    def _note(self, name: str, example: Example, right: list[Event], *, wrong: bool) -> None:
        self.unequal[name] += wrong
        if wrong and len(self.shown) < 20:
            self.shown.append(f"{name}: {example.stream!r}: {right}")


def _events(found: list[dict[str, Any]]) -> list[Event]:
    return [Event(**event) for event in found]


def _in_batches(examples: list[Example]) -> Iterator[list[Example]]:
    """As many at a time as Node gets."""
    for start in range(0, len(examples), BATCH):
        yield examples[start : start + BATCH]


def _examples(seed: int) -> list[Example]:
    """EXAMPLES different ones; hypothesis makes them, seeded, and remembers them: all of a night would fill memory."""
    found: list[Example] = []

    @hypothesis.seed(seed)
    @hypothesis.settings(
        max_examples=EXAMPLES,
        database=None,
        deadline=None,
        phases=[hypothesis.Phase.generate],
        suppress_health_check=list(hypothesis.HealthCheck),
    )
    @hypothesis.given(EXAMPLE)
    def collect(example: Example) -> None:
        found.append(example)

    collect()
    return found


def _provider_differs(example: Example, right: list[Event]) -> bool:
    """The provider's decoder keeps the data alone, as bytes; what is not UTF-8 its callers refuse."""
    wanted = [event.data for event in right]
    for cuts in example.cuts:
        decoder = EventDecoder()
        edges = [0, *cuts, len(example.stream)]
        pieces = [example.stream[start:end] for start, end in pairwise(edges)]
        found = [payload.decode("utf-8", "replace") for piece in pieces for payload in decoder.feed(piece)]
        if found != wanted:
            return True
    return False


def _by_client(batch: list[Example]) -> list[list[list[dict[str, Any]]]]:
    """What the client's decoder makes of each, for each cut."""
    lines = [json.dumps({"stream": b64encode(each.stream).decode(), "cuts": each.cuts}) for each in batch]
    done = subprocess.run(
        node("decoding.mjs"),
        cwd=ROOT,
        env=clean_environment(),
        input="\n".join(lines),
        capture_output=True,
        check=True,
        text=True,
        encoding="utf-8",
    )
    # Not splitlines: it cuts at U+0085 and U+2028 too.
    return [json.loads(line) for line in done.stdout.removesuffix("\n").split("\n")]


def _fuzz(minutes: float, seed: int, outcome: Outcome) -> None:
    """By atheris, in a process of its own, which ends at the first input that is read otherwise and tells it."""
    with tempfile.TemporaryDirectory() as folder:
        known = Path(folder) / "known"
        known.mkdir()
        for number, example in enumerate(_examples(seed)[:FUZZING_BEGINS_WITH]):
            (known / str(number)).write_bytes(bytes([number % 256] * FUZZING_HEAD) + example.stream)
        options = [f"-max_total_time={minutes * 60:.0f}", f"-seed={seed + 1}", "-max_len=200"]
        options += [f"-artifact_prefix={folder}/", str(known)]
        done = subprocess.run(
            [sys.executable, "-m", "tests.acceptance.fuzz_sse", *options],
            cwd=ROOT,
            env=clean_environment(),
            capture_output=True,
            check=False,
            text=True,
            errors="replace",
        )
    inputs = re.search(r"^Done (\d+) runs in ", done.stderr, re.MULTILINE)
    outcome.at_least("inputs by coverage", int(inputs[1]) if inputs else 0, minutes * 1_000)
    outcome.exactly("end of the fuzzing", done.returncode, 0)
    if done.returncode:
        outcome.examples.append(done.stderr[-2_000:])


def _memory() -> float:
    """The peak while a large read of small events is decoded, as a multiple of its length."""
    stream = b"data: x\r\n\r\n" * 100_000
    decoder = EventDecoder()
    tracemalloc.start()
    try:
        count = sum(1 for _ in decoder.feed(stream))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 100_000
    return peak / len(stream)

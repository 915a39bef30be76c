"""Coverage-guided fuzzing of the decoder of server-sent events by atheris; I3 runs it at night.

`python -m tests.acceptance.fuzz_sse -max_total_time=1800 [FOLDER]`: libFuzzer's options, and inputs to begin with. It
ends with another status than 0 when an input makes the decoder fail or read what the WHATWG's rules do not say, and
keeps that input.
"""

import sys
from itertools import pairwise

import atheris

with atheris.instrument_imports(include=["tertulia.providers.sse"]):
    from tertulia.providers.sse import EventDecoder, EventTooLarge

from tests.acceptance.items.decoder import FUZZING_HEAD, events_of

_SMALL_LIMIT = 24


def one_input(noise: bytes) -> None:
    """Decode what follows the first bytes, cut where they say."""
    head, stream = noise[:FUZZING_HEAD], noise[FUZZING_HEAD:]
    where, is_limited = head[:-1], head[-1:] > b"\x7f"
    edges = sorted({0, len(stream), *(cut % (len(stream) + 1) for cut in where)})
    decoder = EventDecoder(_SMALL_LIMIT) if is_limited else EventDecoder()
    wanted = [event.data for event in events_of(stream)]
    found: list[str] = []
    try:
        for start, end in pairwise(edges):
            found += [payload.decode("utf-8", "replace") for payload in decoder.feed(stream[start:end])]
    except EventTooLarge:
        assert is_limited, "too large without a limit"
        wanted = wanted[: len(found)]
    assert found == wanted, f"{stream!r} at {edges}: {found} instead of {wanted}"


if __name__ == "__main__":
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()

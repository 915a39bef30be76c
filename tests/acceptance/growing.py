"""A worker that measures how the time of one function grows with its text; `items.growth` starts it and stops it.

Reads one JSON object from standard input, {target, families: {name: [head, unit, tail]}, sizes: [short, long], least},
and prints one JSON line per family, so that whoever waits knows how far it came: its times for both sizes in seconds of
the processor, so that other work on the machine does not count. Where the long text takes less than `least`, the short
one is not measured. `growing.mjs` is the same for the client's code.
"""

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from tertulia.core import collector

REPEATS = 2
# So slow that a second time would tell nothing more.
SLOW_SECONDS = 0.5


def text_of(family: list[str], size: int) -> str:
    """About `size` characters: as many units as fit between head and tail."""
    head, unit, tail = family
    return head + unit * max(1, (size - len(head) - len(tail)) // len(unit)) + tail


def _target(name: str) -> Callable[[str], Any]:
    from django.conf import settings

    settings.configure(USE_I18N=False)
    if name.startswith("markdown"):
        from tertulia.web.markdown import render

        return lambda text: str(render(text))
    if name == "terms":
        from tertulia.providers.lexical import terms

        return terms
    if name == "language":
        from tertulia.providers.language import detect_language

        return lambda text: detect_language(text, "en")
    if name == "tokens":
        from tertulia.providers.estimate import estimate_tokens

        return estimate_tokens
    if name == "macros":
        from tertulia.characters.macros import examples, expanded

        return lambda text: [expanded(each, char="Rosa", user="You") for each in examples(text)]
    raise ValueError(name)


def _seconds(call: Callable[[str], Any], text: str, least: float) -> float:
    """The best of some turns; a time below `least` or of a slow text tells enough at once."""
    best = float("inf")
    for turn in range(REPEATS):
        fresh = text + str(turn)  # what is remembered is not measured
        begun = time.process_time()
        call(fresh)
        best = min(best, time.process_time() - begun)
        if not least < best < SLOW_SECONDS:
            break
    return best


def main() -> None:
    asked = json.load(sys.stdin)
    call = _target(asked["target"])
    call("warm")
    # As in a server: by its own rules the collector looks through a growing tree again and again.
    collector.calm()
    (short, long), least = asked["sizes"], asked["least"]
    for name, family in asked["families"].items():
        try:
            last = _seconds(call, text_of(family, long), least)
            first = _seconds(call, text_of(family, short), 0) if last > least else 0.0
            told: dict[str, Any] = {"seconds": [first, last]}
        except Exception as error:  # noqa: BLE001  (what a text breaks is told like what it slows down)
            told = {"seconds": [0, 1e9], "error": repr(error)[:200]}
        print(json.dumps({"family": name, **told}), flush=True)


if __name__ == "__main__":
    main()

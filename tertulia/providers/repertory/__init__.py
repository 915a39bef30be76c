"""Lines of short plays written for Tertulia, in five languages; the offline model quotes from them.

One JSON file for each language: `[{"id", "work", "lines": [[speaker, text], …]}, …]`.
"""

import json
from functools import cache
from importlib import resources

from tertulia.providers.base import Passage
from tertulia.providers.language import LANGUAGES


@cache
def repertory() -> tuple[Passage, ...]:
    """Every line as a Passage of kind "repertory", with the id `<play>:<line from 1>`."""
    return tuple(line for language in LANGUAGES for line in _lines(language))


def _lines(language: str) -> list[Passage]:
    plays = json.loads(resources.files(__name__).joinpath(f"{language}.json").read_text("utf-8"))
    return [
        Passage(
            kind="repertory",
            id=f"{play['id']}:{number}",
            text=text,
            speaker=speaker,
            work=play["work"],
            language=language,
        )
        for play in plays
        for number, (speaker, text) in enumerate(play["lines"], start=1)
    ]

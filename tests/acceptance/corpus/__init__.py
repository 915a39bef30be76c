"""Hostile text, written for this programme: what answers of a hijacked model could hold. `items` sends it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Case:
    """One attempt. `text` is a piece of Markdown that stands by itself, `carrier` the place where it hides."""

    number: int
    carrier: str
    text: str

"""Macros of character cards: names in place of `{{char}}` and `{{user}}`. Pure; `prompt` and the greetings use it.

Only what gives the same text every time is replaced. Macros that roll dice or look at the clock stay as written.
"""

import re

_MACRO = re.compile(
    r"\{\{\s*(char|user|original)\s*\}\}|<(char|bot|user)>|\{\{\s*//[^{}]*\}\}", re.IGNORECASE
)
_EXAMPLE = re.compile(r"^[ \t]*<START>[ \t]*$", re.IGNORECASE | re.MULTILINE)


def expanded(text: str, *, char: str, user: str, original: str = "") -> str:
    """The text with names in place of macros, and without its comments (`{{// …}}`).

    In one pass: a name that spells a macro is left alone. `original` is what a card's own system text replaces.
    """
    names = {"char": char, "bot": char, "user": user, "original": original}

    def name(match: re.Match[str]) -> str:
        macro = match[1] or match[2]
        return names[macro.lower()] if macro else ""

    return _MACRO.sub(name, text)


def examples(dialogue: str) -> list[str]:
    """The example conversations of a card, which `<START>` lines keep apart."""
    return [part.strip() for part in _EXAMPLE.split(dialogue) if part.strip()]

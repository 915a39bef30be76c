"""What the words of a line come to: the digest that tells duplicates, the terms it is found by; pure."""

import hashlib
import unicodedata
from collections import Counter
from collections.abc import Collection, Set

from tertulia.providers.lexical import is_dense, terms


def digest(*, content: str, speaker: str, source: str) -> str:
    """SHA-256 (hex) of a line with its speaker and work, blind to capitals, punctuation, blanks and width."""
    parts = "\x1f".join(_bare(text) for text in (content, speaker, source))
    return hashlib.sha256(parts.encode()).hexdigest()


def search_terms(*, content: str, speaker: str, source: str, mood: str) -> Counter[str]:
    """What the search finds a line by: its own words, and those that name speaker, work and mood."""
    return terms(f"{content}\n{speaker}\n{source}\n{mood}")


def lone_character(wanted: Collection[str]) -> str | None:
    """The character that a search is for, if it is for one of a script whose words have no blanks between them."""
    [only] = wanted if len(wanted) == 1 else [""]
    return only if len(only) == 1 and is_dense(only) else None


def similarity(one: Set[str], other: Set[str]) -> float:
    """The share of all terms that two lines have in common, 0 to 1 (Jaccard)."""
    union = one | other
    return len(one & other) / len(union) if union else 0.0


def _bare(text: str) -> str:
    """Letters and digits alone; all of the text where it has none."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    kept = "".join(character for character in folded if unicodedata.category(character)[0] in "LNM")
    return kept or folded.strip()

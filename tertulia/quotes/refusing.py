"""Which refused word a text holds; `actions` asks it before a member's line is stored. Pure.

Plain words and no regular expressions: whoever writes a rule can neither make it slow nor match by accident.
"""

import re
import unicodedata
from collections.abc import Iterable

from tertulia.providers.lexical import is_dense


def refused_word(text: str, patterns: Iterable[str]) -> str | None:
    """The first of `patterns` that `text` holds: as whole words, with `*` at its end as the beginning of one.

    Where words have no blanks between them (Chinese, Korean) a pattern counts wherever it stands.
    """
    folded = _folded(text)
    return next((pattern for pattern in patterns if _expression(pattern).search(folded)), None)


def _expression(pattern: str) -> re.Pattern[str]:
    """Blanks of the pattern stand for any blanks."""
    words = _folded(pattern.removesuffix("*")).split()
    inner = r"\s+".join(map(re.escape, words)) or r"(?!)"
    if is_dense(inner):
        return re.compile(inner)
    return re.compile(rf"(?<!\w){inner}" + ("" if pattern.endswith("*") else r"(?!\w)"))


def _folded(text: str) -> str:
    return unicodedata.normalize("NFKC", text).casefold()

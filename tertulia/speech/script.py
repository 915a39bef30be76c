"""An answer's Markdown as what a voice reads, cut into parts while it grows. Pure; `chat.reading` calls it.

A part, once complete, never changes by what follows: part number n is the same while the text streams and ever after,
so it has an address and can be cached.
"""

import html
import re
from collections.abc import Iterator

# The first sentence is read at once; behind it several make one part, so that a long answer is not a hundred requests.
PART_CHARACTERS = 160
# A text without ends of sentences is cut here, at a space where there is one.
MAX_CHARACTERS = 480

# A sentence ends here if a space follows, in Chinese without one; the next character decides.
_END = re.compile(r"[.!?…。！？]+[\"'”’»)\]）」』】*_]*(?=\s|$)|[。！？]+[”’」』】）]*(?=.)")
_ABBREVIATION = re.compile(
    r"(?:^|[\s(])(?:[A-ZА-ЯЁ]|\d{1,3}|Mr|Mrs|Ms|Dr|Prof|St|vs|e\.g|i\.e|No"
    r"|Sr|Sra|Srta|Ud|Uds|p\. ?ej|т\. ?е|т\. ?к|г)\.$"
)

_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_RULE = re.compile(r" {0,3}(?:[-*_][ \t]*){3,}|[|: -]*-{3,}[|: -]*")
_PREFIX = re.compile(r"\s{0,12}(?:(?:[-*+]|>|#{1,6}|\d{1,9}[.)])(?:[ \t]+|$)|\[[ xX]\][ \t]+)")
_INLINE = (
    (re.compile(r"!?\[([^\]]*)\]\([^)]*\)"), r"\1"),
    (re.compile(r"\]\([^)]*\)"), ""),
    (re.compile(r"\[\^?\d{1,3}\]"), ""),
    (re.compile(r"<(?:https?://|mailto:)[^>]*>|</?[A-Za-z][^>]{0,400}>"), ""),
    (re.compile(r"https?://(?:www\.)?([^\s/]{1,80})\S*"), r"\1"),
    (re.compile(r"[`*~]+|(?<!\w)_+|_+(?!\w)|\\(?=[^\w\s])"), ""),
    (re.compile(r"[|#]+"), " "),
    (re.compile(r"\s+"), " "),
)
_WORD = re.compile(r"\w")


def parts(markdown: str) -> list[str]:
    """The parts of a whole text as they are spoken."""
    script = Script()
    script.append(markdown)
    return script.parts(is_whole=True)


class Script:
    """A text that grows. Every complete line is read once, however often the parts are asked for."""

    def __init__(self) -> None:
        self._reader = _Reader()
        self._line = ""

    def append(self, markdown: str) -> None:
        *complete, self._line = (self._line + markdown).split("\n")
        for line in complete:
            self._reader.take(line, is_complete=True)

    def parts(self, *, is_whole: bool) -> list[str]:
        """What can be spoken now; a text that has ended is complete to its last character."""
        reader = self._reader.copy()
        reader.take(self._line, is_complete=is_whole)
        held = [reader.held] if reader.held and is_whole else []
        return [*reader.parts, *held]


class _Reader:
    """What has become of the lines so far: parts, sentences held for the next one, the mark of an open code block."""

    def __init__(self, parts: list[str] | None = None, held: str = "", fence: str = "") -> None:
        self.parts = parts or []
        self.held = held
        self._fence = fence

    def copy(self) -> "_Reader":
        return _Reader(list(self.parts), self.held, self._fence)

    def take(self, line: str, *, is_complete: bool) -> None:
        for raw, ends_block in _cut(self._text_of(line.rstrip("\r"), is_complete), is_complete=is_complete):
            sentence = _speakable(raw)
            if _WORD.search(sentence):
                self._say(sentence, ends_block=ends_block)

    def _say(self, sentence: str, *, ends_block: bool) -> None:
        self.held = f"{self.held} {sentence}".strip()
        if not self.parts or ends_block or len(self.held) >= PART_CHARACTERS:
            self.parts.append(self.held)
            self.held = ""

    def _text_of(self, line: str, is_complete: bool) -> str:
        """The line without marks of lists, quotations and headings; nothing of code, rules and what is undecided."""
        mark = _FENCE.match(line)
        if self._fence:
            if mark and mark[1].startswith(self._fence) and not line.strip(" `~"):
                self._fence = ""
            return ""
        if mark:
            self._fence = mark[1]
            return ""
        text = _without_prefix(line) if is_complete or _is_decided(line) else ""
        return "" if _RULE.fullmatch(text) else text


def _is_decided(line: str) -> bool:
    """Whether what kind of line this is can no longer change by what follows."""
    return len(line) >= 8 or bool(re.match(r"\w{2}", line))


def _without_prefix(line: str) -> str:
    while (prefix := _PREFIX.match(line)) and prefix.end():
        line = line[prefix.end() :]
    return line


def _cut(line: str, *, is_complete: bool) -> Iterator[tuple[str, bool]]:
    """The line's sentences, the last one only when nothing can follow it."""
    start = 0
    while (end := _end_of_sentence(line, start, is_complete=is_complete)) is not None:
        yield line[start:end], is_complete and not line[end:].strip()
        start = end
    if is_complete and line[start:].strip():
        yield line[start:], True


def _end_of_sentence(line: str, start: int, *, is_complete: bool) -> int | None:
    for match in _END.finditer(line, start):
        if match.end() - start > MAX_CHARACTERS:
            break
        # At the end of what has come, the next character may still make it a number or an abbreviation.
        if match.end() == len(line) and not is_complete:
            return None
        if not _ABBREVIATION.search(line, start, match.end()):
            return match.end()
    if len(line) - start <= MAX_CHARACTERS:
        return None
    space = line.rfind(" ", start + MAX_CHARACTERS // 2, start + MAX_CHARACTERS)
    return space if space > 0 else start + MAX_CHARACTERS


def _speakable(markdown: str) -> str:
    text = markdown
    for pattern, replacement in _INLINE:
        text = pattern.sub(replacement, text)
    return html.unescape(text).strip()

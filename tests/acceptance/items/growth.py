"""I9: nothing that reads people's text takes more than its length: parsers, highlighter, formulas, search.

Played by the programme through `items`. Of each family a short text and one that is eight times as long, the longest
that the product takes.
"""

import asyncio
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tests.acceptance.figures import Outcome
from tests.acceptance.node import node
from tests.acceptance.processes import ROOT, clean_environment, python
from tests.acceptance.stage import Stage

PER_DOUBLING = 2.5
SECONDS = 1.0
DOUBLINGS = 3
# Below this a figure says more about the clock than about the text.
LEAST_SECONDS = 0.03
# A worker that has not said anything for so long will not end in time for anybody.
PATIENCE_SECONDS = 60.0

Family = tuple[str, str, str]

# Head, unit and tail of each: what has been quadratic or worse in one parser or another.
MARKDOWN: Mapping[str, Family] = {
    "words": ("", "word ", ""),
    "one word": ("", "a", ""),
    "lines": ("", "a line\n", ""),
    "empty lines": ("", "\n", "x"),
    "open brackets": ("", "[", ""),
    "open pictures": ("", "![", ""),
    "nested brackets": ("", "[a](", ""),
    "brackets and parentheses": ("", "[](", ""),
    "closed brackets": ("", "[]", ""),
    "unknown references": ("", "[a][b] ", ""),
    "definitions": ("", "[a]: b\n", ""),
    "one definition, many references": ("[a]: http://example.org\n\n", "[a] ", ""),
    "stars": ("", "*", ""),
    "stars and letters": ("", "*a ", ""),
    "strong and letters": ("", "**a ", ""),
    "stars around letters": ("", "*a**a ", ""),
    "underscores": ("", "_a ", ""),
    "mixed delimiters": ("", "*_~", "a"),
    "strikes": ("", "~~a ", ""),
    "backticks": ("", "`", ""),
    "backticks of growing length": ("", "`a``b```c````d", ""),
    "backslashes": ("", "\\", ""),
    "entities": ("", "&amp;", ""),
    "open entities": ("", "&", ""),
    "quotations": ("", "> ", "a"),
    "quotations line by line": ("", "> a\n", ""),
    "lists in one line": ("", "- ", "a"),
    "lists line by line": ("", "- a\n", ""),
    "lists with blank lines": ("", "* a\n\n", ""),
    "indented lists": ("", "1. a\n   - b\n     - c\n", ""),
    "headings": ("", "# a\n", ""),
    "underlines": ("", "a\n=\n", ""),
    "rules": ("", "---\n", ""),
    "open fence": ("```\n", "a line of code\n", ""),
    "fences": ("", "```\n", ""),
    "table rows": ("|a|b|\n|-|-|\n", "|1|2|\n", ""),
    "table columns": ("", "|a", "|\n|-|\n"),
    "pipes": ("", "|", ""),
    "open tags": ("", "<", ""),
    "tags": ("", "<a ", ""),
    "open comments": ("", "<!--", ""),
    "autolinks": ("", "<http://a", ""),
    "addresses": ("", "http://a.b ", ""),
    "addresses in a row": ("", "http://", ""),
    "mail addresses": ("", "a@b.c ", ""),
    "at signs": ("", "a@", ""),
    "dollars": ("", "$", ""),
    "open formulas": ("", "$a ", ""),
    "display formulas": ("", "$$a", ""),
    "round formulas": ("", "\\(a", ""),
    "square formulas": ("", "\\[\n", ""),
    "square formulas with text": ("", "\\[ a\n", ""),
    "formulas between lines": ("", "a\n$$x$$\n", ""),
    "headings between lines": ("", "a\n# a\n", ""),
    "paragraphs": ("", "a\n\n", ""),
    "lines of one list item": ("- ", "a\n", ""),
    "formulas in one list item": ("- ", "a\n\\[x\\]\n", ""),
    "indented lines of one list item": ("- a\n", "  b\n", ""),
    "two blanks at line ends": ("", "a  \n", ""),
    "blanks": ("a", " ", "b"),
    "tabs": ("", "\t", "a"),
    "East Asian": ("", "비가 온다고 했잖아요。雨", ""),
    "emoji": ("", "👩‍👩‍👧", ""),
    "combining marks": ("a", "\u0301", ""),
}
CODE: Mapping[str, Family] = {
    "words": ("", "word ", ""),
    "one word": ("", "a", ""),
    "open brackets": ("", "(", ""),
    "braces": ("", "{", ""),
    "angles": ("", "<a", ""),
    "template arguments": ("", "a<b,", ""),
    "quotes": ("", '"', ""),
    "apostrophes": ("", "'a ", ""),
    "backticks": ("", "`${", ""),
    "backslashes": ("", "\\", ""),
    "comments": ("", "/*", ""),
    "line comments": ("", "//", ""),
    "arrows": ("", "(a)=>", ""),
    "digits": ("", "1", "x"),
    "numbers": ("", "0x1_", ""),
    "dots": ("", "a.", ""),
    "declarations": ("", "def f(", ""),
    "blanks": ("a", " ", "b"),
    "equals": ("", "a=", ""),
    "keys": ("", '{"a":', ""),
    "heredocs": ("", "<<A\n", ""),
    "at signs": ("", "@a(", ""),
    "dollars": ("", "$(", ""),
    "colons": ("", "a: - ", ""),
}
FORMULAS: Mapping[str, Family] = {
    "letters": ("", "a", ""),
    "braces": ("", "{", ""),
    "powers": ("", "a^{", ""),
    "fractions": ("", "\\frac", ""),
    "roots": ("", "\\sqrt{", ""),
    "closed fractions": ("", "\\frac{a}{b}", ""),
    "left": ("", "\\left(", ""),
    "macros": ("\\def\\a{a a}", "\\a", ""),
    "growing macros": ("\\def\\a#1{#1#1}", "\\a{", ""),
    "rows": ("\\begin{matrix}", "a&b\\\\", "\\end{matrix}"),
    "environments": ("", "\\begin{matrix}", ""),
    "colours": ("", "\\color{red}", "a"),
    "accents": ("", "\\hat", "a"),
    "texts": ("", "\\text{a}", ""),
    "open texts": ("", "\\text{", ""),
    "primes": ("a", "'", ""),
    "blanks": ("a", " ", "b"),
    "percents": ("", "%", ""),
    "sizes": ("", "\\Huge", "a"),
    "phantoms": ("", "\\phantom{a}", ""),
}
WORDS: Mapping[str, Family] = {
    "words": ("", "word ", ""),
    "one word": ("", "a", ""),
    "apostrophes": ("", "a'", ""),
    "only apostrophes": ("", "'", ""),
    "numbers": ("", "1 ", ""),
    "underscores": ("", "_", ""),
    "Chinese": ("", "雨下得很大", ""),
    "Korean": ("", "비가 온다고 했잖아요 ", ""),
    "mixed": ("", "雨a", ""),
    "Russian": ("", "дождями ", ""),
    "one Russian word": ("", "ями", ""),
    "Spanish": ("", "árboles ", ""),
    "combining marks": ("a", "\u0301", ""),
    "Hangul pieces": ("", "\u1112\u1161\u11ab", ""),
    "compatibility forms": ("", "ﷺ", ""),
    "emoji": ("", "👩‍👩‍👧", ""),
    "blanks": ("a", " ", "b"),
    "line ends": ("", "\n", "a"),
    "braces": ("", "{{", ""),
    "open macros": ("", "{{ char ", ""),
    "macros": ("", "{{char}}", ""),
    "comments": ("", "{{//", ""),
    "starts": ("", "<START>\n", ""),
    "angles": ("", "<user", ""),
}


@dataclass(frozen=True, slots=True)
class Target:
    """Something that reads text, and the longest text that the product gives it (characters)."""

    name: str
    limit: int
    families: Mapping[str, Family]
    is_client: bool = False
    # Work on so many texts at a time: grammars that are tried one after the other.
    share: int = 1


TARGETS = (
    # Longer texts are shown as they were written.
    Target("markdown", 80_000, MARKDOWN),
    Target("markdown as written", 1_000_000, MARKDOWN),
    # Three of the longest paragraph that is read; what is closed of an answer is not read again.
    Target("lexer", 30_000, MARKDOWN, is_client=True),
    Target("highlighter", 30_000, CODE, is_client=True, share=14),
    Target("formulas", 5_000, FORMULAS, is_client=True),
    Target("terms", 100_000, WORDS),
    Target("language", 100_000, WORDS),
    Target("tokens", 100_000, WORDS),
    Target("macros", 30_000, WORDS),
)


async def growing_texts(stage: Stage) -> Outcome:
    """Two targets at a time, each in a process that can be stopped."""
    outcome = Outcome()
    slots = asyncio.Semaphore(2)

    async def measured(target: Target) -> "list[Curve]":
        async with slots:
            return await _curves(target)

    found = await asyncio.gather(*(measured(target) for target in TARGETS))
    for target, curves in zip(TARGETS, found, strict=True):
        outcome.exactly(f"{target.name}: families", len(curves), len(target.families))
        outcome.none_of(f"{target.name}: growing faster than {PER_DOUBLING} per doubling", _steep(curves))
        outcome.none_of(f"{target.name}: longer than {SECONDS} s", _slow(target, curves))
        slowest = max(curves, key=lambda curve: curve.longest)
        outcome.note(f"{target.name}: slowest", f"{slowest.longest:.3f} s, {slowest.family}")
    outcome.at_least("families", sum(map(len, found)), 20)
    return outcome


@dataclass(slots=True)
class Curve:
    """Seconds of the processor that a short and the longest text of one family take.

    The short one's are 0 where the long one tells enough; infinity: it was stopped.
    """

    family: str
    shortest: float
    longest: float

    def per_doubling(self) -> float:
        """The mean factor; 0 where even the longest takes too little time to be measured."""
        if not self.shortest:
            return 0.0
        # Below this a time is mostly the clock's own.
        return float((self.longest / max(self.shortest, 0.005)) ** (1 / DOUBLINGS))

    def __str__(self) -> str:
        return f"{self.family}: {self.per_doubling():.2f}: {self.shortest} s, {self.longest} s"


def _steep(curves: Sequence[Curve]) -> list[str]:
    return [str(curve) for curve in curves if curve.per_doubling() > PER_DOUBLING]


def _slow(target: Target, curves: Sequence[Curve]) -> list[str]:
    return [str(curve) for curve in curves if curve.longest > SECONDS * target.share]


async def _curves(target: Target) -> list[Curve]:
    """What the worker says; one that falls silent is stopped and goes on behind the family that it fell silent at."""
    waiting = dict(target.families)
    curves: list[Curve] = []
    while waiting:
        measured = await _measure(target, waiting) or [Curve(next(iter(waiting)), 0.0, float("inf"))]
        for curve in measured:
            del waiting[curve.family]
        curves += measured
    return curves


async def _measure(target: Target, families: Mapping[str, Family]) -> list[Curve]:
    sizes = [target.limit >> DOUBLINGS, target.limit]
    least = LEAST_SECONDS * target.share
    asked = {"target": target.name, "families": families, "sizes": sizes, "least": least}
    command = node("growing.mjs") if target.is_client else python("-m", "tests.acceptance.growing")
    worker = await asyncio.create_subprocess_exec(
        *command,
        cwd=ROOT,
        env=clean_environment(),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        start_new_session=True,
    )
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(json.dumps(asked).encode())
    worker.stdin.close()
    curves: list[Curve] = []
    try:
        async with asyncio.timeout(None) as limit:
            while True:
                limit.reschedule(asyncio.get_running_loop().time() + PATIENCE_SECONDS)
                line = await worker.stdout.readline()
                if not line:
                    break
                told = json.loads(line)
                curves.append(Curve(told["family"], *told["seconds"]))
    except TimeoutError:
        worker.kill()
    await worker.wait()
    return curves

"""Markdown of answers as HTML, for pages without a program; the `markdown` filter is its only caller.

GitHub's dialect with mathematics, without raw HTML. Nothing is fetched when an answer is shown: an image becomes a
link that names its host. The client's renderer makes the same markup.
"""

import re
from collections.abc import Sequence
from functools import lru_cache
from itertools import takewhile
from typing import Any
from urllib.parse import urlsplit

from django.utils.html import escape, format_html, linebreaks
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock
from markdown_it.rules_core import StateCore
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict

# A page shows the last messages again and again; longer ones are not worth the memory.
CACHED_MESSAGES, LONGEST_CACHED = 512, 20_000
# Reading takes 5 to 10 µs a character and nine times that for an open bracket, and holds the process for so long: a
# text that would take more than a second is shown as it was written.
HEAVIEST, WEIGHT_OF_BRACKET = 80_000, 9

OUTSIDE = {"rel": "noopener noreferrer nofollow", "target": "_blank"}
_SCHEMES = frozenset({"http", "https", "mailto"})

# Bounded, because each is tried at many places of a hostile text.
LONGEST_FORMULA = 2000
# Opening, closing, and whether it stands on a line of its own.
_INLINE_FORMULAS = (("$$", "$$", True), ("\\(", "\\)", False), ("\\[", "\\]", True))
# As Pandoc: no space inside single dollars, no digit after them, so that prices stay prices.
_SINGLE_DOLLARS = re.compile(r"\$(?![\s$])((?:\\.|[^\\$\n]){1,2000}?)(?<!\s)\$(?!\d)")
_BLOCK_FORMULA = re.compile(r" {0,3}(?:\$\$([^$]{1,2000}?)\$\$|\\\[([\s\S]{1,2000}?)\\\])[ \t]*(?:\n|$)")
_ADDRESS = re.compile(r"://[^\s<>\"'`]+")
_TASK_BOXES = {"[ ] ": "☐ ", "[x] ": "☑ ", "[X] ": "☑ "}
_NOT_AT_THE_END = ".,:;!?*_~'\""


def render(text: str) -> SafeString:
    """An answer's HTML."""
    if len(text) + (WEIGHT_OF_BRACKET - 1) * text.count("[") > HEAVIEST:
        return mark_safe(linebreaks(text, autoescape=True))  # noqa: S308  (escaped by linebreaks)
    return _cached(text) if len(text) <= LONGEST_CACHED else _rendered(text)


def _rendered(text: str) -> SafeString:
    # The one place where HTML that templates did not write is trusted: the parser passes no HTML of the text on.
    return mark_safe(str(_parser().render(text)))  # noqa: S308


_cached = lru_cache(maxsize=CACHED_MESSAGES)(_rendered)


def is_safe_address(address: str) -> bool:
    """Whether a link may lead there: an absolute address whose scheme runs nothing.

    Written in full: "https:a" is one place on a page of that scheme and another elsewhere.
    """
    try:
        parts = urlsplit(address.strip())
        return parts.scheme == "mailto" or (parts.scheme in _SCHEMES and bool(parts.hostname))
    except ValueError:
        return False


def _place(address: str) -> str:
    """The host or the mailbox that a safe address leads to."""
    parts = urlsplit(address)
    return parts.netloc.rpartition("@")[2].lower() or parts.path


def _untold_place(address: str, text: str) -> str:
    """Where a link leads, unless its text begins with that address: words may promise anything."""
    place, scheme = _place(address), urlsplit(address).scheme
    whole = place if scheme == "mailto" else f"{scheme}://{place}"
    told = text.strip().lower()
    is_told = told.startswith(whole) and told[len(whole) : len(whole) + 1] in ("", "/", "?", "#")
    return "" if is_told else place


class _Renderer(RendererHTML):
    """Markup of the parts that differ from CommonMark's."""

    def heading_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        """An answer may begin with ### or skip a level; below the page's h1 and the answer's h2 there is no gap."""
        depth, outline = int(tokens[index].tag[1:]), env.setdefault("outline", [])
        while outline and outline[-1] >= depth:
            outline.pop()
        env["heading"] = f"h{min(6, 3 + len(outline))}"
        outline.append(depth)
        return f"<{env['heading']}>"

    def heading_close(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return f"</{env['heading']}>\n"

    def table_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return '<div class="table" tabindex="0"><table>\n'

    def table_close(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return "</table></div>\n"

    def th_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return _cell(tokens[index])

    def td_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return _cell(tokens[index])

    def link_open(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        env["links"] = env.get("links", 0) + 1
        if env["links"] > 1:  # the parser lets an address in <> be a link inside another; no browser does
            return ""
        token = tokens[index]
        if place := _untold_place(str(token.attrs["href"]), _text_of_link(tokens, index)):
            token.attrs["data-host"] = place
        token.attrs.update(OUTSIDE)
        return self.renderToken(tokens, index, options, env)

    def link_close(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        env["links"] -= 1
        return "" if env["links"] else "</a>"

    def image(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        token = tokens[index]
        address = str(token.attrs.get("src", ""))
        name = token.content or _("Image")
        if env.get("links"):  # a link in a link is none to a browser
            return format_html("{} ({})", name, _place(address))
        link = '<a class="outside-image" href="{}" rel="{}" target="{}">{} ({})</a>'
        return format_html(link, address, OUTSIDE["rel"], OUTSIDE["target"], name, _place(address))

    def fence(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return _code(tokens[index].content, tokens[index].info.strip().split(" ")[0])

    def code_block(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        return _code(tokens[index].content, "")

    def formula(self, tokens: Sequence[Token], index: int, options: OptionsDict, env: EnvType) -> str:
        display = " data-display" if tokens[index].block else ""
        return f'<span class="formula"{display}>{escape(tokens[index].content)}</span>'


def _text_of_link(tokens: Sequence[Token], opening: int) -> str:
    # Not islice: it would count from the first token for every link.
    following = (tokens[index] for index in range(opening + 1, len(tokens)))
    inside = takewhile(lambda token: token.type != "link_close", following)
    return "".join(token.content for token in inside)


def _cell(token: Token) -> str:
    # The parser says it by an inline style, which the content security policy forbids.
    align = str(token.attrs.get("style", "")).removeprefix("text-align:")
    return f'<{token.tag} class="align-{align}">' if align else f"<{token.tag}>"


def _code(text: str, language: str) -> str:
    figure = (
        '<figure class="code"><figcaption><span>{}</span></figcaption>'
        '<pre tabindex="0"><code data-language="{}">{}</code></pre></figure>\n'
    )
    return format_html(figure, language, language, text.removesuffix("\n"))


def _task_boxes(state: StateCore) -> None:
    """`- [x] done` as GitHub shows it."""
    for before, paragraph, token in zip(state.tokens, state.tokens[1:], state.tokens[2:], strict=False):
        if before.type == "list_item_open" and paragraph.type == "paragraph_open" and token.children:
            first = token.children[0]
            if (box := _TASK_BOXES.get(first.content[:4])) is not None:
                first.content = box + first.content[4:]
                before.attrs["class"] = "task"


def _inline_formula(state: StateInline, silent: bool) -> bool:
    found = _formula_at(state.src, state.pos)
    if found is None:
        return False
    content, is_display, end = found
    if not silent:
        token = state.push("formula", "", 0)
        token.content = content.strip()
        token.block = is_display
    state.pos = end
    return True


def _formula_at(text: str, start: int) -> tuple[str, bool, int] | None:
    """What a formula that opens here says, whether it is displayed, and where it ends."""
    for opening, closing, is_display in _INLINE_FORMULAS:
        if text.startswith(opening, start):
            begin = start + len(opening)
            # Not by an expression: it would step through what may follow, letter by letter, at each opening.
            end = text.find(closing, begin + 1, begin + LONGEST_FORMULA + len(closing))
            content = text[begin:end]
            if end < 0 or "\n" in content or (opening == "$$" and "$" in content):
                return None
            return content, is_display, end + len(closing)
    match = _SINGLE_DOLLARS.match(text, start)
    return (match[1], False, match.end()) if match else None


def _block_formula(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    if state.is_code_block(start):
        return False
    match = _BLOCK_FORMULA.match(state.src, state.bMarks[start])
    if match is None or match.end() > state.eMarks[end - 1] + 1:
        return False
    if not silent:
        token = state.push("formula", "", 0)
        token.content = (match[1] or match[2]).strip()
        token.block = True
    state.line = start + match[0].rstrip("\n").count("\n") + 1
    return True


def _bare_address(state: StateInline, silent: bool) -> bool:
    """`https://…` in running text; the scheme has been taken for text already when the colon comes."""
    scheme = next((each for each in ("https", "http") if state.pending.endswith(each)), None)
    match = _ADDRESS.match(state.src, state.pos) if scheme and state.linkLevel == 0 else None
    if scheme is None or match is None:
        return False
    rest = match[0].rstrip(_NOT_AT_THE_END)
    if rest.endswith(")") and "(" not in rest:
        rest = rest[:-1]
    address = state.md.normalizeLink(scheme + rest)
    if not is_safe_address(address):
        return False
    if not silent:
        _push_link(state, scheme, scheme + rest, address)
    state.pos += len(rest)
    return True


def _push_link(state: StateInline, scheme: str, text: str, address: str) -> None:
    state.pending = state.pending[: -len(scheme)]
    opening = state.push("link_open", "a", 1)
    opening.attrs = {"href": address}
    state.push("text", "", 0).content = text
    state.push("link_close", "a", -1)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    parser = MarkdownIt(
        "js-default", {"html": False, "breaks": True, "linkify": False}, renderer_cls=_Renderer
    )
    parser.validateLink = is_safe_address  # type: ignore[method-assign, assignment]  # the documented way to set it
    parser.inline.ruler.before("escape", "formula", _inline_formula)
    parser.inline.ruler.before("link", "bare_address", _bare_address)
    parser.core.ruler.after("inline", "task_boxes", _task_boxes)
    parser.block.ruler.before(
        "fence", "formula", _block_formula, {"alt": ["paragraph", "blockquote", "list"]}
    )
    return parser


__all__: Sequence[Any] = ("is_safe_address", "render")

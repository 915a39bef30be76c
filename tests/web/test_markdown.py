"""The server's Markdown: what becomes of each construct, and that no text becomes markup that runs or loads."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tertulia.web.markdown import is_safe_address, render

OUTSIDE = 'rel="noopener noreferrer nofollow" target="_blank"'

CASES = {
    "*em* **strong** ~~s~~ `c<`": "<p><em>em</em> <strong>strong</strong> <s>s</s> <code>c&lt;</code></p>",
    "one\ntwo": "<p>one<br>two</p>",
    "### First\n\n##### Second\n\n# Third": "<h3>First</h3><h4>Second</h4><h3>Third</h3>",
    "[a](https://e.org)": f'<p><a href="https://e.org" data-host="e.org" {OUTSIDE}>a</a></p>',
    "[https://a.org/](https://x@e.org/)": (
        f'<p><a href="https://x@e.org/" data-host="e.org" {OUTSIDE}>https://a.org/</a></p>'
    ),
    "[https://e.org.a.org](https://e.org)": (
        f'<p><a href="https://e.org" data-host="e.org" {OUTSIDE}>https://e.org.a.org</a></p>'
    ),
    "<a@e.org>": f'<p><a href="mailto:a@e.org" {OUTSIDE}>a@e.org</a></p>',
    "[![pic](https://e.org/p.png)](https://f.org)": (
        f'<p><a href="https://f.org" data-host="f.org" {OUTSIDE}>pic (e.org)</a></p>'
    ),
    "[a](https:e.org)": "<p>[a](https:e.org)</p>",
    "see https://e.org/a_b.": f'<p>see <a href="https://e.org/a_b" {OUTSIDE}>https://e.org/a_b</a>.</p>',
    "(http://e.org/x)": f'<p>(<a href="http://e.org/x" {OUTSIDE}>http://e.org/x</a>)</p>',
    "![pic](https://e.org/p.png)": (
        f'<p><a class="outside-image" href="https://e.org/p.png" {OUTSIDE}>pic (e.org)</a></p>'
    ),
    "[a](javascript:x)": "<p>[a](javascript:x)</p>",
    "[a](/local)": "<p>[a](/local)</p>",
    "<b>x</b>": "<p>&lt;b&gt;x&lt;/b&gt;</p>",
    "```py\nx < 1\n```": (
        '<figure class="code"><figcaption><span>py</span></figcaption>'
        '<pre tabindex="0"><code data-language="py">x &lt; 1</code></pre></figure>'
    ),
    "$a_1 b_1$ for $5 or $6": '<p><span class="formula">a_1 b_1</span> for $5 or $6</p>',
    "\\(x<y\\)": '<p><span class="formula">x&lt;y</span></p>',
    "$$\nx\n$$": '<span class="formula" data-display>x</span>',
    "text\n$$x$$": '<p>text</p><span class="formula" data-display>x</span>',
    "- [x] a\n- [ ] b": '<ul><li class="task">☑ a</li><li class="task">☐ b</li></ul>',
    "|a|\n|:-:|\n|b|": (
        '<div class="table" tabindex="0"><table><thead><tr><th class="align-center">a</th></tr></thead>'
        '<tbody><tr><td class="align-center">b</td></tr></tbody></table></div>'
    ),
}


@pytest.mark.parametrize("text", CASES)
def test_construct(text: str) -> None:
    assert re.sub(r"\n+", "", render(text)) == CASES[text].replace("\n", "")


@pytest.mark.parametrize(
    "address",
    [
        "javascript:x",
        "JAVASCRIPT:x",
        "data:text/html,x",
        "vbscript:x",
        "//e.org",
        "/x",
        "x",
        "",
        "http",
        "https:e.org",
        "https:///x",
        "https://[e",
    ],
)
def test_unsafe_address(address: str) -> None:
    assert not is_safe_address(address)


@pytest.mark.parametrize("address", ["http://e.org", "HTTPS://e.org/x", "mailto:a@e.org"])
def test_safe_address(address: str) -> None:
    assert is_safe_address(address)


TAG = re.compile(r"<(?!/)([^\s>]*)([^>]*)>")
TAGS = set(
    "p br hr h3 h4 h5 h6 ul ol li blockquote div table thead tbody tr th td figure figcaption pre "
    "a em strong s code span".split()
)
PIECES = [
    *"<script> <img ](javascript:x) [a ![ $ $$ \\( ` ``` * _ ~~ http:// &#106; \" ' < > \\ | |-| a [x]".split(),
    *(" ", "\n", "\n\n", "> ", "- ", "# ", "1. ", "src=x onerror=y>"),
]


@given(st.lists(st.sampled_from(PIECES), max_size=30).map("".join))
def test_only_known_elements_with_known_attributes(text: str) -> None:
    for name, attributes in TAG.findall(render(text)):
        assert name in TAGS
        assert not re.search(r"\s(on\w+|style|src)\s*=", re.sub(r'"[^"]*"', '""', attributes))
        for address in re.findall(r'href="([^"]*)"', attributes):
            assert is_safe_address(address)


@pytest.mark.parametrize("text", ["word " * 25_000, "[" * 15_000, "- a\n" * 30_000])
def test_a_text_that_would_hold_the_process_is_shown_as_it_was_written(text: str) -> None:
    shown = render(f"{text}\n\n<script>&")
    assert "<ul>" not in shown
    assert shown.endswith("<p>&lt;script&gt;&amp;</p>")
    assert render("word " * 15_000).startswith("<p>word word")


def test_a_link_holds_no_link() -> None:
    html = render("[<https://evil.example/a>](https://good.example/) after")
    assert html.count("<a ") == html.count("</a>") == 1
    assert 'data-host="good.example"' in html
    assert render("[b](https://good.example/)").count("</a>") == 1

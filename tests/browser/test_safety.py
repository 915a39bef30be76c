"""Hostile answers do nothing, live and after a reload; the watch of every test sees requests and breaches of policy."""

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.browser.steps import prose, say, script, wait_for_end
from tests.people import Person

ALLOWED = (
    "p, br, hr, h3, h4, h5, h6, ul, ol, li, blockquote, div, table, thead, tbody, tr, th, td, figure, figcaption, pre, "
    "button, a, em, strong, s, code, span, math, math *"
)

HOSTILE = [
    "<script>window.hit = 1</script>",
    "<img src=x onerror='window.hit = 1'>",
    "<svg><animate onbegin=window.hit=1 attributeName=x dur=1s>",
    "<iframe srcdoc='<script>parent.hit = 1</script>'></iframe>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<form action='https://evil.example'><button>press</button></form>",
    "[a](javascript:window.hit=1)",
    "[a](JaVaScRiPt:window.hit=1)",
    "[a](&#106;avascript:window.hit=1)",
    "[a](\u0001javascript:window.hit=1)",
    "[a](data:text/html,<script>window.hit=1</script>)",
    "[a](vbscript:x)",
    "[a][ref]\n\n[ref]: javascript:window.hit=1",
    "<javascript:window.hit=1>",
    "![x](https://evil.example/pixel.png)",
    "![x][ref]\n\n[ref]: https://evil.example/pixel.png",
    '![x](https://evil.example/"onerror="window.hit=1)',
    "[![x](https://evil.example/a.png)](https://evil.example/b)",
    '[a](https://example.org/ "\\"onclick=window.hit=1")',
    '`<img src=x onerror="window.hit=1">`',
    "```html\n<script>window.hit = 1</script>\n```",
    '```"><script>window.hit=1</script>\nx\n```',
    "| <img src=x onerror=window.hit=1> |\n|---|\n| <script>window.hit=1</script> |",
    "$\\href{javascript:window.hit=1}{x}$ and $\\includegraphics{https://evil.example/x.png}$",
    "$$\\htmlData{x=1}{y}$$ $\\url{javascript:window.hit=1}$",
    "&lt;script&gt;window.hit=1&lt;/script&gt;",
    "<a href='//evil.example' target=_top>out</a>",
    "<base href='https://evil.example/'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<template id=answer-template><b>clobbered</b></template><p id=composer>",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_a_hostile_answer_does_nothing(visit: Open, alice: Person, text: str) -> None:
    page = visit(alice)
    say(page, script(text=f"before {text}\n\n{text}\n\nafter"))
    wait_for_end(page)
    for _ in ("live", "from the server"):
        expect(prose(page)).to_contain_text("after")
        assert prose(page).locator(f":not({ALLOWED})").count() == 0
        for link in prose(page).locator("a").all():
            assert (link.get_attribute("href") or "").startswith(("http://", "https://", "mailto:"))
            assert link.get_attribute("rel") == "noopener noreferrer nofollow"
        assert page.evaluate("window.hit") is None
        assert page.locator("#composer").count() == 1
        page.reload()


def test_the_users_own_words_are_text(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "<b>bold?</b> **no**")
    wait_for_end(page)
    expect(page.locator(".bubble")).to_have_text("<b>bold?</b> **no**")
    page.reload()
    expect(page.locator(".bubble")).to_have_text("<b>bold?</b> **no**")


def test_code_is_copied_and_coloured(visit: Open, alice: Person) -> None:
    page = visit(alice, permissions=["clipboard-read", "clipboard-write"])
    say(page, script(text="```python\ndef f():\n    return '<b>'\n```"))
    wait_for_end(page)
    for _ in ("live", "from the server"):
        expect(prose(page).locator(".hl-keyword").first).to_have_text("def")
        prose(page).get_by_role("button", name="Copy").click()
        expect(prose(page).get_by_role("button", name="Copied")).to_be_visible()
        assert page.evaluate("navigator.clipboard.readText()") == "def f():\n    return '<b>'"
        page.reload()


def test_a_formula_becomes_mathml(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text="Inline $a_1^2$, and\n\n$$\\sum_{i=1}^n i$$\n\ncosts $5 or $6."))
    wait_for_end(page)
    for _ in ("live", "from the server"):
        expect(prose(page).locator("math")).to_have_count(2)
        expect(prose(page)).to_contain_text("costs $5 or $6.")
        page.reload()


def test_an_answer_looks_the_same_from_the_server(visit: Open, alice: Person) -> None:
    text = """# One

Two *three* **four** ~~five~~ `six` https://example.org/seven.
Next line

1. eight
2. nine
   - ten

> eleven
>
> — twelve

| a | b |
|:-:|--:|
| 1 | *2* |

- [x] done

&amp; &copy; \\* end
"""
    page = visit(alice)
    say(page, script(text=text))
    wait_for_end(page)
    live = shape(page)
    page.reload()
    assert shape(page) == live


def shape(page: object) -> list[str]:
    """The elements of the answer in order, with their classes and texts."""
    script = """prose => [...prose.querySelectorAll("*")].map(each =>
        each.tagName + "." + each.className + ":" + each.textContent.replace(/\\s+/g, ""))"""
    return prose(page).evaluate(script)  # type: ignore[arg-type, no-any-return]

"""axe finds nothing on any page, light or dark, wide or narrow; nothing moves for those who asked for stillness."""

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Open, change
from tests.browser.steps import say, script, wait_for_end
from tests.people import Person

RICH = """### A heading

Words with *emphasis*, `code`, a [link](https://example.org/) and an ![image](https://example.org/x.png).

> A quotation
>
> — Somebody, *Somewhere* [1]

```python
def f(x):
    return x
```

| a | b |
|---|--:|
| 1 | 2 |

- [x] done
- [ ] to do

$$a^2 + b^2$$
"""

LOOKS: list[dict[str, Any]] = [
    {"color_scheme": "light"},
    {"color_scheme": "dark"},
    {"color_scheme": "light", "viewport": {"width": 360, "height": 740}, "has_touch": True},
]


def check(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


@pytest.mark.parametrize("look", LOOKS, ids=["light", "dark", "phone"])
class TestAxe:
    def test_a_conversation_with_everything(self, visit: Open, alice: Person, look: dict[str, Any]) -> None:
        page = visit(alice, **look)
        check(page)
        say(page, script(text=RICH, reasoning="Let me see."))
        wait_for_end(page)
        expect(page.locator(".formula math")).to_be_visible()
        check(page)
        page.reload()
        check(page)

    def test_open_menus(self, visit: Open, alice: Person, look: dict[str, Any]) -> None:
        page = visit(alice, **look)
        say(page, "hello")
        wait_for_end(page)
        for summary in ("#conversation-menu > summary", "#options > summary", ".facts > summary"):
            page.locator(summary).first.click() if page.locator(summary).count() else None
            check(page)
            page.keyboard.press("Escape")

    def test_states(self, visit: Open, alice: Person, look: dict[str, Any]) -> None:
        page = visit(alice, **look)
        say(page, script(tokens=900, rate=30))
        expect(page.locator("[data-prose]")).to_contain_text("word2")
        check(page)
        page.click("#stop")
        wait_for_end(page, "stopped")
        check(page)
        say(page, script(status=500))
        wait_for_end(page, "failed")
        check(page)

    def test_over_quota(self, visit: Open, alice: Person, watch: Any, look: dict[str, Any]) -> None:
        watch.allowed.append("429")
        change(alice, daily_quota=0)
        page = visit(alice, **look)
        say(page, "hello")
        expect(page.locator("#composer-notice")).to_be_visible()
        check(page)

    def test_pages_of_the_account(self, visit: Open, alice: Person, look: dict[str, Any]) -> None:
        page = visit(alice, "/settings", **look)
        for path in ("/settings", "/accounts/profile", "/accounts/logout"):
            page.goto(path)
            check(page)

    def test_pages_for_strangers(
        self, new_context: Callable[..., BrowserContext], look: dict[str, Any]
    ) -> None:
        page = new_context(**look).new_page()
        for path in ("/accounts/login", "/accounts/join"):
            page.goto(path)
            check(page)


def test_an_unknown_page(visit: Open, alice: Person, watch: Any) -> None:
    watch.allowed.append("404")
    page = visit(alice)
    page.goto("/nowhere")
    check(page)


def test_an_answer_is_announced_once(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text="The whole answer."))
    wait_for_end(page)
    expect(page.get_by_role("status")).to_have_text("Answer: The whole answer.")
    assert page.locator("#thread [aria-live]").count() == 0


def test_nothing_moves_for_those_who_asked(visit: Open, alice: Person) -> None:
    page = visit(alice, reduced_motion="reduce")
    say(page, script(tokens=40, rate=40))
    assert page.evaluate("document.getAnimations().length") == 0
    wait_for_end(page)


def test_nothing_is_wider_than_a_small_phone(visit: Open, alice: Person) -> None:
    page = visit(alice, viewport={"width": 360, "height": 640})
    say(page, script(text=RICH + "w" * 300))
    wait_for_end(page)
    assert page.evaluate("document.documentElement.scrollWidth") <= 360

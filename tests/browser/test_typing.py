"""The composer under the keyboard, input methods included, and what it keeps."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open, Watch, change
from tests.browser.steps import prose, say, script, wait_for_end
from tests.people import PASSWORD, Person


def test_enter_while_an_input_method_composes_sends_nothing(visit: Open, alice: Person) -> None:
    page = visit(alice)
    keyboard = page.context.new_cdp_session(page)
    page.focus("#content")
    keyboard.send("Input.imeSetComposition", {"text": "안녕", "selectionStart": 2, "selectionEnd": 2})
    enter = {"key": "Enter", "code": "Enter"}
    keyboard.send("Input.dispatchKeyEvent", {"type": "rawKeyDown", **enter, "windowsVirtualKeyCode": 229})
    keyboard.send("Input.insertText", {"text": "안녕"})
    keyboard.send("Input.dispatchKeyEvent", {"type": "keyUp", **enter, "windowsVirtualKeyCode": 229})
    expect(page.locator("#content")).to_have_value("안녕")
    expect(page.locator("#thread > li")).to_have_count(0)
    page.keyboard.press("Enter")
    wait_for_end(page)
    expect(prose(page)).to_contain_text("안녕")


def test_shift_enter_begins_a_line(visit: Open, alice: Person) -> None:
    page = visit(alice)
    page.type("#content", "one")
    page.keyboard.press("Shift+Enter")
    page.keyboard.type("two")
    expect(page.locator("#content")).to_have_value("one\ntwo")
    expect(page.locator("#thread > li")).to_have_count(0)


def test_blanks_are_not_sent(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "  \n ")
    expect(page.locator("#thread > li")).to_have_count(0)


def test_typing_goes_on_while_an_answer_streams(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(tokens=80, rate=40))
    expect(prose(page)).to_contain_text("word3")
    say(page, "my next thought")
    expect(page.locator("#content")).to_have_value("my next thought")
    wait_for_end(page)
    page.press("#content", "Enter")
    expect(page.locator("#thread > li")).to_have_count(4)


def test_a_draft_survives_a_reload(visit: Open, alice: Person) -> None:
    page = visit(alice)
    page.fill("#content", "half a thou")
    page.reload()
    expect(page.locator("#content")).to_have_value("half a thou")
    say(page, "a whole thought")
    wait_for_end(page)
    page.goto("/")
    expect(page.locator("#content")).to_have_value("")


def test_over_quota_the_text_comes_back(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed.append("429")
    change(alice, daily_quota=1)
    page = visit(alice)
    say(page, "the only one")
    wait_for_end(page)
    say(page, "one too many")
    expect(page.locator("#composer-notice")).to_be_visible()
    expect(page.locator("#content")).to_have_value("one too many")
    expect(page.locator("#thread > li")).to_have_count(2)
    expect(page.locator("#quota")).to_contain_text("0 of 1 left today")


def test_a_refused_first_message_leaves_no_conversation(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed.append("429")
    change(alice, daily_quota=0)
    page = visit(alice)
    say(page, "hello?")
    expect(page.locator("#composer-notice")).to_be_visible()
    expect(page).to_have_url(re.compile(r"/$"))
    expect(page.locator("#welcome")).to_be_visible()
    page.reload()
    expect(page.locator("#content")).to_have_value("hello?")
    expect(page.locator("#conversations a[data-id]")).to_have_count(0)


def test_an_ended_session_keeps_the_text(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed += ["401", "403"]
    page = visit(alice)
    say(page, "hello")
    wait_for_end(page)
    address = page.url
    page.context.clear_cookies(name="session")
    say(page, "typed for an hour")
    expect(page.locator("#composer-notice")).to_contain_text("Your text is kept")
    expect(page.locator("#content")).to_have_value("typed for an hour")
    page.locator("#composer-notice a").click()
    page.fill("#email", alice.email)
    page.fill("#password", PASSWORD)
    page.click("main button.primary")
    expect(page).to_have_url(address)
    expect(page.locator("#content")).to_have_value("typed for an hour")
    page.press("#content", "Enter")
    wait_for_end(page)
    expect(page.locator("#thread > li")).to_have_count(4)


def test_signing_in_anew_in_another_tab_is_enough(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed.append("403")
    page = visit(alice)
    other = page.context.new_page()
    page.context.clear_cookies(name="session")
    other.goto("/accounts/login")
    other.fill("#email", alice.email)
    other.fill("#password", PASSWORD)
    other.click("main button.primary")
    expect(other.locator("#composer")).to_be_visible()
    say(page, "hello")
    wait_for_end(page)


def test_the_keyboard_alone_reaches_everything(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "```python\nx = 1\n```")
    wait_for_end(page)
    page.evaluate("document.activeElement.blur()")
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            "(document.activeElement.textContent.trim() || document.activeElement.id || document.activeElement.tagName)"
        )
        reached.add(name[:40])
        if name == "BODY":
            break
    assert {
        "Skip to the content",
        "New conversation",
        "content",
        "Send",
        "Another answer",
        "Good answer",
    } <= reached


def test_a_menu_closes_by_escape_and_gives_the_focus_back(visit: Open, alice: Person) -> None:
    page = visit(alice)
    page.click("#options > summary")
    page.focus("#temperature")
    page.keyboard.press("Escape")
    expect(page.locator("#options")).not_to_have_attribute("open", "")
    expect(page.locator("#options > summary")).to_be_focused()

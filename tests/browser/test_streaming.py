"""The live chat: an answer streams, stops, survives a reload, and is the same in every tab."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import expect

from tests.browser.conftest import Open, Watch, change, interrupt
from tests.browser.steps import answer, prose, say, script, stored, wait_for_end
from tests.people import Person

LONG = " ".join(f"word{number}" for number in range(120))


def test_an_answer_streams_into_a_new_conversation(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text=LONG, rate=60))
    expect(page.locator(".words .bubble")).to_contain_text("!script")
    expect(prose(page)).to_contain_text("word5")
    expect(answer(page)).to_have_attribute("aria-busy", "true")
    expect(page.locator("#stop")).to_be_visible()
    expect(page.locator("#send")).to_be_hidden()
    wait_for_end(page)
    assert "/c/" in page.url
    expect(prose(page)).to_have_text(LONG)
    expect(page.locator("#send")).to_be_visible()
    expect(page.locator("#content")).to_be_focused()
    expect(page.locator("#status")).to_contain_text("word0")
    expect(page.locator("#conversations a[aria-current]")).to_contain_text("!script")
    assert [message["content"] for message in stored(alice, page)][-1] == LONG


def test_the_conversation_goes_on(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "one")
    wait_for_end(page)
    say(page, "two")
    expect(page.locator("#thread > li")).to_have_count(4)
    wait_for_end(page)
    first, reply, second, _ = stored(alice, page)
    assert (first["parent"], second["parent"]) == (None, reply["id"])


def test_stop_keeps_what_was_shown(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text=LONG, rate=30))
    expect(prose(page)).to_contain_text("word4")
    page.click("#stop")
    wait_for_end(page, "stopped")
    expect(answer(page).locator(".for-stopped")).to_be_visible()
    kept = prose(page).inner_text()
    assert kept.startswith("word0 word1")
    assert stored(alice, page)[-1]["content"].strip() == kept.strip()
    say(page, "and now?")
    wait_for_end(page)


def test_escape_stops(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text=LONG, rate=30))
    expect(prose(page)).to_contain_text("word2")
    page.keyboard.press("Escape")
    wait_for_end(page, "stopped")


def test_reload_in_mid_answer_loses_nothing(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text=LONG, rate=40))
    for word in ("word10", "word40", "word60"):
        expect(prose(page)).to_contain_text(word)
        page.reload()
    wait_for_end(page)
    expect(prose(page)).to_have_text(LONG)
    expect(page.locator("#thread > li")).to_have_count(2)
    assert len(stored(alice, page)) == 2


def test_a_second_tab_shows_the_same(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "hello")
    wait_for_end(page)
    other = page.context.new_page()
    other.goto(page.url)
    say(page, script(text=LONG, rate=40))
    expect(prose(other)).to_contain_text("word5")
    for each in (page, other):
        wait_for_end(each)
        expect(prose(each)).to_have_text(LONG)
    other.close()


def test_leaving_in_mid_answer_does_not_end_it(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text=LONG, rate=60))
    expect(prose(page)).to_contain_text("word5")
    address = page.url
    page.goto("/settings")
    page.goto(address)
    wait_for_end(page)
    expect(prose(page)).to_have_text(LONG)


def test_another_answer_stands_beside_the_first(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "tell me")
    wait_for_end(page)
    answer(page).locator("[data-again]:visible").click()
    expect(answer(page).locator("[data-pager]")).to_contain_text("2/2")
    wait_for_end(page)
    expect(page.locator("#thread > li")).to_have_count(2)
    answer(page).locator("[rel=prev]").click()
    expect(answer(page).locator("[data-pager]")).to_contain_text("1/2")
    assert len(stored(alice, page)) == 3


def test_another_wording_begins_another_branch(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "first wording")
    wait_for_end(page)
    say(page, "what follows")
    wait_for_end(page)
    words = page.locator("#thread > .words").first
    words.hover()
    words.locator(".edit summary").click()
    words.locator("textarea").fill("second wording")
    words.locator("[data-edit] button.primary").click()
    expect(page.locator("#thread > li")).to_have_count(2)
    wait_for_end(page)
    expect(page.locator(".words .bubble")).to_have_text("second wording")
    expect(page.locator(".words [data-pager]")).to_contain_text("2/2")
    page.locator(".words [rel=prev]").click()
    expect(page.locator("#thread > li")).to_have_count(4)


def test_a_failed_answer_says_why_and_can_be_tried_again(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(status=500, text="never mind"))
    wait_for_end(page, "failed")
    expect(answer(page).locator(".for-failed")).to_contain_text("provider")
    answer(page).get_by_role("button", name="Try again").click()
    expect(answer(page).locator("[data-pager]")).to_contain_text("2/2")


def test_an_answer_that_broke_off_says_so(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(fault="reset", at=4, tokens=9))
    wait_for_end(page, "failed")
    note = answer(page).locator(".for-failed")
    expect(note).to_contain_text("The answer broke off.")
    expect(answer(page).get_by_text("There is no answer.")).to_be_hidden()
    expect(answer(page).locator("[data-copy]")).to_be_visible()
    expect(page.locator("#status")).to_contain_text("The answer broke off.")
    page.reload()
    expect(note).to_contain_text("The answer broke off.")


def test_an_answer_that_reached_its_greatest_length_goes_on(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(fault="length", at=4, tokens=9))
    wait_for_end(page)
    note = answer(page, 0).locator(".for-length")
    expect(note).to_be_visible()
    page.reload()
    expect(note).to_be_visible()
    note.get_by_role("button", name="Continue").click()
    expect(page.locator("#thread > li")).to_have_count(4)
    wait_for_end(page)
    expect(answer(page).locator(".outcome .note:visible")).to_have_count(0)


def test_keys_find_their_place_when_a_button_goes(visit: Open, alice: Person) -> None:
    page = visit(alice)
    page.locator("[data-opener]").first.click()
    expect(page.locator("#content")).to_be_focused()
    wait_for_end(page)
    say(page, script(tokens=200, rate=40))
    expect(prose(page)).to_contain_text("word2")
    page.focus("#stop")
    page.keyboard.press("Enter")
    wait_for_end(page, "stopped")
    expect(page.locator("#content")).to_be_focused()
    page.locator(".words").last.hover()
    page.locator(".words .edit summary").last.click()
    expect(page.locator(".words .edit textarea").last).to_be_focused()
    expect(page.locator(".words .bubble").last).to_be_hidden()


def test_another_language_comes_back_to_the_conversation(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "hello")
    wait_for_end(page)
    address = page.url
    page.click(".me > summary")
    with page.expect_navigation():
        page.locator(".languages [lang=es]").click()
    assert page.url == address
    expect(page.locator("html")).to_have_attribute("lang", "es")


def test_a_new_row_costs_no_more_in_a_long_conversation(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(text="a paragraph of the answer " * 2000))
    wait_for_end(page)
    loaded: list[str] = []
    page.on("request", lambda request: loaded.append(urlsplit(request.url).path))
    say(page, "and then?")
    wait_for_end(page)
    expect(page.locator("#conversations [aria-current]")).to_have_count(1)
    page.wait_for_load_state("networkidle")
    assert "/" in loaded
    assert not [path for path in loaded if path.startswith("/c/")]


def test_the_list_goes_on_under_the_same_heading(visit: Open, alice: Person) -> None:
    for number in range(45):
        assert alice.client.post("/api/conversations", json={"title": f"Evening {number}"}).status_code == 201
    page = visit(alice)
    expect(page.locator("#conversations [data-id]")).to_have_count(40)
    page.locator("[data-older]").click()
    expect(page.locator("#conversations [data-id]")).to_have_count(45)
    expect(page.locator("#conversations h2")).to_have_count(1)
    expect(page.locator("#conversations [data-id]").nth(40)).to_be_focused()


def test_thoughts_and_sources_are_shown(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, script(reasoning="Let me think.", text="Here it is."))
    wait_for_end(page)
    page.locator("[data-reasoning] summary").click()
    expect(page.locator(".reasoning-text")).to_have_text("Let me think.")
    page.reload()
    expect(page.locator(".reasoning-text")).to_have_text("Let me think.")


def test_feedback_is_kept_and_taken_back(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "judge me")
    wait_for_end(page)
    button = answer(page).get_by_role("button", name="Good answer")
    with page.expect_response(re.compile("/api/messages/")):
        button.click()
    expect(button).to_have_attribute("aria-pressed", "true")
    assert stored(alice, page)[-1]["feedback"] == "up"
    with page.expect_response(re.compile("/api/messages/")):
        button.click()
    assert stored(alice, page)[-1]["feedback"] is None


def test_parameters_are_sent_and_kept(visit: Open, alice: Person) -> None:
    page = visit(alice)
    page.click("#options > summary")
    page.fill("#temperature", "0.3")
    page.fill("#stop-strings", "END")
    page.keyboard.press("Escape")
    say(page, "hello")
    wait_for_end(page)
    assert stored(alice, page)[-1]["parameters"] == {"temperature": 0.3, "stop": ["END"]}
    page.reload()
    assert page.input_value("#temperature") == "0.3"


def test_a_parameter_out_of_range_is_not_sent(visit: Open, alice: Person) -> None:
    page = visit(alice)
    page.click("#options > summary")
    page.fill("#temperature", "3")
    page.keyboard.press("Escape")
    say(page, "hello")
    expect(page.locator("#options")).to_have_attribute("open", "")
    expect(page.locator("#content")).to_have_value("hello")
    expect(page.locator("#thread > li")).to_have_count(0)


def test_a_lost_connection_is_taken_up_again(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed += ["ERR_INTERNET_DISCONNECTED", "ERR_FAILED", "net::ERR"]
    page = visit(alice)
    say(page, script(text=LONG, rate=30))
    expect(prose(page)).to_contain_text("word5")
    page.context.set_offline(True)
    page.wait_for_timeout(700)
    page.context.set_offline(False)
    wait_for_end(page)
    expect(prose(page)).to_have_text(LONG)


def test_an_interrupted_answer_can_be_continued(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "tell me everything")
    wait_for_end(page)
    interrupt(alice)
    page.reload()
    expect(answer(page).locator(".for-interrupted")).to_be_visible()
    answer(page).get_by_role("button", name="Continue").click()
    expect(page.locator("#thread > li")).to_have_count(4)
    wait_for_end(page)
    expect(page.locator(".words .bubble").last).to_have_text("Continue exactly where you stopped.")


def test_earlier_messages_come_in_place(visit: Open, alice: Person) -> None:
    page = visit(alice)
    say(page, "message 0")
    wait_for_end(page)
    path = f"/api/conversations/{page.url.split('/c/')[1][:36]}/messages"
    change(alice, daily_quota=1000)
    for number in range(1, 33):
        assert alice.client.post(path, json={"content": f"message {number}"}).status_code == 201
    page.reload()
    expect(page.locator("#thread > li")).to_have_count(60)
    page.locator("[data-earlier]").click()
    expect(page.locator("#thread > li")).to_have_count(66)
    expect(page.locator("[data-earlier]")).to_have_count(0)
    expect(page.locator(".words .bubble").first).to_have_text("message 0")

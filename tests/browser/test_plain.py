"""The whole chat without a program in the browser: plain pages and form posts."""

import re
from collections.abc import Callable

from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import Open, Watch, change, in_thread, interrupt
from tests.browser.steps import answer, prose, script, stored
from tests.people import PASSWORD, Person

PLAIN = {"java_script_enabled": False}


def send(page: Page, text: str) -> None:
    page.fill("#content", text)
    # Until the page with the answer has loaded: a reload in the midst of a navigation is refused by the browser.
    with page.expect_navigation():
        page.click("#send")


def test_a_stranger_joins_talks_and_leaves(new_context: Callable[..., BrowserContext]) -> None:
    page = new_context(**PLAIN).new_page()
    page.goto("/")
    expect(page).to_have_url(re.compile(r"/accounts/login\?next=/$"))
    page.get_by_role("link", name="Join").click()
    page.fill("#email", f"newcomer-{id(page)}@example.org")
    page.fill("#nickname", "Nova")
    page.fill("#password", PASSWORD)
    page.click("main button.primary")
    expect(page.get_by_role("heading", level=2).first).to_contain_text("Nova")
    send(page, "hello there")
    expect(page).to_have_url(re.compile(r"/c/[0-9a-f-]{36}#m-[0-9a-f-]{36}$"))
    expect(prose(page)).to_contain_text("You said: hello there")
    expect(page.get_by_role("heading", level=1)).to_have_text("hello there")
    page.click(".me > summary")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile("/accounts/login"))
    page.goto("/settings")
    expect(page).to_have_url(re.compile("/accounts/login"))


def test_an_opener_begins_a_conversation(visit: Open, alice: Person) -> None:
    page = visit(alice, **PLAIN)
    page.locator(".openers button").first.click()
    expect(page.locator(".words .bubble")).to_have_text("Find me a line about beginning again.")


def test_what_was_refused_does_not_lead_astray(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed.append("429")
    change(alice, daily_quota=0)
    page = visit(alice, **PLAIN)
    send(page, "one too many")
    expect(page.locator("#composer-notice")).to_be_visible()
    page.click(".me > summary")
    with page.expect_navigation():
        page.locator(".languages [lang=es]").click()
    expect(page.locator("#content")).to_be_visible()
    page.context.clear_cookies(name="session")
    send(page, "a draft")
    page.fill("#email", alice.email)
    page.fill("#password", PASSWORD)
    with page.expect_navigation():
        page.click("main button.primary")
    expect(page.locator("#content")).to_have_value("a draft")


def test_another_answer_and_another_wording(visit: Open, alice: Person) -> None:
    page = visit(alice, **PLAIN)
    send(page, "first wording")
    answer(page).get_by_role("button", name="Another answer").click()
    expect(answer(page).locator("[data-pager]")).to_contain_text("2/2")
    answer(page).get_by_role("link", name="Previous version").click()
    expect(answer(page).locator("[data-pager]")).to_contain_text("1/2")
    page.locator(".edit summary").click()
    page.locator(".edit textarea").fill("second wording")
    page.get_by_role("button", name="Send anew").click()
    expect(page.locator(".words [data-pager]")).to_contain_text("2/2")
    expect(prose(page)).to_contain_text("You said: second wording")
    assert len(stored(alice, page)) == 5


def test_feedback(visit: Open, alice: Person) -> None:
    page = visit(alice, **PLAIN)
    send(page, "judge me")
    answer(page).get_by_role("button", name="Bad answer").click()
    expect(answer(page).get_by_role("button", name="Bad answer")).to_have_attribute("aria-pressed", "true")
    assert stored(alice, page)[-1]["feedback"] == "down"
    answer(page).get_by_role("button", name="Bad answer").click()
    assert stored(alice, page)[-1]["feedback"] is None


def test_parameters_and_their_faults(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed.append("400")
    page = visit(alice, **PLAIN)
    page.click("#options > summary")
    page.fill("#temperature", "3")
    send(page, "a draft to keep")
    expect(page.locator("#temperature-error")).to_be_visible()
    expect(page.locator("#content")).to_have_value("a draft to keep")
    page.fill("#temperature", "0.5")
    page.fill("#max_tokens", "50")
    page.click("#send")
    expect(prose(page)).to_contain_text("You said: a draft to keep")
    assert stored(alice, page)[-1]["parameters"] == {"temperature": 0.5, "max_tokens": 50}


def test_over_quota_the_draft_stays(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed.append("429")
    change(alice, daily_quota=1)
    page = visit(alice, **PLAIN)
    send(page, "the only one")
    with page.expect_response(re.compile("/send$")) as refused:
        send(page, "one too many")
    assert refused.value.status == 429
    expect(page.locator("#composer-notice")).to_contain_text("New ones come at")
    expect(page.locator("#content")).to_have_value("one too many")
    expect(page.locator("#quota")).to_contain_text("0 of 1 left today")


def test_an_ended_session_keeps_the_draft(visit: Open, alice: Person) -> None:
    page = visit(alice, **PLAIN)
    send(page, "hello")
    address = page.url.split("#")[0]
    page.context.clear_cookies(name="session")
    send(page, "typed for an hour")
    expect(page).to_have_url(re.compile("/accounts/login"))
    expect(page.locator("main .notice")).to_be_visible()
    page.fill("#email", alice.email)
    page.fill("#password", PASSWORD)
    page.click("main button.primary")
    expect(page).to_have_url(address)
    expect(page.locator("#content")).to_have_value("typed for an hour")


def test_sending_twice_is_sending_once(visit: Open, alice: Person) -> None:
    page = visit(alice, **PLAIN)
    page.fill("#content", "only once")
    form = {name: page.locator(f"#composer [name={name}]").first.input_value() for name in ("key", "parent")}
    token = page.locator("#composer [name=csrfmiddlewaretoken]").input_value()
    page.click("#send")
    again = page.request.post(
        "/send",
        form={**form, "csrfmiddlewaretoken": token, "content": "only once", "stop": ""},
        headers={"Accept": "text/html", "Referer": page.url},
        max_redirects=0,
    )
    assert again.headers["location"] in page.url
    assert len(stored(alice, page)) == 2


def test_a_failed_answer(visit: Open, alice: Person) -> None:
    page = visit(alice, **PLAIN)
    send(page, script(status=500))
    expect(answer(page).locator(".for-failed")).to_contain_text("The model provider")
    expect(answer(page).get_by_role("button", name="Try again")).to_be_visible()


def test_a_conversation_is_renamed_and_deleted(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed.append("404")
    page = visit(alice, **PLAIN)
    send(page, "hello")
    page.click("#conversation-menu > summary")
    page.fill("#new-title", "겨울과 야구")
    page.get_by_role("button", name="Rename").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("겨울과 야구")
    page.click("#conversation-menu > summary")
    page.click(".confirm > summary")
    address = page.url
    page.get_by_role("button", name="Delete it for good").click()
    expect(page.locator("#conversations a[data-id]")).to_have_count(0)
    assert page.goto(address).status == 404  # type: ignore[union-attr]


def test_a_foreign_conversation_is_unknown(visit: Open, alice: Person, bob: Person, watch: Watch) -> None:
    watch.allowed.append("404")
    page = visit(alice, **PLAIN)
    send(page, "mine")
    path = page.url.split("#")[0]
    theirs = visit(bob, **PLAIN)
    assert theirs.goto(path).status == 404  # type: ignore[union-attr]
    expect(theirs.get_by_role("heading", level=1)).to_be_visible()


def test_theme_and_language_are_remembered(visit: Open, alice: Person) -> None:
    page = visit(alice, "/settings", **PLAIN)
    page.locator("main").get_by_role("button", name="Dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.locator("main").get_by_role("button", name="한국어").click()
    expect(page.locator("html")).to_have_attribute("lang", "ko")
    assert alice.client.get("/accounts/profile").json()["language"] == "ko"


def test_api_keys_are_shown_once_and_revoked(visit: Open, alice: Person) -> None:
    page = visit(alice, "/settings", **PLAIN)
    page.fill("#name", "my script")
    page.get_by_role("button", name="Create").click()
    key = page.locator("input.key").input_value()
    asked = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    assert page.request.get("/api/usage", headers=asked).status == 200
    page.goto("/settings")
    expect(page.locator("input.key")).to_have_count(0)
    page.get_by_role("button", name="Revoke").click()
    assert page.request.get("/api/usage", headers=asked).status == 401


def test_the_profile_is_changed_and_the_account_deleted(visit: Open, alice: Person, watch: Watch) -> None:
    watch.allowed.append("400")
    page = visit(alice, "/accounts/profile", **PLAIN)
    page.fill("#nickname", "Alicia")
    page.fill("#time_zone", "Asia/Seoul")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("Saved")
    expect(page.locator("#nickname")).to_have_value("Alicia")
    page.fill("#time_zone", "Mars/Olympus")
    page.get_by_role("button", name="Save").click()
    expect(page.locator("#time_zone-error")).to_be_visible()
    page.click(".danger summary")
    page.fill("#erase-current_password", "wrong")
    page.get_by_role("button", name="Delete it for good").click()
    expect(page.locator("#erase-current_password-error")).to_be_visible()
    page.fill("#erase-current_password", PASSWORD)
    page.get_by_role("button", name="Delete it for good").click()
    expect(page).to_have_url(re.compile("/accounts/join"))
    assert alice.client.get("/accounts/profile").status_code == 401


def test_an_interrupted_answer_can_be_continued(visit: Open, alice: Person) -> None:
    page = visit(alice, **PLAIN)
    send(page, "tell me everything")
    interrupt(alice)
    page.reload()
    answer(page).get_by_role("button", name="Continue").click()
    expect(page.locator("#thread > li")).to_have_count(4)
    expect(page.locator(".words .bubble").last).to_have_text("Continue exactly where you stopped.")


def test_a_sign_in_link_works_once(
    new_context: Callable[..., BrowserContext], bob: Person, watch: Watch
) -> None:
    from tertulia.accounts import actions, queries  # after Django's set-up

    watch.allowed.append("404")
    token = in_thread(lambda: actions.make_sign_in_link(user=queries.user_by_email(bob.email)))  # type: ignore[arg-type]
    page = new_context(**PLAIN).new_page()
    page.goto(f"/accounts/link/{token}")
    page.reload()  # looking at it does not use it up
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#composer")).to_be_visible()
    assert page.goto(f"/accounts/link/{token}").status == 404  # type: ignore[union-attr]


def test_older_conversations_are_a_link_away(visit: Open, alice: Person) -> None:
    for _ in range(45):
        assert alice.client.post("/api/conversations", json={"title": "one of many"}).status_code == 201
    page = visit(alice, **PLAIN)
    expect(page.locator("#conversations a[data-id]")).to_have_count(40)
    page.get_by_role("link", name="Older ones").click()
    expect(page.locator("#conversations a[data-id]")).to_have_count(5)
    lively = visit(alice)
    lively.get_by_role("link", name="Older ones").click()
    expect(lively.locator("#conversations a[data-id]")).to_have_count(45)


def test_next_leads_nowhere_else(new_context: Callable[..., BrowserContext], alice: Person) -> None:
    for target in ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"):
        page = new_context(**PLAIN).new_page()
        page.goto(f"/accounts/login?next={target}")
        page.fill("#email", alice.email)
        page.fill("#password", PASSWORD)
        page.click("main button.primary")
        expect(page).to_have_url(re.compile(r"^http://[^/]+/$"))

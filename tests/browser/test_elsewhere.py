"""HTTPS on an own domain with a front end of its own: real Caddy, and pages of other origins in a real browser."""

import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from tests.browser.steps import script
from tests.elsewhere import Elsewhere, elsewhere
from tests.people import PASSWORD
from tests.provider import ScriptedProvider

Visit = Callable[..., Page]

# What the browser writes to its console where a test takes away a login, the quota or the connection.
PROVOKED = ("status of 401", "status of 429", "ERR_CONNECTION_RESET")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory, provider_address: str) -> Iterator[Elsewhere]:
    with elsewhere(tmp_path_factory.mktemp("elsewhere"), provider_address) as world:
        yield world


@pytest.fixture(scope="module")
def provider_address() -> Iterator[str]:
    provider = ScriptedProvider()
    yield provider.start()
    provider.stop()


@pytest.fixture
def visit(browser: Browser, world: Elsewhere) -> Iterator[Visit]:
    """Opens a page of any of the origins; fails the test on an error in it or a request to somewhere else."""
    faults: list[str] = []
    contexts: list[BrowserContext] = []
    known = (world.api, world.front, world.foreign)

    def open_page(address: str, **options: Any) -> Page:
        # The authority is Caddy's own and only this test knows it; httpx checks the certificates below.
        context = browser.new_context(ignore_https_errors=True, **{"locale": "en-US", **options})
        contexts.append(context)
        context.set_default_timeout(15_000)
        context.on("weberror", lambda error: faults.append(str(error.error)))
        context.on("console", lambda line: faults.append(line.text) if line.type == "error" else None)
        context.on("request", lambda sent: None if sent.url.startswith(known) else faults.append(sent.url))
        page = context.new_page()
        page.goto(address)
        return page

    yield open_page
    for context in contexts:
        context.close()
    assert [fault for fault in faults if not any(part in fault for part in PROVOKED)] == []


def join(world: Elsewhere, name: str) -> tuple[str, dict[str, Any]]:
    email = f"{name}-{time.monotonic_ns()}@example.org"
    with world.client() as client:
        answer = client.post("/accounts/join", json={"email": email, "nickname": name, "password": PASSWORD})
    assert answer.status_code == 201, answer.text
    return email, answer.json()


def enter(page: Page, email: str) -> None:
    page.get_by_label("E-mail address").fill(email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_placeholder("Write a message")).to_be_visible()


def check(page: Page) -> None:
    violations = Axe().run(page).response["violations"]
    # The library's own report cannot name what stands in a shadow tree.
    found = [(each["id"], [node["html"] for node in each["nodes"]]) for each in violations]
    assert not found, found


def say(page: Page, text: str) -> None:
    page.get_by_placeholder("Write a message").fill(text)
    page.get_by_role("button", name="Send").click()


# --- The proxy --------------------------------------------------------------------------------------------------------


def test_https_with_hsts_and_host_cookies(world: Elsewhere) -> None:
    email, _ = join(world, "ana")
    with world.client() as client:
        page = client.get("/accounts/login", headers={"Accept": "text/html"})
        assert page.headers["strict-transport-security"].startswith("max-age=31536000")
        token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
        assert token
        sent = client.post(
            "/accounts/login",
            data={"csrfmiddlewaretoken": token[1], "email": email, "password": PASSWORD},
            headers={"Accept": "text/html", "Origin": world.api, "Referer": f"{world.api}/accounts/login"},
        )
    assert sent.status_code == 303, sent.text
    cookies = [cookie for answer in (page, sent) for cookie in answer.headers.get_list("set-cookie")]
    assert {cookie.split("=")[0] for cookie in cookies} == {"__Host-csrf", "__Host-session"}
    for cookie in cookies:
        assert {"Secure", "HttpOnly", "SameSite=Lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain=" not in cookie


def test_the_clients_address_is_the_one_that_connected(world: Elsewhere) -> None:
    """Caddy tells it, the server believes Caddy, and nobody can make it up."""
    email, _ = join(world, "bea")
    for forged in ({}, {"X-Forwarded-For": "203.0.113.9"}, {"X-Forwarded-For": "203.0.113.9, 127.0.0.1"}):
        with world.client(address="127.0.0.7") as client:
            login = client.post(
                "/accounts/login", json={"email": email, "password": PASSWORD}, headers=forged
            )
            access = {"Authorization": f"Bearer {login.json()['access']}"}
            assert client.get("/accounts/profile", headers=access).json()["ip_address"] == "127.0.0.7"


def test_a_stream_comes_as_it_is_written(world: Elsewhere) -> None:
    """The first words are here a good while before the last ones are written: nothing in between gathers them."""
    _, person = join(world, "carla")
    headers = {"Authorization": f"Bearer {person['access']}", "Accept": "text/event-stream"}
    told = script(text="one two three four five six", rate=2.5)
    with world.client() as client:
        made = client.post("/api/conversations", json={}, headers={**headers, "Accept": "application/json"})
        address = f"/api/conversations/{made.json()['id']}/messages"
        with client.stream("POST", address, json={"content": told}, headers=headers) as stream:
            assert "content-encoding" not in stream.headers
            arrivals = [(time.monotonic(), part) for part in stream.iter_text()]
    deltas = [at for at, part in arrivals if "event: delta" in part]
    assert len(deltas) >= 4
    assert deltas[-1] - deltas[0] > 1


def test_the_browser_speaks_http_2(world: Elsewhere, visit: Visit) -> None:
    page = visit(f"{world.api}/accounts/login")
    assert page.evaluate("performance.getEntriesByType('navigation')[0].nextHopProtocol") == "h2"


# --- Pages of other origins -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("place", ["front", "foreign"])
def test_signing_in_talking_stopping_and_leaving(world: Elsewhere, visit: Visit, place: str) -> None:
    email, person = join(world, "dora")
    page = visit(f"{getattr(world, place)}/")
    enter(page, email)
    expect(page.locator(".quota")).to_contain_text("5 of 5 left today")
    say(page, script(text="Some **bold** words."))
    expect(page.locator(".answer .prose strong")).to_have_text("bold")
    expect(page.locator(".answer")).to_have_attribute("data-status", "complete")
    expect(page.locator(".quota")).to_contain_text("4 of 5 left today")
    say(page, script(text="word " * 400, rate=20))
    expect(page.locator(".answer").last).to_contain_text("word word")
    page.get_by_role("button", name="Stop").click()
    expect(page.locator(".answer").last).to_have_attribute("data-status", "stopped")
    shown = page.locator(".answer").last.locator(".prose").inner_text().strip()
    page.reload()
    expect(page.locator(".answer").last.locator(".prose")).to_have_text(re.compile(r"^(word\s*)+"))
    assert page.locator(".answer").last.locator(".prose").inner_text().strip() == shown
    expect(page.locator(".words")).to_have_count(2)
    page.get_by_role("button", name="Sign out").click()
    expect(page.get_by_label("Password")).to_be_visible()
    with world.client() as client:
        access = {"Authorization": f"Bearer {person['access']}"}
        assert (
            client.get("/accounts/profile", headers=access).status_code == 200
        )  # another login of the same person
    assert page.evaluate("Object.keys(sessionStorage).length + Object.keys(localStorage).length") == 0


def test_a_reload_in_mid_answer_goes_on(world: Elsewhere, visit: Visit) -> None:
    email, _ = join(world, "elsa")
    page = visit(f"{world.front}/")
    enter(page, email)
    told = " ".join(f"w{number}" for number in range(60))
    say(page, script(text=told, rate=20))
    expect(page.locator(".answer .prose")).to_contain_text("w3")
    page.reload()
    expect(page.locator(".answer")).to_have_attribute("data-status", "complete")
    expect(page.locator(".answer .prose")).to_have_text(told)
    expect(page.locator(".answer")).to_have_count(1)


def test_a_conversation_begins_with_what_its_character_said(world: Elsewhere, visit: Visit) -> None:
    email, person = join(world, "ilka")
    with world.client() as client:
        client.headers["Authorization"] = f"Bearer {person['access']}"
        character = client.post(
            "/api/characters", json={"name": "Mira", "greeting": "*Sit*, {{user}}."}
        ).json()
        instance = client.post("/api/instances", json={"character": character["id"]}).json()
        talk = client.post("/api/conversations", json={"instance": instance["id"], "title": "Bees"}).json()
        page = visit(f"{world.front}/")
        enter(page, email)
        page.get_by_label("Conversations").select_option("Bees")
        expect(page.locator(".answer .prose")).to_have_text("Sit, ilka.")
        expect(page.get_by_role("heading", name="Mira")).to_have_count(1)
        client.post(f"/api/conversations/{talk['id']}/messages", json={"content": "I sit."})
    page.reload()
    expect(page.locator(".thread > li")).to_have_count(3)
    expect(page.locator(".thread > li .prose em").first).to_have_text("Sit")


def test_a_lost_connection_goes_on(world: Elsewhere, visit: Visit) -> None:
    email, _ = join(world, "fela")
    page = visit(f"{world.front}/")
    enter(page, email)
    # The answer to the first request is cut short; the next one is let through.
    cut: list[str] = []

    def once(route: Route) -> None:
        if cut:
            route.continue_()
        else:
            cut.append(route.request.url)
            route.abort("connectionreset")

    page.route("**/messages", once)
    say(page, script(text="It came through after all."))
    expect(page.locator(".answer .prose")).to_have_text("It came through after all.")
    assert len(cut) == 1
    expect(page.locator(".words")).to_have_count(1)


def test_over_the_quota_the_text_stays(world: Elsewhere, visit: Visit) -> None:
    email, person = join(world, "gala")
    with world.client() as client:
        for number in range(5):
            access = {"Authorization": f"Bearer {person['access']}"}
            assert (
                client.post("/chat", json={"content": f"number {number}"}, headers=access).status_code == 201
            )
    page = visit(f"{world.front}/")
    enter(page, email)
    say(page, "a sixth one")
    expect(page.locator(".composer .notice")).to_contain_text("today's requests are used up")
    expect(page.get_by_placeholder("Write a message")).to_have_value("a sixth one")
    expect(page.locator(".thread > li")).to_have_count(0)


def end_logins(world: Elsewhere, person: dict[str, Any], page: Page) -> None:
    """Once the page has had the answers to all that it asks for at its beginning."""
    expect(page.get_by_label("Conversations").locator("option")).to_have_count(1)
    expect(page.locator(".quota")).to_contain_text("left today")
    with world.client() as client:
        access = {"Authorization": f"Bearer {person['access']}"}
        assert client.delete("/api/sessions", headers=access).status_code == 204


def test_an_ended_login_is_told_and_what_was_typed_is_kept(world: Elsewhere, visit: Visit) -> None:
    email, person = join(world, "hana")
    page = visit(f"{world.front}/")
    enter(page, email)
    end_logins(world, person, page)
    say(page, "is anybody here?")
    expect(page.get_by_label("Password")).to_be_visible()
    expect(page.locator(".doors .notice")).to_contain_text("session has ended")
    enter(page, email)
    expect(page.get_by_placeholder("Write a message")).to_have_value("is anybody here?")
    page.get_by_role("button", name="Send").click()
    expect(page.locator(".answer")).to_have_attribute("data-status", "complete")


def test_what_one_person_typed_is_not_shown_to_the_next(world: Elsewhere, visit: Visit) -> None:
    email, person = join(world, "nino")
    other_email, _other = join(world, "olga")
    page = visit(f"{world.front}/")
    enter(page, email)
    end_logins(world, person, page)
    say(page, "a secret of mine")
    expect(page.locator(".doors .notice")).to_contain_text("session has ended")
    enter(page, other_email)
    expect(page.locator(".quota")).to_contain_text("left today")
    expect(page.get_by_placeholder("Write a message")).to_have_value("")


def slow_down(page: Page, part: str) -> None:
    """The answers of addresses with this part come a second late."""
    page.evaluate(
        """part => {
            const ask = window.fetch;
            window.fetch = async (address, options) => {
                const answer = await ask(address, options);
                if (String(address).includes(part)) await new Promise((go) => setTimeout(go, 1000));
                return answer;
            };
        }""",
        part,
    )


def test_a_message_that_is_sent_before_the_list_is_there_stays(world: Elsewhere, visit: Visit) -> None:
    email, _ = join(world, "dora")
    page = visit(f"{world.front}/")
    slow_down(page, "/api/conversations?limit=")
    enter(page, email)
    say(page, script(text="Here I am."))
    page.wait_for_timeout(1500)
    expect(page.locator(".answer")).to_have_attribute("data-status", "complete")
    expect(page.locator(".thread > li")).to_have_count(2)
    say(page, script(text="And here."))
    expect(page.locator(".thread > li")).to_have_count(4)
    expect(page.get_by_role("combobox").locator("option")).to_have_count(2)


def test_a_quick_choice_does_not_mix_conversations(world: Elsewhere, visit: Visit) -> None:
    email, _ = join(world, "elsa")
    page = visit(f"{world.front}/")
    enter(page, email)
    choice = page.get_by_role("combobox")
    for text in ("first", "second"):
        choice.select_option(label="New conversation")
        say(page, script(text=f"The {text} answer."))
        expect(page.locator(".answer")).to_have_attribute("data-status", "complete")
        expect(page.locator(".answer")).to_contain_text(f"The {text} answer.")
    expect(choice.locator("option")).to_have_count(3)
    _, second, first = (option.get_attribute("value") or "" for option in choice.locator("option").all())
    page.reload()
    expect(page.locator(".answer")).to_contain_text("The second answer.")
    slow_down(page, f"/api/conversations/{first}")
    choice.select_option(first)
    choice.select_option(second)
    page.wait_for_timeout(1500)
    expect(page.locator(".answer")).to_have_text(re.compile("The second answer."))
    expect(choice).to_have_value(second)


def test_it_speaks_the_readers_language(world: Elsewhere, visit: Visit) -> None:
    for locale, sign_in in (
        ("ko-KR", "로그인"),
        ("es-ES", "Iniciar sesión"),
        ("ru-RU", "Войти"),
        ("zh-CN", "登录"),
    ):
        page = visit(f"{world.front}/", locale=locale)
        expect(page.get_by_role("button", name=sign_in, exact=True)).to_be_visible()


def test_joining_from_elsewhere(world: Elsewhere, visit: Visit) -> None:
    page = visit(f"{world.foreign}/")
    page.get_by_role("button", name="You are new here?").click()
    page.get_by_label("E-mail address").fill(f"ines-{time.monotonic_ns()}@example.org")
    page.get_by_label("Nickname").fill("Ines")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Join", exact=True).click()
    expect(page.get_by_placeholder("Write a message")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(world: Elsewhere, visit: Visit, scheme: str) -> None:
    email, _ = join(world, "juno")
    # axe itself writes styles into the page, which the policy would refuse.
    page = visit(f"{world.front}/", color_scheme=scheme, bypass_csp=True)
    expect(page.get_by_label("Password")).to_be_visible()
    check(page)
    enter(page, email)
    say(page, script(text="Some **bold** words.\n\n```python\nx = 1\n```\n\n> A quotation"))
    expect(page.locator(".answer")).to_have_attribute("data-status", "complete")
    check(page)


def test_an_origin_that_is_not_listed_gets_nothing(world: Elsewhere) -> None:
    with world.client() as client:
        answer = client.get("/embed/words", headers={"Origin": "https://evil.example"})
        assert "access-control-allow-origin" not in answer.headers
        listed = client.get("/embed/words", headers={"Origin": world.front})
        assert listed.headers["access-control-allow-origin"] == world.front
        assert "access-control-allow-credentials" not in listed.headers
        script_file = client.get(
            "/static/tertulia/app/embed/embed.js", headers={"Origin": "https://evil.example"}
        )
        assert script_file.headers["access-control-allow-origin"] == "*"
        assert "access-control-allow-origin" not in client.get("/static/tertulia/app/main.js").headers
    assert httpx.get(f"{world.front}/embed.js", verify=world.trust).content == script_file.content

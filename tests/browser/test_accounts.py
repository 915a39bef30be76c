"""The account's pages in a real browser: passkeys on a virtual device, the export, and the whole life of an account."""

import re
import time
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, CDPSession, Page, expect

from tests.browser.conftest import Open, Watch, sign_in
from tests.browser.test_accessibility import check
from tests.people import PASSWORD, Person


@pytest.fixture
def named(server: str, watch: Watch) -> str:
    """The server by a name: passkeys are tied to one, and an address is none."""
    watch.host = watch.host.replace("127.0.0.1", "localhost")
    return server.replace("127.0.0.1", "localhost")


@pytest.fixture
def page(new_context: Callable[..., BrowserContext], named: str) -> Page:
    return new_context(base_url=named).new_page()


class Device:
    """A device that makes passkeys and always agrees, as long as it is plugged in (CDP WebAuthn)."""

    def __init__(self, page: Page, **options: Any) -> None:
        self._session: CDPSession = page.context.new_cdp_session(page)
        self._session.send("WebAuthn.enable")
        self._options = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserVerified": True,
            "automaticPresenceSimulation": True,
        } | options
        added = self._session.send("WebAuthn.addVirtualAuthenticator", {"options": self._options})
        self._id = added["authenticatorId"]

    @property
    def credentials(self) -> list[dict[str, Any]]:
        found = self._session.send("WebAuthn.getCredentials", {"authenticatorId": self._id})
        return list(found["credentials"])

    def refuse(self) -> None:
        """The person at the device says no from now on."""
        self._session.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": False})


def add_passkey(page: Page, name: str) -> None:
    page.goto("/accounts/security/passkey")
    page.fill("#name", name)
    page.fill("#current_password", PASSWORD)
    page.get_by_role("button", name="Go on").click()
    with page.expect_navigation():
        page.get_by_role("button", name="Make the passkey").click()


def sign_out(page: Page) -> None:
    page.goto("/accounts/logout")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url("**/accounts/login")


def test_a_passkey_signs_in_after_the_password_and_alone(page: Page, alice: Person) -> None:
    sign_in(page, alice, "/accounts/security")
    device = Device(page)
    add_passkey(page, "My telephone")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    assert page.locator(".codes li").count() == 10
    assert len(device.credentials) == 1
    page.goto("/accounts/security")
    expect(page.locator(".key-name", has_text="My telephone")).to_be_visible()
    check(page)

    sign_out(page)
    page.fill("#email", alice.email)
    page.fill("#password", PASSWORD)
    page.click("main button.primary")
    expect(page.get_by_role("button", name="Use the passkey")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Use the passkey").click()
    expect(page.locator("#composer")).to_be_visible()

    sign_out(page)
    page.get_by_role("link", name="Sign in with a passkey").click()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_visible()
    check(page)
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.locator("#composer")).to_be_visible()
    page.goto("/accounts/security")
    expect(page.locator("#events-title ~ .events li").first).to_contain_text("Signed in")
    expect(page.locator("#passkeys ~ .keys")).to_contain_text("last used")


def test_a_device_that_refuses_changes_nothing(page: Page, alice: Person) -> None:
    sign_in(page, alice, "/accounts/security")
    device = Device(page)
    add_passkey(page, "One")
    expect(page.get_by_role("heading", name="Recovery codes")).to_be_visible()
    sign_out(page)
    device.refuse()
    page.goto("/accounts/login/passkey")
    page.get_by_role("button", name="Use a passkey").click()
    expect(page.get_by_role("alert")).to_contain_text("Try again")
    check(page)
    page.goto("/accounts/security")
    page.wait_for_url("**/accounts/login**")


def test_a_passkey_is_renamed_and_removed(page: Page, alice: Person) -> None:
    sign_in(page, alice, "/accounts/security")
    Device(page)
    add_passkey(page, "One")
    page.goto("/accounts/security")
    page.get_by_text("Change… One").click()
    page.fill("[id^=passkey-rename]", "Another")
    page.get_by_role("button", name="Rename").click()
    expect(page.locator(".key-name", has_text="Another")).to_be_visible()
    page.get_by_text("Change… Another").click()
    check(page)
    page.fill("[id^=passkey-remove]", PASSWORD)
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("status")).to_contain_text("no longer opens")
    expect(page.locator("#passkeys ~ .keys")).to_have_count(0)
    expect(page.get_by_text("Recovery codes")).to_have_count(0)


def test_without_a_program_the_pages_say_what_passkeys_need(
    new_context: Callable[..., BrowserContext], named: str, alice: Person
) -> None:
    page = new_context(base_url=named, java_script_enabled=False).new_page()
    page.goto("/accounts/login/passkey")
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(page.get_by_role("button", name="Use a passkey")).to_be_hidden()
    sign_in(page, alice, "/accounts/security/passkey")
    expect(page.get_by_text("Passkeys need JavaScript")).to_be_visible()
    expect(page.locator("#name")).to_be_hidden()


def test_by_a_number_the_pages_say_that_passkeys_need_a_name(visit: Open, alice: Person) -> None:
    page = visit(alice, "/accounts/security/passkey")
    expect(page.get_by_text("open it by its name")).to_be_visible()
    expect(page.locator("#name")).to_have_count(0)


def test_the_export_shows_its_progress(visit: Open, alice: Person, tmp_path: Any) -> None:
    assert alice.client.post("/chat", json={"content": "Good evening."}).status_code == 201
    page = visit(alice, "/accounts/data")
    check(page)
    with page.expect_download() as download:
        page.get_by_role("link", name="Export").click()
    download.value.save_as(tmp_path / "export.zip")
    names = zipfile.ZipFile(tmp_path / "export.zip").namelist()
    assert "chat.Message.json" in names
    expect(page.locator("[data-export-done]")).to_contain_text("complete")
    words = page.locator("[data-export-words]").text_content() or ""
    assert re.match(rf"{len(names)} of {len(names)} files, ", words)
    check(page)


# --- The whole life of an account -----------------------------------------------------------------------------------

NEW_PASSWORD = "a short walk by the sea 43"

# axe, where scripts run.
Look = Callable[[Page], None]


def _glance(page: Page) -> None:
    expect(page.locator("h1")).to_be_visible()


@pytest.fixture
def post(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """The messages that are sent, while addresses are to be confirmed."""
    from django.conf import settings
    from django.core import mail

    monkeypatch.setattr(settings, "TERTULIA_VERIFY_EMAIL", True)
    monkeypatch.setattr(settings, "EMAIL_BACKEND", "django.core.mail.backends.locmem.EmailBackend")
    mail.outbox = []
    return mail.outbox


def link_in(post: list[Any]) -> str:
    """The address of the last message's link, on this site."""
    from tertulia.accounts import mail

    mail.settle()
    found = re.search(r"https?://[^/\s]+(/\S+)", post[-1].body)
    assert found
    return found.group(1)


def app_code(secret: str, steps: int = 0) -> str:
    """What an authenticator app shows, `steps` half minutes from now."""
    from allauth.mfa.totp.internal import auth as totp

    return str(totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + steps)))


def press(page: Page, name: str) -> None:
    """A button that leads to another page."""
    with page.expect_navigation():
        page.locator("main").get_by_role("button", name=name, exact=True).click()


def join_and_confirm(page: Page, email: str, post: list[Any], look: Look) -> None:
    page.goto("/accounts/join")
    look(page)
    page.fill("#email", email)
    page.fill("#nickname", "Nova")
    page.fill("#password", "password")
    press(page, "Join")
    expect(page.locator("#password-error")).to_be_visible()
    assert page.input_value("#email") == email
    page.fill("#password", PASSWORD)
    press(page, "Join")
    page.goto(link_in(post))
    look(page)
    press(page, "Confirm")
    expect(page.get_by_role("status")).to_contain_text("confirmed")


def switch_app_on(page: Page, look: Look) -> tuple[str, list[str]]:
    """The app's secret, and the recovery codes."""
    page.goto("/accounts/security/authenticator")
    look(page)
    secret = page.locator("main p > code").text_content() or ""
    page.fill("#current_password", PASSWORD)
    page.fill("#code", "000000")
    press(page, "Switch it on")
    expect(page.locator("#code-error")).to_be_visible()
    page.fill("#current_password", PASSWORD)
    page.fill("#code", app_code(secret))
    press(page, "Switch it on")
    look(page)
    return secret, page.locator(".codes li").all_text_contents()


def come_in(page: Page, email: str, code: str, look: Look) -> None:
    page.goto("/accounts/login")
    page.fill("#email", email)
    page.fill("#password", PASSWORD)
    press(page, "Sign in")
    look(page)
    page.fill("#code", code)
    press(page, "Sign in")


@pytest.mark.parametrize("scripts", [False, True], ids=["plain", "enhanced"])
def test_the_life_of_an_account(
    new_context: Callable[..., BrowserContext], post: list[Any], watch: Watch, tmp_path: Any, scripts: bool
) -> None:
    """Join, confirm, a second factor, a recovery code, logins, a key, the export, a new password, the end."""
    look: Look = check if scripts else _glance
    watch.allowed += ["400"]
    email = f"nova-{scripts}-{id(post)}@example.org"
    page = new_context(java_script_enabled=scripts).new_page()
    join_and_confirm(page, email, post, look)
    secret, codes = switch_app_on(page, look)
    assert len(codes) == 10

    other = new_context(java_script_enabled=scripts).new_page()
    come_in(other, email, codes[0].strip(), look)
    other.goto("/accounts/security")
    expect(other.locator("#logins-title ~ .keys li")).to_have_count(2)
    expect(other.get_by_text("9 recovery codes are left.")).to_be_visible()
    look(other)
    press(other, "End all others")
    expect(other.get_by_role("status")).to_contain_text("ended")
    page.goto("/accounts/profile")
    expect(page).to_have_url(re.compile("/accounts/login"))

    other.goto("/settings")
    other.fill("#name", "laptop")
    press(other, "Create")
    assert other.input_value("input.key").startswith("tt_")
    look(other)
    press(other, "Revoke laptop")

    other.goto("/accounts/data")
    look(other)
    with other.expect_download() as download:
        other.get_by_role("link", name="Export").click()
    download.value.save_as(tmp_path / "export.zip")
    assert "accounts.User.json" in zipfile.ZipFile(tmp_path / "export.zip").namelist()

    come_in(page, email, app_code(secret, 1), look)
    other.goto("/accounts/profile")
    look(other)
    other.fill("#password-current_password", PASSWORD)
    other.fill("#password-password", NEW_PASSWORD)
    press(other, "Set the password")
    page.goto("/accounts/profile")
    expect(page).to_have_url(re.compile("/accounts/login"))

    other.get_by_text("Delete the account…").click()
    other.fill("#erase-current_password", NEW_PASSWORD)
    press(other, "Delete it for good")
    expect(other.get_by_role("status")).to_contain_text("gone")
    page.goto("/accounts/login")
    page.fill("#email", email)
    page.fill("#password", NEW_PASSWORD)
    watch.allowed.append("401")
    press(page, "Sign in")
    expect(page.get_by_role("alert")).to_contain_text("wrong")


@pytest.mark.parametrize(
    "options",
    [{"color_scheme": "light"}, {"color_scheme": "dark", "viewport": {"width": 360, "height": 740}}],
    ids=["light", "dark phone"],
)
def test_axe_finds_nothing_on_any_page_of_the_account(
    visit: Open, new_context: Callable[..., BrowserContext], alice: Person, options: dict[str, Any]
) -> None:
    assert alice.client.post("/chat", json={"content": "Good evening."}).status_code == 201
    page = visit(alice, "/accounts/profile", **options)
    for path in (
        "/accounts/profile", "/accounts/security", "/accounts/security/authenticator", "/accounts/security/passkey",
        "/accounts/usage", "/accounts/data", "/settings", "/accounts/logout",
    ):  # fmt: skip
        page.goto(path)
        check(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
    stranger = new_context(**options).new_page()
    for path in ("/accounts/login", "/accounts/join", "/accounts/reset", "/accounts/login/passkey"):
        stranger.goto(path)
        check(stranger)

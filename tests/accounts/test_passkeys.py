"""Passkeys: made, used as a second step and alone, and every answer that must open nothing."""

import html
import json
import re
from collections.abc import Callable
from dataclasses import replace
from uuid import UUID

import pytest
from allauth.mfa.models import Authenticator
from fido2.webauthn import AuthenticatorData
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tertulia.accounts import factors, passkeys
from tertulia.accounts.models import AuditEvent, User
from tertulia.core.errors import InvalidInput, NotFound
from tests.accounts.browsing import Browser
from tests.accounts.device import PRESENT, Device
from tests.accounts.people import make_user
from tests.people import PASSWORD, Person

HOST = "chat.example.org"
ORIGIN = f"https://{HOST}"

pytestmark = pytest.mark.usefixtures("database")


def registered(user: User, **options: object) -> Device:
    device = Device(ORIGIN, **options)  # type: ignore[arg-type]
    begun = passkeys.begin_registration(user=user, name="A device", host=HOST)
    passkeys.register(user=user, token=begun.token, answer=device.make(begun.options), host=HOST)
    return device


def sign_in(device: Device, user: User | None = None, host: str = HOST) -> User:
    begun = passkeys.begin_sign_in(host=HOST, user=user)
    return passkeys.user_of(token=begun.token, answer=device.sign(begun.options), host=host, user=user)


def refused(deed: Callable[[], object]) -> bool:
    with pytest.raises(InvalidInput) as caught:
        deed()
    return list(caught.value.errors or {}) == ["answer"]


def test_a_refused_name_is_kept_and_told_beside_its_own_passkey_only(server: str, alice: Person) -> None:
    user = User.objects.get(id=alice.id)
    with Browser(server) as browser:
        browser.sign_in(alice)
        registered(user)
        registered(user)
        first, second = passkeys.of(user)
        page = browser.press(
            "/accounts/security", action="passkey-rename", passkey=str(second.id), name="n" * 81
        ).text
    assert re.findall(r'id="passkey-rename(\d+)name-error"', page) == [str(second.id)]
    values = dict(re.findall(r'id="passkey-rename(\d+)name" name="name" type="text" value="([^"]*)"', page))
    assert values == {str(first.id): "A device", str(second.id): "n" * 81}
    assert page.count('<details class="reveal" open>') == 1


def test_the_first_factor_brings_recovery_codes_and_the_last_takes_them() -> None:
    user, device = make_user(), Device(ORIGIN)
    begun = passkeys.begin_registration(user=user, name=" A device ", host=f"{HOST}:8000")
    assert (
        len(passkeys.register(user=user, token=begun.token, answer=device.make(begun.options), host=HOST))
        == 10
    )
    [made] = passkeys.of(user)
    assert (made.name, made.last_used_at) == ("A device", None)
    assert factors.is_on(user)
    registered(user)
    assert factors.recovery_codes_left(user) == 10
    for each in passkeys.of(user):
        passkeys.remove(user=user, passkey_id=each.id)
    assert not factors.is_on(user)
    assert not Authenticator.objects.filter(user=user).exists()
    kinds = list(AuditEvent.objects.filter(user=user).order_by("id").values_list("kind", flat=True))
    assert kinds == ["factor_on", "factor_on", "factor_off", "factor_off"]


def test_switching_the_app_off_leaves_the_passkeys() -> None:
    user = make_user()
    registered(user)
    Authenticator.objects.create(user=user, type="totp", data={"secret": "x"})
    factors.switch_app_off(user=user)
    assert factors.is_on(user)
    assert factors.recovery_codes_left(user) == 10


def test_a_passkey_names_its_owner() -> None:
    alice, bob = make_user(), make_user()
    hers, his = registered(alice), registered(bob)
    assert sign_in(hers) == alice
    assert sign_in(his) == bob
    assert sign_in(his, bob) == bob
    assert passkeys.of(alice)[0].last_used_at is not None
    assert refused(lambda: sign_in(hers, bob))


def test_alone_the_device_must_know_its_owner() -> None:
    user = make_user()
    device = registered(user, flags=PRESENT)
    assert sign_in(device, user) == user
    assert refused(lambda: sign_in(device))


def test_answers_that_open_nothing() -> None:
    user = make_user()
    device = registered(user)
    assert refused(lambda: sign_in(Device(ORIGIN, user_handle=device.user_handle)))
    assert refused(lambda: sign_in(replace(device, key=Device(ORIGIN).key)))
    assert refused(lambda: sign_in(replace(device, origin="https://chat.example.net")))
    assert refused(lambda: sign_in(replace(device, origin=f"http://{HOST}")))
    assert refused(lambda: sign_in(device, host="other.example.org"))
    assert refused(lambda: sign_in(replace(device, flags=AuthenticatorData.FLAG(0))))
    assert sign_in(replace(device, counter=50)) == user
    assert refused(lambda: sign_in(device)), "a copy counts less"
    User.objects.filter(pk=user.pk).update(is_active=False)
    assert refused(lambda: sign_in(replace(device, counter=90)))


def test_a_ceremony_is_finished_once_and_by_whom_it_was_begun_for() -> None:
    alice, bob = make_user(), make_user()
    device = registered(alice)
    begun = passkeys.begin_sign_in(host=HOST)
    answer = device.sign(begun.options)
    assert passkeys.user_of(token=begun.token, answer=answer, host=HOST) == alice
    assert refused(lambda: passkeys.user_of(token=begun.token, answer=answer, host=HOST))
    other = passkeys.begin_sign_in(host=HOST)
    assert refused(lambda: passkeys.user_of(token=other.token, answer=answer, host=HOST))
    theirs = passkeys.begin_registration(user=alice, name="x", host=HOST)
    made = Device(ORIGIN).make(theirs.options)
    assert refused(lambda: passkeys.register(user=bob, token=theirs.token, answer=made, host=HOST))
    assert passkeys.of(bob) == []


def test_somebody_elses_passkey_is_unknown() -> None:
    alice, bob = make_user(), make_user()
    registered(alice)
    [hers] = passkeys.of(alice)
    with pytest.raises(NotFound):
        passkeys.rename(user=bob, passkey_id=hers.id, name="mine")
    with pytest.raises(NotFound):
        passkeys.remove(user=bob, passkey_id=hers.id)
    assert passkeys.of(alice) == [hers]


def test_where_passkeys_are_possible() -> None:
    assert passkeys.are_possible("chat.example.org")
    assert passkeys.are_possible("localhost:8000")
    assert not passkeys.are_possible("127.0.0.1:8000")
    assert not passkeys.are_possible("[::1]:8000")
    assert not passkeys.are_possible("[::1]")


_SCALARS = st.none() | st.booleans() | st.integers() | st.text()
_JSON = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner))


def mangled(answer: str, name: str, value: object) -> str:
    body = json.loads(answer)
    (body["response"] if name in body["response"] else body)[name] = value
    return json.dumps(body)


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "{}",
        "null",
        "[" * 16_000,
        '"' + "x" * 20_000 + '"',
        '{"id": "\\u0000", "rawId": "\\u0000"}',
        "\ud800",
    ],
)
def test_hostile_answers(answer: str) -> None:
    user = make_user()
    begun = passkeys.begin_registration(user=user, name="x", host=HOST)
    assert refused(lambda: passkeys.register(user=user, token=begun.token, answer=answer, host=HOST))
    begun = passkeys.begin_sign_in(host=HOST)
    assert refused(lambda: passkeys.user_of(token=begun.token, answer=answer, host=HOST))


def test_nested_cbor_is_refused() -> None:
    user = make_user()
    begun = passkeys.begin_registration(user=user, name="x", host=HOST)
    answer = mangled(Device(ORIGIN).make(begun.options), "attestationObject", "gYGB" * 3500)
    assert refused(lambda: passkeys.register(user=user, token=begun.token, answer=answer, host=HOST))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["attestationObject", "clientDataJSON", "rawId", "id", "type", "response"]),
    value=st.binary(max_size=200).map(bytes.hex) | st.text(max_size=50) | _JSON,
)
def test_mangled_registrations_are_refused_or_harmless(name: str, value: object) -> None:
    user = make_user()
    begun = passkeys.begin_registration(user=user, name="x", host=HOST)
    answer = mangled(Device(ORIGIN).make(begun.options), name, value)
    try:
        passkeys.register(user=user, token=begun.token, answer=answer, host=HOST)
    except InvalidInput:
        assert passkeys.of(user) == []
    else:
        assert name == "type", "the standard's only value is taken for every other"


# --- In the pages -----------------------------------------------------------------------------------------------------


def options_on(page: str) -> str:
    found = re.search(r'data-options="([^"]+)"', page)
    assert found, page
    return html.unescape(found.group(1))


@pytest.fixture
def site(server: str) -> str:
    """By name: passkeys are tied to one."""
    return server.replace("127.0.0.1", "localhost")


def add(browser: Browser, device: Device, password: str = PASSWORD) -> str:
    asked = browser.press("/accounts/security/passkey", name="Telephone", current_password=password)
    made = browser.press(
        "/accounts/security/passkey", on="/accounts/security", answer=device.make(options_on(asked.text))
    )
    return made.text


def test_the_pages_add_a_passkey_and_sign_in_by_it(site: str, alice: Person) -> None:
    device = Device(site)
    with Browser(site) as browser:
        browser.sign_in(alice)
        assert (
            browser.press("/accounts/security/passkey", name="x", current_password="wrong").status_code == 400
        )
        assert "Recovery codes" in add(browser, device)
        browser.press("/accounts/logout")
        assert browser.sign_in(alice).headers["location"] == "/accounts/login/code"
        answer = device.sign(options_on(browser.see("/accounts/login/code")))
        assert browser.press("/accounts/login/code", on="/accounts/login", answer=answer).status_code == 303
        assert browser.is_signed_in()
        browser.press("/accounts/logout")
        answer = device.sign(options_on(browser.see("/accounts/login/passkey?next=/settings")))
        done = browser.press("/accounts/login/passkey", on="/accounts/login", answer=answer, next="/settings")
        assert done.headers["location"] == "/settings"
        assert browser.is_signed_in()


def test_an_answer_counts_for_the_browser_that_was_asked(site: str, alice: Person) -> None:
    device = Device(site)
    with Browser(site) as browser, Browser(site) as thief:
        browser.sign_in(alice)
        add(browser, device)
        browser.press("/accounts/logout")
        answer = device.sign(options_on(browser.see("/accounts/login/passkey")))
        thief.see("/accounts/login/passkey")
        assert thief.press("/accounts/login/passkey", on="/accounts/login", answer=answer).status_code == 400
        assert not thief.is_signed_in()


def test_a_passkey_of_somebody_else_does_not_finish_the_second_step(
    site: str, alice: Person, bob: Person
) -> None:
    devices = {person.id: Device(site) for person in (alice, bob)}
    with Browser(site) as browser:
        for person in (alice, bob):
            browser.sign_in(person)
            add(browser, devices[person.id])
            browser.press("/accounts/logout")
        browser.sign_in(alice)
        answer = devices[bob.id].sign(options_on(browser.see("/accounts/login/code")))
        assert browser.press("/accounts/login/code", on="/accounts/login", answer=answer).status_code == 400
        assert not browser.is_signed_in()


def test_a_passkey_alone_asks_api_clients_for_a_recovery_code(site: str, alice: Person) -> None:
    with Browser(site) as browser:
        browser.sign_in(alice)
        add(browser, Device(site))
    body = {"email": alice.email, "password": PASSWORD}
    first = alice.client.post("/accounts/login", json=body)
    assert (first.status_code, first.json()["type"]) == (401, "mfa_required")
    codes = factors.renew_recovery_codes(user=User.objects.get(id=UUID(alice.id)))
    given = {"challenge": first.json()["challenge"], "code": codes[0]}
    assert alice.client.post("/accounts/login/code", json=given).status_code == 200

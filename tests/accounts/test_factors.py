"""The second factor: switched on and off in pages, asked for at every way in, each code once."""

import json
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal import auth as totp
from django.conf import settings

from tertulia.accounts import attempts, factors
from tertulia.accounts.models import Ticket, User
from tertulia.core import clock
from tests.accounts.browsing import Browser
from tests.people import PASSWORD, Person

JSON = {"Accept": "application/json"}


def code_of(secret: str, steps: int = 0) -> str:
    """What an app shows now, or `steps` half minutes later."""
    return str(totp.format_hotp_value(totp.hotp_value(secret, int(time.time()) // 30 + steps)))


def protect(person: Person) -> tuple[str, list[str]]:
    """Switch the factor on; the secret and the recovery codes. The code of now stays fit for use."""
    secret = factors.new_enrolment(User.objects.get(id=person.id)).secret
    return secret, factors.switch_on(user=User.objects.get(id=person.id), secret=secret, code=code_of(secret))


def log_in(person: Person) -> httpx.Response:
    body = {"email": person.email, "password": PASSWORD}
    return httpx.post(f"{person.server}/accounts/login", json=body, headers=JSON)


def finish(person: Person, challenge: str, code: str) -> httpx.Response:
    body = {"challenge": challenge, "code": code}
    return httpx.post(f"{person.server}/accounts/login/code", json=body, headers=JSON)


def test_rfc_6238_vectors() -> None:
    """Appendix B, SHA-1, the last six of its eight digits."""
    secret = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
    for seconds, expected in ((59, "287082"), (1111111109, "081804"), (2000000000, "279037")):
        assert totp.format_hotp_value(totp.hotp_value(secret, seconds // 30)) == expected


def test_signing_in_takes_both_steps(alice: Person) -> None:
    secret, _codes = protect(alice)
    first = log_in(alice)
    assert (first.status_code, first.json()["type"]) == (401, "mfa_required")
    challenge = first.json()["challenge"]
    assert finish(alice, challenge, "000000").status_code == 400
    done = finish(alice, challenge, code_of(secret))
    assert done.status_code == 200
    assert set(done.json()) == {"access", "refresh", "user"}
    assert finish(alice, challenge, code_of(secret, 1)).status_code == 401


def test_the_first_step_is_no_login(alice: Person) -> None:
    protect(alice)
    challenge = log_in(alice).json()["challenge"]
    headers = JSON | {"Authorization": f"Bearer {challenge}"}
    assert httpx.get(f"{alice.server}/accounts/profile", headers=headers).status_code == 401


def test_a_code_works_once_and_none_before_it(alice: Person) -> None:
    secret, _codes = protect(alice)
    used = code_of(secret)
    assert finish(alice, log_in(alice).json()["challenge"], used).status_code == 200
    assert finish(alice, log_in(alice).json()["challenge"], used).status_code == 400
    assert finish(alice, log_in(alice).json()["challenge"], code_of(secret, -1)).status_code == 400
    assert finish(alice, log_in(alice).json()["challenge"], code_of(secret, 1)).status_code == 200


def test_of_one_code_sent_many_times_at_once_one_works(alice: Person) -> None:
    secret, _codes = protect(alice)
    challenges = [log_in(alice).json()["challenge"] for _ in range(6)]
    code = code_of(secret)
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda challenge: finish(alice, challenge, code), challenges))
    assert sorted(answer.status_code for answer in answers) == [200] + [400] * 5


def test_a_recovery_code_works_once(alice: Person) -> None:
    _secret, codes = protect(alice)
    assert len(codes) == len(set(codes)) == 10
    spelled = f"{codes[0][:4]} {codes[0][4:]}"
    assert finish(alice, log_in(alice).json()["challenge"], spelled).status_code == 200
    assert finish(alice, log_in(alice).json()["challenge"], codes[0]).status_code == 400
    user = User.objects.get(id=alice.id)
    assert factors.recovery_codes_left(user) == 9
    renewed = factors.renew_recovery_codes(user=user)
    assert not set(renewed) & set(codes)
    assert finish(alice, log_in(alice).json()["challenge"], codes[1]).status_code == 400
    assert finish(alice, log_in(alice).json()["challenge"], renewed[1]).status_code == 200


def test_guessing_codes_is_bounded(alice: Person) -> None:
    protect(alice)
    challenge = log_in(alice).json()["challenge"]
    statuses = [finish(alice, challenge, f"{number:06}").status_code for number in range(attempts.LIMIT + 2)]
    assert statuses == [400] * attempts.LIMIT + [429] * 2
    challenge = log_in(alice).json()["challenge"]
    assert finish(alice, challenge, "123456").status_code == 429


@pytest.mark.parametrize(
    "code", ["", " ", "ㄱㄴㄷ", "１２３４５６", "x" * 41, "\ud800", "a\0b", "-----", None, 5]
)
def test_what_is_no_code(alice: Person, code: object) -> None:
    protect(alice)
    body = {"challenge": log_in(alice).json()["challenge"], "code": code}
    answer = httpx.post(
        f"{alice.server}/accounts/login/code",
        content=json.dumps(body),
        headers=JSON | {"Content-Type": "application/json"},
    )
    assert answer.status_code == 400


def test_a_challenge_is_ones_own_and_ends(alice: Person, bob: Person) -> None:
    secret, _codes = protect(alice)
    protect(bob)
    assert finish(alice, log_in(bob).json()["challenge"], code_of(secret)).status_code == 400
    challenge = log_in(alice).json()["challenge"]
    Ticket.objects.filter(user_id=alice.id).update(expires_at=clock.now())
    assert finish(alice, challenge, code_of(secret)).status_code == 401
    challenge = log_in(alice).json()["challenge"]
    User.objects.filter(id=alice.id).update(is_active=False)
    assert finish(alice, challenge, code_of(secret)).status_code == 401


def test_a_new_password_ends_what_the_old_one_began(alice: Person) -> None:
    secret, _codes = protect(alice)
    challenge = log_in(alice).json()["challenge"]
    change = {"password": "another walk, by the sea 43", "current_password": PASSWORD}
    assert alice.client.put("/accounts/profile", json=change).status_code == 200
    assert finish(alice, challenge, code_of(secret)).status_code == 401


def test_the_secret_is_not_in_the_database(alice: Person) -> None:
    secret, codes = protect(alice)
    kept = str(list(Authenticator.objects.filter(user_id=alice.id).values()))
    assert secret not in kept
    assert not [code for code in codes if code in kept]


def test_another_secret_key_locks_the_factor_and_breaks_nothing(alice: Person) -> None:
    secret, codes = protect(alice)
    before = settings.SECRET_KEY
    user = User.objects.get(id=alice.id)
    settings.SECRET_KEY = "another one, of sufficient length: " + "9876543210" * 3
    try:
        assert not factors.accepts(user=user, code=code_of(secret))
        assert not factors.accepts(user=user, code=codes[0])
    finally:
        settings.SECRET_KEY = before


def test_the_pages(server: str, alice: Person) -> None:
    with Browser(server) as browser:
        browser.sign_in(alice)
        page = browser.see("/accounts/security/authenticator")
        assert "<svg" in page
        secret = page.partition("<p><code>")[2].partition("<")[0]
        wrong = browser.press("/accounts/security/authenticator", code="000000", current_password=PASSWORD)
        assert wrong.status_code == 400
        assert secret in wrong.text
        unproved = browser.press("/accounts/security/authenticator", code=code_of(secret))
        assert unproved.status_code == 400
        done = browser.press(
            "/accounts/security/authenticator", code=code_of(secret), current_password=PASSWORD
        )
        assert done.status_code == 200
        assert done.text.count("<li><code>") == 10
        assert secret not in browser.see("/accounts/security")
    with Browser(server) as browser:
        assert browser.http.get("/accounts/login/code").status_code == 303
        first = browser.press("/accounts/login", email=alice.email, password=PASSWORD, next="/settings")
        assert first.headers["location"] == "/accounts/login/code"
        assert not browser.is_signed_in()
        assert browser.press("/accounts/login/code", code="000000").status_code == 400
        second = browser.press("/accounts/login/code", code=code_of(secret))
        assert (second.status_code, second.headers["location"]) == (303, "/settings")
        assert browser.is_signed_in()
        renewed = browser.press("/accounts/security", action="new-codes", current_password=PASSWORD)
        assert renewed.text.count("<li><code>") == 10
        refused = browser.press(
            "/accounts/security", action="factor-off", current_password=PASSWORD, code="1"
        )
        assert refused.status_code == 400
        off = browser.press(
            "/accounts/security", action="factor-off", current_password=PASSWORD, code=code_of(secret, 1)
        )
        assert off.status_code == 303
    assert log_in(alice).status_code == 200


def test_the_factor_is_switched_on_once(alice: Person) -> None:
    protect(alice)
    with pytest.raises(Exception, match="conflict"):
        protect(alice)


def test_the_admins_own_sign_in_is_no_way_around(server: str, join: Callable[..., Person]) -> None:
    staff = join("mona", is_staff=True, is_superuser=True)
    protect(staff)
    with Browser(server) as browser:
        page = browser.http.get("/admin/")
        assert page.headers["location"].startswith("/admin/login/")
        sent_on = browser.http.get(page.headers["location"])
        assert sent_on.headers["location"].startswith("/accounts/login?next=/admin/")
        answer = browser.http.post("/admin/login/", data={"username": staff.email, "password": PASSWORD})
        assert answer.status_code in (403, 405)
        assert browser.http.get("/admin/").status_code == 302

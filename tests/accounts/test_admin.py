"""What staff see and do: the stock admin made useful, the dashboard, the log of security events."""

from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from django.contrib.auth.models import Group, Permission

from tertulia.accounts import attempts
from tertulia.accounts.models import AuditEvent, Invitation, QuotaBoost, User
from tertulia.chat import figures
from tertulia.core import clock
from tests.accounts.browsing import Browser
from tests.accounts.people import fresh_email
from tests.people import PASSWORD, Person

NEW_PASSWORD = "another walk, by the sea 43"


@pytest.fixture
def root(server: str, join: Callable[..., Person]) -> Person:
    return join("root", is_staff=True, is_superuser=True)


def kinds(person: Person) -> list[str]:
    return list(AuditEvent.objects.filter(user_id=person.id).order_by("id").values_list("kind", flat=True))


def test_every_page_of_the_admin_opens(server: str, root: Person, alice: Person) -> None:
    alice.client.post("/chat", json={"content": "nobody else's business"})
    alice.client.post("/api/keys", json={"name": "laptop"})
    Group.objects.get_or_create(name="friends")
    with Browser(server) as browser:
        browser.sign_in(root)
        index = browser.see("/admin/")
        assert "/admin/dashboard" in index
        for path in ("user", "apikey", "invitation", "auditevent", "ledgerentry"):
            page = browser.see(f"/admin/accounts/{path}/")
            assert "nobody else's business" not in page
        for path in ("accounts/user/", "accounts/invitation/add/", "auth/group/add/", "chat/generation/"):
            browser.see(f"/admin/{path}")
        page = browser.see(f"/admin/accounts/user/{alice.id}/change/")
        assert "nobody else's business" not in page
        for hidden in ("mfa/authenticator", "socialaccount/socialtoken", "socialaccount/socialapp"):
            assert hidden not in index
            browser.see(f"/admin/{hidden}/", status=404)


def test_the_list_of_users_takes_a_bounded_number_of_statements(
    server: str, root: Person, join: Callable[..., Person]
) -> None:
    with Browser(server) as browser:
        browser.sign_in(root)
        page = browser.see(f"/admin/accounts/user/?q={root.email}")
        assert root.email in page


def change_user(browser: Browser, user_id: str, **changes: str) -> int:
    path = f"/admin/accounts/user/{user_id}/change/"
    user = User.objects.get(pk=user_id)
    fields = {
        "nickname": user.nickname, "is_active": "on", "daily_quota": "", "time_zone": "", "language": "",
        "boosts-TOTAL_FORMS": "0", "boosts-INITIAL_FORMS": "0",
    }  # fmt: skip
    given = {name: value for name, value in (fields | changes).items() if value != "off"}
    return browser.press(path, **given).status_code


def test_staff_change_roles_limits_and_suspend_with_a_trace(server: str, root: Person, alice: Person) -> None:
    with Browser(server) as browser:
        browser.sign_in(root)
        assert change_user(browser, alice.id, daily_quota="9") == 302
        boost = {
            "boosts-TOTAL_FORMS": "1", "boosts-0-units": "2", "boosts-0-user": alice.id,
            "boosts-0-until_0": "2099-01-01", "boosts-0-until_1": "00:00:00", "daily_quota": "9",
        }  # fmt: skip
        assert change_user(browser, alice.id, **boost) == 302
        assert QuotaBoost.objects.get(user_id=alice.id).units == 2
        assert alice.client.get("/api/usage").json()["limit"] == 11
        QuotaBoost.objects.all().delete()
        assert change_user(browser, alice.id, daily_quota="9", is_staff="on") == 302
        assert change_user(browser, alice.id, daily_quota="9", is_staff="on", is_active="off") == 302
    assert alice.client.get("/accounts/profile").status_code == 401
    assert kinds(alice) == ["join", "quota", "quota", "role", "suspended"]
    last = AuditEvent.objects.filter(user_id=alice.id).latest("id")
    assert str(last.actor_id) == root.id


def test_staff_without_rights_change_nobodys_role(server: str, mona: Person, alice: Person) -> None:
    user = User.objects.get(id=mona.id)
    user.user_permissions.set(Permission.objects.filter(codename__in=["view_user", "change_user"]))
    with Browser(server) as browser:
        browser.sign_in(mona)
        change_user(browser, alice.id, is_staff="on", is_superuser="on", email="x@example.org")
        change_user(browser, mona.id, is_staff="on", is_superuser="on")
    changed = User.objects.get(id=alice.id)
    assert (changed.is_staff, changed.is_superuser, changed.email) == (False, False, alice.email)
    assert not User.objects.get(id=mona.id).is_superuser


def test_an_invitation_is_made_in_the_admin(server: str, root: Person) -> None:
    with Browser(server) as browser:
        browser.sign_in(root)
        fields = {"expires_at_0": "2099-01-01", "expires_at_1": "00:00:00"}
        made = browser.press("/admin/accounts/invitation/add/", **fields)
        assert made.status_code == 302
        page = browser.see("/admin/accounts/invitation/")
    assert "/accounts/join?invite=" in page
    assert Invitation.objects.filter(made_by=UUID(root.id)).count() == 1


def test_an_administrator_helps_who_lost_the_device(server: str, root: Person, alice: Person) -> None:
    from tests.accounts.test_factors import log_in, protect

    protect(alice)
    with Browser(server) as browser:
        browser.sign_in(root)
        fields = {"action": "switch_factor_off", "_selected_action": alice.id}
        assert browser.press("/admin/accounts/user/", **fields).status_code == 302
    assert log_in(alice).status_code == 200
    assert kinds(alice)[-2:] == ["factor_off", "login"]


# --- The log --------------------------------------------------------------------------------------------------------


def test_what_is_logged(server: str, alice: Person) -> None:
    client = alice.client
    key = client.post("/api/keys", json={"name": "secret plans"}).json()["id"]
    client.delete(f"/api/keys/{key}")
    client.put("/accounts/profile", json={"password": NEW_PASSWORD, "current_password": PASSWORD})
    client.put("/accounts/profile", json={"email": (email := fresh_email())})
    client.get("/accounts/export")
    client.delete("/api/sessions")
    with Browser(server) as browser:
        browser.press("/accounts/login", email=email, password=NEW_PASSWORD)
    assert kinds(alice) == [
        "join", "key_made", "key_revoked", "password", "address", "export", "logins_ended", "login",
    ]  # fmt: skip
    text = str(list(AuditEvent.objects.filter(user_id=alice.id).values("kind", "detail")))
    assert not [word for word in ("secret plans", alice.email, email, "Alice") if word in text]


def test_a_burst_of_failures_is_logged_once(server: str, alice: Person) -> None:
    with Browser(server) as browser:
        for _ in range(attempts.LIMIT + 3):
            browser.press("/accounts/login", email=alice.email, password="wrong")
    assert kinds(alice) == ["join", "failed_logins"]


def test_an_erasure_is_logged_without_a_name(alice: Person) -> None:
    before = AuditEvent.objects.filter(kind="erased").count()
    alice.client.request("DELETE", "/accounts/profile", json={"current_password": PASSWORD})
    erased = AuditEvent.objects.filter(kind="erased")
    assert erased.count() == before + 1
    assert erased.latest("id").user_id is None


# --- The dashboard --------------------------------------------------------------------------------------------------


def test_the_dashboard_is_for_staff(server: str, mona: Person, alice: Person) -> None:
    with Browser(server) as browser:
        assert browser.http.get("/admin/dashboard").status_code == 302
        browser.sign_in(alice)
        browser.see("/admin/dashboard", status=403)
    with Browser(server) as browser:
        browser.sign_in(mona)
        for path in ("/admin/dashboard", "/admin/dashboard/"):
            page = browser.see(path)
            assert page.count("<rect") == 6 * 30
            assert "<script" not in page
            assert "style=" not in page


def test_the_figures_of_today(alice: Person, bob: Person) -> None:
    def today() -> figures.Day:
        *_, last = figures.daily(30)
        return last

    before = today()
    for person in (alice, alice, bob):
        assert person.client.post("/chat", json={"content": "Hello"}).status_code == 201
    after = today()
    assert len(figures.daily(30)) == 30
    assert after.date == clock.now().date()
    assert (after.requests - before.requests, after.users - before.users) == (3, 2)
    assert after.tokens > before.tokens
    assert after.errors == before.errors
    assert after.p50 is not None
    assert after.p95 is not None
    assert 0 < after.p50 <= after.p95 < timedelta(minutes=1).total_seconds()


def test_the_figures_are_few_statements(alice: Person, django_queries: list[str]) -> None:
    alice.client.post("/chat", json={"content": "Hello"})
    django_queries.clear()
    figures.daily(30)
    assert len(django_queries) == 3

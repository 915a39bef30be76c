"""Signing in at GitHub and Kakao over real HTTP, in a browser and as an API client, and every way around it."""

import itertools
import os
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
from allauth.socialaccount.models import SocialAccount
from django.conf import settings

from tertulia.accounts.models import Ticket, User
from tertulia.core import clock
from tests.accounts.people import fresh_email
from tests.oauth import AuthorizationServer
from tests.oauth.server import CLIENT_ID, CLIENT_SECRET, github_person, kakao_person
from tests.people import PASSWORD, Person

PAGE = {"Accept": "text/html"}
JSON = {"Accept": "application/json"}
_ids = itertools.count(int(time.time()) * 1000 + os.getpid() % 1000)


@pytest.fixture
def providers(server: str) -> Iterator[AuthorizationServer]:
    """Both providers, configured on the running server."""
    fake = AuthorizationServer()
    url = fake.start()
    changes = dict.fromkeys(("GITHUB_URL", "GITHUB_API_URL", "KAKAO_AUTH_URL", "KAKAO_API_URL"), url)
    for name in ("GITHUB", "KAKAO"):
        changes |= {f"{name}_CLIENT_ID": CLIENT_ID, f"{name}_CLIENT_SECRET": CLIENT_SECRET}
    before = {name: getattr(settings, name) for name in changes}
    for name, value in changes.items():
        setattr(settings, name, value)
    yield fake
    for name, value in before.items():
        setattr(settings, name, value)
    fake.stop()


@pytest.fixture
def browser(server: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server, headers=PAGE, timeout=30) as client:
        yield client


@pytest.fixture
def app(server: str) -> Iterator[httpx.Client]:
    """An API client without a credential."""
    with httpx.Client(base_url=server, headers=JSON, timeout=30) as client:
        yield client


def leave(browser: httpx.Client, provider: str = "github", **query: str) -> str:
    answer = browser.get(f"/accounts/{provider}/login", params=query)
    assert answer.status_code == 302, answer.text
    return answer.headers["location"]


def come_back(
    browser: httpx.Client, fake: AuthorizationServer, provider: str = "github", **query: str
) -> httpx.Response:
    return browser.get(fake.consent(leave(browser, provider, **query)))


def whoami(browser: httpx.Client) -> str:
    """The id of the user whom this browser is signed in as; empty for a visitor."""
    answer = browser.get("/accounts/profile", headers=JSON)
    return str(answer.json()["id"]) if answer.status_code == 200 else ""


def refused(answer: httpx.Response, browser: httpx.Client, status: int = 400) -> None:
    assert answer.status_code == status, answer.text
    assert not whoami(browser)


def csrf(browser: httpx.Client, path: str) -> dict[str, str]:
    page = browser.get(path).text
    return {"csrfmiddlewaretoken": page.partition('name="csrfmiddlewaretoken" value="')[2].partition('"')[0]}


def sign_in_page(browser: httpx.Client, person: Person) -> None:
    form = csrf(browser, "/accounts/login") | {"email": person.email, "password": PASSWORD}
    assert browser.post("/accounts/login", data=form).status_code == 303


# --- The way --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("provider", ["github", "kakao"])
def test_a_stranger_joins_and_comes_back_as_the_same(
    providers: AuthorizationServer, browser: httpx.Client, server: str, provider: str
) -> None:
    email, number = fresh_email("octo"), next(_ids)
    make = github_person if provider == "github" else kakao_person
    providers.who = make(number, email)
    answer = come_back(browser, providers, provider, next="/settings")
    assert (answer.status_code, answer.headers["location"]) == (303, "/settings")
    user = User.objects.get(email=email)
    assert (user.is_staff, user.is_superuser, user.has_usable_password()) == (False, False, False)
    assert user.email_verified_at is not None
    assert whoami(browser) == str(user.pk)
    with httpx.Client(base_url=server, headers=PAGE) as another:
        come_back(another, providers, provider)
        assert whoami(another) == str(user.pk)
    assert SocialAccount.objects.filter(uid=str(number)).count() == 1


def test_what_the_browser_is_sent_away_with(
    providers: AuthorizationServer, browser: httpx.Client, server: str
) -> None:
    url = leave(browser)
    assert url.startswith(f"{providers.url}/login/oauth/authorize?")
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    assert query["redirect_uri"] == f"{server}/accounts/github/login/callback"
    assert query["scope"] == "user:email"
    assert query["code_challenge_method"] == "S256"
    assert len(query["state"]) >= 32
    assert leave(browser, "kakao").startswith(f"{providers.url}/oauth/authorize?")


def test_kakao_without_an_address(providers: AuthorizationServer, browser: httpx.Client) -> None:
    providers.who = kakao_person(next(_ids))
    assert come_back(browser, providers, "kakao").status_code == 303
    profile = browser.get("/accounts/profile", headers=JSON).json()
    assert (profile["email"], profile["nickname"]) == ("", "라이언")
    page = browser.get("/accounts/profile")
    assert page.status_code == 200
    assert "no-address" not in page.text
    assert "no-address" not in browser.get("/").text


def test_nobody_joins_with_the_address_of_those_who_have_none(app: httpx.Client) -> None:
    body = {"email": "x@no-address.invalid", "nickname": "x", "password": PASSWORD}
    assert app.post("/accounts/join", json=body).status_code == 400


def test_a_button_only_where_both_are_set(browser: httpx.Client, providers: AuthorizationServer) -> None:
    page = browser.get("/accounts/login").text
    assert "/accounts/github/login" in page
    assert "/accounts/kakao/login" in page
    settings.KAKAO_CLIENT_SECRET = ""
    assert "/accounts/kakao/login" not in browser.get("/accounts/join").text
    for path in ("kakao/login", "kakao/login/callback", "gitlab/login", "gitlab/login/callback"):
        assert browser.get(f"/accounts/{path}").status_code == 404


# --- The state (1 missing, 2 unknown, 3 replayed, 4 another browser's, 5 expired, another provider's) ---------------


def test_a_callback_that_nobody_began(providers: AuthorizationServer, browser: httpx.Client) -> None:
    providers.who = github_person(next(_ids))
    code = parse_qs(urlsplit(providers.consent(leave(browser))).query)["code"][0]
    for state in ({}, {"state": ""}, {"state": "x" * 43}, {"state": "\0"}, {"state": "상태"}):
        refused(browser.get("/accounts/github/login/callback", params={"code": code, **state}), browser)
    assert not [path for path in providers.asked if "token" in path]


def test_a_callback_works_once(providers: AuthorizationServer, browser: httpx.Client, server: str) -> None:
    providers.who = github_person(next(_ids))
    back = providers.consent(leave(browser))
    assert browser.get(back).status_code == 303
    assert browser.get(back).status_code == 400
    browser.cookies.clear()
    refused(browser.get(back), browser)


def test_of_a_callback_opened_many_times_at_once_one_works(
    providers: AuthorizationServer, browser: httpx.Client
) -> None:
    providers.who = github_person(next(_ids))
    back = providers.consent(leave(browser))
    cookies = dict(browser.cookies)
    with ThreadPoolExecutor(8) as pool:
        answers = list(
            pool.map(lambda _: httpx.get(back, cookies=cookies, headers=PAGE, timeout=30), range(8))
        )
    assert sorted(answer.status_code for answer in answers) == [303] + [400] * 7


def test_another_browsers_callback(
    providers: AuthorizationServer, browser: httpx.Client, server: str
) -> None:
    """What a stranger began signs nobody in as the stranger."""
    providers.who = github_person(next(_ids))
    back = providers.consent(leave(browser))
    with httpx.Client(base_url=server, headers=PAGE) as victim:
        leave(victim)
        refused(victim.get(back), victim)


def test_an_old_callback(providers: AuthorizationServer, browser: httpx.Client) -> None:
    providers.who = github_person(next(_ids))
    back = providers.consent(leave(browser))
    Ticket.objects.filter(purpose="social").update(expires_at=clock.now() - timedelta(seconds=1))
    refused(browser.get(back), browser)


def test_a_callback_at_the_other_provider(providers: AuthorizationServer, browser: httpx.Client) -> None:
    providers.who = kakao_person(next(_ids))
    back = providers.consent(leave(browser, "github")).replace("/github/", "/kakao/")
    refused(browser.get(back), browser)


# --- The code and the provider's answers (6 code twice, 7 refusal, 8 nonsense, 9 redirects elsewhere) ---------------


def test_a_code_works_once(providers: AuthorizationServer, browser: httpx.Client, server: str) -> None:
    """A stolen code is worth nothing even with a state of one's own: the proof does not fit."""
    providers.who = github_person(next(_ids))
    code = parse_qs(urlsplit(providers.consent(leave(browser))).query)["code"][0]
    with httpx.Client(base_url=server, headers=PAGE) as thief:
        state = parse_qs(urlsplit(leave(thief)).query)["state"][0]
        refused(thief.get("/accounts/github/login/callback", params={"code": code, "state": state}), thief)


def test_the_user_refuses(providers: AuthorizationServer, browser: httpx.Client) -> None:
    providers.denies = True
    answer = come_back(browser, providers)
    refused(answer, browser)
    assert "You did not allow it" in answer.text


@pytest.mark.parametrize(
    ("path", "status", "body", "expected"),
    [
        ("/login/oauth/access_token", 500, b"", 400),
        ("/login/oauth/access_token", 200, b"{}", 400),
        ("/login/oauth/access_token", 200, b"[]", 400),
        ("/login/oauth/access_token", 200, b'{"access_token":', 503),
        ("/user", 500, b"", 503),
        ("/user", 200, b"[]", 400),
        ("/user", 200, b"{}", 400),
        ("/user", 200, b'{"id": null}', 400),
        ("/user", 200, b'{"id": true}', 400),
        ("/user", 200, b'{"id": ""}', 400),
        ("/user", 200, b'{"id": {"a": 1}}', 400),
        ("/user", 200, b"not json", 503),
        ("/user/emails", 500, b"", 503),
        ("/user/emails", 200, b'[{"email": 5}]', 400),
    ],
)
def test_a_provider_that_makes_no_sense(
    providers: AuthorizationServer, browser: httpx.Client, path: str, status: int, body: bytes, expected: int
) -> None:
    providers.who = github_person(next(_ids))
    providers.faults[path] = (status, body)
    before = User.objects.count()
    refused(come_back(browser, providers), browser, expected)
    assert User.objects.count() == before


@pytest.mark.parametrize(
    "target", ["https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)"]
)
def test_nobody_is_led_elsewhere(providers: AuthorizationServer, browser: httpx.Client, target: str) -> None:
    providers.who = github_person(number := next(_ids))
    answer = come_back(browser, providers, next=target)
    assert (answer.status_code, answer.headers["location"]) == (303, "/"), number


def test_a_code_goes_to_no_stranger(providers: AuthorizationServer, app: httpx.Client) -> None:
    for target in ("https://evil.example/", "http://127.0.0.1:1/x", "//evil.example", "javascript:x", "x"):
        answer = app.get("/accounts/github/login", params={"redirect_uri": target})
        assert (answer.status_code, list(answer.json()["errors"])) == (400, ["redirect_uri"])


# --- Addresses (10 in use, 11 unverified, 12 second provider, 13 registered before, 14 changed at the provider) -----


@pytest.mark.parametrize("provider", ["github", "kakao"])
def test_an_address_in_use_is_never_merged(
    providers: AuthorizationServer, browser: httpx.Client, alice: Person, provider: str
) -> None:
    make = github_person if provider == "github" else kakao_person
    providers.who = make(next(_ids), alice.email.upper())
    answer = come_back(browser, providers, provider)
    refused(answer, browser, 409)
    assert "Sign in, then link" in answer.text
    assert not SocialAccount.objects.filter(user_id=alice.id).exists()


@pytest.mark.parametrize(
    "make",
    [
        lambda email: github_person(next(_ids), email, verified=False),
        lambda email: github_person(next(_ids), email, primary=False),
        lambda email: github_person(next(_ids)) | {"email": email},
        lambda email: kakao_person(next(_ids), email, verified=False),
        lambda email: kakao_person(next(_ids), email, valid=False),
    ],
)
def test_an_address_that_nobody_vouches_for_is_not_taken(
    providers: AuthorizationServer,
    browser: httpx.Client,
    alice: Person,
    make: Callable[[str], dict[str, object]],
) -> None:
    for email in (alice.email, fresh_email()):
        browser.cookies.clear()
        providers.who = make(email)
        provider = "kakao" if "kakao_account" in providers.who else "github"
        assert come_back(browser, providers, provider).status_code == 303
        assert whoami(browser) not in ("", alice.id)
        assert browser.get("/accounts/profile", headers=JSON).json()["email"] == ""


def test_the_same_address_at_a_second_provider(
    providers: AuthorizationServer, browser: httpx.Client, server: str
) -> None:
    email = fresh_email()
    providers.who = github_person(next(_ids), email)
    come_back(browser, providers)
    first = whoami(browser)
    providers.who = kakao_person(next(_ids), email)
    with httpx.Client(base_url=server, headers=PAGE) as another:
        refused(come_back(another, providers, "kakao"), another, 409)
    assert first
    assert SocialAccount.objects.filter(user_id=first).count() == 1


def test_an_account_that_somebody_made_in_advance(
    providers: AuthorizationServer, browser: httpx.Client, join: Callable[..., Person]
) -> None:
    """Its maker keeps it; the owner of the address is told to prove it, and gets no account that two people open."""
    mallory = join("mallory")
    providers.who = github_person(next(_ids), mallory.email)
    refused(come_back(browser, providers), browser, 409)
    assert mallory.client.get("/accounts/profile").status_code == 200


def test_an_address_that_changed_at_the_provider(
    providers: AuthorizationServer, browser: httpx.Client, alice: Person
) -> None:
    number, email = next(_ids), fresh_email()
    providers.who = github_person(number, email)
    come_back(browser, providers)
    first = whoami(browser)
    browser.cookies.clear()
    providers.who = github_person(number, alice.email)
    assert come_back(browser, providers).status_code == 303
    assert whoami(browser) == first
    assert User.objects.get(pk=first).email == email


def test_a_number_is_one_persons_at_one_provider(
    providers: AuthorizationServer, browser: httpx.Client, server: str
) -> None:
    number = next(_ids)
    providers.who = github_person(number)
    come_back(browser, providers)
    providers.who = kakao_person(number)
    with httpx.Client(base_url=server, headers=PAGE) as another:
        come_back(another, providers, "kakao")
        assert whoami(another) not in ("", whoami(browser))


def test_fifty_first_sign_ins_at_once(providers: AuthorizationServer, server: str) -> None:
    email = fresh_email()
    providers.who = github_person(next(_ids), email)

    def arrive(_number: int) -> str:
        with httpx.Client(base_url=server, headers=PAGE, timeout=60) as browser:
            come_back(browser, providers)
            return whoami(browser)

    with ThreadPoolExecutor(10) as pool:
        people = set(pool.map(arrive, range(50)))
    user = User.objects.get(email=email)
    assert people == {str(user.pk)}
    assert (user.is_staff, user.is_superuser) == (False, False)


# --- Who may come in ------------------------------------------------------------------------------------------------


def test_a_suspended_account(providers: AuthorizationServer, browser: httpx.Client) -> None:
    providers.who = github_person(next(_ids))
    come_back(browser, providers)
    User.objects.filter(pk=whoami(browser)).update(is_active=False)
    browser.cookies.clear()
    refused(come_back(browser, providers), browser, 401)


@pytest.mark.parametrize("mode", ["closed", "invite"])
def test_while_joining_is_not_open_only_the_known_come_in(
    providers: AuthorizationServer, browser: httpx.Client, mode: str
) -> None:
    providers.who = github_person(next(_ids))
    come_back(browser, providers)
    known = whoami(browser)
    browser.cookies.clear()
    settings.TERTULIA_SIGNUP = mode
    try:
        come_back(browser, providers)
        assert whoami(browser) == known
        browser.cookies.clear()
        providers.who = github_person(next(_ids))
        refused(come_back(browser, providers), browser, 403)
    finally:
        settings.TERTULIA_SIGNUP = "open"


# --- Linking --------------------------------------------------------------------------------------------------------


def link(browser: httpx.Client, fake: AuthorizationServer, password: str = PASSWORD) -> httpx.Response:
    form = csrf(browser, "/accounts/github/link") | {"current_password": password}
    page = browser.post("/accounts/github/link", data=form)
    if page.status_code != 200:
        return page
    url = page.text.partition(f'href="{fake.url}')[2].partition('"')[0].replace("&amp;", "&")
    return browser.get(fake.consent(fake.url + url))


def test_linking_and_unlinking(
    providers: AuthorizationServer, browser: httpx.Client, server: str, alice: Person, bob: Person
) -> None:
    sign_in_page(browser, alice)
    providers.who = github_person(next(_ids), fresh_email())
    assert link(browser, providers, "wrong " + PASSWORD).status_code == 400
    assert link(browser, providers).status_code == 303
    assert [each["provider"] for each in alice.client.get("/accounts/connections").json()["results"]] == [
        "github"
    ]
    with httpx.Client(base_url=server, headers=PAGE) as another:
        come_back(another, providers)
        assert whoami(another) == alice.id
    with httpx.Client(base_url=server, headers=PAGE) as another:
        sign_in_page(another, bob)
        assert link(another, providers).status_code == 409
    form = csrf(browser, "/accounts/github/link") | {"action": "unlink"}
    assert browser.post("/accounts/github/link", data=form).status_code == 303
    assert alice.client.get("/accounts/connections").json() == {"results": []}


def test_a_link_is_finished_by_who_began_it(
    providers: AuthorizationServer, browser: httpx.Client, alice: Person, bob: Person
) -> None:
    """Neither signed out nor as somebody else."""
    sign_in_page(browser, alice)
    providers.who = github_person(next(_ids))
    form = csrf(browser, "/accounts/github/link") | {"current_password": PASSWORD}
    page = browser.post("/accounts/github/link", data=form).text
    url = providers.url + page.partition(f'href="{providers.url}')[2].partition('"')[0].replace("&amp;", "&")
    back = providers.consent(url)
    User.objects.get(id=bob.id)
    browser.post("/accounts/logout", data=csrf(browser, "/accounts/logout"))
    sign_in_page(browser, bob)
    assert browser.get(back).status_code == 400
    assert not SocialAccount.objects.filter(user_id__in=[alice.id, bob.id]).exists()


def test_a_form_of_another_site_links_nothing(
    providers: AuthorizationServer, browser: httpx.Client, alice: Person
) -> None:
    sign_in_page(browser, alice)
    assert browser.post("/accounts/github/link", data={"current_password": PASSWORD}).status_code == 403
    answer = browser.get("/accounts/github/login")
    assert (answer.status_code, answer.headers["location"]) == (302, "/")


def test_the_last_way_in_stays(providers: AuthorizationServer, browser: httpx.Client) -> None:
    providers.who = github_person(next(_ids), fresh_email())
    come_back(browser, providers)
    form = csrf(browser, "/accounts/github/link") | {"action": "unlink"}
    assert browser.post("/accounts/github/link", data=form).status_code == 409


def test_who_has_no_password_erases_the_account_after_a_fresh_sign_in(
    providers: AuthorizationServer, browser: httpx.Client
) -> None:
    number = next(_ids)
    providers.who = github_person(number)
    come_back(browser, providers)
    user = User.objects.get(pk=whoami(browser))
    form = csrf(browser, "/accounts/profile") | {"action": "erase"}
    User.objects.filter(pk=user.pk).update(last_login=clock.now() - timedelta(minutes=16))
    assert browser.post("/accounts/profile", data=form).status_code == 403
    User.objects.filter(pk=user.pk).update(last_login=clock.now())
    assert browser.post("/accounts/profile", data=form).status_code == 303
    assert not User.objects.filter(pk=user.pk).exists()
    assert not SocialAccount.objects.filter(uid=str(number)).exists()


# --- API clients ----------------------------------------------------------------------------------------------------


def begin(
    app: httpx.Client, fake: AuthorizationServer, provider: str = "github", **query: str
) -> dict[str, str]:
    body = app.get(f"/accounts/{provider}/login", params=query).json()
    back = parse_qs(urlsplit(fake.consent(body["authorization_url"])).query)
    assert back["state"] == [body["state"]]
    return {"code": back["code"][0], "state": body["state"]}


@pytest.mark.parametrize("provider", ["github", "kakao"])
def test_an_api_client_signs_in(providers: AuthorizationServer, app: httpx.Client, provider: str) -> None:
    make = github_person if provider == "github" else kakao_person
    providers.who = make(next(_ids), email := fresh_email())
    answer = app.post(f"/accounts/{provider}/token", json=begin(app, providers, provider))
    assert answer.status_code == 200, answer.text
    assert set(answer.json()) == {"access", "refresh", "user"}
    assert answer.json()["user"]["email"] == email
    profile = app.get("/accounts/profile", headers={"Authorization": f"Bearer {answer.json()['access']}"})
    assert profile.json()["email"] == email
    assert "set-cookie" not in answer.headers


def test_an_api_clients_state(
    providers: AuthorizationServer, app: httpx.Client, browser: httpx.Client
) -> None:
    providers.who = github_person(next(_ids))
    given = begin(app, providers)
    assert browser.get("/accounts/github/login/callback", params=given).status_code == 400
    of_a_page = parse_qs(urlsplit(providers.consent(leave(browser))).query)
    for body in (
        {"code": given["code"], "state": "x"},
        {"code": given["code"]},
        {"code": of_a_page["code"][0], "state": of_a_page["state"][0]},
    ):
        assert app.post("/accounts/github/token", json=body).status_code == 400
    assert app.post("/accounts/kakao/token", json=given).status_code == 400
    assert app.post("/accounts/github/token", json=given).status_code == 200
    assert app.post("/accounts/github/token", json=given).status_code == 400


def test_an_api_client_links(
    providers: AuthorizationServer, app: httpx.Client, alice: Person, bob: Person
) -> None:
    providers.who = github_person(next(_ids), alice.email, login="octo-alice")
    refusal = app.post("/accounts/github/token", json=begin(app, providers))
    assert (refusal.status_code, refusal.json()["type"]) == (409, "address_in_use")
    assert app.get("/accounts/github/login", params={"process": "link"}).status_code == 401
    given = begin(alice.client, providers, process="link") | {"current_password": PASSWORD}
    assert bob.client.post("/accounts/github/link", json=given).status_code == 400
    assert (
        app.post("/accounts/github/token", json={"code": given["code"], "state": given["state"]}).status_code
        == 400
    )
    answer = alice.client.post("/accounts/github/link", json=given)
    assert answer.status_code == 200, answer.text
    assert (answer.json()["provider"], answer.json()["name"]) == ("github", "octo-alice")
    body = app.post("/accounts/github/token", json=begin(app, providers)).json()
    assert body["user"]["id"] == alice.id
    assert alice.client.delete("/accounts/github/link").status_code == 204
    assert alice.client.delete("/accounts/github/link").status_code == 404


def test_an_allowed_front_end_gets_the_code(providers: AuthorizationServer, app: httpx.Client) -> None:
    settings.CORS_ALLOWED_ORIGINS = ["https://front.example"]
    try:
        body = app.get(
            "/accounts/github/login", params={"redirect_uri": "https://front.example/signed-in"}
        ).json()
        providers.who = github_person(next(_ids))
        back = providers.consent(body["authorization_url"])
        assert back.startswith("https://front.example/signed-in?")
        code = parse_qs(urlsplit(back).query)["code"][0]
        answer = app.post("/accounts/github/token", json={"code": code, "state": body["state"]})
        assert answer.status_code == 200
    finally:
        settings.CORS_ALLOWED_ORIGINS = []

"""A7, and the part of C3 that is about providers: signing in at GitHub and Kakao, and every way around it.

The providers are servers of our own that behave as the documentation says, and misbehave where a case is about that.
Played by the programme through `items`.
"""

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.acceptance.clients import PASSWORD, Answer, Client, Person, sign_in_by_cookie
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage, World
from tests.oauth import AuthorizationServer
from tests.oauth.server import CLIENT_ID, CLIENT_SECRET, github_person, kakao_person

JOINS = 50
PAGE = {"Accept": "text/html"}

_ids = itertools.count(1000)


@dataclass(slots=True)
class Browser:
    """A browser's cookies over two processes of one instance, whichever answers."""

    world: World
    cookies: dict[str, str] = field(default_factory=dict)
    asked: int = 0

    async def get(self, url: str, **headers: str) -> Answer:
        """A page; an address of the first process is asked of the two in turn, as by a balancer."""
        self.asked += 1
        own = self.world.servers[0].url
        path = url.removeprefix(own) or "/"
        assert path.startswith("/"), f"{url} is elsewhere"
        sent = {**PAGE, "Host": own.removeprefix("http://"), **headers}
        if self.cookies:
            sent["Cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        answer = await self.world.at(self.asked % len(self.world.servers)).get(path, headers=sent)
        for line in answer.headers.getall("Set-Cookie", []):  # type: ignore[attr-defined]
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        return answer

    async def leave(self, provider: str = "github", **query: str) -> str:
        """Where the browser is sent to when it begins a sign-in."""
        asked = f"?{urlencode(query)}" if query else ""
        answer = await self.get(f"/accounts/{provider}/login{asked}")
        assert answer.status == 302, answer
        return str(answer.headers["Location"])

    async def come_back(self, fake: AuthorizationServer, provider: str = "github", **query: str) -> Answer:
        """The whole way: there, consent, and back."""
        return await self.get(fake.consent(await self.leave(provider, **query)))

    async def whoami(self) -> str:
        """The id of whom the browser is signed in as; empty for a visitor."""
        answer = await self.get("/accounts/profile", Accept="application/json")
        return str(answer.json()["id"]) if answer.status == 200 else ""


@asynccontextmanager
async def _providers() -> AsyncIterator[tuple[AuthorizationServer, dict[str, Any]]]:
    """Both providers as one server, and the environment that names it."""
    fake = AuthorizationServer()
    url = fake.start()
    own: dict[str, Any] = dict.fromkeys(
        ("GITHUB_URL", "GITHUB_API_URL", "KAKAO_AUTH_URL", "KAKAO_API_URL"), url
    )
    for name in ("GITHUB", "KAKAO"):
        own |= {f"{name}_CLIENT_ID": CLIENT_ID, f"{name}_CLIENT_SECRET": CLIENT_SECRET}
    try:
        yield fake, own
    finally:
        await asyncio.to_thread(fake.stop)


# --- A7 -------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Scene:
    """What a case is given, and the ways of saying that it failed."""

    world: World
    fake: AuthorizationServer
    alice: Person

    def browser(self) -> Browser:
        return Browser(self.world)

    async def refused(self, answer: Answer, browser: Browser, *statuses: int) -> str:
        """What is wrong with a refusal: another status, or somebody signed in."""
        who = await browser.whoami()
        wrong = answer.status not in (statuses or (400,)) or who
        return f"{answer.status}, signed in as {who or 'nobody'}: {answer.text[:200]}" if wrong else ""


async def social_sign_in(stage: Stage) -> Outcome:
    """14 ways around the door; each must be refused or lead to an account of its own. And the door itself opens."""
    outcome = Outcome()
    async with _providers() as (fake, own), stage.world(servers=2, **own) as world:
        await _the_way(world, fake, outcome)
        faults = []
        for name, case in _CASES.items():
            fake.denies = False
            fake.faults.clear()
            scene = Scene(world, fake, await world.join("alice"))
            found = [fault for fault in await case(scene) if fault]
            faults += [f"{name}: {fault}" for fault in found]
        outcome.exactly("cases", len(_CASES), 14)
        outcome.none_of("failed_cases", faults)
        rows = "SELECT count(*) FROM accounts_user WHERE (is_staff OR is_superuser) AND email NOT LIKE %s"
        outcome.exactly("administrators", world.database.rows(rows, "owner@%")[0][0], 0)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _the_way(world: World, fake: AuthorizationServer, outcome: Outcome) -> None:
    """A stranger joins by each provider, and comes back as the same in another browser and as an API client."""
    for provider in ("github", "kakao"):
        email = f"new-{provider}@example.net"
        fake.who = _person(provider, next(_ids), email)
        seen = []
        for browser in (Browser(world), Browser(world)):
            answer = await browser.come_back(fake, provider)
            outcome.exactly(f"{provider}: back", answer.status, 303)
            seen.append(await browser.whoami())
        seen.append((await _by_api(world, fake, provider)).json()["user"]["id"])
        outcome.exactly(f"{provider}: the same person", len(set(seen)) == 1 and bool(seen[0]), True)


def _person(provider: str, number: int, email: str = "", **told: bool) -> dict[str, Any]:
    make: Callable[..., dict[str, Any]] = github_person if provider == "github" else kakao_person
    return make(number, email, **told)


async def _by_api(world: World, fake: AuthorizationServer, provider: str) -> Answer:
    """The same as an API client does it: an address to open, a code to send."""
    begun = (await world.at(0).get(f"/accounts/{provider}/login")).json()
    back = _query(fake.consent(begun["authorization_url"]))
    return await world.at(1).post(
        f"/accounts/{provider}/token", {"code": back["code"], "state": begun["state"]}
    )


def _query(url: str) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}


async def _state_missing(scene: Scene) -> list[str]:
    """Also an empty one and one that was never given."""
    scene.fake.who = github_person(next(_ids))
    browser = scene.browser()
    code = _query(scene.fake.consent(await browser.leave()))["code"]
    faults = []
    for state in ({}, {"state": ""}, {"state": "x" * 43}, {"state": "\0"}, {"state": "상태"}):
        path = f"/accounts/github/login/callback?{urlencode({'code': code, **state})}"
        faults.append(await scene.refused(await browser.get(path), browser))
    return faults


async def _state_replayed(scene: Scene) -> list[str]:
    """By the browser that used it, and by one that saw the address."""
    scene.fake.who = github_person(next(_ids))
    browser, other = scene.browser(), scene.browser()
    back = scene.fake.consent(await browser.leave())
    first, again = await browser.get(back), await browser.get(back)
    faults = [] if (first.status, again.status) == (303, 400) else [f"{first.status}, then {again.status}"]
    return [*faults, await scene.refused(await other.get(back), other)]


async def _state_of_another_browser(scene: Scene) -> list[str]:
    """What a stranger began signs nobody in as the stranger, and links nobody to them."""
    scene.fake.who = github_person(next(_ids))
    stranger, victim = scene.browser(), scene.browser()
    back = scene.fake.consent(await stranger.leave())
    await victim.leave()
    return [await scene.refused(await victim.get(back), victim), *await _link_begun_by_another(scene)]


async def _state_of_another_provider(scene: Scene) -> list[str]:
    scene.fake.who = kakao_person(next(_ids))
    browser = scene.browser()
    back = scene.fake.consent(await browser.leave("github")).replace("/github/", "/kakao/")
    return [await scene.refused(await browser.get(back), browser)]


async def _code_twice(scene: Scene) -> list[str]:
    """Opened eight times at once: one sign-in. And with a state of the thief's own: the proof does not fit."""
    scene.fake.who = github_person(next(_ids))
    browser, thief = scene.browser(), scene.browser()
    back = scene.fake.consent(await browser.leave())
    copies = [Browser(scene.world, dict(browser.cookies), number) for number in range(8)]
    answers = await asyncio.gather(*(copy.get(back) for copy in copies))
    statuses = sorted(answer.status for answer in answers)
    faults = [] if statuses == [303] + [400] * 7 else [f"at once: {statuses}"]
    code = _query(scene.fake.consent(await browser.leave()))["code"]
    state = _query(await thief.leave())["state"]
    path = f"/accounts/github/login/callback?{urlencode({'code': code, 'state': state})}"
    return [*faults, await scene.refused(await thief.get(path), thief)]


async def _redirect_elsewhere(scene: Scene) -> list[str]:
    """Neither the code nor, after the sign-in, the browser goes to a stranger."""
    strangers = ("https://evil.example/", "//evil.example", "/\\evil.example", "javascript:alert(1)")
    faults = []
    for target in strangers:
        scene.fake.who = github_person(next(_ids))
        answer = await scene.browser().come_back(scene.fake, next=target)
        if (answer.status, answer.headers.get("Location")) != (303, "/"):
            faults.append(f"next={target}: {answer.status} {answer.headers.get('Location')}")
        path = f"/accounts/github/login?{urlencode({'redirect_uri': target})}"
        asked = await scene.world.at(0).get(path)
        if asked.status != 400:
            faults.append(f"redirect_uri={target}: {asked}")
    return faults


async def _consent_denied(scene: Scene) -> list[str]:
    scene.fake.denies = True
    browser = scene.browser()
    return [await scene.refused(await browser.come_back(scene.fake), browser)]


async def _provider_makes_no_sense(scene: Scene) -> list[str]:
    """Faults and nonsense where a token or a profile is expected."""
    nonsense = (
        ("/login/oauth/access_token", 500, b""), ("/login/oauth/access_token", 200, b"[]"),
        ("/login/oauth/access_token", 200, b'{"access_token":'), ("/user", 500, b""), ("/user", 200, b"{}"),
        ("/user", 200, b'{"id": null}'), ("/user", 200, b'{"id": {"a": 1}}'), ("/user", 200, b"not json"),
        ("/user/emails", 500, b""), ("/user/emails", 200, b'[{"email": 5}]'),
    )  # fmt: skip
    faults = []
    for path, status, body in nonsense:
        scene.fake.who = github_person(next(_ids))
        scene.fake.faults = {path: (status, body)}
        browser = scene.browser()
        fault = await scene.refused(await browser.come_back(scene.fake), browser, 400, 503)
        faults += [f"{path} {status} {body!r}: {fault}"] if fault else []
    return faults


async def _address_in_use(scene: Scene) -> list[str]:
    """Somebody else's address at a provider is not theirs here; the owner is told how to link."""
    faults = []
    for provider in ("github", "kakao"):
        scene.fake.who = _person(provider, next(_ids), scene.alice.email.upper())
        browser = scene.browser()
        answer = await browser.come_back(scene.fake, provider)
        faults.append(await scene.refused(answer, browser, 409))
    links = (await scene.alice.at(scene.world.servers[0].url).get("/accounts/connections")).json()
    return [*faults, f"linked: {links}" if links["results"] else ""]


async def _address_unverified_at_github(scene: Scene) -> list[str]:
    """Also a second address, and the one that a profile shows."""
    email = scene.alice.email
    return [
        await _comes_without_address(scene, "github", who)
        for who in (
            github_person(next(_ids), email, verified=False),
            github_person(next(_ids), email, primary=False),
            github_person(next(_ids)) | {"email": email},
        )
    ]


async def _address_unverified_at_kakao(scene: Scene) -> list[str]:
    email = scene.alice.email
    return [
        await _comes_without_address(scene, "kakao", kakao_person(next(_ids), email, verified=False)),
        await _comes_without_address(scene, "kakao", kakao_person(next(_ids), email, valid=False)),
        await _comes_without_address(scene, "kakao", kakao_person(next(_ids))),
    ]


async def _comes_without_address(scene: Scene, provider: str, who: Mapping[str, Any]) -> str:
    """An account of its own, which has no address and is nobody else's."""
    scene.fake.who = who
    browser = scene.browser()
    answer = await browser.come_back(scene.fake, provider)
    profile = await browser.get("/accounts/profile", Accept="application/json")
    if answer.status != 303 or profile.status != 200:
        return f"{answer.status}, then {profile}"
    told = profile.json()
    return "" if told["email"] == "" and told["id"] != scene.alice.id else f"is {told['id']} {told['email']}"


async def _same_address_at_a_second_provider(scene: Scene) -> list[str]:
    """Also the same number: an id is one person's at one provider."""
    number = next(_ids)
    email = f"both-{number}@example.net"
    scene.fake.who = github_person(number, email)
    first, second, third = scene.browser(), scene.browser(), scene.browser()
    await first.come_back(scene.fake)
    scene.fake.who = kakao_person(next(_ids), email)
    refusal = await scene.refused(await second.come_back(scene.fake, "kakao"), second, 409)
    scene.fake.who = kakao_person(number)
    await third.come_back(scene.fake, "kakao")
    people = {await first.whoami(), await third.whoami()}
    return [refusal, "" if len(people) == 2 and "" not in people else f"one number: {people}"]


async def _registered_in_advance(scene: Scene) -> list[str]:
    """Whoever joined with the address before keeps an account that its owner never enters, and the other way round."""
    scene.fake.who = github_person(next(_ids), scene.alice.email)
    browser = scene.browser()
    refusal = await scene.refused(await browser.come_back(scene.fake), browser, 409)
    kept = await scene.alice.at(scene.world.servers[0].url).get("/accounts/profile")
    return [refusal, "" if kept.status == 200 else f"the account before: {kept}"]


async def _address_changed_at_the_provider(scene: Scene) -> list[str]:
    """To somebody's here: the same account as before, with the address that it had."""
    number = next(_ids)
    email = f"before-{number}@example.net"
    scene.fake.who = github_person(number, email)
    browser, later = scene.browser(), scene.browser()
    await browser.come_back(scene.fake)
    scene.fake.who = github_person(number, scene.alice.email)
    answer = await later.come_back(scene.fake)
    told = (await later.get("/accounts/profile", Accept="application/json")).json()
    same = answer.status == 303 and told.get("id") == await browser.whoami() and told["email"] == email
    return ["" if same else f"{answer.status}: {told}"]


async def _link_begun_by_another(scene: Scene) -> list[str]:
    """A link is finished by who began it: neither signed out, nor as somebody else, nor by a foreign form."""
    scene.fake.who = github_person(next(_ids))
    alice = await sign_in_by_cookie(scene.world.at(0), scene.alice.email)
    form = {"csrfmiddlewaretoken": alice.headers["X-CSRFToken"], "current_password": PASSWORD}
    page = await alice.post("/accounts/github/link", data=form, headers=PAGE)
    found = re.search(rf'href="({re.escape(scene.fake.url)}[^"]+)"', page.text)
    if page.status != 200 or found is None:
        return [f"linking does not begin: {page}"]
    back = scene.fake.consent(found[1].replace("&amp;", "&"))
    bob = await scene.world.join("bob")
    by_bob = await sign_in_by_cookie(scene.world.at(0), bob.email)
    answers = [
        await scene.browser().get(back),
        await by_bob.get(back.removeprefix(by_bob.url), headers=PAGE),
        await Client(alice.session, alice.url, {"Cookie": alice.headers["Cookie"]}).post(
            "/accounts/github/link", data={"current_password": PASSWORD}, headers=PAGE
        ),
    ]
    wrong = [str(answer) for answer in answers if answer.status not in (400, 403)]
    for person in (scene.alice, bob):
        links = (await person.at(scene.world.servers[0].url).get("/accounts/connections")).json()["results"]
        wrong += [f"{person.email} is linked: {links}"] if links else []
    return wrong


_CASES: dict[str, Callable[[Scene], Awaitable[list[str]]]] = {
    "state missing": _state_missing,
    "state replayed": _state_replayed,
    "state of another browser": _state_of_another_browser,
    "state of another provider": _state_of_another_provider,
    "code twice": _code_twice,
    "redirect elsewhere": _redirect_elsewhere,
    "consent denied": _consent_denied,
    "provider makes no sense": _provider_makes_no_sense,
    "address in use": _address_in_use,
    "address unverified at GitHub": _address_unverified_at_github,
    "address unverified at Kakao": _address_unverified_at_kakao,
    "same address at a second provider": _same_address_at_a_second_provider,
    "registered in advance": _registered_in_advance,
    "address changed at the provider": _address_changed_at_the_provider,
}


# --- C3 by providers ------------------------------------------------------------------------------------------------


async def parallel_first_sign_ins(stage: Stage) -> Outcome:
    """50 at once by each provider: of one person one account, of 25 others 25, and no administrators."""
    outcome = Outcome()
    async with _providers() as (fake, own), stage.world(servers=2, **own) as world:
        for provider in ("github", "kakao"):
            fake.who = _person(provider, next(_ids), f"same-{provider}@example.net")
            same = await _all_at_once(world, fake, provider, [fake.who] * JOINS)
            outcome.exactly(f"{provider}: one person is", len(set(same)), 1)
            others = [_person(provider, next(_ids), f"{n}-{provider}@example.net") for n in range(JOINS // 2)]
            people = await _all_at_once(world, fake, provider, others)
            outcome.exactly(f"{provider}: others are", len(set(people) - {""}), JOINS // 2)
        rows = "SELECT count(*) FROM accounts_user WHERE email LIKE %s AND (is_staff OR is_superuser)"
        outcome.exactly("administrators_made_over_http", world.database.rows(rows, "%@example.net")[0][0], 0)
        rows = "SELECT count(*) FROM accounts_user WHERE email LIKE %s"
        outcome.exactly("accounts", world.database.rows(rows, "%@example.net")[0][0], JOINS + 2)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _all_at_once(
    world: World, fake: AuthorizationServer, provider: str, people: Sequence[Mapping[str, Any]]
) -> list[str]:
    """Everybody consents first; then all come back in the same moment."""
    browsers = [Browser(world, asked=number) for number in range(len(people))]
    leaving = await asyncio.gather(*(browser.leave(provider) for browser in browsers))
    addresses = []
    for person, url in zip(people, leaving, strict=True):
        fake.who = person
        addresses.append(fake.consent(url))
    await asyncio.gather(*(browser.get(url) for browser, url in zip(browsers, addresses, strict=True)))
    return await asyncio.gather(*(browser.whoami() for browser in browsers))

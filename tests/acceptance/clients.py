"""HTTP clients of the programme: people with tokens, and whole answers as plain data."""

import json as json_module
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import aiohttp

from tests.acceptance.streams import Trace

PASSWORD = "a long walk by the river 42"


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole HTTP answer. Header names are looked up without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json_module.loads(self.body)

    @property
    def text(self) -> str:
        return self.body.decode("utf-8", "replace")

    def __str__(self) -> str:
        return f"{self.status} {self.text[:300]}"


@dataclass(frozen=True, slots=True)
class Client:
    """Speaks to one server with fixed headers. Raises aiohttp.ClientError when the connection breaks."""

    session: aiohttp.ClientSession
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        data: Any = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request and its whole answer; redirects are answers."""
        sent = {"Accept": "application/json", **self.headers, **(headers or {})}
        async with self.session.request(
            method, self._address(path), json=json, data=data, headers=sent, allow_redirects=False
        ) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.request("GET", path, **options)

    async def post(self, path: str, json: object = None, **options: Any) -> Answer:
        return await self.request("POST", path, json=json, **options)

    async def put(self, path: str, json: object = None, **options: Any) -> Answer:
        return await self.request("PUT", path, json=json, **options)

    async def delete(self, path: str, json: object = None, **options: Any) -> Answer:
        return await self.request("DELETE", path, json=json, **options)

    @asynccontextmanager
    async def open(
        self, method: str, path: str, *, json: object = None, headers: Mapping[str, str] | None = None
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        """A response whose body is read as it comes: an event stream."""
        sent = {"Accept": "text/event-stream", **self.headers, **(headers or {})}
        async with self.session.request(method, self._address(path), json=json, headers=sent) as response:
            yield response

    def with_headers(self, **headers: str) -> "Client":
        """The same client with more headers; underscores stand for hyphens."""
        return replace(
            self, headers={**self.headers, **{name.replace("_", "-"): text for name, text in headers.items()}}
        )

    def _address(self, path: str) -> str:
        return path if path.startswith("http") else self.url + path


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with an account, by their tokens."""

    session: aiohttp.ClientSession
    email: str
    id: str
    access: str
    refresh: str

    def at(self, url: str) -> Client:
        """Their bearer client at the server with this address."""
        return Client(self.session, url, {"Authorization": f"Bearer {self.access}"})


async def join(anyone: Client, email: str) -> Person:
    """A new account, made over HTTP."""
    answer = await anyone.post(
        "/accounts/join", {"email": email, "nickname": email.partition("@")[0][:40], "password": PASSWORD}
    )
    if answer.status != 201:
        raise RuntimeError(f"joining failed: {answer}")
    body = answer.json()
    return Person(anyone.session, email, body["id"], body["access"], body["refresh"])


async def make_key(client: Client) -> str:
    """An API key for everything and for ever, of whoever the client is."""
    answer = await client.post("/api/keys", {"name": "A key"})
    if answer.status != 201:
        raise RuntimeError(f"no key: {answer}")
    return str(answer.json()["key"])


async def sign_in_by_cookie(anyone: Client, email: str) -> Client:
    """A client with a browser's session cookie and CSRF token, got by the sign-in form."""
    page = await anyone.get("/accounts/login", headers={"Accept": "text/html"})
    token = re.search(r'name="csrfmiddlewaretoken"[^>]*value="([^"]+)"', page.text)
    if token is None:
        raise RuntimeError(f"the sign-in page has no form token: {page}")
    answer = await anyone.post(
        "/accounts/login",
        data={"csrfmiddlewaretoken": token[1], "email": email, "password": PASSWORD},
        headers={
            "Accept": "text/html",
            "Cookie": _header(cookies_of(page)),
            "Referer": anyone.url + "/accounts/login",
        },
    )
    if answer.status not in (302, 303):
        raise RuntimeError(f"signing in failed: {answer}")
    cookies = _header(cookies_of(page, answer))
    csrf = re.search(r"csrf=([^;]+)", cookies)
    assert csrf is not None
    return anyone.with_headers(Cookie=cookies, X_CSRFToken=csrf[1])


def cookies_of(*answers: Answer) -> dict[str, str]:
    """What a browser keeps after these answers, the later ones winning."""
    jar: dict[str, str] = {}
    for answer in answers:
        for line in answer.headers.getall("Set-Cookie", []):  # type: ignore[attr-defined]
            name, _, value = line.partition(";")[0].partition("=")
            jar[name] = value
    return jar


def _header(cookies: Mapping[str, str]) -> str:
    return "; ".join(f"{name}={value}" for name, value in cookies.items())


@dataclass(slots=True)
class Conversation:
    """A conversation of one person, and the streams of its answers."""

    client: Client
    id: str

    @classmethod
    async def begin(cls, client: Client) -> "Conversation":
        answer = await client.post("/api/conversations", {})
        if answer.status != 201:
            raise RuntimeError(f"no conversation: {answer}")
        return cls(client, answer.json()["id"])

    @property
    def messages_path(self) -> str:
        return f"/api/conversations/{self.id}/messages"

    async def messages(self) -> list[dict[str, Any]]:
        """All of its messages, page after page."""
        found: list[dict[str, Any]] = []
        path: str | None = self.messages_path
        while path:
            answer = await self.client.get(path)
            if answer.status != 200:
                raise RuntimeError(f"the messages cannot be read: {answer}")
            page = answer.json()
            found += page["results"]
            path = page["next"]
        return found

    async def message(self, message_id: str) -> dict[str, Any]:
        """One message of it, as it is stored."""
        answer = await self.client.get(f"/api/messages/{message_id}")
        if answer.status != 200:
            raise RuntimeError(f"the message cannot be read: {answer}")
        body: dict[str, Any] = answer.json()
        return body

    async def stream(self, content: str, trace: Trace, **body: object) -> None:
        """Send and read until the end event or until the connection breaks."""
        async with self.client.open(
            "POST", self.messages_path, json={"content": content, **body}
        ) as response:
            await trace.read(response)

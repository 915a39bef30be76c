"""What `tertulia smoke URL` asks of a deployed instance, as a visitor would; it leaves no account behind."""

import json
import secrets
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

# A cold start of a small plan takes most of a minute before the first answer comes.
_FIRST_ANSWER_SECONDS = 120.0
# What a platform's front end, or nobody, answers while an instance starts.
_STARTING = (0, 502, 503, 504)
_LIMIT = aiohttp.ClientTimeout(total=None, connect=30, sock_read=60)
_QUESTION = "Say good morning in one sentence."


class Failed(Exception):
    """A step did not give what it had to."""


@dataclass(slots=True)
class Check:
    """One walk through an instance; `say` is told of each step that went well."""

    session: aiohttp.ClientSession
    url: str
    say: Callable[[str], object]
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    headers: dict[str, str] = field(default_factory=dict)

    async def all(self) -> None:
        """Every step in turn; raises Failed at the first that does not hold."""
        await self.health()
        await self.sign_in_page()
        await self.join()
        try:
            await self.answer()
        finally:
            await self.leave()

    async def health(self) -> None:
        """Alive, and ready to be sent requests."""
        deadline = time.monotonic() + _FIRST_ANSWER_SECONDS
        while (status := await self._status("/readyz")) != 200:
            if status not in _STARTING or time.monotonic() > deadline:
                raise Failed(f"/readyz answers {status or 'nothing'}: see the server's log")
        await self._json("GET", "/healthz", 200)
        self.say("healthy and ready")

    async def sign_in_page(self) -> None:
        """The page, and that what it needs is delivered."""
        async with self.session.get(f"{self.url}/accounts/login", headers={"Accept": "text/html"}) as page:
            text = await page.text()
        if page.status != 200 or "csrfmiddlewaretoken" not in text:
            raise Failed(f"/accounts/login: {page.status} without a sign-in form")
        async with self.session.get(f"{self.url}/static/tertulia/app/main.js") as script:
            if script.status != 200:
                raise Failed(f"the client's script: {script.status}; it was not built before packaging")
        self.say("the sign-in page and its script are there")

    async def join(self) -> None:
        """A new account with an address that receives no mail."""
        person = {
            "email": f"smoke-{secrets.token_hex(6)}@example.org",
            "nickname": "Smoke test",
            "password": self.password,
        }
        body = await self._json("POST", "/accounts/join", 201, person)
        self.headers["Authorization"] = f"Bearer {body['access']}"
        self.say("somebody can join")

    async def answer(self) -> None:
        """One streamed answer, in pieces, to its end, stored as it was shown."""
        conversation = await self._json("POST", "/api/conversations", 201, {})
        text, begun, first, end = "", time.monotonic(), 0.0, {}
        path = f"/api/conversations/{conversation['id']}/messages"
        async for event, data in self._events(path):
            if event == "delta":
                first = first or time.monotonic() - begun
                text += data["text"]
            elif event == "end":
                end = data
        if end.get("status") != "complete" or not text:
            raise Failed(f"the answer ended as {end.get('status')}: {end.get('error', 'no text')}")
        self.say(f"an answer streams: {len(text)} characters, the first after {first:.2f} s")

    async def leave(self) -> None:
        """Erase the account again."""
        await self._json("DELETE", "/accounts/profile", 204, {"current_password": self.password})
        self.say("the account is erased again")

    async def _status(self, path: str) -> int:
        """The status, 0 while nothing answers."""
        try:
            async with self.session.get(self.url + path) as answer:
                return answer.status
        except (aiohttp.ClientError, TimeoutError):
            return 0

    async def _json(self, method: str, path: str, status: int, body: object = None) -> Any:
        headers = {"Accept": "application/json", **self.headers}
        async with self.session.request(method, self.url + path, json=body, headers=headers) as answer:
            text = await answer.text()
        if answer.status != status:
            raise Failed(f"{method} {path}: {answer.status} where {status} was expected: {text[:300]}")
        return json.loads(text) if text else None

    async def _events(self, path: str) -> AsyncIterator[tuple[str, Any]]:
        headers = {"Accept": "text/event-stream", **self.headers}
        body = {"content": _QUESTION}
        async with self.session.post(self.url + path, json=body, headers=headers) as answer:
            if answer.status != 200:
                raise Failed(f"POST {path}: {answer.status}: {(await answer.text())[:300]}")
            event = ""
            async for line in answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, json.loads(value)


async def walk(url: str, say: Callable[[str], object]) -> None:
    """Check the instance at `url`; raises Failed, or aiohttp.ClientError when the connection breaks."""
    async with aiohttp.ClientSession(timeout=_LIMIT, trust_env=True) as session:
        await Check(session, url.rstrip("/"), say).all()

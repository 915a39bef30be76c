"""What `tertulia smoke URL` asks of a deployed instance, as a visitor would; it leaves no account behind."""

import asyncio
import contextlib
import json
import os
import re
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import aiohttp

# A cold start of a small plan takes most of a minute before the first answer comes.
START_SECONDS = 120.0
_PAUSE_SECONDS = 1.0
ANSWER_SECONDS = 60.0
# What a platform's front end answers while an instance starts.
_STARTING = (502, 503, 504)
_QUESTION = "Say good morning in one sentence."
# So much of an answer that was not expected is repeated.
_EXCERPT = 200


class Failed(Exception):
    """A step did not give what it had to."""


class Unreachable(Failed):
    """Nobody answered, or not in time: an instance that starts is like that for a while."""


@dataclass(slots=True)
class Check:
    """One walk through an instance; `say` is told of each step that went well."""

    session: aiohttp.ClientSession
    url: str
    say: Callable[[str], object]
    start_seconds: float
    answer_seconds: float
    password: str = field(default_factory=lambda: secrets.token_urlsafe(18))
    headers: dict[str, str] = field(default_factory=dict)

    async def all(self) -> None:
        """Every step in turn; raises Failed at the first that does not hold."""
        await self.health()
        await self.sign_in_page()
        await self.join()
        try:
            await self.answer()
        except BaseException:  # Ctrl-C as well: no account may stay behind
            with contextlib.suppress(Failed):
                await self.leave()
            raise
        await self.leave()

    async def health(self) -> None:
        """Alive, and ready to be sent requests; one that starts is waited for."""
        deadline = time.monotonic() + self.start_seconds
        while reason := await self._unready():
            if time.monotonic() > deadline:
                raise Failed(reason)
            await asyncio.sleep(_PAUSE_SECONDS)
        await self._json("GET", "/healthz", 200)
        self.say("healthy and ready")

    async def sign_in_page(self) -> None:
        """The page, and that what it needs is delivered."""
        path = "/accounts/login"
        async with self._request("GET", path, headers={"Accept": "text/html"}) as page:
            text = await page.text()
            _expect(page, text, 200)
        if "csrfmiddlewaretoken" not in text:
            raise Failed(f"GET {path}: a page without a sign-in form")
        script = "/static/tertulia/app/main.js"
        async with self._request("GET", script) as answer:
            if answer.status != 200:
                raise Failed(f"GET {script}: {answer.status}; the client was not built before packaging")
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

    async def _unready(self) -> str:
        """Why it may not be asked yet, empty when it may; raises Failed for what no waiting mends."""
        try:
            async with self._request("GET", "/readyz") as answer:
                text = await answer.text()
        except Unreachable as nobody:
            return str(nobody)
        if answer.status in _STARTING:
            return f"GET /readyz: {answer.status}: {_excerpt(answer, text)}; see the server's log"
        _expect(answer, text, 200)
        if _decoded(answer, text) != {"status": "ready"}:
            raise Failed(f"GET /readyz: this is no Tertulia: {_excerpt(answer, text)}")
        return ""

    async def _json(self, method: str, path: str, status: int, body: object = None) -> Any:
        headers = {"Accept": "application/json", **self.headers}
        async with self._request(method, path, json=body, headers=headers) as answer:
            text = await answer.text()
        _expect(answer, text, status)
        return _decoded(answer, text) if text else None

    async def _events(self, path: str) -> AsyncIterator[tuple[str, Any]]:
        options = {
            "headers": {"Accept": "text/event-stream", **self.headers},
            "json": {"content": _QUESTION},
            "timeout": aiohttp.ClientTimeout(total=None, sock_read=self.answer_seconds),
        }
        async with self._request("POST", path, **options) as answer:
            if answer.status != 200:
                _expect(answer, await answer.text(), 200)
            event = ""
            async for line in answer.content:
                name, _, value = line.decode().rstrip("\n").partition(": ")
                if name == "event":
                    event = value
                elif name == "data":
                    yield event, json.loads(value)

    @asynccontextmanager
    async def _request(self, method: str, path: str, **options: Any) -> AsyncIterator[aiohttp.ClientResponse]:
        """The answer, never the one that it leads on to; raises Failed where there is none or it breaks off."""
        asked = self.session.request(method, self.url + path, allow_redirects=False, **options)
        try:
            async with asked as answer:
                yield answer
        except aiohttp.ClientConnectorCertificateError as error:
            reason = getattr(error.certificate_error, "verify_message", "") or error.certificate_error
            raise Failed(f"the certificate is not accepted: {reason}") from None
        except aiohttp.ClientConnectorSSLError as error:
            raise Failed(f"https is not spoken there: {getattr(error.os_error, 'reason', error)}") from None
        except aiohttp.ClientConnectorDNSError as error:
            raise Failed(f"there is no host {error.host}") from None
        except TimeoutError:
            raise Unreachable(f"{method} {path}: no answer within {self.answer_seconds:g} s") from None
        except aiohttp.ClientConnectorError as error:
            raise Unreachable(f"nothing answers at port {error.port}: {_reason(error)}") from None
        except aiohttp.ClientError as error:
            raise Unreachable(f"{method} {path}: {str(error) or type(error).__name__}") from None


def _reason(error: aiohttp.ClientConnectorError) -> str:
    """In the system's words; asyncio's tell of its own call."""
    return os.strerror(error.errno) if error.errno and error.errno > 0 else str(error.os_error)


def _expect(answer: aiohttp.ClientResponse, text: str, status: int) -> None:
    if answer.status == status:
        return
    asked = f"{answer.method} {answer.url.path}: {answer.status}"
    if 300 <= answer.status < 400:
        raise Failed(f"{asked}: leads on to {answer.headers.get('Location')}; is this the right address?")
    raise Failed(f"{asked} where {status} was expected: {_excerpt(answer, text)}")


def _decoded(answer: aiohttp.ClientResponse, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        asked = f"{answer.method} {answer.url.path}"
        raise Failed(f"{asked}: this is no Tertulia: {_excerpt(answer, text)}") from None


def _excerpt(answer: aiohttp.ClientResponse, text: str) -> str:
    """One line of an answer's text; of a page its title, which says most."""
    if answer.content_type == "text/html":
        title = re.search(r"<title[^>]*>(.*?)</title>", text, re.DOTALL | re.IGNORECASE)
        return f"a page with the title {' '.join(title[1].split())[:_EXCERPT]!r}" if title else "a page"
    return " ".join(text.split())[:_EXCERPT] or "nothing"


async def walk(
    url: str,
    say: Callable[[str], object],
    *,
    start_seconds: float = START_SECONDS,
    answer_seconds: float = ANSWER_SECONDS,
) -> None:
    """Check the instance at `url`; raises Failed.

    start_seconds    that it may take until it is ready
    answer_seconds   for each answer, or for each piece of the one that streams
    """
    limit = aiohttp.ClientTimeout(total=answer_seconds)
    async with aiohttp.ClientSession(timeout=limit, trust_env=True) as session:
        await Check(session, url.rstrip("/"), say, start_seconds, answer_seconds).all()

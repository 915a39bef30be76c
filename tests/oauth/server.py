"""One server with the addresses of both providers; tests change `who` to decide who consents in the browser."""

import base64
import hashlib
import json
import secrets
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

CLIENT_ID, CLIENT_SECRET = "the-client", "the-secret"


def github_person(
    id: int, email: str = "", *, login: str = "octo", verified: bool = True, primary: bool = True
) -> dict[str, Any]:
    """A GitHub account as /user and /user/emails tell it."""
    emails = [{"email": email, "primary": primary, "verified": verified}] if email else []
    return {"id": id, "login": login, "name": "Octo Cat", "email": None, "emails": emails}


def kakao_person(
    id: int, email: str = "", *, nickname: str | None = "라이언", valid: bool = True, verified: bool = True
) -> dict[str, Any]:
    """A Kakao account as /v2/user/me tells it; without consent to the e-mail address the account has none."""
    account: dict[str, Any] = {"profile": {"nickname": nickname}} if nickname else {}
    if email:
        account |= {"email": email, "is_email_valid": valid, "is_email_verified": verified}
    return {"id": id, "kakao_account": account}


@dataclass
class Grant:
    """What a code or a token stands for."""

    who: Mapping[str, Any]
    redirect_uri: str
    challenge: str


@dataclass
class AuthorizationServer:
    """`who` consents next; `status` and `body`, when set, replace the answer to a path."""

    who: Mapping[str, Any] = field(default_factory=dict)
    denies: bool = False
    faults: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    codes: dict[str, Grant] = field(default_factory=dict)
    tokens: dict[str, Grant] = field(default_factory=dict)
    url: str = ""

    def start(self) -> str:
        """Serve on a port of the system's choice; the address."""
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                server.answer(self)

            def do_POST(self) -> None:
                server.answer(self)

            def log_message(self, *args: Any) -> None:
                pass

        self._http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._http.server_address[1]}"
        return self.url

    def stop(self) -> None:
        self._http.shutdown()
        self._http.server_close()

    def consent(self, url: str) -> str:
        """Go where a browser is sent to, as `who`; the address that the browser is sent back to."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
        assert query["client_id"] == CLIENT_ID
        assert query["response_type"] == "code"
        back = {"state": query["state"]}
        if self.denies:
            return f"{query['redirect_uri']}?{urlencode({'error': 'access_denied'} | back)}"
        code = secrets.token_urlsafe(16)
        self.codes[code] = Grant(dict(self.who), query["redirect_uri"], query.get("code_challenge", ""))
        return f"{query['redirect_uri']}?{urlencode({'code': code} | back)}"

    def answer(self, request: BaseHTTPRequestHandler) -> None:
        path = urlsplit(request.path).path
        self.asked.append(path)
        if path in self.faults:
            status, body = self.faults[path]
            return _send(request, status, body)
        status, document = _ANSWERS[path](self, request) if path in _ANSWERS else (404, {})
        return _send(request, status, json.dumps(document).encode())

    def exchange(self, request: BaseHTTPRequestHandler) -> tuple[int, Any]:
        """RFC 6749 §4.1.3 with RFC 7636 §4.6; GitHub answers 200 also to a bad code."""
        length = int(request.headers["Content-Length"])
        form = {name: values[0] for name, values in parse_qs(request.rfile.read(length).decode()).items()}
        grant = self.codes.pop(form.get("code", ""), None)
        proof = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest())
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT_ID, CLIENT_SECRET):
            return 200, {"error": "incorrect_client_credentials"}
        if grant is None or form.get("redirect_uri") != grant.redirect_uri:
            return 200, {"error": "bad_verification_code"}
        if grant.challenge and proof.decode().rstrip("=") != grant.challenge:
            return 400, {"error": "invalid_grant"}
        token = secrets.token_urlsafe(16)
        self.tokens[token] = grant
        return 200, {"access_token": token, "token_type": "bearer", "expires_in": 3600}

    def person(self, request: BaseHTTPRequestHandler) -> tuple[int, Any]:
        _scheme, _space, token = request.headers.get("Authorization", "").partition(" ")
        grant = self.tokens.get(token)
        return (200, grant.who) if grant else (401, {"message": "Bad credentials"})

    def github_user(self, request: BaseHTTPRequestHandler) -> tuple[int, Any]:
        status, who = self.person(request)
        return status, {name: value for name, value in who.items() if name != "emails"}

    def github_emails(self, request: BaseHTTPRequestHandler) -> tuple[int, Any]:
        status, who = self.person(request)
        return status, who.get("emails", [])


_Answer = Callable[[AuthorizationServer, BaseHTTPRequestHandler], tuple[int, Any]]
_ANSWERS: dict[str, _Answer] = {
    "/login/oauth/access_token": AuthorizationServer.exchange,
    "/oauth/token": AuthorizationServer.exchange,
    "/user": AuthorizationServer.github_user,
    "/user/emails": AuthorizationServer.github_emails,
    "/v2/user/me": AuthorizationServer.person,
}


def _send(request: BaseHTTPRequestHandler, status: int, body: bytes) -> None:
    request.send_response(status)
    request.send_header("Content-Type", "application/json; charset=utf-8")
    request.send_header("Content-Length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)

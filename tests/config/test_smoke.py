"""`tertulia smoke` against what is no working instance: a plain line, status 1. What works is the rehearsal's."""

import asyncio
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tertulia.config import smoke
from tests.acceptance.processes import ROOT, clean_environment
from tests.provider.certificate import self_signed_context


class Page(BaseHTTPRequestHandler):
    """Answers alike whatever is asked: subclasses say how."""

    status = 200
    headers_sent: tuple[tuple[str, str], ...] = ()
    body = b""
    delay = 0.0

    def do_GET(self) -> None:
        time.sleep(self.delay)
        self.send_response(self.status)
        for name, value in (*self.headers_sent, ("Content-Length", str(len(self.body)))):
            self.send_header(name, value)
        self.end_headers()
        with suppress(BrokenPipeError):  # nobody waits for an answer that comes too late
            self.wfile.write(self.body)

    def log_message(self, format: str, *args: object) -> None:
        pass


_HTML = (("Content-Type", "text/html; charset=utf-8"),)
_JSON = (("Content-Type", "application/json"),)


def page(**said: object) -> type[Page]:
    return type("Said", (Page,), said)


@contextmanager
def site(handler: type[Page], *, with_tls: bool = False) -> Iterator[str]:
    """A server that answers by `handler`; its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = True
    if with_tls:
        server.socket = self_signed_context().wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    try:
        yield f"{'https' if with_tls else 'http'}://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def asked(url: str, *options: str, folder: Path) -> str:
    """What it says on standard error, having failed in one line."""
    done = subprocess.run(
        [sys.executable, "-m", "tertulia", "smoke", url, *options],
        cwd=ROOT,
        env=clean_environment() | {"TERTULIA_DATA": str(folder)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stdout + done.stderr
    assert len(done.stderr.splitlines()) == 1, done.stderr
    return done.stderr.strip()


def fault(url: str) -> str:
    """The same without a process of its own, and without patience."""
    with pytest.raises(smoke.Failed) as failed:
        asyncio.run(smoke.walk(url, lambda step: None, start_seconds=0, answer_seconds=0.5))
    assert "\n" not in str(failed.value)
    return str(failed.value)


_OF_ANOTHER = {
    "a page of an error": (
        page(status=500, headers_sent=_HTML, body=b"<html><title>Oh\nno</title><p>Long text." * 90),
        "GET /readyz: 500 where 200 was expected: a page with the title 'Oh no'",
    ),
    "a page for everything": (
        page(headers_sent=_HTML, body=b"<!doctype html><title>Parked domain</title>"),
        "GET /readyz: this is no Tertulia: a page with the title 'Parked domain'",
    ),
    "another program's health": (
        page(headers_sent=_JSON, body=b'{"status": "ok"}'),
        'GET /readyz: this is no Tertulia: {"status": "ok"}',
    ),
    "somebody else's sign-in": (
        page(status=302, headers_sent=(("Location", "https://login.example.org/?next=/readyz"),)),
        "GET /readyz: 302: leads on to https://login.example.org/?next=/readyz; is this the right address?",
    ),
    "a front end whose application does not start": (
        page(status=503, headers_sent=_HTML, body=b"<h1>:( Application Error</h1>"),
        "GET /readyz: 503: a page; see the server's log",
    ),
    "an answer that never comes": (page(delay=3), "GET /readyz: no answer within 0.5 s"),
}


@pytest.mark.parametrize("name", _OF_ANOTHER)
def test_what_is_no_instance_is_told_in_a_line(name: str) -> None:
    handler, told = _OF_ANOTHER[name]
    with site(handler) as url:
        assert fault(url) == told


async def test_a_certificate_that_nobody_signed_is_no_reason_to_wait() -> None:
    with site(page(), with_tls=True) as url:
        async with asyncio.timeout(60):
            with pytest.raises(
                smoke.Failed, match=r"^the certificate is not accepted: self-signed certificate$"
            ):
                await smoke.walk(url, lambda step: None, start_seconds=600)


def test_https_at_a_port_of_http_is_told() -> None:
    with site(page()) as url:
        assert fault(url.replace("http:", "https:")).startswith("https is not spoken there: ")


def test_a_port_where_nobody_listens(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    url = f"http://127.0.0.1:{port}"
    told = f"CommandError: {url}: nothing answers at port {port}: Connection refused"
    assert asked(url, "--wait", "0", folder=tmp_path) == told


def test_an_instance_that_starts_is_waited_for(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(smoke, "_PAUSE_SECONDS", 0.01)
    asked_first = iter([503, 502])
    starting = page(status=503)

    def do_get(self: Page) -> None:
        self.status = next(asked_first, 418)
        Page.do_GET(self)

    starting.do_GET = do_get  # type: ignore[method-assign]
    with site(starting) as url, pytest.raises(smoke.Failed, match="/readyz: 418 where 200 was expected"):
        asyncio.run(smoke.walk(url, lambda step: None))


@pytest.mark.parametrize(
    "url", ["chat.example.org", "ftp://example.org", "http://", "http://[::1", "http://a:b"]
)
def test_what_is_no_address_is_not_asked(url: str, tmp_path: Path) -> None:
    told = f"CommandError: {url}: not an address such as https://chat.example.org."
    assert asked(url, folder=tmp_path) == told


def test_a_wrong_path_is_named(server: str, tmp_path: Path) -> None:
    assert "GET /nowhere/readyz: 404 where 200 was expected" in asked(f"{server}/nowhere", folder=tmp_path)


def test_whoever_joined_is_erased_when_the_answer_fails(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[str] = []

    async def breaks(self: smoke.Check) -> None:
        raise smoke.Failed("the answer ended as failed: of this test")

    monkeypatch.setattr(smoke.Check, "answer", breaks)
    with pytest.raises(smoke.Failed, match="of this test"):
        asyncio.run(smoke.walk(server, said.append))
    assert said[-1] == "the account is erased again"

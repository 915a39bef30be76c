"""An instance as the world sees it: the real server behind real Caddy by https, and two other origins with pages of
their own: the exported client on a static host, and a foreign page that holds the chat as an element.
"""

import re
import shutil
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from tests.acceptance.processes import ROOT, Process, clean_environment

# Only what a test needs beside the file that is shipped: no changes to the machine, and the two other origins.
_CADDYFILE = """
{{
	admin off
	skip_install_trust
	auto_https disable_redirects
	storage file_system {folder}/caddy
}}
import {root}/deploy/caddy/Caddyfile
https://127.0.0.1:{front_port} {{
	root * {folder}/front
	file_server
}}
https://127.0.0.1:{foreign_port} {{
	root * {folder}/foreign
	file_server
}}
"""

_FOREIGN_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>A page of somebody else</title>
<link rel="icon" href="data:,"></head>
<body><h1>A page of somebody else</h1>
<script type="module" src="{api}/static/tertulia/app/embed/embed.js"></script>
<tertulia-chat api="{api}"></tertulia-chat>
</body></html>
"""


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Addresses of the instance, of the static host and of the foreign page; `authority` signed their certificates."""

    api: str
    front: str
    foreign: str
    authority: Path
    server: Process

    @property
    def trust(self) -> ssl.SSLContext:
        """What believes this authority alone."""
        return ssl.create_default_context(cafile=self.authority)

    def client(self, address: str = "127.0.0.1") -> httpx.Client:
        """A client that connects from a loopback address."""
        transport = httpx.HTTPTransport(verify=self.trust, local_address=address)
        headers = {"Accept": "application/json"}
        return httpx.Client(base_url=self.api, transport=transport, headers=headers, timeout=30)


@contextmanager
def elsewhere(folder: Path, provider: str) -> Iterator[Elsewhere]:
    """Start everything in `folder`; it ends with the context."""
    caddy = shutil.which("caddy")
    assert caddy, "no caddy: install Debian's package"
    port, api_port, front_port, foreign_port = _free_ports(4)
    api = f"https://localhost:{api_port}"
    front, foreign = (f"https://127.0.0.1:{number}" for number in (front_port, foreign_port))
    environment = {
        "TERTULIA_DATA": str(folder / "data"),
        "OPENAI_BASE_URL": provider,
        "CSRF_TRUSTED_ORIGINS": api,
        "ALLOWED_HOSTS": "localhost",
        "CORS_ALLOWED_ORIGINS": f"{front},{foreign}",
        "FORWARDED_ALLOW_IPS": "127.0.0.1",
        "TERTULIA_DOMAIN": api,
        "TERTULIA_UPSTREAM": f"127.0.0.1:{port}",
    }
    _write_pages(folder, api)
    (folder / "Caddyfile").write_text(
        _CADDYFILE.format(folder=folder, root=ROOT, front_port=front_port, foreign_port=foreign_port)
    )
    with ExitStack() as stack:
        server = Process(_tertulia("serve", "--port", str(port)), environment, folder / "server.log")
        stack.callback(server.kill)
        command = [caddy, "run", "--adapter", "caddyfile", "--config", str(folder / "Caddyfile")]
        proxy = Process(command, environment | {"HOME": str(folder)}, folder / "caddy.log")
        stack.callback(proxy.kill)
        authority = folder / "caddy/pki/authorities/local/root.crt"
        _wait(lambda: authority.exists() and _answers(f"{api}/readyz", authority), server, proxy)
        _wait(lambda: _answers(f"{front}/index.html", authority), server, proxy)
        yield Elsewhere(api, front, foreign, authority, server)


def _tertulia(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "django", *arguments, "--settings", "tertulia.config.settings"]


def _write_pages(folder: Path, api: str) -> None:
    command = _tertulia("export_client", "--api", api, "--out", str(folder / "front"))
    environment = clean_environment() | {"TERTULIA_DATA": str(folder / "data")}
    subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.DEVNULL)
    (folder / "foreign").mkdir()
    (folder / "foreign" / "index.html").write_text(_FOREIGN_PAGE.format(api=api))


def _answers(url: str, authority: Path) -> bool:
    try:
        return httpx.get(url, verify=ssl.create_default_context(cafile=authority)).status_code == 200
    except httpx.TransportError:
        return False


def _wait(is_ready: Callable[[], bool], *processes: Process) -> None:
    deadline = time.monotonic() + 60
    while not is_ready():
        ended = [process for process in processes if process.exit_code is not None]
        if ended or time.monotonic() > deadline:
            raise RuntimeError(
                "\n".join(re.sub(r"\n+", "\n", process.said()[-3000:]) for process in processes)
            )
        time.sleep(0.1)


def _free_ports(count: int) -> list[int]:
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]

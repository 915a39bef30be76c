"""How the application is served: one uvicorn configuration for `serve` and `runserver`."""

import ipaddress
import os
import socket
from argparse import ArgumentTypeError

import uvicorn
from django.core.exceptions import ImproperlyConfigured
from uvicorn.supervisors import ChangeReload, Multiprocess

# After the drain no stream is open on purpose; a client that does not read its last bytes is not waited for.
CLOSE_SECONDS = 3
# Longer than what load balancers keep an idle connection for, so that they close first.
KEEP_ALIVE_SECONDS = 75
# `*` means whoever reaches the port from inside a platform's network. uvicorn would then believe the first address of
# X-Forwarded-For, which the visitor writes; with the networks named it takes the last that is not one of them.
INSIDE = "127.0.0.0/8,10.0.0.0/8,172.16.0.0/12,192.168.0.0/16,169.254.0.0/16,100.64.0.0/10,::1/128,fc00::/7,fe80::/10"
# What a hosting platform is told to run; the port comes from its environment.
START_COMMAND = "python -m tertulia serve --host 0.0.0.0"
ANY_ADDRESS = ("0.0.0.0", "::")  # noqa: S104  (compared with, not bound)


class CannotListen(Exception):
    """The address is taken, forbidden or not this machine's."""


class Listening:
    """A bound socket and the configuration that serves it; `url` is true before the first request comes.

    Raises CannotListen.
    """

    def __init__(self, host: str, port: int, *, workers: int = 1, reload: bool = False) -> None:
        self._config = uvicorn.Config(
            "tertulia.config.asgi:application",
            host=host,
            port=port,
            workers=workers,
            reload=reload,
            lifespan="on",
            log_config=None,
            access_log=False,
            server_header=False,
            # uvicorn would believe any local client's X-Forwarded-For, and with it dodge the limits by address.
            proxy_headers=bool(_proxies()),
            forwarded_allow_ips=_proxies(),
            timeout_graceful_shutdown=CLOSE_SECONDS,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        self._socket = _bound(host, port)
        self.url = _url(self._socket)

    def open(self) -> None:
        """Let connections wait for `run`, so that an address that is told takes them. Raises CannotListen."""
        try:
            self._socket.listen(self._config.backlog)
        except OSError as error:  # bound at the same time as another one, which was quicker
            raise _cannot_listen(self._config.host, self._config.port, error) from None

    def run(self) -> None:
        """Serve until a signal ends it."""
        sockets = [self._socket]
        if self._config.should_reload:
            ChangeReload(self._config, target=uvicorn.Server(self._config).run, sockets=sockets).run()
        elif self._config.workers > 1:
            Multiprocess(self._config, sockets=sockets).run()
        else:
            uvicorn.Server(self._config).run(sockets=sockets)


def _bound(host: str, port: int) -> socket.socket:
    """As uvicorn binds it; but it would log the system's error alone, which names neither address nor port."""
    listening = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind((host, port))
    except OSError as error:
        listening.close()
        raise _cannot_listen(host, port, error) from None
    listening.set_inheritable(True)
    return listening


def _cannot_listen(host: str, port: int, error: OSError) -> CannotListen:
    return CannotListen(f"Port {port} of {host} cannot be had: {error.strerror}.")


def _proxies() -> str:
    """The addresses and networks whose word about visitors counts; empty: nobody's."""
    told = os.environ.get("FORWARDED_ALLOW_IPS", "").strip()
    return INSIDE if told == "*" else told


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    name = "localhost" if ipaddress.ip_address(host).is_loopback or host in ANY_ADDRESS else host
    return f"http://{name}:{port}"


def default_port() -> int:
    """PORT, as hosting platforms give it, Azure's WEBSITES_PORT, or 8000; raises ImproperlyConfigured."""
    name = next((name for name in ("PORT", "WEBSITES_PORT") if os.environ.get(name)), "")
    try:
        return port(os.environ.get(name, "8000"))
    except ArgumentTypeError as error:
        raise ImproperlyConfigured(f"{name}: {error}.") from None


def port(text: str) -> int:
    """A port's number; 0 has the system choose one. Raises ArgumentTypeError: it is the type of an option, too."""
    if text.isascii() and text.isdigit() and int(text) < 2**16:
        return int(text)
    raise ArgumentTypeError(f"a whole number from 0 to 65535; not {text!r}")

"""How the application is served: one uvicorn configuration for `serve` and `runserver`."""

import ipaddress
import os
import socket

import uvicorn
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


class Listening:
    """A bound socket and the configuration that serves it; `url` is true before the first request comes."""

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
        self._socket = self._config.bind_socket()
        self.url = _url(self._socket)

    def run(self) -> None:
        """Serve until a signal ends it."""
        sockets = [self._socket]
        if self._config.should_reload:
            ChangeReload(self._config, target=uvicorn.Server(self._config).run, sockets=sockets).run()
        elif self._config.workers > 1:
            Multiprocess(self._config, sockets=sockets).run()
        else:
            uvicorn.Server(self._config).run(sockets=sockets)


def _proxies() -> str:
    """The addresses and networks whose word about visitors counts; empty: nobody's."""
    told = os.environ.get("FORWARDED_ALLOW_IPS", "").strip()
    return INSIDE if told == "*" else told


def _url(bound: socket.socket) -> str:
    host, port = bound.getsockname()[:2]
    name = "localhost" if ipaddress.ip_address(host).is_loopback or host in ANY_ADDRESS else host
    return f"http://{name}:{port}"


def default_port() -> int:
    """PORT, as hosting platforms give it, Azure's WEBSITES_PORT, or 8000."""
    return int(os.environ.get("PORT") or os.environ.get("WEBSITES_PORT") or 8000)

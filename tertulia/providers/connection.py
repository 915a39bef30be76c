"""Keep-alive HTTP sessions to one provider, one per event loop; used by `openai`."""

import asyncio
import ipaddress
from types import SimpleNamespace
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import aiohttp

# Rotating processes of a provider close idle connections after a minute or so; be earlier.
_KEEPALIVE_SECONDS = 30


class Sessions:
    """The aiohttp session of the running loop, made on first use.

    A session belongs to the loop it was made in, while a provider lives as long as the process.
    """

    def __init__(self, *, headers: dict[str, str], connect_timeout: float) -> None:
        self._headers = headers
        self._timeout = aiohttp.ClientTimeout(total=None, connect=connect_timeout)
        self._by_loop: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    def current(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._by_loop.get(loop)
        if session is None or session.closed:
            self._forget_closed_loops()
            session = self._by_loop[loop] = self._new_session()
        return session

    async def close(self) -> None:
        """Close the running loop's session; those of other loops can only be closed there."""
        session = self._by_loop.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def _new_session(self) -> aiohttp.ClientSession:
        # limit=0: the engine bounds its runs; a second bound here would look like a slow provider.
        # TLS is aiohttp's default context, which is ssl.create_default_context(): the system's store.
        # Cookies are refused, so that nothing of one user's request is sent with another's.
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=_KEEPALIVE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=self._timeout,
            trace_configs=[_reuse_trace()],
        )

    def _forget_closed_loops(self) -> None:
        for loop in [loop for loop in self._by_loop if loop.is_closed()]:
            self._by_loop.pop(loop).detach()


def _reuse_trace() -> aiohttp.TraceConfig:
    """Notes `reused` on a request that went out on a kept connection."""

    async def note(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
        if context.trace_request_ctx is not None:
            context.trace_request_ctx.reused = True

    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(note)
    return trace


def proxy_for(url: str) -> str | None:
    """The operator's proxy from the environment; none for this machine or where `no_proxy` says so.

    Not aiohttp's trust_env: that would also send passwords found in ~/.netrc.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if _is_this_machine(host) or proxy_bypass(host):
        return None
    proxy = getproxies().get(parts.scheme, "")
    return proxy if proxy.startswith(("http://", "https://")) else None


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")

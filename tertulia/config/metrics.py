"""Figures for Prometheus at /metrics, behind TERTULIA_METRICS_TOKEN; middleware and supervisor tell what happens.

Names follow Prometheus's conventions: base units, `_total` for counters. No label holds an id, an address or a name
of a person. With several workers every figure is the sum over them.
"""

import asyncio
import atexit
import hmac
import os
import shutil
import tempfile

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

from tertulia.chat.generation.events import End
from tertulia.core.errors import NotFound, Unauthenticated

# The library looks for it when it is imported: `share_between_workers` has to come before.
_FOLDER = "PROMETHEUS_MULTIPROC_DIR"

_requests = Histogram(
    "tertulia_request_duration_seconds",
    "Time to the beginning of an answer",
    ["method", "route", "status"],
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10),
)
_streams = Gauge("tertulia_open_streams", "Event streams being read", multiprocess_mode="livesum")
_generations = Counter("tertulia_generations_total", "Ended runs", ["status", "error"])
_tokens = Counter("tertulia_tokens_total", "Tokens that providers counted", ["kind"])


def share_between_workers() -> None:
    """Let worker processes write into files of one temporary folder; call it before they start."""
    if _FOLDER not in os.environ:
        os.environ[_FOLDER] = tempfile.mkdtemp(prefix="tertulia-metrics-")
        atexit.register(shutil.rmtree, os.environ[_FOLDER], ignore_errors=True)


def forget_process() -> None:
    """This process ends: its gauges count no more."""
    if os.environ.get(_FOLDER):
        mark_process_dead(os.getpid())  # type: ignore[no-untyped-call]


def note_response(method: str, route: str, response: HttpResponseBase, seconds: float) -> None:
    """One answered request; an event stream counts as open until it is closed."""
    _requests.labels(method, route, response.status_code).observe(seconds)
    if response.streaming and response.headers.get("Content-Type", "").startswith("text/event-stream"):
        _streams.inc()
        # What Django closes with the response, whether its end was reached or the reader went away.
        response._resource_closers.append(_streams.dec)  # type: ignore[attr-defined]


def note_end(end: End) -> None:
    """One ended run."""
    _generations.labels(end.status, end.error).inc()
    for kind in ("prompt", "completion"):
        _tokens.labels(kind).inc((end.usage or {}).get(f"{kind}_tokens") or 0)


async def metrics(request: HttpRequest) -> HttpResponse:
    """The figures as text. Without a token in the settings the address does not exist."""
    expected = settings.TERTULIA_METRICS_TOKEN
    if not expected:
        raise NotFound
    given = request.headers.get("Authorization", "").removeprefix("Bearer ")
    if not hmac.compare_digest(given.encode(), expected.encode()):
        raise Unauthenticated
    # Reads a file of each worker.
    return HttpResponse(await asyncio.to_thread(_figures), content_type=CONTENT_TYPE_LATEST)


def _figures() -> bytes:
    if not os.environ.get(_FOLDER):
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)

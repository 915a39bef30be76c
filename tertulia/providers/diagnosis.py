"""From what went wrong at a provider to a ProviderError: HTTP answers, error objects, socket errors."""

import asyncio
import logging
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec

from tertulia.providers.errors import ProviderError

logger = logging.getLogger(__name__)

_CONTEXT_WORDS = re.compile(
    r"context.?(length|window|size)|maximum context|too many tokens|prompt (is )?too long", re.IGNORECASE
)
# As the chat templates of Mistral and Gemma say it, through llama.cpp and vLLM.
_ROLE_WORDS = re.compile(r"roles must alternate", re.IGNORECASE)
_MODEL_WORDS = re.compile(r"\bmodel\b|\bdeployment\b", re.IGNORECASE)

_BY_STATUS = {
    400: "provider_bad_request",
    401: "provider_auth",
    402: "provider_quota_exhausted",
    403: "provider_forbidden",
    404: "provider_not_found",
    413: "provider_bad_request",
    422: "provider_bad_request",
    429: "provider_rate_limited",
    503: "provider_overloaded",
    529: "provider_overloaded",
}

# Codes and types as OpenAI, Azure, Anthropic's compatible endpoint and vLLM spell them.
_BY_CODE = {
    "insufficient_quota": "provider_quota_exhausted",
    "billing_hard_limit_reached": "provider_quota_exhausted",
    "context_length_exceeded": "provider_context_length",
    "model_not_found": "provider_model_unknown",
    "DeploymentNotFound": "provider_model_unknown",
    "invalid_api_key": "provider_auth",
    "authentication_error": "provider_auth",
    "permission_error": "provider_forbidden",
    "rate_limit_exceeded": "provider_rate_limited",
    "rate_limit_error": "provider_rate_limited",
    "overloaded_error": "provider_overloaded",
}


@dataclass(frozen=True, slots=True)
class Complaint:
    """A provider's error object. The message decides a slug and is never shown or logged."""

    codes: tuple[str, ...] = ()
    status: int | None = None
    message: str = ""
    param: str = ""

    def mentions(self, word: str) -> bool:
        return word in self.message or word == self.param


def complaint_in(body: object) -> Complaint:
    """The error object of a decoded body: OpenAI's `{"error": {…}}`, vLLM's flat one, or a string."""
    found = body.get("error", body) if isinstance(body, Mapping) else body
    if not isinstance(found, Mapping):
        return Complaint(message=found if isinstance(found, str) else "")
    code = found.get("code")
    codes = tuple(word for word in (code, found.get("type")) if isinstance(word, str))
    return Complaint(
        codes=codes,
        status=code if isinstance(code, int) else None,
        message=_text(found.get("message")),
        param=_text(found.get("param")),
    )


def complaint_in_bytes(body: bytes) -> Complaint:
    """As complaint_in; a body that is no JSON (a proxy's HTML page) says nothing."""
    try:
        return complaint_in(msgspec.json.decode(body))
    except (ValueError, RecursionError):
        return Complaint()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def diagnose(status: int | None, complaint: Complaint, retry_after: float | None = None) -> ProviderError:
    """The error for a refused request (`status`), or for an error object inside a stream (None)."""
    if _ROLE_WORDS.search(complaint.message):
        logger.warning("this model takes user and assistant in turn only: set TERTULIA_STRICT_ROLES=true")
    by_code = next((_BY_CODE[code] for code in complaint.codes if code in _BY_CODE), None)
    if by_code is not None:
        return ProviderError(by_code, retry_after=retry_after)
    slug = _BY_STATUS.get(status or complaint.status or 0, "provider_error")
    if slug == "provider_bad_request" and _CONTEXT_WORDS.search(complaint.message):
        slug = "provider_context_length"
    elif slug == "provider_not_found" and _MODEL_WORDS.search(complaint.message):
        slug = "provider_model_unknown"
    return ProviderError(slug, retry_after=retry_after)


def retry_after_seconds(headers: Mapping[str, str]) -> float | None:
    """`Retry-After` (RFC 9110 §10.2.3: seconds or a date) as seconds from now, None if absent or odd."""
    value = headers.get("Retry-After", "").strip()
    if value.isascii() and value.replace(".", "", 1).isdigit():
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def diagnose_exception(error: Exception) -> ProviderError:
    """The error for an exception of the HTTP client. Their texts hold addresses: they go no further."""
    return ProviderError(next(slug for kinds, slug in _BY_EXCEPTION if isinstance(error, kinds)))


# The first match wins: subclasses stand before their bases.
_BY_EXCEPTION: tuple[tuple[type[Exception] | tuple[type[Exception], ...], str], ...] = (
    (aiohttp.ConnectionTimeoutError, "provider_timeout_connect"),
    (aiohttp.ClientConnectorDNSError, "provider_dns"),
    (aiohttp.ClientSSLError, "provider_tls"),
    (aiohttp.ClientConnectorError, "provider_unreachable"),
    ((aiohttp.ClientHttpProxyError, aiohttp.InvalidURL), "provider_unreachable"),
    (asyncio.TimeoutError, "provider_timeout_first_token"),
    (aiohttp.ClientPayloadError, "provider_reset"),
    ((aiohttp.ClientConnectionError, OSError), "provider_reset"),
    (aiohttp.ClientResponseError, "provider_malformed"),
    (Exception, "provider_error"),
)

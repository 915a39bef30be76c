"""Which slug a provider's refusal gets."""

import datetime as dt
from email.utils import format_datetime

import aiohttp
import pytest

from tertulia.providers.diagnosis import (
    Complaint,
    complaint_in,
    complaint_in_bytes,
    diagnose,
    diagnose_exception,
    retry_after_seconds,
)
from tertulia.providers.errors import FAULTS, ProviderError
from tests.provider import wire


@pytest.mark.parametrize(
    ("status", "error", "slug"),
    [
        (400, {}, "provider_bad_request"),
        (400, {"code": "context_length_exceeded"}, "provider_context_length"),
        (400, {"message": "This model's maximum context length is 4096"}, "provider_context_length"),
        (400, {"message": "request exceeds the available context size"}, "provider_context_length"),
        (413, {"message": "prompt is too long: 9 tokens"}, "provider_context_length"),
        (422, {"message": "temperature"}, "provider_bad_request"),
        (401, {}, "provider_auth"),
        (402, {}, "provider_quota_exhausted"),
        (403, {"type": "whatever"}, "provider_forbidden"),
        (404, {}, "provider_not_found"),
        (404, {"code": "model_not_found"}, "provider_model_unknown"),
        (404, {"code": "DeploymentNotFound"}, "provider_model_unknown"),
        (404, {"message": 'model "x" not found, try pulling it first'}, "provider_model_unknown"),
        (429, {}, "provider_rate_limited"),
        (429, {"type": "insufficient_quota"}, "provider_quota_exhausted"),
        (500, {}, "provider_error"),
        (502, {}, "provider_error"),
        (503, {}, "provider_overloaded"),
        (529, {}, "provider_overloaded"),
        (302, {}, "provider_error"),
        (None, {"code": 503}, "provider_overloaded"),
        (None, {"type": "overloaded_error"}, "provider_overloaded"),
        (None, {}, "provider_error"),
    ],
)
def test_refusals(status: int | None, error: dict[str, object], slug: str) -> None:
    assert diagnose(status, complaint_in({"error": error})).slug == slug


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        (b"<html>", Complaint()),
        (wire.DEEP, Complaint()),
        (b"", Complaint()),
        (b"[]", Complaint()),
        (b"\xff", Complaint()),
        (b'"words"', Complaint(message="words")),
        (b'{"error": "words"}', Complaint(message="words")),
        (b'{"error": null}', Complaint()),
        (
            b'{"object": "error", "message": "m", "type": "NotFoundError", "code": 404, "param": null}',
            Complaint(codes=("NotFoundError",), status=404, message="m"),
        ),
        (
            b'{"error": {"message": "m", "type": "t", "param": "p", "code": "c"}}',
            Complaint(codes=("c", "t"), message="m", param="p"),
        ),
        (b'{"error": {"message": ["no", "text"]}}', Complaint()),
    ],
)
def test_error_objects(body: bytes, complaint: Complaint) -> None:
    assert complaint_in_bytes(body) == complaint


def test_a_complaint_mentions_a_field_by_name() -> None:
    assert Complaint(message="Unknown field: stream_options.").mentions("stream_options")
    assert Complaint(param="stream_options").mentions("stream_options")
    assert not Complaint(message="stream").mentions("stream_options")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3", 3),
        ("0", 0),
        (" 1.5 ", 1.5),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("²", None),
        ("1.2.3", None),
    ],
)
def test_retry_after_in_seconds(value: str, seconds: float | None) -> None:
    assert retry_after_seconds({"Retry-After": value}) == seconds


def test_retry_after_as_a_date() -> None:
    now = dt.datetime.now(dt.UTC)
    ahead = retry_after_seconds({"Retry-After": format_datetime(now + dt.timedelta(hours=1), usegmt=True)})
    assert ahead is not None
    assert ahead == pytest.approx(3600, abs=5)
    assert (
        retry_after_seconds({"Retry-After": format_datetime(now - dt.timedelta(hours=1), usegmt=True)}) == 0
    )
    assert retry_after_seconds({}) is None


@pytest.mark.parametrize(
    ("failure", "slug"),
    [
        (aiohttp.ConnectionTimeoutError(), "provider_timeout_connect"),
        (TimeoutError(), "provider_timeout_first_token"),
        (aiohttp.ServerDisconnectedError(), "provider_reset"),
        (aiohttp.ClientPayloadError(), "provider_reset"),
        (ConnectionResetError(), "provider_reset"),
        (aiohttp.InvalidURL("http://"), "provider_unreachable"),
        (aiohttp.ClientError(), "provider_error"),
    ],
)
def test_exceptions_of_the_http_client(failure: Exception, slug: str) -> None:
    assert diagnose_exception(failure).slug == slug


def test_an_error_carries_its_status_and_plain_words() -> None:
    for slug, fault in FAULTS.items():
        error = ProviderError(slug, retry_after=2)
        assert (error.slug, error.status, error.detail, error.retry_after) == (slug, *fault, 2)
        assert error.status == (504 if "timeout" in slug else 502)
        assert str(error) == slug

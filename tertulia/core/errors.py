"""Every error that a client may see, as one tree; `api`, `web` and the OpenAI facade only render it.

Problem
├── InvalidInput            400 invalid_input        names the fields
│   └── Malformed           400 malformed            the body cannot be read at all
├── Unauthenticated         401 unauthenticated
├── Forbidden               403 forbidden
├── NotFound                404 not_found            also for what belongs to somebody else
├── MethodNotAllowed        405 method_not_allowed
├── NotAcceptable           406 not_acceptable
├── Conflict                409 conflict
├── TooLarge                413 too_large
├── UnsupportedMediaType    415 unsupported_media_type
├── IdempotencyMismatch     422 idempotency_mismatch
├── TooManyRequests         429 rate_limited
│   └── OverQuota           429 over_quota
├── GenerationFailed        502/504 the provider's slug
├── Unavailable             503 unavailable
└── StorageFull             507 storage_full
"""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db import DatabaseError, InterfaceError, OperationalError
from django.http import JsonResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Text = str | Promise
FieldErrors = Mapping[str, Sequence[Text]]

EXPIRED_FORM = _("This page has expired. Go back, reload it and try again.")


class CutShort(Exception):
    """What is being sent cannot be finished: the connection is cut, so that nobody takes it for whole.

    Why has been logged by whoever raises it.
    """


class Problem(Exception):
    """An error with everything that its renderers need (RFC 9457); `slug` is stable, texts are translated.

    `errors` maps a field's name to sentences; `headers` are sent with the answer.
    """

    status = 500
    slug = "internal"
    title: Text = _("Something went wrong")

    def __init__(
        self,
        detail: Text = "",
        *,
        errors: FieldErrors | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(str(self.slug))
        self.detail = detail or self.title
        self.errors = errors
        self.headers = dict(headers or {})

    def body(self) -> dict[str, Any]:
        """The RFC 9457 object, in the active language."""
        body: dict[str, Any] = {
            "type": self.slug,
            "title": str(self.title),
            "status": self.status,
            "detail": str(self.detail),
        }
        if self.errors:
            body["errors"] = {field: [str(text) for text in texts] for field, texts in self.errors.items()}
        return body


class InvalidInput(Problem):
    status, slug, title = 400, "invalid_input", _("The request is not valid")

    @classmethod
    def field(cls, name: str, text: Text) -> "InvalidInput":
        """One field is at fault; its sentence is also the detail."""
        return cls(text, errors={name: [text]})


class Malformed(InvalidInput):
    slug, title = "malformed", _("The request cannot be read")


class Unauthenticated(Problem):
    status, slug, title = 401, "unauthenticated", _("Sign in first")

    def __init__(self, detail: Text = "", **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.headers.setdefault("WWW-Authenticate", 'Bearer realm="tertulia"')


class Forbidden(Problem):
    status, slug, title = 403, "forbidden", _("You may not do this")


class NotFound(Problem):
    status, slug, title = 404, "not_found", _("There is nothing here")


class MethodNotAllowed(Problem):
    status, slug, title = 405, "method_not_allowed", _("This address does not take that method")


class NotAcceptable(Problem):
    status, slug, title = 406, "not_acceptable", _("No offered format is acceptable")


class Conflict(Problem):
    status, slug, title = 409, "conflict", _("The state has changed")


class TooLarge(Problem):
    status, slug, title = 413, "too_large", _("The request is too large")


class UnsupportedMediaType(Problem):
    status, slug, title = 415, "unsupported_media_type", _("This content type is not taken here")


class IdempotencyMismatch(Problem):
    status, slug, title = 422, "idempotency_mismatch", _("This Idempotency-Key was used with another request")


class TooManyRequests(Problem):
    status, slug, title = 429, "rate_limited", _("Too many requests")


class OverQuota(TooManyRequests):
    slug, title = "over_quota", _("Today's requests are used up")


class GenerationFailed(Problem):
    """The answer could not be had; the user's message is kept. `slug` and `status` are the provider error's."""

    title = _("The model did not answer")

    def __init__(self, slug: str, status: int, detail: Text, **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.slug = slug
        self.status = status


class Unavailable(Problem):
    status, slug, title = 503, "unavailable", _("The service is not available for the moment")

    def __init__(self, detail: Text = "", **kwargs: Any) -> None:
        super().__init__(detail, **kwargs)
        self.headers.setdefault("Retry-After", "2")


class StorageFull(Problem):
    status, slug, title = 507, "storage_full", _("The server's storage is full")


def json_response(problem: Problem, **extension: object) -> JsonResponse:
    """The problem as application/problem+json; `extension` adds members, as RFC 9457 §3.2 allows."""
    response = JsonResponse(
        problem.body() | extension, status=problem.status, content_type="application/problem+json"
    )
    for name, value in problem.headers.items():
        response[name] = value
    return response


def from_database(error: DatabaseError) -> Problem | None:
    """What a failing database means to a client: None for a fault of ours, which stays a 500."""
    text = str(error).lower()
    if "full" in text or "no space left" in text or "disk i/o" in text:
        return StorageFull()
    if isinstance(error, (OperationalError, InterfaceError)):
        return Unavailable()
    return None

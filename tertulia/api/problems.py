"""Turns whatever a view raises into problem JSON; DRF's exception handler and the async endpoints call it."""

from collections.abc import Iterator, Mapping
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import DatabaseError
from django.http import Http404, HttpResponse, UnreadablePostError
from django.http.multipartparser import MultiPartParserError
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from rest_framework import exceptions

from tertulia.chat.generation.events import End
from tertulia.core import errors
from tertulia.core.errors import GenerationFailed, Problem, json_response
from tertulia.providers.errors import FAULTS

# What an endpoint may raise that is the client's or the surroundings' fault; all else is ours, and a 500.
EXPECTED = (
    Problem,
    exceptions.APIException,
    DatabaseError,
    Http404,
    PermissionDenied,
    SuspiciousOperation,
    UnreadablePostError,
    MultiPartParserError,
)


class AnswerFailed(GenerationFailed):
    """A run that ended without an answer; `members` (RFC 9457 §3.2) name what was kept and can be tried again."""

    def __init__(self, slug: str, status: int, detail: errors.Text, members: Mapping[str, Any]) -> None:
        super().__init__(slug, status, detail)
        self.members = members

    def body(self) -> dict[str, Any]:
        return super().body() | dict(self.members)


def failure(end: End, members: Mapping[str, Any]) -> AnswerFailed | None:
    """The problem that a run's end is to a client who waits for the whole answer; None when there is one."""
    if end.status == "failed":
        fault = FAULTS.get(end.error)
        if fault is None:
            return AnswerFailed("internal", 500, "", members)
        return AnswerFailed(end.error, fault.status, gettext(fault.detail), members)
    if end.status == "interrupted" and not end.length:
        problem = AnswerFailed("interrupted", 503, _("The server was restarted before it answered."), members)
        problem.headers["Retry-After"] = "2"
        return problem
    return None


def handle(error: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's `EXCEPTION_HANDLER`; a view may have a `refusal` of its own to render problems with."""
    problem = problem_of(error)
    if problem is None:
        return None
    view = context.get("view")
    if isinstance(error, exceptions.MethodNotAllowed) and view is not None:
        problem.headers["Allow"] = ", ".join(view.allowed_methods)
    refusal = getattr(view, "refusal", json_response)
    response: HttpResponse = refusal(problem)
    return response


def problem_of(error: Exception) -> Problem | None:
    """The problem that an exception stands for; None for a fault of ours."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, DatabaseError):
        return errors.from_database(error)
    if isinstance(error, exceptions.APIException):
        return _of_framework(error)
    if isinstance(error, RequestDataTooBig):
        return too_large()
    for kind, problem in _PLAIN.items():
        if isinstance(error, kind):
            return problem()
    return None


def invalid_input(error: exceptions.ValidationError) -> errors.InvalidInput:
    """A serializer's findings, with the dotted path of each field."""
    fields = dict(_flat(error.detail))
    return errors.InvalidInput(next(iter(fields.values()))[0], errors=fields)


def too_large() -> errors.TooLarge:
    """413, naming the limit."""
    limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return errors.TooLarge(_("A request may have at most %(limit)d bytes.") % {"limit": limit})


_PLAIN: dict[type[Exception], type[Problem]] = {
    Http404: errors.NotFound,
    PermissionDenied: errors.Forbidden,
    SuspiciousOperation: errors.Malformed,
    UnreadablePostError: errors.Malformed,
    MultiPartParserError: errors.Malformed,
    exceptions.NotAuthenticated: errors.Unauthenticated,
    exceptions.AuthenticationFailed: errors.Unauthenticated,
    exceptions.PermissionDenied: errors.Forbidden,
    exceptions.NotFound: errors.NotFound,
    exceptions.MethodNotAllowed: errors.MethodNotAllowed,
    exceptions.NotAcceptable: errors.NotAcceptable,
    exceptions.UnsupportedMediaType: errors.UnsupportedMediaType,
    exceptions.ParseError: errors.Malformed,
}


def _of_framework(error: exceptions.APIException) -> Problem | None:
    if isinstance(error, exceptions.ValidationError):
        return invalid_input(error)
    if isinstance(error, exceptions.Throttled):
        return errors.TooManyRequests()
    for kind, problem in _PLAIN.items():
        if isinstance(error, kind):
            return problem()
    return None


def _flat(detail: Any, path: str = "body") -> Iterator[tuple[str, list[str]]]:
    """DRF's nested error details as dotted names with their sentences."""
    if isinstance(detail, list) and any(isinstance(each, dict) for each in detail):
        detail = dict(enumerate(detail))
    if isinstance(detail, dict):
        for name, inner in detail.items():
            yield from _flat(inner, _joined(path, str(name)))
    else:
        yield path, [str(each) for each in (detail if isinstance(detail, list) else [detail])]


def _joined(path: str, name: str) -> str:
    if name == "non_field_errors":
        return path
    return name if path == "body" else f"{path}.{name}"

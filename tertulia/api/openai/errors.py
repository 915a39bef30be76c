"""OpenAI's error shape, {"error": {message, type, param, code}}, from the same problems as everywhere."""

import uuid
from typing import Any, TypedDict

from django.http import HttpRequest, HttpResponse, JsonResponse
from rest_framework.response import Response

from tertulia.api.endpoint import Endpoint
from tertulia.core.errors import NotFound, OverQuota, Problem, Unauthenticated


class ModelNotFound(NotFound):
    """What the facade answers for a model that is not offered, as the original does."""

    slug = "model_not_found"


class ErrorOutput(TypedDict):
    """What is under `error`."""

    message: str
    type: str
    param: str | None
    code: str


class RefusalOutput(TypedDict):
    error: ErrorOutput


class FacadeEndpoint(Endpoint):
    """An endpoint whose refusals have OpenAI's shape."""

    refusal_media = "application/json"
    refusal_shape = RefusalOutput

    @staticmethod
    def refusal(problem: Problem) -> HttpResponse:
        return error_response(problem)


class UnknownView(FacadeEndpoint):
    """Every other address under /v1."""

    permission_classes = ()

    def http_method_not_allowed(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        raise NotFound


def error_response(problem: Problem) -> HttpResponse:
    """The problem as the official clients expect it."""
    headers = {**problem.headers, "X-Request-Id": request_id()}
    # A provider's fault was retried where that helps, and a day's quota does not come back in seconds.
    if isinstance(problem, OverQuota) or problem.status >= 500:
        headers["X-Should-Retry"] = "false"
    return JsonResponse({"error": error_body(problem)}, status=problem.status, headers=headers)


def error_body(problem: Problem) -> ErrorOutput:
    """The object under `error`, in a response or in the middle of a stream."""
    return {
        "message": str(problem.detail),
        "type": _type(problem),
        "param": next(iter(problem.errors), None) if problem.errors else None,
        "code": _code(problem),
    }


def request_id() -> str:
    """An id for the X-Request-Id of an answer that has no run."""
    return f"req_{uuid.uuid4().hex}"


def _type(problem: Problem) -> str:
    if isinstance(problem, OverQuota):
        return "insufficient_quota"
    if problem.status == 403:
        return "permission_error"
    if problem.status == 429:
        return "rate_limit_error"
    return "invalid_request_error" if problem.status < 500 else "server_error"


def _code(problem: Problem) -> str:
    if isinstance(problem, OverQuota):
        return "insufficient_quota"
    if isinstance(problem, Unauthenticated):
        return "invalid_api_key"
    return problem.slug

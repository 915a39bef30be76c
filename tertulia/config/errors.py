"""How errors outside the API's own handler are shown: a page to a browser, problem JSON to everything else."""

from functools import partial

from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string

from tertulia.api.openai.errors import error_response
from tertulia.core import errors
from tertulia.core.db import in_db, released
from tertulia.core.errors import Problem, json_response

_API_PREFIXES = ("/api/", "/v1/", "/chat")


def wants_page(request: HttpRequest) -> bool:
    """Whether a person's browser asks: it names text/html and the address is not an API's."""
    if request.path_info.startswith(_API_PREFIXES) and request.path_info != "/api/docs":
        return False
    return "text/html" in request.headers.get("Accept", "")


def as_data(path: str, problem: Problem) -> HttpResponse:
    """The problem for a program: problem JSON, or under /v1 OpenAI's shape."""
    return error_response(problem) if path.startswith("/v1/") else json_response(problem)


async def render(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem in the form that the client takes."""
    if not wants_page(request):
        return as_data(request.path_info, problem)
    return await in_db(_page, request, problem)


def _rendered(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The same for Django's handlers, which run on a thread of their own."""
    if not wants_page(request):
        return as_data(request.path_info, problem)
    return released(partial(_page, request, problem))


def _page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The template may read session and user."""
    body = render_to_string("web/error.html", {"problem": problem}, request)
    return HttpResponse(body, status=problem.status, headers=problem.headers)


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's own 400: a suspicious host or an over-large form."""
    too_large = type(exception).__name__ == "RequestDataTooBig"
    return _rendered(request, errors.TooLarge() if too_large else errors.Malformed())


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    return _rendered(request, errors.Forbidden())


def not_found(request: HttpRequest, exception: Http404) -> HttpResponse:
    return _rendered(request, errors.NotFound())


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours, without any detail of it. Its traceback is in the log."""
    if not wants_page(request):
        return as_data(request.path_info, errors.Problem())
    # Without the request: whatever failed may fail again in its context.
    return HttpResponse(render_to_string("web/error.html", {"problem": errors.Problem()}), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: an expired page, or another site's form."""
    return _rendered(request, errors.Forbidden(errors.EXPIRED_FORM))

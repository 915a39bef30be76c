"""How errors outside the API's own handler are shown: a page to a browser, problem JSON to everything else."""

from asgiref.sync import sync_to_async
from django.http import Http404, HttpRequest, HttpResponse
from django.template.loader import render_to_string

from tertulia.core import errors
from tertulia.core.errors import Problem, json_response

_API_PREFIXES = ("/api/", "/v1/", "/chat")


def wants_page(request: HttpRequest) -> bool:
    """Whether a person's browser asks: it names text/html and the address is not an API's."""
    if request.path_info.startswith(_API_PREFIXES) and request.path_info != "/api/docs":
        return False
    return "text/html" in request.headers.get("Accept", "")


async def render(request: HttpRequest, problem: Problem) -> HttpResponse:
    """The problem in the form that the client takes."""
    # A page's template may read session and user.
    return await sync_to_async(_rendered)(request, problem)


def _rendered(request: HttpRequest, problem: Problem) -> HttpResponse:
    if not wants_page(request):
        return json_response(problem)
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
    return json_response(errors.Problem()) if not wants_page(request) else HttpResponse(
        render_to_string("web/error.html", {"problem": errors.Problem()}), status=500
    )  # fmt: skip


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """A form without its token: an expired page, or another site's form."""
    return _rendered(request, errors.Forbidden(errors.EXPIRED_FORM))

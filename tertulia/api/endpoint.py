"""The base of all API views: DRF's APIView whose methods may also be coroutines.

A plain `def` method is a DRF method like any other, run on a database thread. An `async def` method waits for
something (a model, a reader): it stays on the event loop, gets Django's own request, passes the same credential gate
through `in_db`, and its errors are rendered by the same function. Both kinds stand in one class, so one address has
one list of methods and one description in the OpenAPI document.
"""

import json
from collections.abc import Callable, Mapping
from inspect import iscoroutinefunction
from typing import Any, TypeVar
from uuid import UUID

from asgiref.sync import markcoroutinefunction
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from tertulia.accounts.gate import Identity
from tertulia.api.describing import EndpointSchema
from tertulia.api.outputs import ProblemOutput
from tertulia.api.problems import EXPECTED, problem_of
from tertulia.core.db import in_db
from tertulia.core.errors import NotFound, Problem, json_response

Answer = TypeVar("Answer", bound=HttpResponseBase)


class Endpoint(APIView):
    """One address of the API."""

    # Django refuses a class with both kinds of methods; `as_view` tells them apart itself.
    view_is_async = False
    schema = EndpointSchema()
    # The scope of API keys, beside full ones, that open this address: "chat" or "speech".
    key_scope: str | None = None
    # How the OpenAPI document describes what `refusal` renders.
    refusal_media = "application/problem+json"
    refusal_shape: type[Any] = ProblemOutput
    # Statuses that no form of an operation tells, for the OpenAPI document.
    further_refusals: tuple[int, ...] = ()

    @staticmethod
    def refusal(problem: Problem) -> HttpResponse:
        """How the problems of this address are rendered."""
        return json_response(problem)

    @classmethod
    def as_view(cls, **initkwargs: Any) -> Callable[..., Any]:  # type: ignore[override]
        """An async view; its attributes are those of a DRF view, which the OpenAPI generator reads."""
        threaded = super().as_view(**initkwargs)

        async def view(request: HttpRequest, **kwargs: Any) -> HttpResponseBase:
            request.key_scope = cls.key_scope  # type: ignore[attr-defined]  # the gate reads it
            handler = getattr(cls(**initkwargs), _method_name(request), None)
            if iscoroutinefunction(handler):
                return await cls._on_loop(handler, request, kwargs)
            return await in_db(_rendered, threaded, request, kwargs)

        view.__dict__.update(threaded.__dict__)
        return markcoroutinefunction(view)

    @classmethod
    async def _on_loop(
        cls, handler: Callable[..., Any], request: HttpRequest, kwargs: dict[str, Any]
    ) -> HttpResponseBase:
        try:
            response: HttpResponseBase = await handler(request, **kwargs)
        except EXPECTED as error:
            problem = problem_of(error)
            if problem is None:
                raise
            response = cls.refusal(problem)
        return _private(response)

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """Which methods there are; what they take stands in the OpenAPI document."""
        return Response(status=204, headers={"Allow": ", ".join(self.allowed_methods)})

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        return _private(super().finalize_response(request, response, *args, **kwargs))


def identity_of(request: Request) -> Identity:
    """Who asks, in a method that needs an account."""
    identity = request.auth
    assert isinstance(identity, Identity)
    return identity


def login_of(request: Request) -> Identity:
    """The same by a login; raises Forbidden."""
    return identity_of(request).login()


def id_from(text: str) -> UUID:
    """An id in a path; what is not one is as unknown as any other: NotFound."""
    found = parse_id(text)
    if found is None:
        raise NotFound
    return found


def parse_id(text: str) -> UUID | None:
    """A UUID in its canonical spelling only, so that one object has one address."""
    try:
        found = UUID(text)
    except ValueError:
        return None
    return found if str(found) == text.lower() else None


def json_answer(body: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> HttpResponse:
    """A JSON answer of an async method, spelled as DRF's renderer spells it."""
    text = json.dumps(body, ensure_ascii=False, separators=(",", ":"))
    return HttpResponse(text, status=status, content_type="application/json", headers=headers)


def _method_name(request: HttpRequest) -> str:
    """The attribute that would handle a request; HEAD is GET, whose body the server leaves out."""
    method = (request.method or "").lower()
    return {"head": "get"}.get(method, method) if method in APIView.http_method_names else "unknown"


def _rendered(view: Callable[..., Any], request: HttpRequest, kwargs: dict[str, Any]) -> HttpResponseBase:
    # DRF takes a body that comes in chunks, without its length in a header, for none at all.
    if "CONTENT_LENGTH" not in request.META and request.headers.get("Transfer-Encoding"):
        request.META["CONTENT_LENGTH"] = str(len(request.body))
    response: HttpResponseBase = view(request, **kwargs)
    render = getattr(response, "render", None)
    return render() if callable(render) else response


def _private(response: Answer) -> Answer:
    """Nothing of anybody's account may stay in a cache on the way."""
    response.headers.setdefault("Cache-Control", "private, no-store")
    return response

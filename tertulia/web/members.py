"""Pages for people with an account: everybody else is led to the sign-in page and back."""

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse
from django.views.decorators.cache import never_cache

from tertulia.accounts import gate
from tertulia.accounts.gate import Identity
from tertulia.core.db import in_db
from tertulia.core.errors import Unauthenticated
from tertulia.web.appearance import here

View = Callable[..., HttpResponse]
AsyncView = Callable[..., Coroutine[Any, Any, HttpResponse]]


def members_only(view: View) -> View:
    """Let signed-in users pass, whom `identity_of` names then, and keep the page out of caches."""

    @wraps(view)
    def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
        return view(request, **arguments) if _enters(request) else to_sign_in(request)

    return never_cache(guarded)


def members_only_async(view: AsyncView) -> AsyncView:
    """The same for a view that waits for a model."""

    @wraps(view)
    async def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
        if await in_db(_enters, request):
            return await view(request, **arguments)
        return await in_db(to_sign_in, request)

    return never_cache(guarded)


def identity_of(request: HttpRequest) -> Identity:
    """Who asks, in a view for members."""
    identity = getattr(request, "identity", None)
    assert isinstance(identity, Identity)
    return identity


def login_of(request: HttpRequest) -> Identity:
    """The same by a login; raises Forbidden."""
    return identity_of(request).login()


def _enters(request: HttpRequest) -> bool:
    try:
        identity = gate.identify(request)
    except Unauthenticated:
        return False
    if identity is not None:
        request.user = identity.user  # what the templates show
        request.identity = identity  # type: ignore[attr-defined]
    return identity is not None


def to_sign_in(request: HttpRequest) -> HttpResponse:
    """The sign-in page, which leads back. What was being sent is not lost: the draft waits in the visitor's session."""
    if request.method == "POST":
        keep_draft(request, request.POST.get("content", ""))
    return redirect_to_login(here(request, "/"))


def keep_draft(request: HttpRequest, text: str) -> None:
    """Remember text that could not be sent until its page is shown again."""
    if text.strip():
        request.session["draft"] = text


def take_draft(request: HttpRequest) -> str:
    """What `keep_draft` remembered, once."""
    return str(request.session.pop("draft", "")) if "draft" in request.session else ""

"""/admin/conversations/<id>: an administrator opens one conversation, with a reason that its owner can read."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tertulia.chat import oversight
from tertulia.core.errors import NotFound, Problem
from tertulia.web.entrance import form_page
from tertulia.web.members import login_of, members_only


@form_page
@members_only
def conversation(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """GET shows whose it is and asks for the reason. The answer to a POST is the only place that shows the words."""
    actor = login_of(request).user
    sealed = oversight.sealed(actor=actor, conversation_id=conversation_id)
    if request.method != "POST":
        return _page(request, sealed)
    try:
        messages = oversight.open_conversation(
            actor=actor, conversation_id=conversation_id, reason=request.POST.get("reason", "")
        )
    except NotFound:
        raise
    except Problem as problem:
        return _page(request, sealed, problem=problem)
    return _page(request, sealed, messages_shown=messages)


def _page(
    request: HttpRequest, sealed: oversight.Sealed, problem: Problem | None = None, **context: object
) -> HttpResponse:
    context |= {"sealed": sealed, "problem": problem, "given": request.POST}
    return render(request, "web/oversight.html", context, status=problem.status if problem else 200)

"""/search: what one has talked about, by its words; the field for them stands above the list of conversations."""

from typing import NamedTuple
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from tertulia.chat import finding
from tertulia.chat.access import Message
from tertulia.core import matching
from tertulia.core.errors import InvalidInput, Problem
from tertulia.web.members import identity_of, members_only

MESSAGES = 30
CONVERSATIONS = 10


class Hit(NamedTuple):
    """A found message; `parts` is what stands around the words, in pieces, and whether each is one of them."""

    message: Message
    parts: list[tuple[str, bool]]


@members_only
@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """Conversations by their titles, then messages, newest first; older ones are a link away."""
    user = identity_of(request).user
    problem: Problem | None = None
    try:
        query = matching.asked("q", request.GET.get("q", ""))
    except InvalidInput as fault:
        query, problem = "", fault
    words = matching.words_of(query)
    before = _message_id(request.GET.get("before", ""))
    found = list(finding.messages(user, words, before=before)[: MESSAGES + 1])
    shown = found[:MESSAGES]
    context = {
        "query": request.GET.get("q", "") if problem else query,
        "problem": problem,
        "conversations": finding.conversations(user, words)[:CONVERSATIONS] if words and not before else [],
        "hits": [Hit(each, matching.excerpt(each.content, words).parts()) for each in shown],
        "older": urlencode({"q": query, "before": shown[-1].id}) if len(found) > MESSAGES else "",
    }
    return render(request, "web/chat/search.html", context, status=problem.status if problem else 200)


def _message_id(text: str) -> UUID | None:
    """Where an older page begins; one that cannot be read begins anew."""
    try:
        return UUID(text)
    except ValueError:
        return None

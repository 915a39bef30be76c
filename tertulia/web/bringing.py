"""/accounts/import: conversations from elsewhere come in by a plain form, and the page tells what became of each."""

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from tertulia.chat.importing.outcomes import Kind, Outcome, Report, Status
from tertulia.chat.importing.running import MAX_UPLOAD, imported
from tertulia.chat.importing.shape import Note
from tertulia.core.db import in_db
from tertulia.core.errors import InvalidInput, Problem, Text
from tertulia.web import casting
from tertulia.web.members import identity_of, members_only_async

# Rows of the table; what needs a look stands first.
ROWS = 500

_STATUSES: Mapping[Status, Text] = {
    "skipped": _("not taken"),
    "continued": _("continued"),
    "imported": _("new"),
    "present": _("here already"),
}
_KINDS: Mapping[Kind, Text] = {
    "conversation": _("Conversation"),
    "character": _("Character"),
    "instance": _("Variation"),
    "file": _("File"),
}
_PLACES: Mapping[Kind, str] = {"conversation": "/c/", "character": "/characters/", "instance": "/instances/"}
_NOTES: Mapping[Note, Text] = {
    "hidden": _("said by the system and its tools, left out"),
    "greetings": _("other first words, left out"),
    "files": _("pictures and files, left behind"),
    "shortened": _("texts that were too long, cut"),
    "replaced": _("texts with unreadable signs, replaced"),
    "relinked": _("messages that had lost their place, put at the beginning"),
    "doubled": _("messages with the name of another, left out"),
}


# The gate checks the form, on a database thread: here a large file would be parsed on the event loop.
@csrf_exempt
@members_only_async
@require_http_methods(["GET", "HEAD", "POST"])
async def bring(request: HttpRequest) -> HttpResponse:
    """The form, and after a file what became of it; a reload brings nothing twice."""
    if request.method != "POST":
        return await in_db(_page, request)
    try:
        file = await in_db(casting.file_in, request, "file", MAX_UPLOAD)
        if file is None:
            raise InvalidInput.field("file", _("Choose a file first."))
        report = await imported(identity_of(request).user, file)
    except Problem as problem:
        return await in_db(_page, request, {"problem": problem}, problem.status)
    return await in_db(_page, request, _told(report))


def _page(request: HttpRequest, context: Mapping[str, Any] | None = None, status: int = 200) -> HttpResponse:
    return render(request, "web/accounts/import.html", context, status=status)


def _told(report: Report) -> dict[str, Any]:
    ranks = list(_STATUSES)
    # What a file holds beside conversations is no fault of it: last, and without alarm.
    rows = sorted(report.outcomes, key=lambda outcome: (outcome.kind == "file", ranks.index(outcome.status)))
    return {
        "counts": [(_STATUSES[status], count) for status in ranks if (count := report.count(status))],
        "brought": report.messages,
        "rows": [_row(outcome) for outcome in rows[:ROWS]],
        "more": max(0, len(rows) - ROWS),
        "came": report.came,
    }


def _row(outcome: Outcome) -> dict[str, Any]:
    place = _PLACES.get(outcome.kind)
    return {
        "kind": _KINDS[outcome.kind],
        "title": outcome.title,
        "status": _STATUSES[outcome.status],
        "is_skipped": outcome.status == "skipped" and outcome.kind != "file",
        "address": f"{place}{outcome.id}" if place and outcome.id else "",
        "messages": outcome.messages or "",
        "reason": outcome.reason,
        "notes": [(_NOTES[note], count) for note, count in outcome.notes.items()],
    }

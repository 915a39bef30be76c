"""What staff do with the board on its pages: the queue, decisions one by one and many at once, reports, import."""

from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from tertulia.core.errors import InvalidInput
from tertulia.quotes import actions, queries
from tertulia.quotes.importing import Outcome, import_lines, read_lines
from tertulia.quotes.narrowing import quote_id as id_in
from tertulia.web.appearance import back
from tertulia.web.members import View, identity_of, members_only
from tertulia.web.quotes import found, quote_page, remember_undo, shown, take_undo

# Boxes on one page; a form may have 200 fields.
ROWS = 50


def staff_only(view: View) -> View:
    """Let staff pass; raises Forbidden for other members."""

    @members_only
    def guarded(request: HttpRequest, **arguments: Any) -> HttpResponse:
        actions.require_staff(identity_of(request).user)
        return view(request, **arguments)

    return guarded


@staff_only
@require_safe
def queue(request: HttpRequest) -> HttpResponse:
    """Lines that wait for a decision, oldest first."""
    page = Paginator(queries.queue(), ROWS).get_page(request.GET.get("page"))
    return shown(request, "queue", {"page": page, "undo": take_undo(request)}, "queue")


@staff_only
@require_POST
def decide_many(request: HttpRequest) -> HttpResponse:
    """Apply or withdraw the ticked lines; the next page offers to take it back."""
    decision = request.POST.get("decision")
    if decision not in ("apply", "withdraw"):
        raise InvalidInput.field("decision", _("apply or withdraw is expected."))
    ids = [number for text in request.POST.getlist("ids") if (number := id_in(text)) is not None]
    is_apply = decision == "apply"
    changed = actions.decide_quotes(user=identity_of(request).user, ids=ids, is_apply=is_apply)
    touched = [id for id, is_changed in changed.items() if is_changed]
    messages.success(request, _many_decided(len(touched), is_apply))
    if not request.POST.get("undo"):
        remember_undo(request, touched, "withdraw" if is_apply else "apply")
    return HttpResponseRedirect(back(request, "/quotes/queue"), status=303)


def _many_decided(count: int, is_apply: bool) -> str:
    if is_apply:
        return ngettext("%(count)d line is applied.", "%(count)d lines are applied.", count) % {
            "count": count
        }
    return ngettext("%(count)d line is withdrawn.", "%(count)d lines are withdrawn.", count) % {
        "count": count
    }


@staff_only
@require_POST
def decide(request: HttpRequest, quote_id: str) -> HttpResponse:
    """One line: apply it, withdraw it, return it with a reason, or put a returned one back into the queue."""
    line, decision = found(quote_id), request.POST.get("decision")
    try:
        changes = _changes(decision, request.POST.get("reason", ""))
        actions.update_quote(user=identity_of(request).user, quote=line, changes=changes)
    except InvalidInput as problem:
        return quote_page(request, line, problem, "return")
    messages.success(request, _DECIDED[str(decision)])
    if decision in ("apply", "withdraw"):
        remember_undo(request, [line.id], "withdraw" if decision == "apply" else "apply")
    return HttpResponseRedirect(back(request, f"/quotes/{line.id}"), status=303)


_DECIDED = {
    "apply": _("The line is applied; answers may cite it."),
    "withdraw": _("The line is withdrawn; no answer cites it any more."),
    "return": _("The line is returned to its author with the reason."),
    "reopen": _("The line waits for a decision again."),
}


def _changes(decision: str | None, reason: str) -> dict[str, Any]:
    """What a decision means for `actions.update_quote`; raises InvalidInput."""
    match decision:
        case "apply":
            return {"is_apply": True}
        case "withdraw":
            return {"is_apply": False}
        case "reopen":
            return {"returned_reason": ""}
        case "return" if reason.strip():
            return {"is_apply": False, "returned_reason": reason}
        case "return":
            raise InvalidInput.field("reason", _("Say why, so that the author can do better."))
    raise InvalidInput.field("decision", _("No decision was named."))


@staff_only
@require_safe
def reports(request: HttpRequest) -> HttpResponse:
    """What readers object to, oldest first."""
    page = Paginator(queries.open_reports(), ROWS).get_page(request.GET.get("page"))
    return shown(request, "reports", {"page": page}, "reports")


@staff_only
@require_POST
def close_reports(request: HttpRequest, quote_id: str) -> HttpResponse:
    """The objections to a line are answered."""
    actions.close_reports(user=identity_of(request).user, quote=found(quote_id))
    messages.success(request, _("The reports of this line are closed."))
    return HttpResponseRedirect(back(request, "/quotes/reports"), status=303)


@staff_only
def import_page(request: HttpRequest) -> HttpResponse:
    """A file of lines; the answer tells what became of each."""
    if request.method != "POST":
        return shown(request, "import", {}, "import")
    try:
        outcomes = _imported(request)
    except InvalidInput as problem:
        return shown(request, "import", {"problem": problem}, "import")
    counts = [
        (label, sum(outcome.status == status for outcome in outcomes)) for status, label in _STATUSES.items()
    ]
    # What needs a look must not hide among thousands of new lines.
    outcomes.sort(key=lambda outcome: _FIRST.index(outcome.status))
    rows = [(outcome, _STATUSES[outcome.status]) for outcome in outcomes]
    return shown(request, "import", {"rows": rows, "counts": counts}, "import")


_STATUSES = {"created": _("new"), "duplicate": _("there already"), "invalid": _("not taken")}
_FIRST = ("invalid", "duplicate", "created")


def _imported(request: HttpRequest) -> list[Outcome]:
    file = request.FILES.get("file")
    if file is None:
        raise InvalidInput.field("file", _("A file is expected."))
    lines = read_lines(file.name or "", file.read())
    is_apply = request.POST.get("apply") == "true"
    return list(import_lines(user=identity_of(request).user, lines=lines, is_apply=is_apply))

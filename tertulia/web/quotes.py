"""/quotes: the board as pages for every member: the list, one line, proposing, changing and reporting one."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from tertulia.accounts.gate import Identity
from tertulia.core.errors import Conflict, Forbidden, InvalidInput, NotFound, Problem
from tertulia.quotes import access, actions, narrowing, queries
from tertulia.quotes.access import Quote
from tertulia.quotes.validation import LIMITS
from tertulia.web.appearance import back
from tertulia.web.members import identity_of, members_only

ROWS = 20
# A member may have 500 lines waiting, and staff may decide on all of them in a minute.
MOST_NEWS = 100
FILTERS = ("q", "applied", "mine", "speaker", "source", "language")
# Each language in its own words, for whoever looks for a line in it.
LANGUAGE_NAMES = {"en": "English", "zh": "中文", "es": "Español", "ko": "한국어", "ru": "Русский"}


@members_only
@require_safe
def board(request: HttpRequest) -> HttpResponse:
    """All lines or those that fit the filters, newest or best first."""
    given = {name: text for name in FILTERS if (text := request.GET.get(name, "").strip())}
    problem: Problem | None = None
    try:
        columns = narrowing.columns(given, identity_of(request).user.pk)
        rows = queries.listed(narrowing.words(given, "q"), columns)
    except InvalidInput as fault:
        problem, rows = fault, queries.quotes().none()
    context = {
        "page": Paginator(rows, ROWS).get_page(request.GET.get("page")),
        "given": given,
        "kept": urlencode(given),
        "is_narrowed": bool(given.keys() - {"mine"}),
        "works": queries.works(),
        "news": list(queries.news(identity_of(request).user)[:MOST_NEWS]),
        "problem": problem,
    }
    return shown(request, "board", context, "mine" if given.get("mine") == "true" else "board")


@members_only
@require_POST
def see_news(request: HttpRequest) -> HttpResponse:
    """The author has seen what staff decided."""
    actions.see_news(user=identity_of(request).user)
    return HttpResponseRedirect(back(request, "/quotes"), status=303)


@members_only
@require_safe
def quote(request: HttpRequest, quote_id: str) -> HttpResponse:
    """One line, and what the reader may do with it."""
    return quote_page(request, found(quote_id))


def quote_page(
    request: HttpRequest, line: Quote, problem: Problem | None = None, deed: str = ""
) -> HttpResponse:
    """The page of a line; with a problem, beside the form (`deed`) that caused it."""
    identity = identity_of(request)
    context = {
        "quote": line,
        "may_edit": line.user_id == identity.user.pk and not line.is_apply,
        "similar": queries.similar(line.content, line.id),
        "reports": queries.open_reports_of(line) if identity.user.is_staff else [],
        "problem": problem,
        "deed": deed,
        "typed": request.POST,
        "undo": take_undo(request),
    }
    return shown(request, "quote", context)


def found(quote_id: str) -> Quote:
    """The quote that an address names; raises NotFound."""
    number = narrowing.quote_id(quote_id)
    if number is None:
        raise NotFound
    return access.quote_by_id(number)


# --- Proposing, changing --------------------------------------------------------------------------------------------


@members_only
def propose(request: HttpRequest) -> HttpResponse:
    """A new line. Before it is stored, its author sees what is nearly the same and may go on."""
    if request.method != "POST":
        return _form(request, {name: request.GET.get(name, "") for name in actions.WORDS})
    identity, words = identity_of(request), _typed(request)
    try:
        if similar := _unseen_similar(request, words):
            return _form(request, words, similar=similar)
        is_apply = True if request.POST.get("apply") == "true" else None
        line = actions.propose_quote(user=identity.user, words=words, is_apply=is_apply)
    except (InvalidInput, Conflict) as problem:
        return _form(request, words, problem=problem)
    said = _("The line is applied.") if line.is_apply else _("Thank you. Staff will look at the line.")
    messages.success(request, said)
    return HttpResponseRedirect(f"/quotes/{line.id}", status=303)


@members_only
def edit(request: HttpRequest, quote_id: str) -> HttpResponse:
    """Other words for one's own line, until it is applied."""
    line = found(quote_id)
    _require_mine(identity_of(request), line)
    if request.method != "POST":
        return _form(request, {name: getattr(line, name) for name in actions.WORDS}, line)
    words = _typed(request)
    try:
        actions.update_quote(user=identity_of(request).user, quote=line, changes=words)
    except (InvalidInput, Conflict) as problem:
        return _form(request, words, line, problem=problem)
    messages.success(request, _("The line is changed."))
    return HttpResponseRedirect(f"/quotes/{line.id}", status=303)


@members_only
@require_POST
def delete(request: HttpRequest, quote_id: str) -> HttpResponse:
    """Take back one's own line; its page asked before."""
    actions.delete_quote(user=identity_of(request).user, quote=found(quote_id))
    messages.success(request, _("The line is taken back."))
    return HttpResponseRedirect("/quotes?mine=true", status=303)


@members_only
@require_POST
def report(request: HttpRequest, quote_id: str) -> HttpResponse:
    """Tell staff that a line is unfit."""
    line, user = found(quote_id), identity_of(request).user
    try:
        actions.report_quote(user=user, quote=line, reason=request.POST.get("reason", ""))
    except InvalidInput as problem:
        return quote_page(request, line, problem, "report")
    messages.success(request, _("Thank you. Staff will look at it."))
    return HttpResponseRedirect(f"/quotes/{line.id}", status=303)


def _require_mine(identity: Identity, line: Quote) -> None:
    if line.user_id != identity.user.pk:
        raise Forbidden(_("Only its author may change or delete a line."))
    if line.is_apply:
        raise Conflict(_("This line is applied; it can no longer be changed, only withdrawn by staff."))


def _typed(request: HttpRequest) -> dict[str, str]:
    # A text field of a form sends its lines with CR and LF.
    return {name: request.POST.get(name, "").replace("\r\n", "\n") for name in actions.WORDS}


def _unseen_similar(request: HttpRequest, words: Mapping[str, str]) -> list[Quote]:
    """What is nearly the same as a proposal, unless its author has seen that and goes on."""
    if request.POST.get("seen") == words["content"].strip():
        return []
    return queries.similar(words["content"][: LIMITS["content"]])


def _form(
    request: HttpRequest,
    words: Mapping[str, str],
    line: Quote | None = None,
    *,
    problem: Problem | None = None,
    similar: list[Quote] | None = None,
) -> HttpResponse:
    duplicate = problem.quote_id if isinstance(problem, actions.Duplicate) else None
    context = {
        "quote": line,
        "given": words,
        "similar": similar,
        "seen": words["content"].strip() if similar else "",
        "duplicate": access.quote_by_id(duplicate) if duplicate else None,
        "works": queries.works(),
        "limits": LIMITS,
        "problem": problem,
    }
    return shown(request, "form", context, "" if line else "propose")


# --- Frame ----------------------------------------------------------------------------------------------------------


def shown(request: HttpRequest, name: str, context: Mapping[str, Any], here: str = "") -> HttpResponse:
    """A page of the board: `here` names the tab that it is."""
    user = identity_of(request).user
    problem = context.get("problem")
    whole = {
        "here": here,
        "tabs": _staff_tabs() if user.is_staff else {},
        "language_names": LANGUAGE_NAMES,
        **context,
    }
    return render(request, f"web/quotes/{name}.html", whole, status=problem.status if problem else 200)


def _staff_tabs() -> dict[str, int]:
    """How much waits for staff."""
    return {"waiting": queries.queue().count(), "reported": queries.open_reports().count()}


def remember_undo(request: HttpRequest, ids: list[int], decision: str) -> None:
    """What the next page of the board offers to take back: the lines, and the decision that does it."""
    if ids:
        request.session["undo"] = {"ids": ids, "decision": decision}


def take_undo(request: HttpRequest) -> Mapping[str, Any] | None:
    """What `remember_undo` remembered, once."""
    undo: Mapping[str, Any] | None = request.session.pop("undo", None) if "undo" in request.session else None
    return undo

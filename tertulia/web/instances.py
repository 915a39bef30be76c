"""/instances: one's variations of characters, what they remember, and what would be sent for them.

"Talk" on a character's page comes here as well: it makes a variation where there is none, and leads to the chat.
"""

from itertools import count
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tertulia.accounts.queries import User
from tertulia.characters import access, actions, queries, remembering, validation
from tertulia.characters.access import Character, Instance
from tertulia.chat import queries as chat_queries
from tertulia.chat.generation import extraction
from tertulia.core.errors import InvalidInput, NotFound, Problem
from tertulia.web import portraits
from tertulia.web.characters import character_page, searched
from tertulia.web.members import identity_of, members_only

PER_PAGE = 30
CONVERSATIONS = 20


@members_only
@require_safe
def instances(request: HttpRequest) -> HttpResponse:
    """All of one's variations, newest first."""
    words = searched(request, "q")
    rows = queries.instances(identity_of(request).user, words=words)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    people = [(each, portraits.portrait_of(each.character, each.name)) for each in page.object_list]
    return render(request, "web/characters/instances.html", {"page": page, "people": people, "words": words})


@members_only
@require_POST
def create(request: HttpRequest, reference: str) -> HttpResponse:
    """Another variation of a character."""
    user = identity_of(request).user
    character = access.character_for(user, reference)
    try:
        values = _values(request, "name", "memory")
        made = actions.create_instance(user=user, character=character, values=values)
    except NotFound:
        raise
    except Problem as problem:
        return character_page(request, character, problem)
    return _to(made)


@members_only
@require_POST
def talk(request: HttpRequest, reference: str) -> HttpResponse:
    """A conversation with a character: with one's newest variation of it, or with a first one of its name."""
    user = identity_of(request).user
    character = access.character_for(user, reference)
    partner = newest_of(user, character) or _first_of(user, character)
    return HttpResponseRedirect(f"/?instance={partner.pk}", status=303)


@members_only
@require_http_methods(["GET", "HEAD", "POST"])
def instance(request: HttpRequest, instance_id: UUID) -> HttpResponse:
    """A variation with its memory and its conversations; a POST changes its name or free text."""
    found = access.instance_for(identity_of(request).user, instance_id)
    if request.method != "POST":
        return _page(request, found)
    learns = {"learns": "learns" in request.POST}
    try:
        actions.update_instance(instance=found, values=_values(request, "name", "memory") | learns)
    except Problem as problem:
        return _page(
            request, access.instance_for(identity_of(request).user, instance_id), problem, "instance"
        )
    messages.success(request, str(_("Saved.")))
    return _to(found)


@members_only
@require_POST
def delete(request: HttpRequest, instance_id: UUID) -> HttpResponse:
    """The end of a variation with all that it remembers; its conversations stay."""
    found = access.instance_for(identity_of(request).user, instance_id)
    actions.delete_instance(instance=found)
    messages.success(request, str(_("%(name)s is gone.") % {"name": found.name}))
    return HttpResponseRedirect("/instances", status=303)


# --- Memory ---------------------------------------------------------------------------------------------------------


@members_only
@require_POST
def add_entry(request: HttpRequest, instance_id: UUID) -> HttpResponse:
    """Something more to remember."""
    found = access.instance_for(identity_of(request).user, instance_id)
    try:
        remembering.add_entry(instance=found, values=_values(request, "text"))
    except Problem as problem:
        return _page(request, found, problem, "entry")
    return _to(found, "#memory")


@members_only
@require_POST
def change_entry(request: HttpRequest, instance_id: UUID, entry_id: UUID) -> HttpResponse:
    """One entry is rewritten, pinned, let loose or forgotten, by the button that was pressed."""
    found = access.instance_for(identity_of(request).user, instance_id)
    entry = access.entry_for(found, entry_id)
    deed = request.POST.get("action", "")
    try:
        if deed == "delete":
            remembering.delete_entry(entry=entry)
        elif deed in ("pin", "unpin"):
            remembering.update_entry(entry=entry, values={"pinned": deed == "pin"})
        elif deed == "save":
            remembering.update_entry(entry=entry, values=_values(request, "text"))
        else:
            raise InvalidInput.field("action", _("No such form."))
    except Problem as problem:
        return _page(request, found, problem, str(entry_id))
    return _to(found, "#memory")


# --- Parts ----------------------------------------------------------------------------------------------------------


def _page(
    request: HttpRequest, found: Instance, problem: Problem | None = None, form: str = ""
) -> HttpResponse:
    """The page of a variation; `form` says which of its forms the problem is of."""
    user = identity_of(request).user
    talks = chat_queries.conversations(user).filter(instance=found)
    context = {
        "instance": found,
        "character": found.character,
        "portrait": portraits.portrait_of(found.character, found.name),
        "face": found.character.face(get_language() or "en"),
        "entries": queries.entries(found),
        "extraction": extraction.state_of(found),
        "conversations": talks[:CONVERSATIONS],
        "max_memory": validation.MAX_MEMORY,
        "max_entry": validation.MAX_ENTRY,
        "problem": problem,
        "form": form,
        "given": request.POST,
    }
    return render(request, "web/characters/instance.html", context, status=problem.status if problem else 200)


def _values(request: HttpRequest, *names: str) -> dict[str, Any]:
    """Browsers send every end of a line as two characters."""
    return {name: request.POST[name].replace("\r\n", "\n") for name in names if name in request.POST}


def newest_of(user: User, character: Character) -> Instance | None:
    """The user's newest variation of a character."""
    return queries.instances(user, character_id=character.pk).first()


def _first_of(user: User, character: Character) -> Instance:
    """A variation where there was none; a double click, whose first half has made it by now, gets that."""
    try:
        values = {"name": _free_name(user, character)}
        return actions.create_instance(user=user, character=character, values=values)
    except InvalidInput:
        if known := newest_of(user, character):
            return known
        raise


def _free_name(user: User, character: Character) -> str:
    """The character's name in the reader's language, with a number where another variation has it."""
    name = character.face(get_language() or "en").name
    numbered = (name if number == 1 else f"{name[:90]} {number}" for number in count(1))
    return next(each for each in numbered if queries.instance_named(user, each) is None)


def _to(found: Instance, place: str = "") -> HttpResponse:
    return HttpResponseRedirect(f"/instances/{found.pk}{place}", status=303)

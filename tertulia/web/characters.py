"""/characters: the gallery, a character's page, making and changing one, card files in and out.

The card files and pictures themselves come from the API's addresses, which take the session as well.
"""

from collections.abc import Mapping
from typing import Any

from django.contrib import messages
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from tertulia.characters import access, actions, cards, carriers, colour, queries
from tertulia.characters.access import Character
from tertulia.characters.macros import expanded
from tertulia.core.db import in_db
from tertulia.core.errors import InvalidInput, Problem, Text
from tertulia.core.matching import asked
from tertulia.speech import voices
from tertulia.web import casting, lore, portraits
from tertulia.web.members import identity_of, members_only, members_only_async
from tertulia.web.offering import offer

PER_PAGE = 24
# So many of one's own variations stand above the gallery.
RECENT = 6
MINE, STARTERS, SHARED = "mine", "starters", "shared"

form_methods = require_http_methods(["GET", "HEAD", "POST"])


# --- Looking --------------------------------------------------------------------------------------------------------


@members_only
@require_safe
def gallery(request: HttpRequest) -> HttpResponse:
    """Public characters and one's own, newest first, narrowed by kind, words and tag."""
    user = identity_of(request).user
    kind, words, tag = request.GET.get("show", ""), searched(request, "q"), searched(request, "tag")
    rows = queries.characters(user, words=words, tag=tag, mine=kind == MINE)
    if kind == STARTERS:
        rows = rows.filter(owner=None)
    elif kind == SHARED:
        rows = rows.exclude(owner=user).exclude(owner=None)
    page = Paginator(rows, PER_PAGE).get_page(request.GET.get("page"))
    is_start = not (kind or words or tag) and page.number == 1
    recent = queries.instances(user)[:RECENT] if is_start else []
    context = {
        "page": page,
        "cards": [portraits.card_of(row, user) for row in page.object_list],
        "people": [(each, portraits.portrait_of(each.character, each.name)) for each in recent],
        "show": kind,
        "words": words,
        "tag": tag,
    }
    return render(request, "web/characters/gallery.html", context)


@members_only
@require_safe
def character(request: HttpRequest, reference: str) -> HttpResponse:
    """One character, by its id or its slug."""
    return character_page(request, _seen(request, reference))


def character_page(request: HttpRequest, found: Character, problem: Problem | None = None) -> HttpResponse:
    """A character's page; with a problem of the form that makes a variation of it."""
    user = identity_of(request).user
    card = portraits.card_of(found, user)
    names = {"char": found.nickname or card.portrait.name, "user": user.nickname}
    context = {
        "character": found,
        "card": card,
        "instances": list(queries.instances(user, character_id=found.pk)),
        "texts": [(label, expanded(text, **names)) for label, text in _texts_of(found) if text.strip()],
        "given": request.POST,
        "problem": problem,
    }
    return render(
        request, "web/characters/character.html", context, status=problem.status if problem else 200
    )


def _texts_of(found: Character) -> list[tuple[Any, str]]:
    others = enumerate(found.greetings(get_language() or "en")[1:], start=2)
    return [
        (_("Description"), found.description),
        (_("Personality"), found.personality),
        (_("Scenario"), found.scenario),
        *((_("Greeting %(number)s") % {"number": number}, text) for number, text in others),
        (_("How it speaks"), found.example_dialogue),
        (_("What the model is told first"), found.system_prompt),
        (_("What the model is told last"), found.post_history_instructions),
        (_("Notes of its maker"), found.creator_notes),
    ]


# --- Making and changing --------------------------------------------------------------------------------------------


@members_only_async
@form_methods
async def create(request: HttpRequest) -> HttpResponse:
    """A new character of one's own."""
    return await in_db(_create, request, await offer())


@members_only_async
@form_methods
async def edit(request: HttpRequest, reference: str) -> HttpResponse:
    """Another wording of one's own character, for all its instances."""
    return await in_db(_edit, request, reference, await offer())


def _create(request: HttpRequest, offered: dict[str, Any]) -> HttpResponse:
    if request.method != "POST":
        return _form(
            request, None, {"visibility": "private", "lore": lore.rows_of(None), "lore_known": 0}, offered
        )
    given = casting.typed(request.POST)
    if request.POST.get("action") == "preview":
        return _form(request, None, given, offered)
    try:
        values = casting.values_in(request.POST)
        picture = casting.picture_in(request)
        made = actions.create_character(user=identity_of(request).user, values=values, picture=picture)
    except Problem as problem:
        return _form(request, None, given, offered, problem)
    messages.success(request, str(_("%(name)s is here.") % {"name": made.name}))
    return _to(made)


def _edit(request: HttpRequest, reference: str, offered: dict[str, Any]) -> HttpResponse:
    found = _own(request, reference)
    if request.method != "POST":
        return _form(request, found, casting.shown(found), offered)
    given = casting.typed(request.POST)
    if request.POST.get("action") == "preview":
        return _form(request, found, given, offered)
    try:
        values = casting.values_in(request.POST, found)
        picture = casting.picture_in(request)
        actions.update_character(character=found, values=values)
        if picture or request.POST.get("without_picture"):
            actions.set_picture(character=found, picture=picture)
    except Problem as problem:
        return _form(request, found, given, offered, problem)
    messages.success(request, str(_("Saved. Every variation of it knows already.")))
    return _to(found)


def _form(
    request: HttpRequest,
    found: Character | None,
    given: dict[str, Any],
    offered: dict[str, Any],
    problem: Problem | None = None,
) -> HttpResponse:
    name = str(given.get("name") or _("Somebody"))
    hue = casting.hue_in(given)
    hue = colour.hue_of(name) if hue is None else hue
    picture = portraits.picture_address(found) if found else ""
    context = {
        "character": found,
        "given": given,
        "problem": problem,
        "faults": _faults(problem),
        "models": [model.id for model in offered.get("models", ())],
        "voices": sorted(voices.ALIASES),
        "default_model": offered.get("default_model", ""),
        "greeting": _greeting(given, name, identity_of(request).user.nickname),
        "hue": hue,
        "portrait": portraits.Portrait(name, portraits.tint_of(hue), picture),
        "visibilities": _VISIBILITIES,
        "most_lore": lore.MAX_ROWS + 1,
        "most_greetings": cards.MAX_GREETINGS,
    }
    return render(request, "web/characters/edit.html", context, status=problem.status if problem else 200)


def _faults(problem: Problem | None) -> list[tuple[str, Text, Text]]:
    """Field, its label, and what is wrong with it."""
    errors = (problem.errors if problem else None) or {}
    return [(name, casting.LABELS.get(name, name), texts[0]) for name, texts in errors.items()]


def _greeting(given: Mapping[str, Any], name: str, user: str) -> str:
    """How a conversation would begin."""
    return expanded(str(given.get("greeting", "")), char=str(given.get("nickname") or name), user=user)


_VISIBILITIES = (
    ("private", _("Private"), _("Only you see it and talk to it.")),
    ("unlisted", _("By its address"), _("Whoever has its address sees it, under your nickname, and can talk to it.")),
    ("public", _("Public"), _("It stands in everybody's gallery, under your nickname, and anybody can talk to it.")),
)  # fmt: skip


@members_only
@form_methods
def import_card(request: HttpRequest) -> HttpResponse:
    """A private character from a card file."""
    if request.method != "POST":
        return render(request, "web/characters/import.html")
    try:
        file = casting.uploaded(request, "file", carriers.MAX_FILE)
        if file is None:
            raise InvalidInput.field("file", _("Choose a file first."))
        made = actions.import_character(user=identity_of(request).user, file=file)
    except Problem as problem:
        return render(request, "web/characters/import.html", {"problem": problem}, status=problem.status)
    messages.success(request, str(_("%(name)s is here.") % {"name": made.name}))
    return _to(made)


@members_only
@require_POST
def duplicate(request: HttpRequest, reference: str) -> HttpResponse:
    """A private copy, ready to be changed."""
    copy = actions.duplicate_character(
        user=identity_of(request).user,
        character=_seen(request, reference),
        language=get_language() or "en",
    )
    messages.success(request, str(_("This copy is yours. Change what you like.")))
    return HttpResponseRedirect(f"/characters/{copy.slug}/edit", status=303)


@members_only
@require_POST
def delete(request: HttpRequest, reference: str) -> HttpResponse:
    """The end of one's own character and of one's variations of it; its page asked before."""
    found = _own(request, reference)
    actions.delete_character(character=found)
    messages.success(request, str(_("%(name)s is gone.") % {"name": found.name}))
    return HttpResponseRedirect("/characters", status=303)


# --- Reading requests -----------------------------------------------------------------------------------------------


def searched(request: HttpRequest, name: str) -> str:
    """A query parameter to search by, "" when absent; raises InvalidInput naming it."""
    return asked(name, request.GET.get(name, ""))


def _seen(request: HttpRequest, reference: str) -> Character:
    return access.character_for(identity_of(request).user, reference)


def _own(request: HttpRequest, reference: str) -> Character:
    return access.own_character_for(identity_of(request).user, reference)


def _to(found: Character) -> HttpResponse:
    return HttpResponseRedirect(f"/characters/{found.slug}", status=303)

"""The chat page and its forms that ask for an answer: without a program in the browser these are the whole chat.

A view that waits for a model is async and holds neither a thread nor a connection while it waits.
"""

import asyncio
import contextlib
import hashlib
import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe

from tertulia.characters import access as characters
from tertulia.chat import access, queries
from tertulia.chat.access import Conversation
from tertulia.chat.generation import log, tail
from tertulia.chat.generation.models import catalogue
from tertulia.chat.generation.start import Key, Send, Started, check_content, start_generation
from tertulia.chat.generation.supervisor import supervisor
from tertulia.core.db import in_db
from tertulia.core.errors import InvalidInput, NotFound, Problem
from tertulia.providers.catalogue import Resolved
from tertulia.providers.errors import ModelUnknown
from tertulia.quotes import meaning
from tertulia.web import forms, thread
from tertulia.web.instances import newest_of
from tertulia.web.members import identity_of, members_only_async
from tertulia.web.offering import offer
from tertulia.web.page import View, chat_page

# How long a pressed Stop waits until the page can show its result.
STOP_PATIENCE = 2.0

Place = Callable[[Conversation | None, Mapping[str, Any]], dict[str, Any]]


@members_only_async
@require_safe
async def chat(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    """A conversation, or an empty page that begins one, with the `instance` that shall answer in it."""
    if reference := request.GET.get("character"):
        return HttpResponseRedirect(await in_db(_way_to, request, reference))
    view = View(
        conversation_id=conversation_id,
        instance_id=_id(request.GET.get("instance")),
        greeting=_number(request.GET.get("greeting", "")),
        leaf=_id(request.GET.get("leaf")),
        before=_id(request.GET.get("before")),
        older=request.GET.get("older", ""),
        **await offer(),
    )
    return await in_db(chat_page, request, view)


def _way_to(request: HttpRequest, reference: str) -> str:
    """From `?character=`: to one's newest variation of it, else to its page, since looking makes nothing."""
    user = identity_of(request).user
    character = characters.character_for(user, reference)
    known = newest_of(user, character)
    return f"/?instance={known.pk}" if known else f"/characters/{character.slug}"


@members_only_async
@require_POST
async def send(request: HttpRequest, conversation_id: UUID | None = None) -> HttpResponse:
    """A message and the whole answer to it."""
    return await _answered(request, conversation_id, forms.SendForm, _after_parent)


@members_only_async
@require_POST
async def edit(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """A new wording of one's own message, beside the old one, and the answer to it."""
    return await _answered(request, conversation_id, forms.EditForm, _beside_message)


@members_only_async
@require_POST
async def regenerate(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Another answer, beside the old one."""
    return await _answered(request, conversation_id, forms.RegenerateForm, _same_words)


@members_only_async
@require_POST
async def stop(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """End the live answers of a conversation; what they have said stays."""
    running = await in_db(_running, request, conversation_id)
    for generation_id in running:
        if not supervisor().stop(generation_id):
            await in_db(log.request_stop, generation_id)
    with contextlib.suppress(TimeoutError, NotFound):
        async with asyncio.timeout(STOP_PATIENCE):
            await asyncio.gather(*(tail.ended(generation_id) for generation_id in running))
    return HttpResponseRedirect(f"/c/{conversation_id}#end", status=303)


def _running(request: HttpRequest, conversation_id: UUID) -> list[UUID]:
    return list(
        queries.running_in(access.conversation_for(identity_of(request).user, conversation_id)).values()
    )


# --- Asking for an answer -------------------------------------------------------------------------------------------


async def _answered(
    request: HttpRequest, conversation_id: UUID | None, form: type[forms.StrictForm], place: Place
) -> HttpResponse:
    """Start what the form asks for, wait for its end, and lead to the page that shows it."""
    try:
        given = form.read(request.POST)
        resolved = await _resolve(given["model"] or None)
        await meaning.prepare(given.get("content") or "", lambda: identity_of(request).user)
        started = await supervisor().begin(partial(_start, request, conversation_id, given, resolved, place))
        await tail.ended(started.ids.generation)
    except NotFound:
        raise
    except Problem as problem:
        typed = request.POST.dict()
        view = View(
            conversation_id=conversation_id,
            instance_id=_known_id(typed.get("instance", "")),
            greeting=_number(typed.get("greeting", "")),
            typed=typed,
            problem=problem,
            **await offer(),
        )
        return await in_db(chat_page, request, view)
    return HttpResponseRedirect(f"/c/{started.conversation_id}#m-{started.ids.answer}", status=303)


def _start(
    request: HttpRequest,
    conversation_id: UUID | None,
    given: Mapping[str, Any],
    resolved: Resolved,
    place: Place,
) -> Started:
    user = identity_of(request).user
    conversation = access.conversation_for(user, conversation_id) if conversation_id else None
    return start_generation(
        Send(
            user=user,
            worker_id=supervisor().worker_id,
            resolved=resolved,
            names_model=bool(given["model"]),
            origin="page",
            conversation=conversation,
            parameters=forms.parameters_of(given),
            key=_key(request, given),
            instance=characters.instance_for(user, given["instance"]) if given.get("instance") else None,
            # The form of a page that the program has led into its conversation still holds it.
            greeting=None if conversation else given.get("greeting"),
            **place(conversation, given),
        )
    )


def _after_parent(conversation: Conversation | None, given: Mapping[str, Any]) -> dict[str, Any]:
    parent = access.message_in(conversation, given["parent"]) if conversation and given["parent"] else None
    return {"content": check_content(given["content"]), "parent": parent}


def _beside_message(conversation: Conversation | None, given: Mapping[str, Any]) -> dict[str, Any]:
    assert conversation is not None
    parent = thread.parent_for_edit(conversation, given["message"])
    return {"content": check_content(given["content"]), "parent": parent}


def _same_words(conversation: Conversation | None, given: Mapping[str, Any]) -> dict[str, Any]:
    assert conversation is not None
    return {"user_message": thread.asked_by(conversation, given["message"])}


def _key(request: HttpRequest, given: Mapping[str, Any]) -> Key | None:
    """The form's one-time key: sent twice, by a double click or a reload, it starts one run.

    One key stands in all forms of a page, so it counts together with what it is used for.
    """
    if not given["key"]:
        return None
    asked = json.dumps([request.path_info, given], sort_keys=True, default=str)
    digest = hashlib.sha256(asked.encode()).hexdigest()
    return Key(f"page:{given['key']}:{digest[:32]}", digest)


async def _resolve(model: str | None) -> Resolved:
    try:
        return await catalogue().resolve(model)
    except ModelUnknown:
        raise InvalidInput.field("model", _("This model is not offered.")) from None


def _known_id(text: str) -> UUID | None:
    """An id in a form that was refused, for showing it again; None for what is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _number(text: str) -> int:
    """The number of a greeting in a query or a form that was refused; 0, the first one, for what is none."""
    return int(text) if text.isascii() and text.isdigit() and len(text) < 4 else 0


def _id(text: str | None) -> UUID | None:
    """An id in a query; what is none names no message: NotFound."""
    if not text:
        return None
    try:
        return UUID(text)
    except ValueError:
        raise NotFound from None

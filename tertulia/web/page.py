"""The chat page as a response; every view that shows it comes through `chat_page`."""

import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from tertulia.accounts import quota
from tertulia.accounts.queries import User
from tertulia.characters import access as character_access
from tertulia.characters import queries as character_queries
from tertulia.characters.access import Instance
from tertulia.chat import access
from tertulia.chat.access import Conversation
from tertulia.chat.generation.start import MAX_CONTENT
from tertulia.core.errors import Problem
from tertulia.providers.catalogue import ModelInfo
from tertulia.providers.offline import OFFLINE_MODEL
from tertulia.providers.ranges import PARAMETERS
from tertulia.web import forms, portraits, thread
from tertulia.web.members import identity_of, take_draft
from tertulia.web.openers import OFFLINE_OPENERS, OPENERS
from tertulia.web.sidebar import sidebar_of
from tertulia.web.strings import client_words

# So many of one's company are offered where a conversation begins.
COMPANY = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """Which part of which conversation to show, and what to keep in the composer.

    `instance_id` is who shall answer in a new one, `greeting` the number of the words that it shall begin with.
    """

    conversation_id: UUID | None = None
    instance_id: UUID | None = None
    greeting: int = 0
    leaf: UUID | None = None
    before: UUID | None = None
    older: str = ""
    models: Sequence[ModelInfo] = ()
    default_model: str = ""
    typed: Mapping[str, Any] | None = None
    problem: Problem | None = None


def chat_page(request: HttpRequest, view: View) -> HttpResponse:
    """The page of a conversation or of a new one; with a problem, its status and headers. Raises NotFound."""
    user = identity_of(request).user
    conversation = access.conversation_for(user, view.conversation_id) if view.conversation_id else None
    shown = thread.thread_of(conversation, view.leaf, view.before) if conversation else thread.Thread()
    instance = _instance(user, view, conversation)
    speaker = portraits.speaker_of(instance, user) if instance else None
    context = {
        "conversation": conversation,
        "thread": shown,
        "speaker": speaker,
        "greeting": _said_first(conversation, shown) if conversation else _greeting(user, view, instance),
        "company": [] if speaker or conversation else _company(user),
        "new_words": thread.NEW_WORDS,
        "new_answer": replace(thread.NEW_ANSWER, model=view.default_model),
        "sidebar": sidebar_of(identity_of(request), view.older),
        "composer": _composer(request, view, conversation, shown),
        "offline": is_offline(),
        "openers": OFFLINE_OPENERS if is_offline() else OPENERS,
        "problem": view.problem,
        "standing": quota.standing(user),
        "words": client_words(),
    }
    response = render(request, "web/chat.html", context, status=view.problem.status if view.problem else 200)
    for name, value in (view.problem.headers if view.problem else {}).items():
        response[name] = value
    return response


def _instance(user: User, view: View, conversation: Conversation | None) -> Instance | None:
    """Who answers: the conversation's instance, or the one that a new one is begun with. Raises NotFound."""
    if conversation:
        return conversation.instance
    return character_access.instance_for(user, view.instance_id) if view.instance_id else None


def _said_first(conversation: Conversation, shown: thread.Thread) -> portraits.Greeting | None:
    """What a conversation began with, where its beginning is shown; a silent one before there are messages."""
    is_awaited = conversation.instance is not None and not shown.turns
    is_shown = not shown.earlier and (conversation.greeting or is_awaited)
    return portraits.Greeting(conversation.greeting) if is_shown else None


def _greeting(user: User, view: View, instance: Instance | None) -> portraits.Greeting | None:
    """What a new conversation would begin with; None where nobody in particular answers."""
    return portraits.greeting_of(instance, user, view.greeting) if instance else None


def _company(user: User) -> list[tuple[Instance, portraits.Portrait]]:
    newest = character_queries.instances(user)[:COMPANY]
    return [(each, portraits.portrait_of(each.character, each.name)) for each in newest]


def _composer(
    request: HttpRequest, view: View, conversation: Conversation | None, shown: thread.Thread
) -> dict[str, Any]:
    """The composer's fields: what was typed and refused, else what the last answer was made with."""
    last = shown.last_answer
    given: dict[str, Any] = dict(last.parameters) | {"model": _kept(last.model, view.models)} if last else {}
    given["stop"] = "\n".join(given.get("stop", ()))
    if view.typed is not None:
        given = {name: view.typed.get(name, "") for name in (*PARAMETERS, "model")}
    content = view.typed.get("content", "") if view.typed is not None else take_draft(request)
    errors = (view.problem and view.problem.errors) or {}
    return {
        "action": f"/c/{conversation.id}/send" if conversation else "/send",
        "content": content,
        "given": given,
        "key": secrets.token_urlsafe(16),
        "limit": MAX_CONTENT,
        "models": [model.id for model in view.models],
        "default_model": view.default_model,
        "errors": errors,
        "options_at_fault": not errors.keys().isdisjoint(forms.OptionsForm.base_fields),
    }


def _kept(model: str, offered: Sequence[ModelInfo]) -> str:
    """The model that a conversation goes on with: the last one, unless it is gone or was no language model."""
    return model if model != OFFLINE_MODEL and any(each.id == model for each in offered) else ""


def is_offline() -> bool:
    """Whether no language model is connected to this instance."""
    return not settings.OPENAI_BASE_URL or settings.TERTULIA_DEFAULT_MODEL == OFFLINE_MODEL

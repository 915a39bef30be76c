"""/instances/<id>/prompt: what the next message to an instance would send, made by the engine as for an answer."""

from functools import partial
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from tertulia.characters import access as characters
from tertulia.chat import access
from tertulia.chat.generation.models import catalogue, looked_up
from tertulia.chat.generation.request import Send, preview
from tertulia.chat.generation.start import check_content
from tertulia.chat.generation.supervisor import supervisor
from tertulia.core.db import in_db
from tertulia.core.errors import Conflict, NotFound
from tertulia.providers.catalogue import Resolved
from tertulia.providers.errors import ModelUnknown
from tertulia.web.members import identity_of, members_only_async


@members_only_async
@require_safe
async def prompt(request: HttpRequest, instance_id: UUID) -> HttpResponse:
    """As a first message, or at the end of `conversation`. Asks no model, stores nothing."""
    try:
        resolved = await catalogue().resolve()
    except ModelUnknown:
        raise Conflict(_("The default model is not offered.")) from None
    unit = partial(_page, request, instance_id, resolved)
    return await looked_up(lambda: in_db(unit))


def _page(request: HttpRequest, instance_id: UUID, resolved: Resolved) -> HttpResponse:
    user, content = identity_of(request).user, _content_in(request)
    instance = characters.instance_for(user, instance_id)
    conversation_id = _conversation_in(request)
    conversation = access.conversation_for(user, conversation_id) if conversation_id else None
    composed = preview(
        Send(
            user=user,
            worker_id=supervisor().worker_id,
            resolved=resolved,
            names_model=False,
            origin="page",
            content=content,
            conversation=conversation,
            parent=conversation.leaf if conversation else None,
            instance=instance,
        )
    )
    context = {
        "instance": instance,
        "conversation": conversation,
        "content": content,
        "parts": composed.request.messages,
        "sent": composed.provenance,
    }
    return render(request, "web/characters/prompt.html", context)


def _content_in(request: HttpRequest) -> str:
    """The message that is thought of, perhaps an empty one."""
    content = request.GET.get("content", "")
    return check_content(content) if content.strip() else ""


def _conversation_in(request: HttpRequest) -> UUID | None:
    text = request.GET.get("conversation")
    try:
        return UUID(text) if text else None
    except ValueError:
        raise NotFound from None

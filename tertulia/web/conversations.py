"""What the chat page does to a conversation without asking for an answer, and the way from a message to its place."""

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.views.decorators.http import require_POST, require_safe

from tertulia.chat import access, actions
from tertulia.core.errors import NotFound
from tertulia.web import forms
from tertulia.web.members import identity_of, members_only


@members_only
@require_safe
def message(request: HttpRequest, message_id: UUID) -> HttpResponse:
    """The place of a message that is known by its id only, such as the source of what an instance remembers."""
    found = access.message_for(identity_of(request).user, message_id)
    place = f"/c/{found.conversation_id}?leaf={message_id}#m-{message_id}"
    return HttpResponseRedirect(place, status=303)


@members_only
@require_POST
def rename(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """Another title."""
    conversation = access.conversation_for(identity_of(request).user, conversation_id)
    actions.rename_conversation(conversation=conversation, title=forms.TitleForm.read(request.POST)["title"])
    return HttpResponseRedirect(f"/c/{conversation_id}#end", status=303)


@members_only
@require_POST
def delete(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """The end of a conversation; its page asked before."""
    actions.delete_conversation(
        conversation=access.conversation_for(identity_of(request).user, conversation_id)
    )
    return HttpResponseRedirect("/", status=303)


@members_only
@require_POST
def feedback(request: HttpRequest, conversation_id: UUID) -> HttpResponse:
    """An opinion of an answer, or its withdrawal."""
    conversation = access.conversation_for(identity_of(request).user, conversation_id)
    message_id, value = forms.FeedbackForm.chosen(request.POST)
    answer = access.message_in(conversation, message_id)
    if answer.role != "assistant":
        raise NotFound
    actions.give_feedback(answer=answer, feedback=value)
    return HttpResponseRedirect(f"/c/{conversation_id}?leaf={message_id}#m-{message_id}", status=303)

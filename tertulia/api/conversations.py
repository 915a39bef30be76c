"""/api/conversations: the native API of conversations, their trees of messages, and sending into them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts.gate import Identity
from tertulia.api import placing, sending
from tertulia.api.describing import BY_CURSOR, EVENTS, SENDING_HEADERS, problems, query, shape
from tertulia.api.endpoint import Endpoint, id_from, identity_of
from tertulia.api.inputs import StrictSerializer
from tertulia.api.outputs import (
    AnsweredOutput,
    ConversationDetail,
    ConversationPage,
    FoundPage,
    MessagePage,
    conversation_detail,
    conversation_output,
    found_output,
    message_output,
)
from tertulia.api.paging import IDS, UPDATES, limit_of, link, sliced
from tertulia.api.parameters import (
    SendingInput,
    content_field,
    greeting_field,
    model_of,
    parameters_of,
)
from tertulia.api.parsing import read_json
from tertulia.api.sending import Accepted, Ask, Place
from tertulia.chat import access, actions, finding, queries
from tertulia.chat.access import Conversation
from tertulia.chat.generation.start import check_content
from tertulia.core.errors import InvalidInput
from tertulia.core.matching import asked, words_of

MAX_TITLE = 200


class NewConversationInput(StrictSerializer):
    title = serializers.CharField(max_length=MAX_TITLE, required=False, allow_blank=True)
    instance = serializers.CharField(required=False, allow_null=True)
    greeting = greeting_field()


class ConversationInput(StrictSerializer):
    """What can be changed: the title, and the message that ends the branch to show."""

    title = serializers.CharField(max_length=MAX_TITLE, required=False, allow_blank=True)
    leaf = serializers.CharField(required=False)


class MessageInput(SendingInput):
    content = content_field()
    parent = serializers.CharField(required=False, allow_null=True)  # type: ignore[assignment]  # a field's name


class ConversationsView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        parameters=[*BY_CURSOR, query("q", str, "Words that must all stand in the title.")],
        responses={200: shape(ConversationPage), **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """One's conversations, the one changed last first."""
        words = words_of(asked("q", request._request.GET.get("q", "")))
        rows = finding.conversations(identity_of(request).user, words)
        page = sliced(request._request, rows, [UPDATES, IDS], descending=True)
        return Response(page.body([conversation_output(row) for row in page.rows]))

    @extend_schema(
        request=NewConversationInput, responses={201: shape(ConversationDetail), **problems(400, 413, 415)}
    )
    def post(self, request: Request) -> Response:
        """Begin an empty conversation. Its first message gives it a title when it has none."""
        given = NewConversationInput.validated(request.data)
        identity = identity_of(request)
        conversation = actions.create_conversation(
            user=identity.user,
            title=given.get("title", ""),
            origin="api",
            instance=placing.instance_named(identity, given.get("instance")),
            greeting=given.get("greeting"),
        )
        location = request._request.build_absolute_uri(f"/api/conversations/{conversation.id}")
        return Response(conversation_detail(conversation, {}), status=201, headers={"Location": location})


class SearchView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        parameters=[*BY_CURSOR, query("q", str, "Words that must all stand in the message.", required=True)],
        responses={200: shape(FoundPage), **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """What was said in one's conversations, newest first: messages that hold all of the words, in any case."""
        plain = request._request
        if "q" not in plain.GET:
            raise InvalidInput.field("q", _("This field is required."))
        words = words_of(asked("q", plain.GET["q"]))
        rows = finding.messages(identity_of(request).user, words)
        page = sliced(plain, rows, [IDS], descending=True)
        return Response(page.body([found_output(row, words) for row in page.rows]))


class ConversationView(Endpoint):
    key_scope = "chat"

    @extend_schema(responses={200: shape(ConversationDetail), **problems(404)})
    def get(self, request: Request, conversation_id: str) -> Response:
        """One conversation; `running` names the answers that are being written, to follow their streams."""
        conversation = _conversation(request, conversation_id)
        return Response(conversation_detail(conversation, queries.running_in(conversation)))

    @extend_schema(
        request=ConversationInput, responses={200: shape(ConversationDetail), **problems(400, 404, 413, 415)}
    )
    def patch(self, request: Request, conversation_id: str) -> Response:
        """Rename a conversation, or choose the branch that it shows."""
        conversation = _conversation(request, conversation_id)
        given = ConversationInput.validated(request.data)
        leaf = placing.message_named(conversation, "leaf", given["leaf"]) if "leaf" in given else None
        if "title" in given:
            actions.rename_conversation(conversation=conversation, title=given["title"])
        if leaf:
            actions.show_branch(conversation=conversation, leaf_id=leaf.id)
        return Response(conversation_detail(conversation, queries.running_in(conversation)))

    @extend_schema(responses={204: None, **problems(404)})
    def delete(self, request: Request, conversation_id: str) -> Response:
        """Delete a conversation with all its messages."""
        actions.delete_conversation(conversation=_conversation(request, conversation_id))
        return Response(status=204)


class MessagesView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        parameters=[
            *BY_CURSOR,
            query("leaf", str, "Only the branch that ends at this message: its last `limit` messages."),
        ],
        responses={200: shape(MessagePage), **problems(400, 404)},
    )
    def get(self, request: Request, conversation_id: str) -> Response:
        """All messages of the tree in order of creation, or with `leaf` one branch; oldest first."""
        conversation = _conversation(request, conversation_id)
        if "leaf" in request._request.GET:
            return Response(_branch(request._request, conversation))
        page = sliced(request._request, queries.messages(conversation), [IDS])
        return Response(page.body([message_output(message) for message in page.rows]))

    @extend_schema(
        request=MessageInput,
        parameters=SENDING_HEADERS,
        responses={
            201: shape(AnsweredOutput),
            (200, "text/event-stream"): EVENTS,
            **problems(400, 404, 406, 413, 415, 422, 429, 502, 504),
        },
    )
    async def post(self, request: HttpRequest, conversation_id: str) -> HttpResponseBase:
        """Say something, under `parent` (the end of the branch last shown; null: a new beginning).

        `Accept: application/json` waits for the whole answer, `text/event-stream` gets it as it is written.
        """
        return await answer_response(request, lambda request: _read(request, conversation_id))


async def answer_response(request: HttpRequest, read: Callable[[HttpRequest], Ask]) -> HttpResponseBase:
    """Begin what `read` finds in the request; the stream of the answer, or both messages when it is complete."""
    as_stream = sending.wants_stream(request)
    accepted = await sending.begin(request, read)
    if as_stream:
        return sending.streamed(accepted)
    return await sending.answered(accepted, lambda accepted: _answered(request, accepted))


def _answered(request: HttpRequest, accepted: Accepted) -> tuple[AnsweredOutput, dict[str, str]]:
    user = accepted.identity.user
    body: AnsweredOutput = {
        "conversation": str(accepted.conversation_id),
        "generation": str(accepted.ids.generation),
        "user_message": message_output(access.message_for(user, accepted.ids.user_message)),
        "answer": message_output(access.message_for(user, accepted.ids.answer)),
    }
    return body, {"Location": request.build_absolute_uri(f"/api/messages/{accepted.ids.answer}")}


def _read(request: HttpRequest, conversation_id: str) -> Ask:
    body = read_json(request)
    given = MessageInput.validated(body)

    def place(identity: Identity) -> Place:
        if "parent" in given:
            found = placing.under(identity, conversation_id, given["parent"])
        else:
            found = placing.at_end(identity, conversation_id)
        instance = placing.instance_named(identity, given.get("instance"))
        return replace(found, instance=instance, greeting=given.get("greeting"))

    return Ask(
        origin="api",
        content=check_content(given["content"]),
        model=model_of(given),
        parameters=parameters_of(given),
        place=place,
        body=body,
    )


def _conversation(request: Request, conversation_id: str) -> Conversation:
    return access.conversation_for(identity_of(request).user, id_from(conversation_id))


def _branch(request: HttpRequest, conversation: Conversation) -> dict[str, Any]:
    """The end of one branch; `previous` leads to the part before it, which ends at the first message's parent."""
    limit = limit_of(request)
    leaf = placing.message_named(conversation, "leaf", request.GET["leaf"])
    rows = queries.branch(leaf.id, limit)
    before = rows[0].parent_id
    return {
        "results": [message_output(message) for message in rows],
        "next": None,
        "previous": link(request, {"leaf": before, "limit": limit}) if before else None,
    }

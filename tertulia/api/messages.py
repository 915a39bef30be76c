"""/api/messages: the flat prompt-and-response pairs of an older client, and single messages of the native tree."""

from math import ceil
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.api import placing, sending
from tertulia.api.conversations import answer_response
from tertulia.api.describing import EVENTS, FORMS, SENDING_HEADERS, problems, query, shape, whole
from tertulia.api.endpoint import Endpoint, id_from, identity_of
from tertulia.api.inputs import StrictSerializer
from tertulia.api.outputs import (
    AnsweredOutput,
    ExplainedMessageOutput,
    MessageOutput,
    PromptOutput,
    PromptPage,
    explained_message_output,
    listed_prompt_output,
    message_output,
    prompt_output,
)
from tertulia.api.paging import MAX_NUMBER, link, whole_number
from tertulia.api.parameters import FlatSendingInput, ModelInput, content_field, model_of, parameters_of
from tertulia.api.parsing import read_fields, read_json
from tertulia.api.sending import Accepted, Ask
from tertulia.chat import access, actions, queries
from tertulia.chat.generation.start import check_content
from tertulia.core.errors import Conflict, InvalidInput, NotFound

# The older client knew no pages: its first request should bring most people's whole list.
PAGE_SIZE, MAX_PAGE_SIZE = 100, 500


_PROVENANCE = "provenance"


class PromptInput(FlatSendingInput):
    prompt_message = content_field()


class FeedbackInput(StrictSerializer):
    feedback = serializers.ChoiceField(choices=["up", "down"], allow_null=True)


class AgainInput(ModelInput):
    """Another answer to the same message."""


class PromptsView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        parameters=[
            query("page", whole(1, MAX_NUMBER), "Number of the page, from 1."),
            query("page_size", whole(1, MAX_PAGE_SIZE), "Rows of a page, 1 to 500; 100 by default."),
        ],
        responses={200: shape(PromptPage), **problems(400, 404)},
    )
    def get(self, request: Request) -> Response:
        """One's prompts with their responses, oldest first."""
        number = whole_number(request._request, ["page"], 1, 1, MAX_NUMBER)
        size = whole_number(request._request, ["page_size"], PAGE_SIZE, 1, MAX_PAGE_SIZE)
        rows = queries.exchanges(identity_of(request).user).reverse()
        count = rows.count()
        last = max(1, ceil(count / size))
        if number > last:
            raise NotFound(_("The last page is %(last)d.") % {"last": last})
        page = list(rows[(number - 1) * size : number * size])
        replies = queries.replies(page)
        body: PromptPage = {
            "count": count,
            "next": _page(request, number + 1, size) if number < last else None,
            "previous": _page(request, number - 1, size) if number > 1 else None,
            "results": [listed_prompt_output(message, replies.get(message.id)) for message in page],
        }
        return Response(body)


class PromptCreateView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        request=dict.fromkeys(FORMS, PromptInput),
        parameters=SENDING_HEADERS,
        responses={201: shape(PromptOutput), **problems(400, 413, 415, 422, 429, 502, 504)},
    )
    async def post(self, request: HttpRequest) -> HttpResponse:
        """Post a prompt and wait for the whole response."""
        accepted = await sending.begin(request, _read_prompt)
        return await sending.answered(accepted, _prompted)


class MessageView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        parameters=[
            query("include", {"type": "string", "enum": [_PROVENANCE]}, "What an answer was made of.")
        ],
        responses={200: shape(ExplainedMessageOutput), **problems(400, 404)},
    )
    def get(self, request: Request, message_id: str) -> Response:
        """One message. The text of an answer that is being written is in its stream."""
        message = access.message_for(identity_of(request).user, id_from(message_id))
        included = request._request.GET.get("include")
        if included is None:
            return Response(message_output(message))
        if included != _PROVENANCE:
            raise InvalidInput.field("include", _("Only provenance can be included."))
        return Response(explained_message_output(message, queries.generation_of(message)))

    @extend_schema(request=FeedbackInput, responses={200: shape(MessageOutput), **problems(400, 404)})
    def patch(self, request: Request, message_id: str) -> Response:
        """Give an answer feedback, or take it back with null."""
        message = access.message_for(identity_of(request).user, id_from(message_id))
        given = FeedbackInput.validated(request.data)
        if message.role != "assistant":
            raise InvalidInput.field("feedback", _("Only answers take feedback."))
        actions.give_feedback(answer=message, feedback=_OPINIONS[given["feedback"]])
        return Response(message_output(message))

    @extend_schema(responses={204: None, **problems(404, 409)})
    def delete(self, request: Request, message_id: str) -> Response:
        """Delete one's own message and the answers to it; what followed moves up to what came before."""
        message = access.message_for(identity_of(request).user, id_from(message_id))
        if message.role != "user":
            raise Conflict(_("An answer goes with the message that it answers: delete that one."))
        actions.delete_exchange(message=message)
        return Response(status=204)


class AgainView(Endpoint):
    key_scope = "chat"

    @extend_schema(
        request=AgainInput,
        parameters=SENDING_HEADERS,
        responses={
            201: shape(AnsweredOutput),
            (200, "text/event-stream"): EVENTS,
            **problems(400, 404, 406, 409, 413, 415, 422, 429, 502, 504),
        },
    )
    async def post(self, request: HttpRequest, message_id: str) -> HttpResponseBase:
        """Have a message answered again, by its id or an answer's: a sibling of the answers that there are."""
        return await answer_response(request, lambda request: _read_again(request, message_id))


_OPINIONS = {"up": 1, "down": -1, None: None}


def _page(request: Request, number: int, size: int) -> str:
    return link(request._request, {"page": number, "page_size": size})


def _read_prompt(request: HttpRequest) -> Ask:
    body = read_fields(request)
    given = PromptInput.validated(body)
    return Ask(
        origin="messages",
        content=_checked(given["prompt_message"]),
        model=model_of(given),
        parameters=parameters_of(given),
        place=lambda identity: placing.in_named(
            identity, given.get("conversation"), given.get("instance"), given.get("greeting")
        ),
        body=body,
    )


def _checked(prompt: str) -> str:
    try:
        return check_content(prompt)
    except InvalidInput as fault:
        raise InvalidInput.field("prompt_message", fault.detail) from None


def _prompted(accepted: Accepted) -> tuple[PromptOutput, dict[str, str]]:
    message = access.exchange_for(accepted.identity.user, accepted.ids.user_message)
    return prompt_output(message, queries.replies([message]).get(message.id)), {}


def _read_again(request: HttpRequest, message_id: str) -> Ask:
    body: dict[str, Any] = read_json(request)
    given = AgainInput.validated(body)
    return Ask(
        origin="api",
        model=model_of(given),
        parameters=parameters_of(given),
        place=lambda identity: placing.again(identity, message_id),
        body=body,
    )

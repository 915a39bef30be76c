"""/chat: flat exchanges, a message with its answer, of the signed-in user."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts.gate import Identity
from tertulia.api import placing, sending
from tertulia.api.describing import FORMS, NUMBERED, SENDING_HEADERS, problems, shape
from tertulia.api.endpoint import Endpoint, id_from, identity_of
from tertulia.api.outputs import CreatedExchangeOutput, ExchangePage, exchange_output
from tertulia.api.paging import numbered
from tertulia.api.parameters import FlatSendingInput, content_field, model_of, parameters_of
from tertulia.api.parsing import read_fields
from tertulia.api.sending import Accepted, Ask
from tertulia.chat import access, actions, queries
from tertulia.chat.access import Message
from tertulia.chat.generation.start import check_content


class ExchangeInput(FlatSendingInput):
    content = content_field()


class ExchangesView(Endpoint):
    key_scope = "chat"

    @extend_schema(parameters=NUMBERED, responses={200: shape(ExchangePage), **problems(400, 404)})
    def get(self, request: Request) -> Response:
        """One's exchanges, newest first, by numbered pages; the Link header (RFC 8288) names the neighbours."""
        identity = identity_of(request)
        page = numbered(request._request, queries.exchanges(identity.user))
        replies = queries.replies(page.rows)
        body = {
            "count": page.total,
            "results": [
                exchange_output(message, replies.get(message.id), identity.user.address)
                for message in page.rows
            ],
            "links": [{"rel": link.rel, "method": "GET", "link": link.url} for link in page.links],
        }
        return Response(body, headers={"Link": page.header()})

    @extend_schema(
        request=dict.fromkeys(FORMS, ExchangeInput),
        parameters=SENDING_HEADERS,
        responses={201: shape(CreatedExchangeOutput), **problems(400, 413, 415, 422, 429, 502, 504)},
    )
    async def post(self, request: HttpRequest) -> HttpResponse:
        """Say something and wait for the whole answer. Without `conversation` a new one begins."""
        accepted = await sending.begin(request, _read)
        return await sending.answered(accepted, lambda accepted: _created(request, accepted))

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Delete all of one's conversations."""
        actions.delete_all(user=identity_of(request).user)
        return Response(status=204)


class ExchangeView(Endpoint):
    key_scope = "chat"

    @extend_schema(responses={200: shape(CreatedExchangeOutput), **problems(404)})
    def get(self, request: Request, exchange_id: str) -> Response:
        """One exchange."""
        identity = identity_of(request)
        message = access.exchange_for(identity.user, id_from(exchange_id))
        body = _item(request._request, identity, message)
        return Response(body, headers=_headers(request._request, message))

    @extend_schema(responses={204: None, **problems(404)})
    def delete(self, request: Request, exchange_id: str) -> Response:
        """Delete a message and the answers to it."""
        message = access.exchange_for(identity_of(request).user, id_from(exchange_id))
        actions.delete_exchange(message=message)
        return Response(status=204)


def _read(request: HttpRequest) -> Ask:
    body = read_fields(request)
    given = ExchangeInput.validated(body)
    return Ask(
        origin="chat",
        content=check_content(given["content"]),
        model=model_of(given),
        parameters=parameters_of(given),
        place=lambda identity: placing.in_named(
            identity, given.get("conversation"), given.get("instance"), given.get("greeting")
        ),
        body=body,
    )


def _created(request: HttpRequest, accepted: Accepted) -> tuple[CreatedExchangeOutput, dict[str, str]]:
    message = access.exchange_for(accepted.identity.user, accepted.ids.user_message)
    headers = {"Location": _address(request, message)} | _headers(request, message)
    return _item(request, accepted.identity, message), headers


def _item(request: HttpRequest, identity: Identity, message: Message) -> CreatedExchangeOutput:
    reply = queries.replies([message]).get(message.id)
    address = _address(request, message)
    return {
        **exchange_output(message, reply, identity.user.address),
        "links": [
            {"rel": "self", "href": address, "method": "GET"},
            {"rel": "delete", "href": address, "method": "DELETE"},
        ],
    }


def _address(request: HttpRequest, message: Message) -> str:
    return request.build_absolute_uri(f"/chat/{message.id}")


def _headers(request: HttpRequest, message: Message) -> dict[str, Any]:
    """The conversation, which the flat shape has no field for: its id continues it."""
    conversation = request.build_absolute_uri(f"/api/conversations/{message.conversation_id}")
    return {"Link": f'<{conversation}>; rel="collection"'}

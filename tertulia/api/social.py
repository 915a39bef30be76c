"""The JSON face of signing in at GitHub and Kakao, for clients that keep bearer tokens.

The client asks for the provider's address, shows it to its user in a browser, and gets the code that the provider
sends to `redirect_uri` back: `POST /accounts/<provider>/token` exchanges it. `state` ties the steps together; only
the client that began has it, so a code that was slipped in is refused.
"""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts import entering, gate, linking
from tertulia.accounts.gate import address_of
from tertulia.accounts.linking import Attempt
from tertulia.accounts.queries import User
from tertulia.accounts.social import SocialProfile
from tertulia.api.accounts import LoginOutput, PublicView, login_output, password_field
from tertulia.api.describing import query
from tertulia.api.endpoint import Endpoint, identity_of, json_answer
from tertulia.api.inputs import StrictSerializer
from tertulia.api.parsing import read_json
from tertulia.core.db import in_db
from tertulia.core.errors import Forbidden, InvalidInput


class AnswerInput(StrictSerializer):
    code = serializers.CharField(max_length=2048)
    state = serializers.CharField(max_length=200)


class LinkInput(AnswerInput):
    current_password = password_field(required=False)


class StartOutput(serializers.Serializer[Any]):
    authorization_url = serializers.URLField()
    state = serializers.CharField()


class ConnectionOutput(serializers.Serializer[Any]):
    provider = serializers.CharField()
    name = serializers.CharField()
    created_at = serializers.DateTimeField()


class ConnectionsOutput(serializers.Serializer[Any]):
    results = ConnectionOutput(many=True)


class StartView(PublicView):
    @extend_schema(
        responses=StartOutput,
        parameters=[
            query(
                "redirect_uri", str, "Where the provider sends the code: on this host or an allowed origin."
            ),
            query("process", str, "`link`: link the provider to the account of the bearer token."),
            query("invite", str, "An invitation, where joining is by invitation."),
        ],
    )
    def get(self, request: Request, provider: str) -> Response:
        """Begin a sign-in at a provider: the address to open in a browser, and the state to send back."""
        asked = request.query_params
        begun = linking.start(
            request._request,
            provider=provider,
            client="api",
            redirect_uri=_redirect_uri(request._request, provider, asked.get("redirect_uri", "")),
            user=_account_of(request._request) if asked.get("process") == "link" else None,
            invite=asked.get("invite", ""),
            language=get_language() or "",
        )
        return Response(StartOutput({"authorization_url": begun.url, "state": begun.state}).data)


class TokenView(PublicView):
    @extend_schema(request=AnswerInput, responses=LoginOutput)
    async def post(self, request: HttpRequest, provider: str) -> HttpResponse:
        """Finish a sign-in: the provider's code for tokens. Joins when the account is new.

        409 `address_in_use`: an account here has the address; sign in to it and link the provider.
        """
        given = AnswerInput.validated(read_json(request))
        attempt = await in_db(linking.take, provider=provider, state=given["state"], client="api")
        profile = await linking.fetch(request, attempt, given["code"])
        body = await in_db(_signed_in, request, profile, attempt)
        return json_answer(body)


class LinkView(Endpoint):
    @extend_schema(request=LinkInput, responses={200: ConnectionOutput})
    async def post(self, request: HttpRequest, provider: str) -> HttpResponse:
        """Finish a link that began with `process=link`, by the same account; needs its password, if it has one."""
        user = await in_db(_account_of, request)
        given = LinkInput.validated(read_json(request))
        await in_db(
            entering.confirm_password,
            user=user,
            current_password=given.get("current_password"),
            address=address_of(request),
        )
        attempt = await in_db(linking.take, provider=provider, state=given["state"], client="api", user=user)
        profile = await linking.fetch(request, attempt, given["code"])
        await in_db(linking.link, user=user, profile=profile)
        connections = await in_db(_connections, user)
        return json_answer(next(each for each in connections if each["provider"] == provider))

    @extend_schema(responses={204: None})
    def delete(self, request: Request, provider: str) -> Response:
        """End a link. 409 while nothing else would let the user in."""
        linking.unlink(user=identity_of(request).user, provider=provider)
        return Response(status=204)


class ConnectionsView(Endpoint):
    @extend_schema(responses=ConnectionsOutput)
    def get(self, request: Request) -> Response:
        """The providers that are linked to one's account."""
        return Response({"results": _connections(identity_of(request).user)})


def _redirect_uri(request: HttpRequest, provider: str, asked: str) -> str:
    """Ours, or one on an origin that may use the API: a code must not be sent to strangers."""
    ours = linking.callback_uri(request, provider)
    parts = urlsplit(asked)
    origin = f"{parts.scheme}://{parts.netloc}"
    if not asked or asked == ours:
        return ours
    if origin not in settings.CORS_ALLOWED_ORIGINS or parts.fragment:
        raise InvalidInput.field("redirect_uri", _("Not on an origin of CORS_ALLOWED_ORIGINS."))
    return asked


def _signed_in(request: HttpRequest, profile: SocialProfile, attempt: Attempt) -> dict[str, Any]:
    user = linking.sign_in(profile=profile, attempt=attempt, address=address_of(request))
    return login_output(request, user)


def _account_of(request: HttpRequest) -> User:
    identity = gate.require(request)
    if identity.carrier == "api_key":
        raise Forbidden(_("An API key does not link providers. Sign in."))
    return identity.user


def _connections(user: User) -> list[Mapping[str, Any]]:
    rows = [
        {"provider": each.provider, "name": each.extra_data.get("name", ""), "created_at": each.date_joined}
        for each in linking.links_of(user)
    ]
    return list(ConnectionOutput(rows, many=True).data)

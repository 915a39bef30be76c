"""The JSON face of /accounts: joining, logging in and out, tokens, one's profile."""

from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.sessions.backends.base import SessionBase
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.permissions import AllowAny
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts import actions, entering, factors, queries, recovery, tokens, validation
from tertulia.accounts.gate import address_of, site_of
from tertulia.accounts.queries import User
from tertulia.accounts.sessions import SessionStore
from tertulia.api.describing import problems
from tertulia.api.endpoint import Endpoint, identity_of
from tertulia.api.inputs import StrictSerializer, describe
from tertulia.chat import actions as chat_actions
from tertulia.core.errors import Forbidden, MethodNotAllowed


def password_field(**options: Any) -> serializers.CharField:
    """Taken as typed: blanks around a password belong to it."""
    return serializers.CharField(
        max_length=validation.MAX_PASSWORD,
        trim_whitespace=False,
        style={"input_type": "password"},
        **options,
    )


def _email_field(**options: Any) -> serializers.CharField:
    """The address itself is checked by the action, in the same way for every face."""
    return serializers.CharField(max_length=validation.MAX_EMAIL, style={"input_type": "email"}, **options)


class JoinInput(StrictSerializer):
    email = _email_field(label=_("E-mail address"))
    nickname = serializers.CharField(max_length=validation.MAX_NICKNAME, label=_("Nickname"))
    password = password_field(label=_("Password"))
    invite = serializers.CharField(max_length=200, required=False, allow_blank=True, label=_("Invitation"))


class LoginInput(StrictSerializer):
    email = _email_field(label=_("E-mail address"))
    password = password_field(label=_("Password"))


class CodeInput(StrictSerializer):
    challenge = serializers.CharField(max_length=200)
    code = serializers.CharField(max_length=factors.MAX_CODE)


class ResetInput(StrictSerializer):
    email = _email_field(label=_("E-mail address"))


class NewPasswordInput(StrictSerializer):
    password = password_field(label=_("New password"))


class RefreshInput(StrictSerializer):
    refresh = serializers.CharField(max_length=4096)


class ProfileInput(StrictSerializer):
    nickname = serializers.CharField(max_length=validation.MAX_NICKNAME, required=False)
    email = _email_field(required=False)
    password = password_field(required=False)
    current_password = password_field(required=False)
    time_zone = serializers.CharField(max_length=64, required=False, allow_blank=True)
    language = serializers.CharField(max_length=16, required=False, allow_blank=True)


class EraseInput(StrictSerializer):
    current_password = password_field(required=False)


class TokensOutput(serializers.Serializer[Any]):
    access = serializers.CharField()
    refresh = serializers.CharField()


class StandingOutput(serializers.Serializer[Any]):
    limit = serializers.IntegerField(allow_null=True)
    used = serializers.IntegerField()
    remaining = serializers.IntegerField(allow_null=True)
    resets_at = serializers.DateTimeField()


class ProfileOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    email = serializers.EmailField(allow_blank=True)
    nickname = serializers.CharField()
    created_at = serializers.DateTimeField()
    last_login = serializers.DateTimeField(allow_null=True)
    ip_address = serializers.CharField(allow_null=True)
    time_zone = serializers.CharField()
    language = serializers.CharField()
    quota = StandingOutput()


class JoinedOutput(TokensOutput):
    id = serializers.UUIDField()
    email = serializers.EmailField()
    nickname = serializers.CharField()
    created_at = serializers.DateTimeField()


class LoginOutput(TokensOutput):
    user = ProfileOutput()


class CredentialsScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names what the gate accepts; drf-spectacular finds the class by itself."""

    target_class = "tertulia.api.authentication.GateAuthentication"
    name = ["bearer", "cookie"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        bearer = "The access token of /accounts/login, or an API key (tt_…)."
        return [
            {"type": "http", "scheme": "bearer", "description": bearer},
            {"type": "apiKey", "in": "cookie", "name": settings.SESSION_COOKIE_NAME},
        ]

    def get_security_requirement(self, auto_schema: AutoSchema) -> list[dict[str, list[Any]]]:
        return [{"bearer": []}, {"cookie": []}]


class PublicView(Endpoint):
    """For those who are not signed in yet; a stale token in the header is no reason to refuse a new login."""

    authentication_classes = ()
    permission_classes = (AllowAny,)


class JoinView(PublicView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The fields that joining takes; `invite` where joining is by invitation."""
        described = describe(JoinInput)
        if not queries.signup_is_by_invitation():
            entering.require_signup()
            del described["fields"]["invite"]
        return Response(described)

    @extend_schema(request=JoinInput, responses={201: JoinedOutput})
    def post(self, request: Request) -> Response:
        """A new account, and its first login."""
        given = JoinInput.validated(request.data)
        user = entering.join(**given, address=address_of(request._request), site=site_of(request._request))
        pair = tokens.issue(request._request, user)
        body = {
            "id": user.pk,
            "email": user.address,
            "nickname": user.nickname,
            "created_at": user.created_at,
            "access": pair.access,
            "refresh": pair.refresh,
        }
        return Response(JoinedOutput(body).data, status.HTTP_201_CREATED)


class LoginView(PublicView):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    def get(self, request: Request) -> Response:
        """The fields that logging in takes."""
        return Response(describe(LoginInput))

    @extend_schema(request=LoginInput, responses=LoginOutput)
    def post(self, request: Request) -> Response:
        """A new login. With a second factor: 401 `mfa_required` and a `challenge` for /accounts/login/code."""
        given = LoginInput.validated(request.data)
        user = entering.sign_in(**given, address=address_of(request._request))
        return Response(login_output(request._request, user))


class CodeView(PublicView):
    @extend_schema(request=CodeInput, responses=LoginOutput)
    def post(self, request: Request) -> Response:
        """The second step of a login: a code of the authenticator app, or a recovery code."""
        given = CodeInput.validated(request.data)
        user = entering.finish_sign_in(**given, address=address_of(request._request))
        return Response(login_output(request._request, user))


class ResetView(PublicView):
    @extend_schema(request=ResetInput, responses={202: None})
    def post(self, request: Request) -> Response:
        """Ask for a link that sets a new password. The answer does not tell whether the account exists."""
        given = ResetInput.validated(request.data)
        recovery.request_reset(**given, address=address_of(request._request), site=site_of(request._request))
        return Response(status=status.HTTP_202_ACCEPTED)


class NewPasswordView(PublicView):
    @extend_schema(request=NewPasswordInput, responses={204: None})
    def post(self, request: Request, token: str) -> Response:
        """Set a new password by the token of a link, once. Every login ends."""
        recovery.reset_password(token=token, **NewPasswordInput.validated(request.data))
        return Response(status=status.HTTP_204_NO_CONTENT)


class ConfirmView(PublicView):
    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request, token: str) -> Response:
        """Confirm an e-mail address by the token of a link, once."""
        recovery.confirm_address(token=token)
        return Response(status=status.HTTP_204_NO_CONTENT)


class RefreshView(PublicView):
    @extend_schema(request=RefreshInput, responses=TokensOutput)
    def post(self, request: Request) -> Response:
        """New tokens for a refresh token, which works once; a second use ends the login."""
        given = RefreshInput.validated(request.data)
        return Response(TokensOutput(tokens.rotate(given["refresh"])).data)


class LogoutView(Endpoint):
    @extend_schema(responses={204: None})
    def get(self, request: Request) -> Response:
        """End the login of a bearer token. A cookie's login ends by POST only: a link must not sign anyone out."""
        if identity_of(request).carrier == "session":
            raise MethodNotAllowed(_("Log out by POST."))
        return self.post(request)

    @extend_schema(request=None, responses={204: None})
    def post(self, request: Request) -> Response:
        """End this login."""
        _end_login(request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class ProfileView(Endpoint):
    @extend_schema(responses=ProfileOutput)
    def get(self, request: Request) -> Response:
        """One's account and today's quota."""
        return Response(_profile(request))

    @extend_schema(request=ProfileInput, responses=ProfileOutput)
    def put(self, request: Request) -> Response:
        """Change any subset; `password` needs `current_password` and ends other logins.

        Where addresses are confirmed, a new `email` counts once the link sent to it was opened.
        """
        changes = ProfileInput.validated(request.data)
        actions.update_profile(
            user=identity_of(request).user,
            current_password=changes.pop("current_password", None),
            changes=changes,
            address=address_of(request._request),
            session=_session(request),
            site=site_of(request._request),
        )
        return Response(_profile(request))

    @extend_schema(request=EraseInput, responses={204: None, **problems(400, 429)})
    def delete(self, request: Request) -> Response:
        """Erase the account and everything in it."""
        user = identity_of(request).user
        given = EraseInput.validated(request.data)
        entering.confirm_password(
            user=user,
            current_password=given.get("current_password"),
            address=address_of(request._request),
        )
        actions.erase_account(user=user, erase_contents=chat_actions.erase_user)
        request._request.session.flush()
        return Response(status=status.HTTP_204_NO_CONTENT)


def login_output(request: HttpRequest, user: User) -> dict[str, Any]:
    """A new login of an API client."""
    pair = tokens.issue(request, user)
    body = {"access": pair.access, "refresh": pair.refresh, "user": queries.profile_of(user)}
    return dict(LoginOutput(body).data)


def _profile(request: Request) -> dict[str, Any]:
    return dict(ProfileOutput(queries.profile_of(identity_of(request).user)).data)


def _session(request: Request) -> SessionBase | None:
    """The session that this request's login rests on; an API key has none."""
    identity = identity_of(request)
    if identity.carrier == "jwt":
        return SessionStore(identity.session_key)
    return request._request.session if identity.carrier == "session" else None


def _end_login(request: Request) -> None:
    identity = identity_of(request)
    if identity.carrier == "session":
        auth.logout(request._request)
    elif identity.carrier == "jwt" and identity.session_key:
        tokens.end(identity.session_key)
    else:
        raise Forbidden(_("An API key is not a login; delete it in the settings to end it."))

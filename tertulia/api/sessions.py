"""/api/sessions: where one is signed in, browsers and programs, and the end of that."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts import actions, queries
from tertulia.api.describing import problems
from tertulia.api.endpoint import Endpoint, login_of


class LoginRowOutput(serializers.Serializer[Any]):
    id = serializers.CharField()
    carrier = serializers.ChoiceField(["browser", "program"])
    address = serializers.CharField(allow_null=True)
    created_at = serializers.DateTimeField()
    seen_at = serializers.DateTimeField()
    is_current = serializers.BooleanField()


class LoginRowsOutput(serializers.Serializer[Any]):
    results = LoginRowOutput(many=True)


class SessionsView(Endpoint):
    @extend_schema(responses={200: LoginRowsOutput, **problems(403)})
    def get(self, request: Request) -> Response:
        """One's logins, the last used first; `seen_at` is right to a quarter of an hour."""
        login = login_of(request)
        return Response(LoginRowsOutput({"results": queries.logins_of(login.user, login.session_key)}).data)

    @extend_schema(responses={204: None, **problems(403)})
    def delete(self, request: Request) -> Response:
        """End every login but this one."""
        login = login_of(request)
        actions.end_other_logins(user=login.user, session_key=login.session_key)
        return Response(status=status.HTTP_204_NO_CONTENT)


class SessionView(Endpoint):
    @extend_schema(responses={204: None, **problems(403, 404)})
    def delete(self, request: Request, login_id: str) -> Response:
        """End one login; the tokens that rest on it end with it."""
        actions.end_login(user=login_of(request).user, login_id=login_id)
        return Response(status=status.HTTP_204_NO_CONTENT)

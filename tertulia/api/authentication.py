"""DRF's side of the credential gate; the default authentication of every API view."""

from django.contrib.auth.base_user import AbstractBaseUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from tertulia.accounts import gate
from tertulia.accounts.gate import Identity


class GateAuthentication(BaseAuthentication):
    """`request.user` is the user, `request.auth` the Identity; Problems of the gate pass through."""

    def authenticate(self, request: Request) -> tuple[AbstractBaseUser, Identity] | None:
        identity = gate.identify(request._request)
        return (identity.user, identity) if identity else None

    def authenticate_header(self, request: Request) -> str:
        return 'Bearer realm="tertulia"'


class GateScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the OpenAPI document names the credentials."""

    target_class = GateAuthentication
    name = ["bearer", "cookie"]

    def get_security_definition(self, auto_schema: AutoSchema) -> list[dict[str, str]]:
        return [
            {
                "type": "http",
                "scheme": "bearer",
                "description": "The access token of /accounts/login, or an API key (tt_…).",
            },
            {"type": "apiKey", "in": "cookie", "name": "session"},
        ]

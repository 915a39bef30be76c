"""DRF's side of the credential gate; the default authentication of every API view."""

from django.contrib.auth.base_user import AbstractBaseUser
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

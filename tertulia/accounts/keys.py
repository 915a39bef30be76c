"""Making and ending API keys; pages, API and the command `apikey` call it."""

import secrets
from datetime import datetime
from uuid import UUID

from django.utils.translation import gettext_lazy as _

from tertulia.accounts import audit, validation
from tertulia.accounts.gate import API_KEY_PREFIX, api_key_digest
from tertulia.accounts.models import ApiKey, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Conflict, InvalidInput, NotFound

MAX_KEYS = 100
SCOPES = ApiKey.Scope.choices


def create_api_key(
    *, user: User, name: str, scope: str = ApiKey.Scope.ALL, expires_at: datetime | None = None
) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once.

    Raises InvalidInput naming `name`, `scope` or `expires_at`, Conflict beyond MAX_KEYS.
    """
    name = validation.key_name(name)
    if scope not in ApiKey.Scope.values:
        raise InvalidInput.field(
            "scope", _("One of these: %(codes)s.") % {"codes": ", ".join(ApiKey.Scope.values)}
        )
    if expires_at is not None and expires_at <= clock.now():
        raise InvalidInput.field("expires_at", _("An instant in the future is expected."))
    text = API_KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(
        user=user, name=name, prefix=text[:8], digest=api_key_digest(text), scope=scope, expires_at=expires_at
    )
    with transaction():
        if ApiKey.objects.filter(user=user).count() >= MAX_KEYS:
            raise Conflict(_("At most %(limit)d keys. Revoke one first.") % {"limit": MAX_KEYS})
        key.save(force_insert=True)
        audit.record(audit.Kind.KEY_MADE, user=user, detail=scope)
    return key, text


def delete_api_keys(*, user: User) -> None:
    """Make all of the user's keys useless at once."""
    with transaction():
        if ApiKey.objects.filter(user=user).delete()[0]:
            audit.record(audit.Kind.KEY_REVOKED, user=user, detail="all")


def delete_api_key(*, user: User, key_id: UUID) -> None:
    """Make one of the user's keys useless at once; raises NotFound for anybody else's."""
    with transaction():
        if not ApiKey.objects.filter(user=user, pk=key_id).delete()[0]:
            raise NotFound
        audit.record(audit.Kind.KEY_REVOKED, user=user)

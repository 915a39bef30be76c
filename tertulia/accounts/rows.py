"""Rows of users as `actions`, `entering` and `recovery` write them: one place that knows which conflicts mean what."""

from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import audit, inviting
from tertulia.accounts.models import User
from tertulia.core.db import transaction
from tertulia.core.errors import InvalidInput, Unauthenticated


def insert(user: User, *, invite: str = "", detail: str) -> None:
    """Store a new user and use up the invitation; `detail` is how they came. Raises IntegrityError, Forbidden."""
    with transaction():
        user.save(force_insert=True)
        inviting.use(token=invite, user=user)
        audit.record(audit.Kind.JOIN, user=user, detail=detail)


def write(user: User, **fields: object) -> None:
    """Set columns of one user, in the row and in the object.

    Raises Unauthenticated when the row is gone, InvalidInput naming `email` when the address is taken.
    """
    try:
        with transaction():
            if not User.objects.filter(pk=user.pk).update(**fields):
                raise Unauthenticated(_("This account no longer exists."))
    except IntegrityError:
        raise email_taken() from None
    for name, value in fields.items():
        setattr(user, name, value)


def email_taken() -> InvalidInput:
    """The problem of an address that another account has."""
    return InvalidInput.field("email", _("There is already an account with this e-mail address."))

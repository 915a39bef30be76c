"""What is proved by a mailbox: a forgotten password set anew, an e-mail address confirmed. Pages and API call it.

Links come in messages, work once, and end within the hour or the day. What is answered to a request for one does
not tell whether the account exists.
"""

from datetime import timedelta

from allauth.socialaccount.models import SocialAccount
from django.contrib.auth.hashers import make_password
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import attempts, audit, mail, queries, rows, sessions, tickets, validation
from tertulia.accounts.models import ApiKey, User
from tertulia.accounts.tickets import Purpose
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import NotFound

RESET_LIFETIME = timedelta(hours=1)
ADDRESS_LIFETIME = timedelta(hours=24)


def request_reset(*, email: str, address: str | None, site: str) -> None:
    """Send a link for a new password, if somebody has this address; `site` is the beginning of the link.

    The same work either way: an unknown address gets a ticket that nobody is told of. Raises InvalidInput naming
    `email`, TooManyRequests for an address that asks too often.
    """
    attempts.spend(attempts.RESETS, address)
    email = validation.cleaned({"email": email})["email"]
    may_mail = attempts.may_mail(email)
    user = queries.user_by_email(email)
    known = user if user and user.is_active else None
    token = tickets.issue(Purpose.RESET, lifetime=RESET_LIFETIME, user=known)
    if known and may_mail:
        mail.send(
            known.email,
            _("A new password for Tertulia"),
            _(
                "Somebody, probably you, asked for a new password. Set it within an hour:\n\n%(link)s\n\n"
                "If it was not you, nothing needs to be done."
            )
            % {"link": f"{site}accounts/reset/{token}"},
        )


def reset_is_open(token: str) -> bool:
    """Whether a link would set a password now; reads only, so that a preview of the link does not use it up."""
    ticket = tickets.find(Purpose.RESET, token)
    return ticket is not None and ticket.user is not None


def reset_password(*, token: str, password: str) -> User:
    """Set a new password by a link, once; ends every login. Raises NotFound, InvalidInput naming `password`.

    The first proof that the address is the user's also ends keys and links to providers: until then somebody else
    may have joined with it, and waits.
    """
    ticket = tickets.find(Purpose.RESET, token)
    user = ticket.user if ticket else None
    if user is None:
        raise _unknown_link()
    validation.check_password_rules(password, email=user.email, nickname=user.nickname)
    hashed = make_password(password)
    with transaction():
        if tickets.take(Purpose.RESET, token) is None:
            raise _unknown_link()
        if user.email_verified_at is None:
            ApiKey.objects.filter(user=user).delete()
            SocialAccount.objects.filter(user=user).delete()
        rows.write(user, password=hashed, email_verified_at=user.email_verified_at or clock.now())
        for purpose in Purpose:
            tickets.withdraw(purpose, user)
        sessions.end_all(user)
        attempts.forget(user)
        audit.record(audit.Kind.RESET, user=user)
    return user


def request_address(*, user: User, email: str, site: str) -> None:
    """Send a link that makes `email`, normalised, the user's confirmed address; links sent before end.

    Raises InvalidInput naming `email` when another account has it.
    """
    if email != user.email and queries.email_is_taken(email):
        raise rows.email_taken()
    with transaction():
        tickets.withdraw(Purpose.ADDRESS, user)
        token = tickets.issue(Purpose.ADDRESS, lifetime=ADDRESS_LIFETIME, user=user, payload={"email": email})
        if attempts.may_mail(email):
            mail.send(
                email,
                _("Confirm your e-mail address for Tertulia"),
                _("Open this link within a day to confirm that the address is yours:\n\n%(link)s")
                % {"link": f"{site}accounts/confirm/{token}"},
            )


def address_wanted(user: User) -> str:
    """The address that waits for its link to be opened; empty when none does."""
    ticket = user.tickets.filter(purpose=Purpose.ADDRESS, expires_at__gt=clock.now()).first()
    return str(ticket.payload["email"]) if ticket else ""


def address_link_is_open(token: str) -> bool:
    """Whether a link would confirm an address now; reads only."""
    return tickets.find(Purpose.ADDRESS, token) is not None


def confirm_address(*, token: str) -> User:
    """Make the address of a link its user's, once; raises NotFound, InvalidInput when it was taken meanwhile."""
    with transaction():
        ticket = tickets.take(Purpose.ADDRESS, token)
        if ticket is None or ticket.user is None:
            raise _unknown_link()
        changes = ticket.payload["email"] != ticket.user.email
        rows.write(ticket.user, email=ticket.payload["email"], email_verified_at=clock.now())
        tickets.withdraw(Purpose.RESET, ticket.user)
        if changes:
            audit.record(audit.Kind.ADDRESS, user=ticket.user)
    return ticket.user


def _unknown_link() -> NotFound:
    return NotFound(_("This link is not known, has been used, or has expired."))

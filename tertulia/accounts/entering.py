"""Coming in: joining, signing in with a password and a code, and proving again who one is. Pages and API call it."""

from datetime import timedelta

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import (
    attempts,
    audit,
    factors,
    inviting,
    passkeys,
    queries,
    recovery,
    rows,
    tickets,
    validation,
)
from tertulia.accounts.errors import CodeRequired
from tertulia.accounts.models import NO_ADDRESS_DOMAIN, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Forbidden, InvalidInput, Unauthenticated
from tertulia.core.ids import uuid7

# From the password to the code.
CODE_LIFETIME = timedelta(minutes=10)
# Who has no password proves to be there by having signed in a moment ago.
FRESH_LOGIN = timedelta(minutes=15)


def require_signup(invite: str = "") -> None:
    """Raise Forbidden unless a stranger, perhaps with an invitation, may join."""
    if queries.signup_is_by_invitation():
        if not invite:
            raise Forbidden(_("Joining is by invitation only."))
        if not inviting.is_open(invite):
            raise inviting.refusal()
    elif not queries.signup_is_open():
        raise Forbidden(_("Joining is closed."))


def join(
    *,
    email: str,
    nickname: str,
    password: str,
    address: str | None = None,
    language: str = "",
    invite: str = "",
    site: str = "",
) -> User:
    """A stranger's new account, never an administrator's; `language` is the one that the visitor reads.

    Raises Forbidden when joining is not open, InvalidInput naming the fields, also for an address that is taken.
    With TERTULIA_VERIFY_EMAIL a link that begins with `site` is sent to the address.
    """
    require_signup(invite)
    clean = validation.cleaned({"email": email, "nickname": nickname, "language": language})
    validation.check_password_rules(password, email=clean["email"], nickname=clean["nickname"])
    attempts.spend(attempts.JOINS, address)
    # Before hashing, which is slow on purpose; the constraint decides between simultaneous requests.
    if queries.email_is_taken(clean["email"]):
        raise rows.email_taken()
    user = User(**clean, password=make_password(password), last_login=clock.now(), ip_address=address)
    try:
        rows.insert(user, invite=invite, detail="password")
    except IntegrityError:
        raise rows.email_taken() from None
    if settings.TERTULIA_VERIFY_EMAIL:
        recovery.request_address(user=user, email=user.email, site=site)
    return user


def join_by_provider(
    *, email: str, nickname: str, address: str | None, language: str, invite: str, provider: str
) -> User:
    """A stranger's new account without a password, in the caller's transaction; `linking` adds what opens it.

    `email` is one that the provider vouches for, or empty. Raises IntegrityError when it is taken.
    """
    attempts.spend(attempts.JOINS, address)
    user = User(
        email=email or f"{uuid7().hex}@{NO_ADDRESS_DOMAIN}",
        email_verified_at=clock.now() if email else None,
        nickname=nickname,
        language=language if language in dict(settings.LANGUAGES) else "",
        last_login=clock.now(),
        ip_address=address,
    )
    user.set_unusable_password()
    rows.insert(user, invite=invite, detail=provider)
    return user


def sign_in(*, email: str, password: str, address: str | None) -> User:
    """The user whom address and password name; raises Unauthenticated, or TooManyRequests after many failures.

    Unknown and suspended accounts answer as a wrong password does, after the same work. Raises CodeRequired when
    the user has a second factor.
    """
    email = validation.cleaned({"email": email})["email"]
    validation.check_password_form(password)
    user = queries.user_by_email(email)

    def check() -> bool:
        return _password_opens(user, password)

    if not attempts.guarded(email=email, user=user, address=address, check=check) or user is None:
        raise Unauthenticated(_("The e-mail address or the password is wrong."))
    return admit(user=user, address=address)


def admit(*, user: User, address: str | None) -> User:
    """Let in whom a password or a provider has named; raises CodeRequired when the user has a second factor."""
    if factors.is_on(user):
        raise CodeRequired(tickets.issue(tickets.Purpose.CODE, lifetime=CODE_LIFETIME, user=user))
    note_login(user=user, address=address)
    return user


def finish_sign_in(*, challenge: str, code: str, address: str | None) -> User:
    """The user of a challenge (CodeRequired), given a code of the second factor.

    Raises Unauthenticated for a challenge that is unknown, used or old, InvalidInput naming `code`, TooManyRequests.
    """
    user = challenged(challenge)
    confirm_code(user=user, code=code, address=address)
    return _finished(challenge, user, address)


def finish_sign_in_by_passkey(
    *, challenge: str, token: str, answer: str, host: str, address: str | None
) -> User:
    """The same by a passkey: `token` and `answer` as in `passkeys`. Raises InvalidInput naming `answer`."""
    user = challenged(challenge)
    passkeys.user_of(token=token, answer=answer, host=host, user=user)
    return _finished(challenge, user, address)


def sign_in_by_passkey(*, token: str, answer: str, host: str, address: str | None) -> User:
    """Whose passkey has answered, without a password. Raises InvalidInput naming `answer`, TooManyRequests.

    The device made sure of its owner, so that this is two factors already.
    """
    attempts.spend(attempts.PASSKEYS, address)
    user = passkeys.user_of(token=token, answer=answer, host=host)
    note_login(user=user, address=address)
    return user


def challenged(challenge: str) -> User:
    """Who is to take the second step of a sign-in; raises Unauthenticated as `finish_sign_in` does."""
    ticket = tickets.find(tickets.Purpose.CODE, challenge)
    if ticket is None or ticket.user is None:
        raise _too_late()
    return ticket.user


def _finished(challenge: str, user: User, address: str | None) -> User:
    if tickets.take(tickets.Purpose.CODE, challenge) is None:
        raise _too_late()
    note_login(user=user, address=address)
    return user


def note_login(*, user: User, address: str | None) -> None:
    """Remember when and from where the user last signed in."""
    with transaction():
        rows.write(user, last_login=clock.now(), ip_address=address)
        audit.record(audit.Kind.LOGIN, user=user)


def confirm_password(*, user: User, current_password: str | None, address: str | None) -> None:
    """Make sure that it is the user who asks for a change that matters.

    Who has a password gives it; who has none (the owner before the first one is set, social accounts) must have
    signed in within FRESH_LOGIN. Raises InvalidInput naming `current_password`, Forbidden, TooManyRequests.
    """
    if not user.has_usable_password():
        if user.last_login is None or user.last_login < clock.now() - FRESH_LOGIN:
            raise Forbidden(_("Sign in again first."))
        return
    if not current_password:
        raise InvalidInput.field("current_password", _("The current password is required for this."))
    validation.check_password_form(current_password, "current_password")
    given = current_password
    if not attempts.guarded(
        email=user.email, user=user, address=address, check=lambda: check_password(given, user.password)
    ):
        raise InvalidInput.field("current_password", _("The current password is wrong."))


def confirm_code(*, user: User, code: str, address: str | None) -> None:
    """Make sure of the second factor; raises InvalidInput naming `code`, TooManyRequests."""
    if len(code) > factors.MAX_CODE or not attempts.guarded(
        email=attempts.codes_of(user),
        user=user,
        address=address,
        check=lambda: factors.accepts(user=user, code=code),
    ):
        raise InvalidInput.field("code", _("This code is wrong, or has been used."))


def _password_opens(user: User | None, password: str) -> bool:
    """Whether it is the password of an active user; takes about the same time when there is no such user."""
    if user is None:
        make_password(password)
        return False
    return user.check_password(password) and user.is_active


def _too_late() -> Unauthenticated:
    return Unauthenticated(_("This sign-in was finished or took too long. Start again."))

"""Every change of an account; pages, API and commands call these, so that one rule stands behind all faces.

Coming in is in `entering`, what a mailbox proves in `recovery`, API keys in `keys`, providers in `linking`.
"""

import secrets
from collections.abc import Callable, Mapping
from datetime import timedelta

from django.conf import settings
from django.contrib.admin.models import LogEntry
from django.contrib.auth.hashers import make_password
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import (
    attempts,
    audit,
    entering,
    inviting,
    queries,
    recovery,
    rows,
    sessions,
    tickets,
    validation,
)
from tertulia.accounts.models import AuditEvent, SignInLink, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import NotFound

LINK_LIFETIME = timedelta(hours=24)
OWNER_EMAIL = "owner@localhost"
# A request that was let in just before the erasure may still add a row; the next try removes it.
ERASE_TRIES = 3


def update_profile(
    *,
    user: User,
    changes: Mapping[str, str],
    current_password: str | None = None,
    address: str | None = None,
    session: SessionBase | None = None,
    site: str = "",
) -> User:
    """Change any of email, nickname, password, time_zone, language; `password` needs `current_password`.

    A new password ends every login but the one of `session`. With TERTULIA_VERIFY_EMAIL a new address counts once
    the link that is sent to it, which begins with `site`, was opened. Raises as `confirm_password`, InvalidInput.
    """
    password = changes.get("password")
    clean = validation.cleaned({name: value for name, value in changes.items() if name != "password"})
    wanted = {"email": user.email, "nickname": user.nickname} | clean
    if password is not None:
        validation.check_password_rules(password, email=wanted["email"], nickname=wanted["nickname"])
        entering.confirm_password(user=user, current_password=current_password, address=address)
    email = clean.pop("email", user.email)
    # Hashed before the transaction: it is slow on purpose.
    hashed = make_password(password) if password is not None else None
    with transaction():
        if hashed is not None:
            _change_password(user, hashed, session, detail="")
        if clean:
            rows.write(user, **clean)
        if email != user.email:
            _change_address(user, email, site)
    return user


def set_password(*, user: User, password: str) -> None:
    """Give a new password, of any strength, for whoever runs the instance; ends every login of the user."""
    validation.check_password_form(password)
    hashed = make_password(password)
    with transaction():
        _change_password(user, hashed, None, detail="operator")


def end_login(*, user: User, login_id: str) -> None:
    """End one of the user's logins, named as `sessions.public_id` does; raises NotFound."""
    with transaction():
        for each in sessions.of(user):
            if sessions.public_id(each.session_key) == login_id:
                sessions.end(each.session_key)
                return
    raise NotFound


def end_other_logins(*, user: User, session_key: str | None) -> None:
    """End every login of the user but one."""
    with transaction():
        sessions.end_all(user, except_key=session_key)
        audit.record(audit.Kind.LOGINS_ENDED, user=user)


def suspend(*, user: User, actor: User | None = None) -> None:
    """Shut an account: its logins end now, its keys and links no longer open anything."""
    with transaction():
        rows.write(user, is_active=False)
        sessions.end_all(user)
        audit.record(audit.Kind.SUSPENDED, user=user, actor=actor)


def erase_account(*, user: User, erase_contents: Callable[..., None] | None = None) -> None:
    """Remove the user with everything that refers to it; `erase_contents` removes what upper layers keep in an order.

    Suspended first, in a transaction of its own: what still arrives is refused and starts nothing new, and what
    runs ends.
    """
    suspend(user=user)
    for tries_left in reversed(range(ERASE_TRIES)):
        try:
            if erase_contents:
                erase_contents(user=user)
            _erase(user)
        except IntegrityError:
            if not tries_left:
                raise
        else:
            return


def create_user(
    *, email: str, password: str, is_administrator: bool = False, daily_quota: int | None = None
) -> User:
    """An account made by whoever runs the instance; the only way, with `grant`, to an administrator."""
    clean = validation.cleaned({"email": email})
    clean |= validation.cleaned({"nickname": clean["email"].partition("@")[0][: validation.MAX_NICKNAME]})
    validation.check_password_form(password)
    user = User(
        **clean,
        password=make_password(password),
        # Whoever runs the instance vouches for the address.
        email_verified_at=clock.now(),
        is_staff=is_administrator,
        is_superuser=is_administrator,
        daily_quota=daily_quota,
    )
    try:
        rows.insert(user, detail="administrator" if is_administrator else "operator")
    except IntegrityError:
        raise rows.email_taken() from None
    return user


def grant(*, user: User, is_administrator: bool = False, daily_quota: int | None = None) -> None:
    """Add an administrator's rights, or a quota of its own; what is not given stays."""
    with transaction():
        if is_administrator and not user.is_superuser:
            rows.write(user, is_staff=True, is_superuser=True)
            audit.record(audit.Kind.ROLE, user=user, detail="administrator")
        if daily_quota is not None:
            rows.write(user, daily_quota=daily_quota)
            audit.record(audit.Kind.QUOTA, user=user)


def make_sign_in_link(*, user: User) -> str:
    """A token that signs `user` in once, within LINK_LIFETIME; the page /accounts/link/<token> redeems it.

    Links made before no longer work.
    """
    token = secrets.token_urlsafe(32)
    with transaction():
        SignInLink.objects.filter(user=user).delete()
        SignInLink.objects.create(
            digest=tickets.digest_of(token), user=user, expires_at=clock.now() + LINK_LIFETIME
        )
    return token


def redeem_sign_in_link(*, token: str, address: str | None = None) -> User:
    """The link's user, once: of simultaneous tries one succeeds. Raises NotFound for a used, old or unknown token."""
    digest = tickets.digest_of(token)
    with transaction():
        # No join in this UPDATE: PostgreSQL would test `used_at` in a subquery, which a second try passes as well.
        used = queries.open_sign_in_links().filter(digest=digest).update(used_at=clock.now())
        user = User.objects.filter(sign_in_links__digest=digest, is_active=True).first() if used else None
        if user is None:
            raise NotFound(_("This sign-in link is not known, has been used, or has expired."))
        entering.note_login(user=user, address=address)
    return user


def ensure_owner() -> tuple[User, str] | None:
    """On an instance without users: the owner, an administrator without a password, and the token of a sign-in link.

    A new link also as long as the owner is alone and has never signed in: the first one may have scrolled away.
    None otherwise.
    """
    with transaction():
        owner = _owner()
        return (owner, make_sign_in_link(user=owner)) if owner else None


def forget_expired() -> None:
    """Remove logins, links and counts of failures that no longer mean anything; to be called now and then."""
    with transaction():
        sessions.forget_expired()
        attempts.forget_expired()
        tickets.forget_expired()
        inviting.forget_old()
        SignInLink.objects.filter(expires_at__lte=clock.now()).delete()


def _owner() -> User | None:
    """The owner who has not come yet, made when nobody is there."""
    users = list(User.objects.all()[:2])
    if not users:
        return User.objects.create_superuser(
            OWNER_EMAIL, None, nickname="Owner", email_verified_at=clock.now()
        )
    waiting = len(users) == 1 and users[0].email == OWNER_EMAIL and users[0].last_login is None
    return users[0] if waiting else None


def _change_password(user: User, hashed: str, session: SessionBase | None, *, detail: str) -> None:
    """`session` alone survives, and no link that was sent before opens anything."""
    rows.write(user, password=hashed)
    if session is not None:
        sessions.keep(session, user)
    sessions.end_all(user, except_key=session.session_key if session else None)
    for purpose in (tickets.Purpose.RESET, tickets.Purpose.CODE, tickets.Purpose.PASSKEY):
        tickets.withdraw(purpose, user)
    audit.record(audit.Kind.PASSWORD, user=user, detail=detail)


def _change_address(user: User, email: str, site: str) -> None:
    if settings.TERTULIA_VERIFY_EMAIL:
        recovery.request_address(user=user, email=email, site=site)
        return
    rows.write(user, email=email, email_verified_at=None)
    tickets.withdraw(tickets.Purpose.RESET, user)
    audit.record(audit.Kind.ADDRESS, user=user)


def _erase(user: User) -> None:
    with transaction():
        attempts.forget(user)
        # An administrator's reason may name whom it was about, as the admin's own history does.
        AuditEvent.objects.filter(user=user, kind=audit.Kind.OPENED).update(detail="")
        LogEntry.objects.filter(object_id=str(user.pk)).delete()
        User.objects.filter(pk=user.pk).delete()
        audit.record(audit.Kind.ERASED, user=None)

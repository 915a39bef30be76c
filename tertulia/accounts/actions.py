"""Every change of an account; pages, API and commands call these, so that one rule stands behind all faces."""

import secrets
from collections.abc import Mapping
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.sessions.backends.base import SessionBase
from django.db import IntegrityError
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import attempts, queries, sessions, validation
from tertulia.accounts.gate import API_KEY_PREFIX, api_key_digest
from tertulia.accounts.models import ApiKey, SignInLink, User
from tertulia.core import clock
from tertulia.core.db import transaction
from tertulia.core.errors import Forbidden, InvalidInput, NotFound, Unauthenticated

LINK_LIFETIME = timedelta(hours=24)
# Who has no password proves to be there by having signed in a moment ago.
FRESH_LOGIN = timedelta(minutes=15)
OWNER_EMAIL = "owner@localhost"
# A request that was let in just before the erasure may still add a row; the next try removes it.
ERASE_TRIES = 3


def require_open_signup() -> None:
    """Raise Forbidden unless strangers may join."""
    if settings.TERTULIA_SIGNUP == "invite":
        raise Forbidden(_("Joining is by invitation only."))
    if not queries.signup_is_open():
        raise Forbidden(_("Joining is closed."))


def join(*, email: str, nickname: str, password: str, address: str | None = None, language: str = "") -> User:
    """A stranger's new account, never an administrator's; `language` is the one that the visitor reads.

    Raises Forbidden when joining is not open, InvalidInput naming the fields, also for an address that is taken.
    """
    require_open_signup()
    clean = validation.cleaned({"email": email, "nickname": nickname, "language": language})
    validation.check_password_rules(password, email=clean["email"], nickname=clean["nickname"])
    return _create(clean, password, last_login=clock.now(), ip_address=address)


def sign_in(*, email: str, password: str, address: str | None) -> User:
    """The user whom address and password name; raises Unauthenticated, or TooManyRequests after many failures.

    Unknown and suspended accounts answer as a wrong password does, after the same work.
    """
    email = validation.cleaned({"email": email})["email"]
    validation.check_password_form(password)
    user = queries.user_by_email(email)

    def check() -> bool:
        return _password_opens(user, password)

    if not attempts.guarded(email=email, user=user, address=address, check=check) or user is None:
        raise Unauthenticated(_("The e-mail address or the password is wrong."))
    note_login(user=user, address=address)
    return user


def note_login(*, user: User, address: str | None) -> None:
    """Remember when and from where the user last signed in."""
    _write(user, last_login=clock.now(), ip_address=address)


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


def update_profile(
    *,
    user: User,
    changes: Mapping[str, str],
    current_password: str | None = None,
    address: str | None = None,
    session: SessionBase | None = None,
) -> User:
    """Change any of email, nickname, password, time_zone, language; `password` needs `current_password`.

    A new password ends every login but the one of `session`. Raises as `confirm_password`, and InvalidInput.
    """
    password = changes.get("password")
    clean = validation.cleaned({name: value for name, value in changes.items() if name != "password"})
    wanted = {"email": user.email, "nickname": user.nickname} | clean
    if password is not None:
        validation.check_password_rules(password, email=wanted["email"], nickname=wanted["nickname"])
    if password is not None:
        confirm_password(user=user, current_password=current_password, address=address)
    fields = clean if password is None else clean | {"password": make_password(password)}
    _save(user, fields, session)
    return user


def set_password(*, user: User, password: str) -> None:
    """Give a new password, of any strength, for whoever runs the instance; ends every login of the user."""
    validation.check_password_form(password)
    _save(user, {"password": make_password(password)}, None)


def suspend(*, user: User) -> None:
    """Shut an account: its logins end now, its keys and links no longer open anything."""
    with transaction():
        _write(user, is_active=False)
        sessions.end_all(user)


def erase_account(*, user: User) -> None:
    """Remove the user with everything that refers to it; what an upper layer must remove in order, it removes before.

    Suspended first, in a transaction of its own: what still arrives is refused and starts nothing new.
    """
    suspend(user=user)
    for tries_left in reversed(range(ERASE_TRIES)):
        try:
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
    return _create(
        clean,
        password,
        is_staff=is_administrator,
        is_superuser=is_administrator,
        daily_quota=daily_quota,
    )


def grant(*, user: User, is_administrator: bool = False, daily_quota: int | None = None) -> None:
    """Add an administrator's rights, or a quota of its own; what is not given stays."""
    if is_administrator:
        _write(user, is_staff=True, is_superuser=True)
    if daily_quota is not None:
        _write(user, daily_quota=daily_quota)


def create_api_key(*, user: User, name: str) -> tuple[ApiKey, str]:
    """A new key and its text, which is shown this once; raises InvalidInput naming `name`."""
    name = validation.key_name(name)
    text = API_KEY_PREFIX + secrets.token_urlsafe(32)
    key = ApiKey(user=user, name=name, prefix=text[:8], digest=api_key_digest(text))
    with transaction():
        key.save(force_insert=True)
    return key, text


def delete_api_key(*, user: User, key_id: UUID) -> None:
    """Make one of the user's keys useless at once; raises NotFound for anybody else's."""
    with transaction():
        deleted, _tables = ApiKey.objects.filter(user=user, pk=key_id).delete()
    if not deleted:
        raise NotFound


def make_sign_in_link(*, user: User) -> str:
    """A token that signs `user` in once, within LINK_LIFETIME; the page /accounts/link/<token> redeems it.

    Links made before no longer work.
    """
    token = secrets.token_urlsafe(32)
    with transaction():
        SignInLink.objects.filter(user=user).delete()
        SignInLink.objects.create(
            digest=queries.link_digest(token), user=user, expires_at=clock.now() + LINK_LIFETIME
        )
    return token


def redeem_sign_in_link(*, token: str, address: str | None = None) -> User:
    """The link's user, once: of simultaneous tries one succeeds. Raises NotFound for a used, old or unknown token."""
    digest = queries.link_digest(token)
    with transaction():
        # No join in this UPDATE: PostgreSQL would test `used_at` in a subquery, which a second try passes as well.
        used = queries.open_sign_in_links().filter(digest=digest).update(used_at=clock.now())
        user = User.objects.filter(sign_in_links__digest=digest, is_active=True).first() if used else None
        if user is None:
            raise NotFound(_("This sign-in link is not known, has been used, or has expired."))
        note_login(user=user, address=address)
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
        SignInLink.objects.filter(expires_at__lte=clock.now()).delete()


def _owner() -> User | None:
    """The owner who has not come yet, made when nobody is there."""
    users = list(User.objects.all()[:2])
    if not users:
        return User.objects.create_superuser(OWNER_EMAIL, None, nickname="Owner")
    waiting = len(users) == 1 and users[0].email == OWNER_EMAIL and users[0].last_login is None
    return users[0] if waiting else None


def _create(clean: Mapping[str, str], password: str, **fields: object) -> User:
    # Before hashing, which is slow on purpose; the constraint decides between simultaneous requests.
    if queries.email_is_taken(clean["email"]):
        raise _email_taken()
    user = User(**clean, password=make_password(password), **fields)
    try:
        with transaction():
            user.save(force_insert=True)
    except IntegrityError:
        raise _email_taken() from None
    return user


def _write(user: User, **fields: object) -> None:
    """Set columns of one user, in the row and in the object; raises Unauthenticated when the row is gone."""
    with transaction():
        if not User.objects.filter(pk=user.pk).update(**fields):
            raise Unauthenticated(_("This account no longer exists."))
    for name, value in fields.items():
        setattr(user, name, value)


def _erase(user: User) -> None:
    with transaction():
        attempts.forget(user.email)
        User.objects.filter(pk=user.pk).delete()


def _save(user: User, fields: Mapping[str, str], session: SessionBase | None) -> None:
    """Write `fields`, if any; with a password among them, `session` alone survives."""
    if not fields:
        return
    try:
        with transaction():
            _write(user, **fields)
            if "password" in fields:
                _end_other_logins(user, session)
    except IntegrityError:
        raise _email_taken() from None


def _end_other_logins(user: User, session: SessionBase | None) -> None:
    if session is not None:
        sessions.keep(session, user)
    sessions.end_all(user, except_key=session.session_key if session else None)


def _password_opens(user: User | None, password: str) -> bool:
    """Whether it is the password of an active user; takes about the same time when there is no such user."""
    if user is None:
        make_password(password)
        return False
    return user.check_password(password) and user.is_active


def _email_taken() -> InvalidInput:
    return InvalidInput.field("email", _("There is already an account with this e-mail address."))

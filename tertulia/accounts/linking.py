"""Accounts at other providers: what a sign-in there opens here, links and their ends; pages and API call it.

An account is found by (provider, the provider's id) and by nothing else. An address proves nothing about who owns
an account here, not even a verified one: both sides would have to have been verified, always.
"""

import asyncio
from dataclasses import dataclass
from datetime import timedelta

from allauth.socialaccount.models import SocialAccount
from django.db import IntegrityError
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from tertulia.accounts import audit, entering, queries, social, tickets, validation
from tertulia.accounts.errors import AddressInUse
from tertulia.accounts.models import User
from tertulia.accounts.social import SocialProfile
from tertulia.core.db import transaction
from tertulia.core.errors import Conflict, InvalidInput, NotFound, Problem, Text, Unauthenticated

# Long enough to type a password and a code at the provider.
LIFETIME = timedelta(minutes=15)


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What a sign-in at a provider began with; `client` is who may finish it, `user` whom it links."""

    provider: str
    client: str
    redirect_uri: str
    verifier: str
    next: str = ""
    invite: str = ""
    language: str = ""
    user: User | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """`state` belongs to the client that began; the browser goes to `url`."""

    state: str
    url: str


def start(
    request: HttpRequest,
    *,
    provider: str,
    client: str,
    redirect_uri: str,
    user: User | None = None,
    next: str = "",  # noqa: A002  (the field's name on every page)
    invite: str = "",
    language: str = "",
) -> Start:
    """Begin a sign-in, or with `user` a link. `client` ("page", "api") finishes it. Raises NotFound."""
    from tertulia.accounts import oauth  # noqa: PLC0415  (loaded for those who need it)

    social.require_offered(provider)
    proof = oauth.new_proof()
    payload = {
        "provider": provider,
        "client": client,
        "redirect_uri": redirect_uri,
        "verifier": proof["code_verifier"],
        "next": _storable(next),
        "invite": _storable(invite),
        "language": language,
    }
    state = tickets.issue(tickets.Purpose.SOCIAL, lifetime=LIFETIME, user=user, payload=payload)
    url = oauth.consent_url(request, provider, state=state, redirect_uri=redirect_uri, proof=proof)
    return Start(state, url)


def take(*, provider: str, state: str, client: str, user: User | None = None) -> Attempt:
    """What a state stands for, once; raises InvalidInput naming `state` for any but this client's and user's own."""
    found = tickets.find(tickets.Purpose.SOCIAL, state)
    is_own = found is not None and (found.payload["provider"], found.payload["client"]) == (provider, client)
    if found is None or not is_own or found.user != user:
        raise unknown_state()
    if tickets.take(tickets.Purpose.SOCIAL, state) is None:
        raise unknown_state()
    return Attempt(**found.payload, user=found.user)


def unknown_state() -> InvalidInput:
    """The problem of an answer that nobody here asked for."""
    return InvalidInput.field("state", _("This sign-in was not begun here, was finished, or took too long."))


def unconfirmed(detail: Text) -> InvalidInput:
    """The problem of a provider's answer that brings no code."""
    return InvalidInput.field("code", detail)


def callback_uri(request: HttpRequest, provider: str) -> str:
    """Our own page that finishes a sign-in."""
    return request.build_absolute_uri(f"/accounts/{provider}/login/callback")


async def fetch(request: HttpRequest, attempt: Attempt, code: str) -> SocialProfile:
    """The provider's answer to a code; raises as `oauth.fetch_profile`.

    It takes seconds at worst: on a thread that holds no connection of the database.
    """
    return await asyncio.to_thread(_fetch, request, attempt, code)


def _fetch(request: HttpRequest, attempt: Attempt, code: str) -> SocialProfile:
    from tertulia.accounts import oauth  # noqa: PLC0415  (loaded for those who need it)

    return oauth.fetch_profile(
        request,
        attempt.provider,
        code=code,
        verifier=attempt.verifier,
        redirect_uri=attempt.redirect_uri,
    )


def sign_in(*, profile: SocialProfile, attempt: Attempt, address: str | None) -> User:
    """The user of an account at a provider, made if there is none.

    Raises CodeRequired, AddressInUse, Forbidden when joining is not open, Unauthenticated when suspended.
    """
    user = _user_of(profile)
    if user is None:
        try:
            return _join(profile, attempt, address)
        except (IntegrityError, AddressInUse):  # of two first sign-ins at once the other was earlier
            user = _user_of(profile)
            if user is None:
                raise AddressInUse(_explanation(profile)) from None
    if not user.is_active:
        raise Unauthenticated(_("This account cannot be signed in to."))
    return entering.admit(user=user, address=address)


def link(*, user: User, profile: SocialProfile) -> None:
    """Let an account at a provider open this one; raises Conflict when it opens another, or another is linked."""
    try:
        with transaction():
            known = SocialAccount.objects.filter(provider=profile.provider, uid=profile.uid).first()
            if known is not None and known.user_id != user.pk:
                raise _linked_elsewhere(profile)
            if known is None:
                _require_none(user, profile)
                _insert(user, profile)
                audit.record(audit.Kind.LINKED, user=user, detail=profile.provider)
    except IntegrityError:
        raise _linked_elsewhere(profile) from None


def unlink(*, user: User, provider: str) -> None:
    """End a link; raises NotFound, and Conflict when nothing else would let the user in."""
    with transaction():
        # The lock keeps two ends at once from taking the last two ways in.
        holder = User.objects.select_for_update().get(pk=user.pk)
        links = links_of(holder)
        if not links.filter(provider=provider).exists():
            raise NotFound
        if not holder.has_usable_password() and links.count() == 1:
            raise Conflict(_("Set a password first: nothing else would let you in."))
        links.filter(provider=provider).delete()
        audit.record(audit.Kind.UNLINKED, user=user, detail=provider)


def links_of(user: User) -> QuerySet[SocialAccount]:
    """The user's accounts at providers; `extra_data["name"]` is what the provider calls them."""
    links: QuerySet[SocialAccount] = SocialAccount.objects.filter(user=user).order_by("provider")
    return links


def _storable(text: str) -> str:
    """Part of an address as it came; what no database takes was never one of ours."""
    return "" if "\0" in text else text[:2048]


def _user_of(profile: SocialProfile) -> User | None:
    return User.objects.filter(
        socialaccount__provider=profile.provider, socialaccount__uid=profile.uid
    ).first()


def _join(profile: SocialProfile, attempt: Attempt, address: str | None) -> User:
    email = _usable_email(profile)
    entering.require_signup(attempt.invite)
    if email and queries.email_is_taken(email):
        raise AddressInUse(_explanation(profile))
    with transaction():
        user = entering.join_by_provider(
            email=email,
            nickname=_nickname(profile),
            address=address,
            language=attempt.language,
            invite=attempt.invite,
            provider=profile.provider,
        )
        _insert(user, profile)
    return user


def _usable_email(profile: SocialProfile) -> str:
    try:
        return validation.cleaned({"email": profile.email})["email"] if profile.email else ""
    except InvalidInput:
        return ""


def _nickname(profile: SocialProfile) -> str:
    """What the provider calls them, as far as it is a nickname by our rules."""
    try:
        return validation.cleaned({"nickname": profile.name[: validation.MAX_NICKNAME]})["nickname"]
    except InvalidInput:
        return social.NAMES[profile.provider]


def _insert(user: User, profile: SocialProfile) -> None:
    """Nothing of the provider's profile is kept but the name that tells two of one's accounts apart."""
    SocialAccount.objects.create(
        user=user, provider=profile.provider, uid=profile.uid, extra_data={"name": _nickname(profile)}
    )


def _require_none(user: User, profile: SocialProfile) -> None:
    if links_of(user).filter(provider=profile.provider).exists():
        raise Conflict(_("Another account of this provider is linked. Unlink it first."))


def _linked_elsewhere(profile: SocialProfile) -> Problem:
    return Conflict(_("This account of the provider opens another account here."))


def _explanation(profile: SocialProfile) -> str:
    text = _(
        "An account here has the e-mail address of your %(provider)s account. Sign in to it, then link the two."
    )
    return text % {"provider": social.NAMES[profile.provider]}

"""Talking to GitHub and Kakao by OAuth 2 (RFC 6749, PKCE by RFC 7636), with allauth's adapters; no database here.

Addresses come from the settings, never from a table. `linking` loads this when somebody comes by a provider: the HTTP
client that allauth brings is a twentieth of every start.
"""

import logging
from collections.abc import Mapping
from typing import Any

from allauth.socialaccount.adapter import DefaultSocialAccountAdapter
from allauth.socialaccount.models import SocialApp, SocialLogin
from allauth.socialaccount.providers.base import Provider, ProviderException
from allauth.socialaccount.providers.github.provider import GitHubProvider
from allauth.socialaccount.providers.github.views import GitHubOAuth2Adapter
from allauth.socialaccount.providers.kakao.provider import KakaoProvider
from allauth.socialaccount.providers.kakao.views import KakaoOAuth2Adapter
from allauth.socialaccount.providers.oauth2.client import OAuth2Client, OAuth2Error
from allauth.socialaccount.providers.oauth2.utils import generate_code_challenge
from allauth.socialaccount.providers.oauth2.views import OAuth2Adapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from requests import RequestException, Session

from tertulia.accounts.social import NAMES, SocialProfile, credentials, require_offered
from tertulia.core.errors import InvalidInput, Unavailable

logger = logging.getLogger(__name__)

MAX_UID = 191
# A profile without what every profile has, or in another shape.
_MALFORMED = (ProviderException, KeyError, TypeError, ValueError, AttributeError)


class Adapter(DefaultSocialAccountAdapter):  # type: ignore[misc]  # the package has no types
    """allauth's ways (`SOCIALACCOUNT_ADAPTER`), without going where an answer sends us: secrets would go along."""

    def get_requests_session(self) -> Session:
        session: Session = super().get_requests_session()
        session.max_redirects = 0
        return session


class _GitHub(GitHubOAuth2Adapter):  # type: ignore[misc]
    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.authorize_url = f"{settings.GITHUB_URL}/login/oauth/authorize"
        self.access_token_url = f"{settings.GITHUB_URL}/login/oauth/access_token"
        self.profile_url = f"{settings.GITHUB_API_URL}/user"
        self.emails_url = f"{settings.GITHUB_API_URL}/user/emails"

    def get_provider(self) -> Provider:
        return GitHubProvider(self.request, app=_app("github"))


class _Kakao(KakaoOAuth2Adapter):  # type: ignore[misc]
    def __init__(self, request: HttpRequest) -> None:
        super().__init__(request)
        self.authorize_url = f"{settings.KAKAO_AUTH_URL}/oauth/authorize"
        self.access_token_url = f"{settings.KAKAO_AUTH_URL}/oauth/token"
        self.profile_url = f"{settings.KAKAO_API_URL}/v2/user/me"

    def get_provider(self) -> Provider:
        return KakaoProvider(self.request, app=_app("kakao"))


_ADAPTERS: dict[str, type[OAuth2Adapter]] = {"github": _GitHub, "kakao": _Kakao}


def new_proof() -> dict[str, Any]:
    """The challenge of PKCE; its `code_verifier` stays here until the code is exchanged."""
    proof: dict[str, Any] = generate_code_challenge()
    return proof


def consent_url(
    request: HttpRequest, provider: str, *, state: str, redirect_uri: str, proof: Mapping[str, Any]
) -> str:
    """The address of the provider's page that asks for consent."""
    adapter = _adapter(request, provider)
    client = _client(adapter, redirect_uri)
    client.state = state
    challenge = {name: value for name, value in proof.items() if name != "code_verifier"}
    return str(client.get_redirect_url(adapter.authorize_url, adapter.get_provider().get_scope(), challenge))


def fetch_profile(
    request: HttpRequest, provider: str, *, code: str, verifier: str, redirect_uri: str
) -> SocialProfile:
    """Exchange a code for the profile of whoever consented: two or three requests over the network.

    Raises InvalidInput naming `code` when the provider does not confirm it, Unavailable when it does not answer.
    """
    adapter = _adapter(request, provider)
    try:
        granted = _client(adapter, redirect_uri).get_access_token(code, pkce_code_verifier=verifier)
        token = adapter.parse_token(granted)
        return _profile(provider, adapter.complete_login(request, token.app, token))
    except OAuth2Error:
        raise InvalidInput.field(
            "code", _("The provider did not confirm this sign-in. Start again.")
        ) from None
    except RequestException as error:
        logger.warning("%s could not be asked: %s", provider, type(error).__name__)
        raise Unavailable(_("The provider does not answer for the moment. Try again later.")) from None
    except _MALFORMED as error:
        logger.warning("%s sent no usable profile: %s", provider, type(error).__name__)
        raise InvalidInput.field("code", _("The provider did not say who you are. Start again.")) from None


def _profile(provider: str, login: SocialLogin) -> SocialProfile:
    told: dict[str, Any] = login.account.extra_data
    uid = login.account.uid
    # Only a real id may become a key: the text "None" would be everybody's.
    if isinstance(told["id"], bool) or not isinstance(told["id"], int | str) or len(uid) > MAX_UID:
        raise ValueError("id")
    if not (uid.isascii() and uid.isprintable() and uid.strip()):
        raise ValueError("id")
    if provider == "kakao":
        account = told.get("kakao_account") or {}
        return SocialProfile(provider, uid, _kakao_name(told), _kakao_email(account))
    return SocialProfile(provider, uid, _text(told.get("login")), _github_email(login))


def _github_email(login: SocialLogin) -> str:
    """The primary address, if GitHub says that it is verified; the public one of the profile may be anybody's."""
    return next(
        (_text(each.email) for each in login.email_addresses if each.primary and each.verified is True), ""
    )


def _kakao_email(account: dict[str, Any]) -> str:
    """Verified once, and still theirs: `is_email_valid` is false when another Kakao account has taken it over."""
    is_theirs = account.get("is_email_valid") is True and account.get("is_email_verified") is True
    return _text(account.get("email")) if is_theirs else ""


def _kakao_name(told: dict[str, Any]) -> str:
    profile = (told.get("kakao_account") or {}).get("profile") or told.get("properties") or {}
    return _text(profile.get("nickname"))


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _adapter(request: HttpRequest, provider: str) -> OAuth2Adapter:
    require_offered(provider)
    return _ADAPTERS[provider](request)


def _client(adapter: OAuth2Adapter, redirect_uri: str) -> OAuth2Client:
    app = _app(adapter.provider_id)
    return OAuth2Client(
        adapter.request,
        app.client_id,
        app.secret,
        "POST",
        adapter.access_token_url,
        redirect_uri,
        headers={"Accept": "application/json"},
    )


def _app(provider: str) -> SocialApp:
    client_id, secret = credentials(provider)
    return SocialApp(provider=provider, name=NAMES[provider], client_id=client_id, secret=secret)

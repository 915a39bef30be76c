"""Who vouches for somebody from elsewhere: the providers of this instance, and what is learnt from them.

`oauth` talks to them, `linking` decides what a profile opens. Ids and secrets come from the settings, never from a
table.
"""

from dataclasses import dataclass

from django.conf import settings

from tertulia.core.errors import NotFound

NAMES = {"github": "GitHub", "kakao": "Kakao"}


@dataclass(frozen=True, slots=True)
class SocialProfile:
    """Whom a provider names. `email` is empty unless the provider vouches that it is theirs; `name` may be empty."""

    provider: str
    uid: str
    name: str
    email: str


def offered() -> list[tuple[str, str]]:
    """The providers that this instance has an id and a secret of, as (id, name)."""
    return [(provider, name) for provider, name in NAMES.items() if _is_configured(provider)]


def require_offered(provider: str) -> None:
    """Raise NotFound for a provider that this instance has no id and secret of."""
    if provider not in NAMES or not _is_configured(provider):
        raise NotFound


def credentials(provider: str) -> tuple[str, str]:
    """The id and the secret of this instance at a provider, empty where there is none."""
    known = {
        "github": (settings.GITHUB_CLIENT_ID, settings.GITHUB_CLIENT_SECRET),
        "kakao": (settings.KAKAO_CLIENT_ID, settings.KAKAO_CLIENT_SECRET),
    }
    return known[provider]


def _is_configured(provider: str) -> bool:
    return all(credentials(provider))

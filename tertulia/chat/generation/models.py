"""The models that this instance offers: one catalogue per process, built from the settings."""

from functools import cache

from django.conf import settings

from tertulia.providers.catalogue import Catalogue
from tertulia.providers.offline import OfflineProvider
from tertulia.providers.openai import OpenAIProvider


@cache
def catalogue() -> Catalogue:
    """This process's catalogue; keeps the provider's connections alive between runs."""
    remote = None
    if settings.OPENAI_BASE_URL:
        remote = OpenAIProvider(base_url=settings.OPENAI_BASE_URL, api_key=settings.OPENAI_API_KEY)
    return Catalogue(remote, OfflineProvider(), settings.TERTULIA_DEFAULT_MODEL)

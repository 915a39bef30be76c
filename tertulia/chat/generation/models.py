"""The models that this instance offers: one catalogue per process, built from the settings."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import cache
from typing import TypeVar

from django.conf import settings

from tertulia.providers.catalogue import Catalogue, NotListedYet
from tertulia.providers.errors import ModelUnknown
from tertulia.providers.offline import OFFLINE_MODEL, OfflineProvider
from tertulia.providers.openai import OpenAIProvider

R = TypeVar("R")


@cache
def catalogue() -> Catalogue:
    """This process's catalogue; keeps the provider's connections alive between runs."""
    remote = None
    if settings.OPENAI_BASE_URL:
        remote = OpenAIProvider(
            base_url=settings.OPENAI_BASE_URL,
            api_key=settings.OPENAI_API_KEY,
            first_token_timeout=settings.TERTULIA_FIRST_TOKEN_SECONDS,
        )
    return Catalogue(remote, OfflineProvider(), settings.TERTULIA_DEFAULT_MODEL)


def is_connected() -> bool:
    """Whether a language model answers here when none is named."""
    return bool(settings.OPENAI_BASE_URL) and settings.TERTULIA_DEFAULT_MODEL != OFFLINE_MODEL


async def looked_up(work: Callable[[], Awaitable[R]]) -> R:
    """The result of some work, which begins anew after each look-up of a model that it turns out to need.

    The database's threads find out which model a character wants; only the event loop can ask for it.
    """
    while True:
        try:
            return await work()
        except NotListedYet as unlisted:
            with suppress(ModelUnknown):
                await catalogue().resolve(unlisted.model)

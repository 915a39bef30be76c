"""The models that a page can offer, without waiting long for a provider; the chat and the character forms ask it."""

import asyncio
from typing import Any

from tertulia.chat.generation.models import catalogue
from tertulia.providers.errors import ModelUnknown

# The page does not wait for a slow provider's list of models; it comes from the next one.
MODELS_PATIENCE = 0.3


async def offer() -> dict[str, Any]:
    """`models` that can be chosen and the `default_model`, as far as they are known by now; else nothing."""
    try:
        async with asyncio.timeout(MODELS_PATIENCE):
            models = await catalogue().models()
            return {"models": models, "default_model": (await catalogue().resolve()).model}
    except (TimeoutError, ModelUnknown):
        return {}

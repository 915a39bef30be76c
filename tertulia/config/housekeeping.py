"""What nobody asks for but must be done now and then: the ASGI application runs it while it serves."""

import asyncio
import logging

from django.db import DatabaseError

from tertulia.accounts import actions
from tertulia.core.db import in_db
from tertulia.quotes import meaning

logger = logging.getLogger(__name__)

DAY = 86_400.0


async def forever() -> None:
    """Everything that goes on while the process serves."""
    async with asyncio.TaskGroup() as group:
        group.create_task(_forget_expired())
        group.create_task(meaning.keep_up())


async def _forget_expired() -> None:
    """Remove expired sessions and counters at the start and once a day."""
    while True:
        try:
            await in_db(actions.forget_expired)
        except DatabaseError:
            logger.exception("housekeeping: tomorrow again")
        await asyncio.sleep(DAY)

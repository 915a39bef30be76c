"""An import as the page and the API run it: on database threads, a step at a time, one file after the other."""

import asyncio
from typing import IO

from django.utils.translation import gettext_lazy as _

from tertulia.accounts.models import User
from tertulia.chat.importing import storing
from tertulia.chat.importing.archives import Refused
from tertulia.chat.importing.outcomes import Report
from tertulia.core.db import in_db_each

# Bytes of an upload. What is larger comes in on the server, by `tertulia import`.
MAX_UPLOAD = 100_000_000

# A conversation of the largest kind takes a hundred megabytes for a moment: no two of them at once in one process.
_turn = asyncio.Semaphore(1)


async def imported(user: User, file: IO[bytes]) -> Report:
    """Bring in a file as the user's own; raises Refused when there is nothing in it that could come in.

    When the caller goes away, what was stored by then stays; the same file goes on from there.
    """
    async with _turn:
        steps = storing.import_file(user=user, file=file)
        report = Report([outcome async for outcome in in_db_each(steps) if outcome])
    if all(each.kind == "file" for each in report.outcomes):
        raise Refused(_("There are no conversations in this file that can be read here."))
    return report

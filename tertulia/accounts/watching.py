"""Open readers and the login that each came in by: who has lost it stops reading within seconds. The API calls it.

The gate looks at a request once, when it begins; a stream goes on for minutes. So a reader holds a `Permit` and asks
it before it hands anything on. One look at the database every WATCH_INTERVAL stands for all readers of a process, so
that what ends a login in one process reaches the readers of all.
"""

import asyncio
import logging
from collections.abc import Callable, Iterable
from functools import cache
from uuid import UUID
from weakref import WeakSet

from django.db import DatabaseError
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from tertulia.accounts.gate import Identity
from tertulia.accounts.models import ApiKey, Session
from tertulia.core import clock
from tertulia.core.db import in_db
from tertulia.core.errors import Unauthenticated

logger = logging.getLogger(__name__)

# A login that ends must end its readers within 5 s; a look takes milliseconds.
WATCH_INTERVAL = 2.0
# Logins named in one statement; SQLite takes at most 32,766 values.
BATCH = 1000

# What a login rests on: the key of its session, or the id of an API key.
Login = str | UUID


class Permit:
    """What one open reader holds of its login. Dropping it is all there is to closing it."""

    __slots__ = ("__weakref__", "_is_over", "login", "on_end")

    def __init__(self, login: Login) -> None:
        self.login = login
        # Called when the login has ended, to wake a reader that waits for something else.
        self.on_end: Callable[[], None] | None = None
        self._is_over = False

    def require(self) -> None:
        """Raise Unauthenticated once the login has ended."""
        if self._is_over:
            raise Unauthenticated(_("This login has ended. Sign in again."))

    def end(self) -> None:
        """The login is no more."""
        self._is_over = True
        if self.on_end:
            self.on_end()


class Watch:
    """The open permits of one process. All methods belong to one event loop."""

    def __init__(self) -> None:
        # Weak: a server that is pulled down runs no `finally`, but it forgets its readers.
        self._permits: WeakSet[Permit] = WeakSet()
        self._watching: asyncio.Task[None] | None = None

    def permit(self, identity: Identity) -> Permit:
        """A permit that ends with the login; one that has ended already is found out at the next look."""
        login = identity.api_key_id or identity.session_key
        assert login is not None
        permit = Permit(login)
        self._permits.add(permit)
        # Nobody looks while nobody reads.
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._watch(), name="logins")
        return permit

    async def _watch(self) -> None:
        while self._permits:
            await asyncio.sleep(WATCH_INTERVAL)
            try:
                await self._look()
            except DatabaseError:  # away for a while: what was let in stays until it is back
                logger.exception("logins of open readers cannot be looked up")

    async def _look(self) -> None:
        permits = list(self._permits)
        valid = await in_db(_still_valid, {permit.login for permit in permits})
        for permit in permits:
            if permit.login not in valid:
                permit.end()


@cache
def watch() -> Watch:
    """This process's watch."""
    return Watch()


def _still_valid(logins: Iterable[Login]) -> set[Login]:
    """Those of `logins` that would still let a request in."""
    named = sorted(logins, key=str)
    batches = (named[start : start + BATCH] for start in range(0, len(named), BATCH))
    valid: set[Login] = set()
    for batch in batches:
        valid.update(_sessions(batch))
        valid.update(_keys(batch))
    return valid


def _sessions(logins: Iterable[Login]) -> Iterable[str]:
    if not (keys := [login for login in logins if isinstance(login, str)]):
        return ()
    live = Session.objects.filter(session_key__in=keys, expire_date__gt=clock.now(), user__is_active=True)
    return live.values_list("session_key", flat=True)


def _keys(logins: Iterable[Login]) -> Iterable[UUID]:
    if not (ids := [login for login in logins if isinstance(login, UUID)]):
        return ()
    endless = Q(expires_at__isnull=True)
    live = ApiKey.objects.filter(endless | Q(expires_at__gt=clock.now()), id__in=ids, user__is_active=True)
    return live.values_list("id", flat=True)

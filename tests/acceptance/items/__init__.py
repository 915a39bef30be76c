"""The items, in the order in which the programme plays them."""

from tests.acceptance.items import (
    accounts,
    crash,
    ending,
    load,
    midnight,
    operation,
    provider,
    quota,
    replay,
    resume,
)
from tests.acceptance.program import Item

_ALL = (
    Item("C1", "parallel requests of one user never exceed the limit", quota.parallel_requests),
    Item("C2", "every carrier of credentials draws on one counter", quota.all_carriers),
    Item("C3", "many join at once: one account per address, no administrators", accounts.parallel_joins),
    Item("C4", "a refresh token works once, its reuse ends the login", accounts.repeated_refresh),
    Item("C5", "erased or suspended people's streams end", accounts.vanished_people),
    Item("C6", "SQLite serves writers and readers at once", load.sqlite_contention, ("sqlite",)),
    Item("C7", "an open stream holds no database connection", load.many_streams, ("postgres",)),
    Item("F1", "every fault of a provider is told, kept and settled by the rules", provider.provider_faults),
    Item("F2", "kill -9 loses no message and at most a second of an answer", crash.killed_servers),
    Item("F3", "a dropped connection resumes at exactly its position", resume.dropped_connections),
    Item("F5", "an answer survives its reader and obeys Stop", ending.closed_tabs),
    Item("F6", "an Idempotency-Key makes one request of many", replay.repeated_requests),
    Item(
        "F7",
        "PostgreSQL restarts under load and nothing acknowledged is lost",
        operation.database_restarts,
        ("postgres",),
    ),
    Item(
        "F9",
        "a full disk refuses writes and recovers",
        operation.full_disk,
        ("sqlite",) if operation.can_mount() else (),
    ),
    Item("F10", "quota days end at local midnight, whatever clocks and users do", midnight.quota_days),
    Item("F11", "replaced processes finish what they have", operation.rolling_replacement),
    Item("F12", "slow readers cost the others nothing", load.slow_readers),
)

ITEMS = {item.name: item for item in _ALL}

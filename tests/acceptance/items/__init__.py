"""The items, in the order in which the programme plays them."""

from tests.acceptance.items import (
    accounts,
    authorization,
    crash,
    ending,
    headers,
    hostile,
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
    Item("A1", "every cell of the authorization matrix", authorization.matrix),
    Item("A2", "ids inside paths and bodies (with A3)", authorization.foreign_references),
    Item("A4", "every carrier alike, no forged credential", authorization.credentials),
    Item("A5", "no field of others' is set by a client", authorization.mass_assignment),
    Item("A6", "lists hold one's own rows and are not cached", authorization.lists),
    Item("C1", "parallel requests of one user never exceed the limit", quota.parallel_requests),
    Item("C2", "every carrier of credentials draws on one counter", quota.all_carriers),
    Item("C3", "many join at once: one account per address, no administrators", accounts.parallel_joins),
    Item("C4", "a refresh token works once, its reuse ends the login", accounts.repeated_refresh),
    Item("C5", "erased or suspended people's streams end", accounts.vanished_people),
    Item("C6", "SQLite serves writers and readers at once", load.sqlite_contention, ("sqlite",), alone=True),
    Item("C7", "an open stream holds no database connection", load.many_streams, ("postgres",), alone=True),
    Item(
        "F1",
        "every fault of a provider is told, kept and settled by the rules",
        provider.provider_faults,
        patient=True,
    ),
    Item(
        "F2", "kill -9 loses no message and at most a second of an answer", crash.killed_servers, alone=True
    ),
    Item("F3", "a dropped connection resumes at exactly its position", resume.dropped_connections),
    Item("F5", "an answer survives its reader and obeys Stop", ending.closed_tabs, patient=True),
    Item("F6", "an Idempotency-Key makes one request of many", replay.repeated_requests),
    Item(
        "F7",
        "PostgreSQL restarts under load and nothing acknowledged is lost",
        operation.database_restarts,
        ("postgres",),
        patient=True,
    ),
    Item(
        "F9",
        "a full disk refuses writes and recovers",
        operation.full_disk,
        ("sqlite",) if operation.can_mount() else (),
    ),
    Item(
        "F10",
        "quota days end at local midnight, whatever clocks and users do",
        midnight.quota_days,
        patient=True,
    ),
    Item("F11", "replaced processes finish what they have", operation.rolling_replacement, patient=True),
    Item("F12", "slow readers cost the others nothing", load.slow_readers, alone=True),
    Item("H2", "security headers on every kind of answer", headers.security_headers),
    Item("H3", "errors tell nothing of the inside", headers.quiet_errors),
    Item("H5", "logs hold nothing of what people say", headers.silent_logs),
    Item("I2", "bad input never is a 5xx and leaves nothing behind", hostile.bad_input),
    Item("I5", "requests without measure are refused in time", hostile.endless_requests),
)

ITEMS = {item.name: item for item in _ALL}

"""The items, in the order in which the programme plays them."""

from tests.acceptance.items import crash, quota, replay, resume
from tests.acceptance.program import Item

_ALL = (
    Item("C1", "parallel requests of one user never exceed the limit", quota.parallel_requests),
    Item("F2", "kill -9 loses no message and at most a second of an answer", crash.killed_servers),
    Item("F3", "a dropped connection resumes at exactly its position", resume.dropped_connections),
    Item("F6", "an Idempotency-Key makes one request of many", replay.repeated_requests),
    Item("C2", "every carrier of credentials draws on one counter", quota.all_carriers),
)

ITEMS = {item.name: item for item in _ALL}

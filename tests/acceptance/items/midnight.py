"""F10: the quota's day in six zones and through both changes of daylight saving, clocks set back and forward, users on
the move. Played by the programme through `items`.
"""

import datetime as dt
import signal
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from tests.acceptance.clients import Client, make_key
from tests.acceptance.figures import Outcome
from tests.acceptance.processes import python
from tests.acceptance.stage import Server, Stage, World
from tests.acceptance.waiting import until

LIMIT = 3
MINUTE, HOUR, DAY = dt.timedelta(minutes=1), dt.timedelta(hours=1), dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Zone:
    """A zone and a local date; `hours` is how long that date is there."""

    name: str
    date: dt.date
    hours: float

    def midnight(self, days: int = 0) -> dt.datetime:
        """The instant, in UTC, at which the date (or one so many days later) begins."""
        local = dt.datetime.combine(self.date + days * DAY, dt.time.min, ZoneInfo(self.name))
        return local.astimezone(dt.UTC)


ZONES = (
    Zone("Pacific/Kiritimati", dt.date(2027, 1, 14), 24),
    Zone("Pacific/Niue", dt.date(2027, 1, 15), 24),
    Zone("Asia/Kolkata", dt.date(2027, 1, 16), 24),
    Zone("America/New_York", dt.date(2027, 3, 14), 23),
    Zone("America/New_York", dt.date(2027, 11, 7), 25),
    Zone("Australia/Lord_Howe", dt.date(2028, 4, 2), 24.5),
)


class Clock:
    """The wall clock of a server process, which only this item moves."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._file = world.folder / "clock"
        self._server: Server

    async def serve(self, start: dt.datetime) -> None:
        """Start the world's server with this time on its clock."""
        self._file.write_text(start.isoformat())
        command = python("-m", "tests.acceptance.shifted", str(self._file), "serve", "--port", "0")
        self._server = Server(command, self._world.environment, self._world.folder / "server-shifted.log")
        self._world.servers.append(self._server)
        await self._server.ready(self._world.session)

    async def set(self, instant: dt.datetime) -> None:
        """Let the clock jump, and wait until it has."""
        self._file.write_text(instant.isoformat())
        self._server.send(signal.SIGUSR1)
        seen = self._file.with_suffix(".seen")

        async def jumped() -> bool:
            return seen.exists() and seen.read_text() == instant.isoformat()

        await until(jumped, 5, pause=0.01)


class Spender:
    """A person by API key, whose expiry no clock can touch; counts what is accepted and when."""

    def __init__(self, client: Client, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    @classmethod
    async def join(cls, world: World, clock: Clock, zone: str) -> "Spender":
        person = await world.join("spender")
        key = await make_key(person.at(world.servers[0].url))
        spender = cls(world.anyone.with_headers(Authorization=f"Bearer {key}"), clock)
        await spender.move_to(zone)
        return spender

    async def move_to(self, zone: str) -> None:
        answer = await self._client.put("/accounts/profile", {"time_zone": zone})
        assert answer.status == 200, answer

    async def send(self, count: int = 1) -> list[int]:
        return [(await self._client.post("/chat", {"content": "One unit."})).status for _ in range(count)]

    async def spend_all(self) -> int:
        """Send until refused; returns how many were accepted."""
        for accepted in range(10 * LIMIT):
            if await self.send() != [201]:
                return accepted
        return 10 * LIMIT

    async def usage(self) -> dict[str, Any]:
        usage: dict[str, Any] = (await self._client.get("/api/usage")).json()
        return usage | {"resets_at": dt.datetime.fromisoformat(usage["resets_at"])}


Checks = dict[str, bool]


async def quota_days(stage: Stage) -> Outcome:
    """One process whose clock is moved from case to case; every case has a user of its own."""
    outcome = Outcome()
    checks: Checks = {}
    async with stage.world(servers=0, quota=LIMIT) as world:
        clock = Clock(world)
        await clock.serve(ZONES[0].midnight())
        for zone in ZONES:
            checks |= await _through_midnight(world, clock, zone)
        checks |= await _set_back_and_forward(world, clock)
        checks |= await _moved_within_a_day(world, clock)
        checks |= await _hopping(world, clock)
        outcome.none_of("complaints_in_logs", world.complaints())
    outcome.exactly("cases_right", sum(checks.values()), len(checks))
    outcome.none_of("wrong", [name for name, holds in checks.items() if not holds])
    return outcome


async def _through_midnight(world: World, clock: Clock, zone: Zone) -> Checks:
    begins, ends = zone.midnight(), zone.midnight(1)
    await clock.set(begins + 5 * MINUTE)
    spender = await Spender.join(world, clock, zone.name)
    first = await spender.send(LIMIT + 1)
    usage = await spender.usage()
    await clock.set(ends - 1 * MINUTE)
    before = await spender.send()
    await clock.set(ends + 5 * MINUTE)
    after = await spender.send()
    name = f"{zone.name} {zone.date}"
    return {
        f"{name}: exactly the limit": first == [201] * LIMIT + [429],
        f"{name}: resets at local midnight, not {usage['resets_at']}": usage["resets_at"] == ends,
        f"{name}: the day is {zone.hours} hours": (ends - begins) == zone.hours * HOUR,
        f"{name}: refused a minute before": before == [429],
        f"{name}: accepted after": after == [201],
    }


async def _set_back_and_forward(world: World, clock: Clock) -> Checks:
    noon = dt.datetime(2029, 5, 5, 12, tzinfo=dt.UTC)
    await clock.set(noon)
    spender = await Spender.join(world, clock, "UTC")
    await spender.send(LIMIT)
    await clock.set(noon - HOUR)
    hour_back = await spender.send(), (await spender.usage())["used"]
    await clock.set(noon - DAY)
    day_back = await spender.send(), (await spender.usage())["used"]
    await clock.set(noon + DAY)
    day_forward = await spender.send()
    await clock.set(noon)
    back_again = await spender.send(LIMIT)
    return {
        "set back an hour refills nothing": hour_back == ([429], LIMIT),
        "set back a day refills nothing": day_back == ([429], LIMIT),
        "set forward a day is a new day": day_forward == [201],
        "set back again goes on with that day": back_again == [201] * (LIMIT - 1) + [429],
    }


async def _moved_within_a_day(world: World, clock: Clock) -> Checks:
    noon = dt.datetime(2029, 6, 6, 12, tzinfo=dt.UTC)
    await clock.set(noon)
    spender = await Spender.join(world, clock, "UTC")
    await spender.send(LIMIT)
    before = (await spender.usage())["resets_at"]
    await spender.move_to("Pacific/Kiritimati")
    moved = await spender.send(), (await spender.usage())["resets_at"]
    await clock.set(before + 5 * MINUTE)
    fresh = await spender.send(), (await spender.usage())["resets_at"]
    return {
        "a move refills nothing and leaves the end of the day": moved == ([429], before),
        "the next day begins at the old midnight": fresh[0] == [201],
        "and ends at a midnight of the new zone": fresh[1].astimezone(ZoneInfo("Pacific/Kiritimati")).hour
        == 0,
        "at least a day later": fresh[1] - before >= DAY,
    }


async def _hopping(world: World, clock: Clock) -> Checks:
    """Three days of moving to whichever zone may have its midnight next, spending whatever there is."""
    start = dt.datetime(2029, 7, 7, tzinfo=dt.UTC)
    await clock.set(start)
    spender = await Spender.join(world, clock, "UTC")
    zones = ("Pacific/Kiritimati", "Asia/Tokyo", "Asia/Kolkata", "UTC", "America/New_York", "Pacific/Niue")
    accepted: list[dt.datetime] = []
    for step in range(24):
        now = start + step * 3 * HOUR
        await clock.set(now)
        await spender.move_to(zones[step % len(zones)])
        accepted += [now] * await spender.spend_all()
    most = max(sum(begin <= instant < begin + DAY for instant in accepted) for begin in accepted)
    return {
        f"at most {2 * LIMIT} in any 24 hours, not {most}": most <= 2 * LIMIT,
        "at least a day's units a day in the long run": len(accepted) >= LIMIT * 2,
    }

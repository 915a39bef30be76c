"""The crossing between the event loop and the database; async views and the generation engine use it.

Nothing that waits (a model, a reader) may hold a database connection: `in_db` runs one short synchronous
unit of work on a bounded pool of threads and gives the connection back before it returns.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import connection, connections
from django.db.transaction import atomic
from django.utils import translation

P = ParamSpec("P")
R = TypeVar("R")

# Enough to overlap waits for a lock or a network. Every thread more that computes at the same time delays the event
# loop's turn with the interpreter, and with it every stream.
DB_THREADS = 4

_pool = ThreadPoolExecutor(max_workers=DB_THREADS, thread_name_prefix="database")
# What keeps answers safe must not queue behind a burst of requests. One thread: its writes follow each other anyway.
_first = ThreadPoolExecutor(max_workers=1, thread_name_prefix="database-first")

# SQLite admits one writer. Inside one process a queue beats its busy handler, which sleeps between tries.
_sqlite_writer = threading.RLock()


async def in_db(unit: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """Run `unit` on a database thread, in the caller's language; return its result.

    A cancelled caller does not stop the unit: its transaction ends by itself, as one.
    """
    return await _crossing(_pool, partial(unit, *args, **kwargs))


async def in_db_each(items: Iterator[R]) -> AsyncIterator[R]:
    """The items of an iterator, each made by an `in_db` of its own: others get their turn in between."""
    end = object()
    while (item := await in_db(next, items, end)) is not end:
        yield item  # type: ignore[misc]  # what is not the end is an item


async def in_db_first(unit: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
    """As `in_db`, on a thread that requests do not use: for the storing of answers."""
    return await _crossing(_first, partial(unit, *args, **kwargs))


async def _crossing(pool: ThreadPoolExecutor, unit: Callable[[], R]) -> R:
    # Django keeps the active language for each thread; a copied context does not carry it over.
    call = partial(_crossed, translation.get_language(), unit)
    return await asyncio.get_running_loop().run_in_executor(pool, call)


def _crossed(language: str | None, unit: Callable[[], R]) -> R:
    with translation.override(language):
        return released(unit)


def released(unit: Callable[[], R]) -> R:
    """Run a unit on this thread and give its connection back, whatever happens."""
    try:
        return unit()
    finally:
        for each in connections.all(initialized_only=True):
            # SQLite: an open file costs nothing and spares its set-up. Elsewhere: back to psycopg's pool.
            if each.vendor != "sqlite" or each.errors_occurred:
                each.close()


@contextmanager
def transaction() -> Iterator[None]:
    """One atomic unit of writes; on SQLite it waits for its turn among this process's writers first."""
    if connection.vendor == "sqlite":
        with _sqlite_writer, atomic():
            yield
    else:
        with atomic():
            yield

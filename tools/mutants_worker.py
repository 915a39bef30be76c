"""pytest plugin of the mutation check (`mutants` starts it): collects once, then forks for every mutant.

At the fork everything is imported and migrated, and nothing runs: no thread and no connection has to survive it. Each
fork has the folder and the ports of its process to itself, for there is one at a time.
"""

import contextlib
import gc
import json
import os
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Generator
from pathlib import Path
from typing import Any, NoReturn, TextIO

import pytest
from _pytest.main import pytest_runtestloop as run_tests
from django.conf import settings
from django.core.management import call_command
from django.db import connections
from hypothesis import HealthCheck
from hypothesis import settings as trying
from mutmut.mutation.trampoline import set_mutant_under_test
from mutmut.state import state

from tests.provider import ScriptedProvider

FOLDER = Path(os.environ["MUTANTS"])
# Seconds, and times its usual ones: a test that takes longer than both together waits for what will not come.
PATIENCE, TIMES = 20.0, 10.0
# mutmut's name for running the original and noting which functions are called.
STATS = "stats"


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> bool:
    """In place of pytest's own loop, which every fork runs over the tests of its mutant."""
    # On a busy machine a slow example is no mutant that was noticed.
    trying.register_profile("mutants", deadline=None, suppress_health_check=list(HealthCheck))
    trying.load_profile("mutants")
    if session.testsfailed:
        raise session.Interrupted("errors during collection")
    from tests.conftest import migrated, scripted  # noqa: PLC0415  (pytest imports it first)

    scripted.stop()
    database = _migrated_database()
    session.config.stash[migrated] = True
    gc.freeze()  # spares the forks a copy of every page that a collection would touch
    items = {item.nodeid: item for item in session.items}
    with (FOLDER / "results.jsonl").open("a", buffering=1) as results:
        for step in json.loads((FOLDER / "plan.json").read_text()):
            _restore(database)
            tests = step["tests"]
            session.items = list(items.values()) if tests is None else [items[test] for test in tests]
            _judge(session, scripted, step["mutant"], tests or {}, results)
    return True


def _migrated_database() -> Path:
    """Where each fork finds a fresh copy."""
    import tertulia.config.asgi  # noqa: F401, PLC0415  (what the server imports: once, not in every fork)

    call_command("migrate", verbosity=0)
    connections.close_all()
    database = Path(settings.DATABASES["default"]["NAME"])
    shutil.copy(database, FOLDER / "migrated")
    return database


def _restore(database: Path) -> None:
    shutil.copy(FOLDER / "migrated", database)
    for companion in ("-wal", "-shm"):
        Path(f"{database}{companion}").unlink(missing_ok=True)


def _judge(
    session: pytest.Session, provider: ScriptedProvider, mutant: str, usual: dict[str, float], results: TextIO
) -> None:
    """Run the session's tests in a fork and write down what became of the mutant."""
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        _run(session, provider, mutant, Watch(usual, writing, results))
    os.close(writing)
    with os.fdopen(reading) as pipe:
        begun = pipe.read().splitlines()  # until the fork has ended
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if mutant == STATS:
        if status:
            raise pytest.UsageError(f"{begun[-1:]} failed without any mutant")
        return
    fates = {0: "survived", 1: "killed", -signal.SIGALRM: "timeout"}
    line = {"mutant": mutant, "fate": fates.get(status, "crashed"), "by": begun[-1] if status else ""}
    results.write(json.dumps(line) + "\n")


def _run(session: pytest.Session, provider: ScriptedProvider, mutant: str, watch: "Watch") -> NoReturn:
    status = 3
    try:
        gc.disable()  # it ends soon, and others have no part in its memory
        set_mutant_under_test(mutant)
        provider.start()
        session.config.pluginmanager.register(watch)
        with contextlib.suppress(session.Failed):
            run_tests(session)
        status = 1 if session.testsfailed else 0
    except BaseException:  # noqa: BLE001  (no fork may go on as its parent does)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        os._exit(status)


class Watch:
    """Sees every test of a fork begin and end."""

    def __init__(self, usual: dict[str, float], begun: int, results: TextIO) -> None:
        """`usual`: the tests' seconds; empty while they are measured, then every test leaves a line in `results`."""
        self._usual = usual
        self._begun = begun
        self._results = results

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, Any, Any]:
        os.write(self._begun, f"{item.nodeid}\n".encode())
        if self._usual:
            signal.setitimer(signal.ITIMER_REAL, PATIENCE + TIMES * self._usual[item.nodeid])
            return (yield)
        began = time.monotonic()
        result = yield
        line = {
            "test": item.nodeid,
            "seconds": time.monotonic() - began,
            "functions": sorted(state()._stats),
        }
        state()._stats.clear()
        self._results.write(json.dumps(line) + "\n")
        return result

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.failed and not self._usual:
            print(report.longreprtext, file=sys.stderr)

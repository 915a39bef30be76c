"""The stage of all tests: a real server on a real database, asked over real sockets, and the scripted provider.

`--db sqlite` (default) or `--db postgres`. The database of a run is made once and never emptied: every test brings
people of its own. The cast: Alice owns, Bob is another user, Mona is staff, Charlie is suspended.
"""

import os
import shutil
import signal
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import hypothesis  # noqa: F401  (before a second thread runs: compiling its large modules beside one can fail)
import pytest

from tests.provider import ScriptedProvider

if TYPE_CHECKING:
    from tests.people import Person

_folder = Path(tempfile.mkdtemp(prefix="tertulia-"))
scripted = ScriptedProvider()
# Whether a plugin has migrated the database before the first test.
migrated = pytest.StashKey[bool]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--db", choices=("sqlite", "postgres"), default="sqlite", help="database of the tests")


def pytest_configure(config: pytest.Config) -> None:
    """Everything that the settings read must stand before the first test module is imported."""
    # A shell lets what it runs in the background ignore Ctrl-C, and their children too: some tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for name in ("OPENAI_API_KEY", "TERTULIA_DEFAULT_MODEL", "TERTULIA_DAILY_QUOTA", "DATABASE_URL"):
        os.environ.pop(name, None)
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "tertulia.config.settings",
        "TERTULIA_DATA": str(_folder),
        "SECRET_KEY": "for the tests only, of sufficient length: " + "0123456789" * 3,
        "OPENAI_BASE_URL": scripted.start(),
    }
    if config.getoption("--db") == "postgres":
        from tests.postgres import start  # only where it is wanted: it unpacks a server

        os.environ["DATABASE_URL"] = start(_folder)

    import django  # after the environment

    django.setup()

    from django.conf import settings  # after the set-up

    # Hashing well takes a third of a second each time; the tests make hundreds of people.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    # What earlier tests said is not looked through beside later ones.
    settings.TERTULIA_MEMORY_PAUSE = 3600.0


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """On PostgreSQL only what asks the database under test: the others would repeat what they said beside SQLite."""
    if config.getoption("--db") == "sqlite":
        return
    asking = [
        item for item in items if {"database", "fresh_database"} & set(getattr(item, "fixturenames", ()))
    ]
    config.hook.pytest_deselected(items=[item for item in items if item not in asking])
    items[:] = asking


def pytest_unconfigure(config: pytest.Config) -> None:
    scripted.stop()
    shutil.rmtree(_folder, ignore_errors=True)


@pytest.fixture(scope="session")
def database(pytestconfig: pytest.Config) -> str:
    """The name of the database under test; when this fixture returns, it is migrated."""
    from django.core.management import call_command

    if not pytestconfig.stash.get(migrated, False):
        call_command("migrate", verbosity=0)
    return str(pytestconfig.getoption("--db"))


@pytest.fixture(scope="session")
def fresh_database(pytestconfig: pytest.Config) -> Callable[[], str]:
    """Makes an empty database for a program that a test starts: its DATABASE_URL, empty for SQLite in its folder."""
    if pytestconfig.getoption("--db") == "sqlite":
        return str

    from tests.acceptance.databases import SharedCluster, create_database

    return lambda: create_database(SharedCluster(os.environ["DATABASE_URL"])).url


@pytest.fixture(scope="session")
def server(database: str) -> Iterator[str]:
    """The address of the application under uvicorn, as it ships, in a thread of this process."""
    import uvicorn

    from tertulia.config.asgi import application

    config = uvicorn.Config(application, port=0, lifespan="on", log_config=None, timeout_graceful_shutdown=2)
    running = uvicorn.Server(config)
    listening = config.bind_socket()
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listening]}, daemon=True)
    thread.start()
    while not running.started:
        assert thread.is_alive(), "the server did not start"
        time.sleep(0.01)
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    running.should_exit = True
    thread.join(10)


@pytest.fixture
def provider() -> ScriptedProvider:
    """The scripted provider behind the server."""
    return scripted


@pytest.fixture
def join(server: str) -> Iterator[Callable[..., "Person"]]:
    """Makes people with accounts, each with a client that carries a bearer token."""
    from tests.people import Person

    people: list[Person] = []

    def make(name: str = "alice", **options: object) -> Person:
        people.append(Person.join(server, name, **options))
        return people[-1]

    yield make
    for person in people:
        person.client.close()


@pytest.fixture
def alice(join: Callable[..., "Person"]) -> "Person":
    return join("alice")


@pytest.fixture
def bob(join: Callable[..., "Person"]) -> "Person":
    return join("bob")


@pytest.fixture
def mona(join: Callable[..., "Person"]) -> "Person":
    """Staff, without a limit of her own."""
    return join("mona", is_staff=True)


@pytest.fixture
def django_queries(database: str) -> Iterator[list[str]]:
    """The SQL that this thread sends while the test runs; clear it where counting begins."""
    from django.db import connection

    statements: list[str] = []

    def note(execute: Callable[..., object], sql: str, *arguments: object) -> object:
        statements.append(sql)
        return execute(sql, *arguments)

    with connection.execute_wrapper(note):
        yield statements

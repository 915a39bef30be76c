"""The guide to extending Tertulia, as it stands there: its files are written, its commands run, its page is used."""

import asyncio
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import httpx
import pytest

from tests.acceptance.processes import ROOT, Process, clean_environment
from tests.people import Person

GUIDE = ROOT / "docs" / "how-to" / "extend.md"
# A paragraph that begins with a file's name, and the block of code after it.
FILE = re.compile(r"^`([\w/]+\.\w+)`(?:(?!^`).)*?^```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# More than a process has connections to its database.
MANY = 25


@pytest.fixture(scope="module")
def environment(fresh_database: Callable[[], str]) -> dict[str, str]:
    """Of a project with a database of its own: others do not know its tables."""
    return {
        "PYTHONPATH": str(ROOT),
        "DATABASE_URL": fresh_database(),
        "SECRET_KEY": "for the tests only, of sufficient length: " + "0123456789" * 3,
        "OPENAI_BASE_URL": os.environ["OPENAI_BASE_URL"],
    }


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> Path:
    """The guide's project, with the migration of its application."""
    folder = tmp_path_factory.mktemp("project")
    files = FILE.findall(GUIDE.read_text("utf-8"))
    assert len(files) == 8, [name for name, _ in files]
    for name, text in files:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, "utf-8")
    for package in ("salon", "favourites"):
        (folder / package / "__init__.py").touch()
    made = subprocess.run(
        [sys.executable, "manage.py", "makemigrations", "favourites"],
        cwd=folder, env=clean_environment() | environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    return folder


@pytest.fixture(scope="module")
def salon(project: Path, environment: dict[str, str]) -> Iterator[str]:
    """The address of the project's server."""
    command = [sys.executable, str(project / "manage.py"), "serve", "--port", "0"]
    process = Process(command, environment, project / "server.log")
    address = f"http://127.0.0.1:{asyncio.run(process.announced(r'http://[^ /:]+:([0-9]+)'))}"
    with httpx.Client(transport=httpx.HTTPTransport(retries=8)) as patient:
        patient.get(f"{address}/readyz").raise_for_status()
    yield address
    process.kill()


@pytest.fixture
def alice(salon: str) -> Iterator[Person]:
    person = Person.join(salon, "alice")
    yield person
    person.client.close()


def keep(person: Person, answer: str, text: str) -> httpx.Response:
    """Sends the page's form."""
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', page(person, "/settings").text)
    assert token
    form = {"csrfmiddlewaretoken": token[1], "answer": answer, "text": text}
    return person.client.post("/favourites", data=form, headers={"Accept": "text/html"})


def page(person: Person, path: str) -> httpx.Response:
    return person.client.get(path, headers={"Accept": "text/html"})


def test_ours_is_unchanged_and_its_template_is_replaced(alice: Person) -> None:
    answer = alice.client.post("/chat", json={"content": "Hello."})
    assert answer.status_code == 201, answer.text
    assert "Welcome to the salon." in page(alice, "/").text
    assert alice.client.get("/nowhere").json()["type"] == "not_found"


def test_a_page_of_its_own_is_for_members_and_for_all_at_once(alice: Person) -> None:
    assert httpx.get(f"{alice.server}/favourites").headers["location"].startswith("/accounts/login")
    shown = [page(alice, "/favourites/") for _ in range(MANY)]
    assert {(each.status_code, "None yet, Alice." in each.text) for each in shown} == {(200, True)}
    assert "default-src 'none'" in shown[0].headers["content-security-policy"]


def test_what_it_keeps_is_its_owners(alice: Person) -> None:
    said = alice.client.post("/chat", json={"content": "Say something good."}).json()["chat_reply"]["id"]
    alice.client.patch(f"/api/messages/{said}", json={"feedback": "up"}).raise_for_status()
    kept = keep(alice, said, "Keep this.")
    assert kept.status_code == 302, kept.text
    assert 'value="Keep this."' in page(alice, "/favourites").text
    bob = Person.join(alice.server, "bob")
    for answer in (said, str(uuid4())):
        assert keep(bob, answer, "Mine.").status_code == 404
    assert said not in page(bob, "/favourites").text
    export = alice.client.get("/accounts/export").content
    assert b"favourites.Note" in export

"""The locks pin and hash everything, name no host, and agree with what pyproject.toml asks for."""

import json
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).resolve().parent.parent
LOCKS = sorted(ROOT.glob("requirements*.txt"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())


def entries(lock: Path) -> list[str]:
    """The lock's logical lines: one requirement each, with its hashes."""
    text = re.sub(r"^\s*#.*\n", "", lock.read_text(), flags=re.MULTILINE)
    return text.replace("\\\n", " ").splitlines()


def pins(lock: Path) -> dict[str, str]:
    """Name to version. A name that is pinned twice, for different systems, keeps the last."""
    return {
        canonicalize_name(name): version
        for name, version in re.findall(r"^([\w.-]+)==([^\s;]+)", lock.read_text(), flags=re.MULTILINE)
    }


def group(name: str) -> Iterator[str]:
    for item in PROJECT["dependency-groups"][name]:
        if isinstance(item, str):
            yield item
        else:
            yield from group(item["include-group"])


ASKED = {
    "requirements.txt": PROJECT["project"]["dependencies"],
    "requirements-build.txt": [*PROJECT["project"]["dependencies"], *group("build")],
    "requirements-dev.txt": [*PROJECT["project"]["dependencies"], *group("dev")],
    "requirements-tools.txt": [*group("tools")],
}


def test_there_is_a_lock_for_every_purpose_and_no_other() -> None:
    assert [lock.name for lock in LOCKS] == sorted(ASKED)


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_every_requirement_is_pinned_and_hashed(lock: Path) -> None:
    one = re.compile(r"[\w.-]+==[\w.+!-]+( ; [^#]+?)?(\s+--hash=sha256:[0-9a-f]{64})+\s*")
    assert [entry for entry in entries(lock) if not one.fullmatch(entry)] == []


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_pins_are_what_the_project_asks_for(lock: Path) -> None:
    pinned = pins(lock)
    asked = [Requirement(text) for text in ASKED[lock.name]]
    unmet = [
        str(requirement)
        for requirement in asked
        if not requirement.specifier.contains(pinned.get(canonicalize_name(requirement.name), "0"))
    ]
    assert unmet == []


def test_smaller_environments_are_part_of_the_larger() -> None:
    runtime, build, dev = (pins(ROOT / f"requirements{kind}.txt") for kind in ("", "-build", "-dev"))
    assert runtime.items() <= build.items() <= dev.items()


def test_the_wheel_is_built_with_the_locked_tools() -> None:
    locked = pins(ROOT / "requirements-build.txt")
    required = [Requirement(text) for text in PROJECT["build-system"]["requires"]]
    assert {r.name: str(r.specifier) for r in required} == {r.name: f"=={locked[r.name]}" for r in required}


@pytest.mark.parametrize("lock", LOCKS, ids=lambda lock: lock.name)
def test_no_lock_names_a_host(lock: Path) -> None:
    assert re.findall(r"^\s*-.*|.*://.*", lock.read_text().replace("--hash=", ""), re.MULTILINE) == []


def test_npm_packages_are_known_by_hash_and_not_by_host() -> None:
    packages = json.loads((ROOT / "client" / "package-lock.json").read_text())["packages"]
    packages.pop("")
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert [name for name, package in packages.items() if "integrity" not in package] == []


def test_npm_packages_are_asked_for_by_exact_version() -> None:
    project = json.loads((ROOT / "client" / "package.json").read_text())
    asked = project["dependencies"] | project["devDependencies"]
    assert [name for name, version in asked.items() if not re.fullmatch(r"\d+\.\d+\.\d+", version)] == []


def test_there_is_no_lock_of_another_tool() -> None:
    others = ["uv.lock", "poetry.lock", "Pipfile.lock", "client/yarn.lock", "client/pnpm-lock.yaml"]
    assert [name for name in others if (ROOT / name).exists()] == []

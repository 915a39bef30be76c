"""The files under deploy/ say what they mean: checked as text, because no container daemon is at hand."""

import json
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.conf import settings
from django.utils.translation import to_locale

from tertulia.config.drain import DRAIN_SECONDS
from tertulia.config.server import START_COMMAND

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "docker/Dockerfile").read_text()
COMPOSE = sorted((DEPLOY / "docker").glob("compose*.yaml"))

SETTINGS = set(re.findall(r"^([A-Z_]+)=", (ROOT / ".env.example").read_text(), re.MULTILINE))
# Variables of the server and of the proxy.
OTHERS = {"FORWARDED_ALLOW_IPS", "TERTULIA_DOMAIN", "TERTULIA_UPSTREAM"}


def instructions() -> list[tuple[str, str]]:
    """The Dockerfile's instructions with continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in text.splitlines() if line.strip()]


def final_stage() -> list[tuple[str, str]]:
    found = instructions()
    starts = [number for number, (name, _) in enumerate(found) if name == "FROM"]
    return found[starts[-1] :]


def test_the_image_is_built_in_two_stages_on_named_bases() -> None:
    bases = [text for name, text in instructions() if name == "FROM"]
    assert len(bases) == 2
    assert all(re.match(r"python:3\.\d+-slim-\w+( AS build)?$", base) for base in bases)


def test_it_runs_as_nobody_in_particular() -> None:
    users = [text for name, text in final_stage() if name == "USER"]
    assert users == ["10001:10001"]
    assert final_stage()[-1][0] == "CMD"


def test_it_has_a_health_check_that_needs_no_other_program() -> None:
    [check] = [text for name, text in final_stage() if name == "HEALTHCHECK"]
    command = json.loads(check.partition("CMD ")[2])
    assert command[:2] == ["python", "-c"]
    compile(command[2], "health check", "exec")
    assert "/healthz" in command[2]


def test_it_starts_without_a_shell_so_that_signals_reach_it() -> None:
    commands = {name: json.loads(text) for name, text in final_stage() if name in ("ENTRYPOINT", "CMD")}
    assert commands == {"ENTRYPOINT": ["tertulia"], "CMD": START_COMMAND.split()[3:]}


def test_only_locked_packages_are_installed() -> None:
    installs = re.findall(r"pip install ([^&\n]+)", DOCKERFILE.replace("\\\n", " "))
    assert installs
    assert all(
        "--require-hashes" in line or ("--no-deps" in line and "--no-index" in line) for line in installs
    )


def test_the_image_keeps_the_languages_that_are_offered() -> None:
    kept = re.search(r"-not -regex '\.\*/locale/\\\((.+?)\\\)/", DOCKERFILE)
    assert kept
    assert kept[1].split("\\|") == sorted(to_locale(code) for code, _ in settings.LANGUAGES)


def test_what_is_copied_exists_and_nothing_else_reaches_the_build() -> None:
    ignored = (DEPLOY / "docker/Dockerfile.dockerignore").read_text().splitlines()
    assert next(line for line in ignored if not line.startswith("#")) == "*"
    let_in = {line[1:] for line in ignored if line.startswith("!")}
    copied = {
        source
        for name, text in instructions()
        if name == "COPY" and not text.startswith("--from")
        for source in shlex.split(text)[:-1]
    }
    assert copied == let_in
    assert all((ROOT / source).exists() for source in copied)


@pytest.mark.parametrize("path", COMPOSE, ids=lambda path: path.name)
def test_compose_files_name_settings_and_hold_no_secret(path: Path) -> None:
    document = yaml.safe_load(path.read_text())
    own = document["services"]["tertulia"].get("environment", {})
    assert set(own) <= SETTINGS | OTHERS
    for service in document["services"].values():
        for name, value in service.get("environment", {}).items():
            if re.search("SECRET|PASSWORD|KEY", name):
                assert value == "" or value.startswith("${")


@pytest.mark.parametrize("name", ["compose.yaml", "compose.sqlite.yaml"])
def test_containers_have_no_more_power_than_they_need(name: str) -> None:
    services: dict[str, Any] = yaml.safe_load((DEPLOY / "docker" / name).read_text())["services"]
    for service in {"tertulia", "redis", "caddy"} & set(services):
        assert services[service]["read_only"] is True
        assert services[service]["cap_drop"] == ["ALL"]
        assert services[service]["security_opt"] == ["no-new-privileges:true"]
    published = {
        service for service, body in services.items() for port in body.get("ports", []) if port[0] != "1"
    }
    assert published <= {"caddy"}


def test_files_that_compose_mounts_exist() -> None:
    services = yaml.safe_load((DEPLOY / "docker/compose.yaml").read_text())["services"]
    volumes = [volume for body in services.values() for volume in body.get("volumes", [])]
    mounted = [volume for volume in volumes if volume.startswith(".")]
    assert mounted
    for volume in mounted:
        assert (DEPLOY / "docker" / volume.partition(":")[0]).is_file()


def test_every_manifest_starts_the_same_way() -> None:
    assert (ROOT / "Procfile").read_text() == f"web: {START_COMMAND}\n"
    assert f'--startup-file "{START_COMMAND}"' in (DEPLOY / "azure/README.md").read_text()


def test_platform_manifests_name_settings() -> None:
    heroku = json.loads((ROOT / "app.json").read_text())
    assert set(heroku["env"]) <= SETTINGS | OTHERS
    digital_ocean = yaml.safe_load((DEPLOY / "digitalocean/app.yaml").read_text())
    [service] = digital_ocean["services"]
    assert {variable["key"] for variable in service["envs"]} <= SETTINGS | OTHERS
    assert (ROOT / service["dockerfile_path"]).is_file()


def test_time_to_stop_is_longer_than_the_drain() -> None:
    seconds = DRAIN_SECONDS + 5
    unit = re.search(r"TimeoutStopSec=(\d+)", (DEPLOY / "systemd/tertulia.service").read_text())
    assert unit
    assert int(unit[1]) >= seconds
    for name in ("compose.yaml", "compose.sqlite.yaml"):
        service = yaml.safe_load((DEPLOY / "docker" / name).read_text())["services"]["tertulia"]
        assert int(service["stop_grace_period"].rstrip("s")) >= seconds


def test_links_between_the_pages_lead_somewhere() -> None:
    pages = [*DEPLOY.rglob("*.md"), *(ROOT / "docs/how-to").glob("*.md")]
    lost = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text())
        if not (page.parent / target).exists()
    ]
    assert lost == []

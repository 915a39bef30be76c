"""I1: the OpenAPI document taken at its word, by schemathesis. Played by the programme through `items`.

The tool makes requests from the document, right ones and wrong ones, follows its links, and compares what comes back
with what the document says.
"""

import asyncio
import json
import os
from pathlib import Path
from typing import Any

from tests.acceptance.clients import Client, Conversation, Person
from tests.acceptance.figures import Outcome
from tests.acceptance.items.authorization import resigned
from tests.acceptance.processes import ROOT, Process, python
from tests.acceptance.stage import Stage, World

CASES = 3_000
NIGHTLY_CASES = 20_000
# An access token lives for a quarter of an hour: too short for a night.
LONGEST_SECONDS = 7200

# What would end the login that the tool plays with, and what would remove all that it has made. A8 and A1 play these.
_LEFT_OUT = ("getLogout", "postLogout", "deleteSessions", "deleteExchanges")

# What needs a voice or an ear says so where there is none: 501 to 504, documented and no fault of the server's.
_SPOKEN = ("postSpeech", "postTranscriptions", "postFacadeSpeech", "postFacadeTranscriptions")

# A body of the right form is accepted except where more than its form counts, which a document cannot say: secrets that
# belong to somebody, models and objects that there are, a picture with a character in it, a text that is not empty
# or has no NUL, a position that another answer gave.
_MORE_THAN_FORM = (
    "postJoin", "postLogin", "postRefresh", "postCode", "postReset", "postNewPassword", "putProfile", "deleteProfile",
    "getStart", "postToken", "postLink", "postKeys",
    "postCharacters", "patchCharacter", "postCardImport", "putCharacterPicture",
    "getCharacters", "getConversations", "getSearch", "getInstances", "getMessages", "getEntries", "getLedger",
    "getQuotes",
    "postConversations", "patchConversation", "postMessages", "postAgain", "postExchanges", "postPromptCreate",
    "postInstances", "patchInstance", "postEntries", "patchEntry",
    "postQuotes", "putQuote", "postSimilar", "getInstancePrompt", *_SPOKEN,
    "postReport", "postDecisions", "postImport", "postConversationImport", "postCompletions",
)  # fmt: skip


async def described_requests(stage: Stage) -> Outcome:
    """Every phase of the tool with all its checks; a fault of the tool is one of ours."""
    outcome = Outcome()
    async with stage.world() as world:
        person = await world.join()
        settings = world.folder / "schemathesis.toml"
        settings.write_text(_settings(await _objects(person.at(world.servers[0].url))))
        report = await _play(stage, world, person, settings)
        cases = report["test_cases"]
        outcome.at_least("cases", cases["generated"], NIGHTLY_CASES if stage.nightly else CASES)
        outcome.exactly("operations_tested", report["operations"]["tested"], report["operations"]["selected"])
        outcome.none_of("failures", _failures(report))
        outcome.none_of("faults_of_the_tool", [json.dumps(error)[:600] for error in report["errors"]])
        outcome.exactly("cases_in_error", cases["errored"], 0)
        outcome.exactly("ended_early", report["stop_reason"], "completed")
        # Requests that reach nothing prove little.
        outcome.at_least("operations_that_took_something", _reached(report), 50)
        outcome.exactly("alive", (await world.anyone.get("/readyz")).status, 200)
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _objects(client: Client) -> dict[str, str]:
    """One of everything: from nothing but the document the tool seldom makes what the other addresses are about."""
    conversation = await Conversation.begin(client)
    said = (await client.post(conversation.messages_path, {"content": "A word."})).json()
    character = (await client.post("/api/characters", {"name": "Rosa"})).json()["id"]
    instance = await client.post("/api/instances", {"character": character, "name": "Rosa by the sea"})
    path = f"/api/instances/{instance.json()['id']}/entries"
    return {
        "conversation_id": conversation.id,
        "message_id": said["answer"]["id"],
        "exchange_id": said["user_message"]["id"],
        "generation_id": said["generation"],
        "reference": character,
        "instance_id": instance.json()["id"],
        "entry_id": (await client.post(path, {"text": "She likes tea."})).json()["id"],
        "quote_id": (await client.post("/quote", {"content": "It rains again."})).json()["id"],
    }


def _settings(objects: dict[str, str]) -> str:
    lines = ["[cache]", "enabled = false"]  # every run by itself, and nothing beside the sources
    for operation in _LEFT_OUT:
        lines += ["[[operations]]", f'include-operation-id = "{operation}"', "enabled = false"]
    for operation in _MORE_THAN_FORM:
        lines += ["[[operations]]", f'include-operation-id = "{operation}"']
        lines += ["[operations.checks]", "positive_data_acceptance.enabled = false"]
    for operation in _SPOKEN:
        lines += ["[[operations]]", f'include-operation-id = "{operation}"', "[operations.checks]"]
        lines += ['not_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 501, 502, 503, 504]']
    # Deleting has its turn with the objects that the tool made.
    lines += ["[[operations]]", 'exclude-method = "DELETE"']
    lines += ["[operations.parameters]", *(f'"path.{name}" = "{id}"' for name, id in objects.items())]
    return "\n".join(lines)


async def _play(stage: Stage, world: World, person: Person, settings: Path) -> dict[str, Any]:
    """The tool's own report of one run."""
    report = world.folder / "schemathesis.json"
    command = python(
        "-m", "schemathesis.cli", "--config-file", str(settings),
        "run", world.servers[0].url + "/api/schema",
        "--header", f"Authorization: Bearer {resigned(person.access, exp=LONGEST_SECONDS)}",
        "--max-examples", str(stage.size(2, 200)), "--seed", str(stage.seed),
        "--continue-on-failure", "--generation-database", "none", "--no-color", "--workers", "2",
        "--report", "json", "--report-json-path", str(report),
    )  # fmt: skip
    paths = os.pathsep.join(filter(None, (str(ROOT), os.environ.get("PYTHONPATH"))))
    tool = Process(command, {"PYTHONPATH": paths}, world.folder / "schemathesis.log")
    try:
        await tool.ended(LONGEST_SECONDS if stage.nightly else 600)
    finally:
        tool.kill()
    if not report.exists():
        raise RuntimeError(f"the tool ended without a report:\n{tool.said()[-4000:]}")
    text = await asyncio.to_thread(report.read_text)
    found: dict[str, Any] = json.loads(text)
    return found


def _failures(report: dict[str, Any]) -> list[str]:
    return [
        f"{failure['title']}: {operation}"
        for failure in report["failures"]
        for operation in failure["operations"]
    ]


def _reached(report: dict[str, Any]) -> int:
    """Operations of which at least one request was accepted."""
    rates = report["valid_rates"].values()
    return sum(any(phase["accepted"] for phase in rate.values()) for rate in rates)

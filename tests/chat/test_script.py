"""Answers for scripts: `tertulia ask` as a process of its own, and `generate_text` in this one."""

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tertulia.accounts import quota
from tertulia.accounts.models import User
from tertulia.characters import actions as characters
from tertulia.chat import generate_text
from tertulia.chat.models import Conversation, Message
from tertulia.core.errors import GenerationFailed, InvalidInput, OverQuota
from tests.chat.rows import a_user
from tests.provider import ScriptedProvider

pytestmark = pytest.mark.usefixtures("database")

ROOT = Path(__file__).parents[2]


def scripted(words: str, **script: object) -> str:
    return f"{words} !script {json.dumps(script)}"


def ask(*arguments: str, asked: str = "") -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "tertulia", "ask", *arguments]
    return subprocess.run(command, cwd=ROOT, input=asked, capture_output=True, text=True, check=False)


def last_answer(user: User) -> Message:
    return Message.objects.filter(user=user, role="assistant").latest("id")


@pytest.fixture
def user() -> User:
    return a_user()


def test_text_comes_back_whole_and_is_kept_and_counted(user: User, provider: ScriptedProvider) -> None:
    words = scripted("A poem.", text="One two three.")
    assert generate_text(words, user=user.email, temperature=0.5, max_tokens=7) == "One two three."
    body = provider.log.records[-1].body
    assert (body["temperature"], body["max_tokens"]) == (0.5, 7)
    assert last_answer(user).content == "One two three."
    assert Conversation.objects.get(user=user).origin == "script"
    assert quota.standing(user).used == 1
    assert generate_text(scripted("Again.", text="Four."), user=user.email) == "Four."


def test_an_instance_answers(user: User, provider: ScriptedProvider) -> None:
    character = characters.create_character(user=user, values={"name": "Mira", "description": "Keeps bees."})
    characters.create_instance(user=user, character=character, values={"name": "Mine", "memory": "Honey."})
    generate_text("Who are you?", user=user.email, instance="Mine")
    system = provider.log.records[-1].body["messages"][0]["content"]
    assert "Keeps bees." in system
    assert "Honey." in system


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"prompt": " "}, "content"),
        ({"user": "nobody@example.org"}, "user"),
        ({"instance": "Nobody"}, "instance"),
        ({"model": "nobody"}, "model"),
    ],
)
def test_what_is_wrong_is_named(user: User, changes: dict[str, str], field: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        generate_text(**({"prompt": "x", "user": user.email} | changes))
    assert list(refused.value.errors or {}) == [field]


def test_faults_of_provider_and_quota_are_raised(user: User) -> None:
    with pytest.raises(GenerationFailed) as failed:
        generate_text(scripted("x", status=500), user=user.email)
    assert failed.value.slug == "provider_error"
    with pytest.raises(OverQuota):
        generate_text("x", user=a_user(quota=0).email)


def test_the_command_prints_the_answer(user: User) -> None:
    done = ask("--user", user.email, "--model", "scripted-large", scripted("Hi.", text="Good day."))
    assert (done.returncode, done.stdout) == (0, "Good day.\n"), done.stderr
    assert last_answer(user).model == "scripted-large"
    done = ask("-", "--user", user.email, asked=scripted("Hi.", text="From the input."))
    assert (done.returncode, done.stdout) == (0, "From the input.\n"), done.stderr


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--temperature", "3", "x"], "temperature"),
        (["--max-tokens", "0", "x"], "max_tokens"),
        (["--model", "nobody", "x"], "model"),
        ([scripted("x", status=500)], "provider"),
    ],
)
def test_the_command_tells_faults_on_standard_error(user: User, arguments: list[str], told: str) -> None:
    done = ask("--user", user.email, *arguments)
    assert (done.returncode, done.stdout.strip()) == (1, "")
    assert told in done.stderr.splitlines()[-1]
    assert "Unclosed" not in done.stderr


def test_ctrl_c_stops_the_answer_and_keeps_what_was_said(user: User) -> None:
    words = scripted("Long.", tokens=2_000, rate=20)
    command = [sys.executable, "-m", "tertulia", "ask", "--user", user.email, words]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout
    shown = process.stdout.read(20)
    process.send_signal(signal.SIGINT)
    shown += process.stdout.read()
    assert process.wait(30) == 130
    answer = last_answer(user)
    assert answer.status == "stopped"
    assert answer.content == shown.decode().rstrip("\n") or answer.content.startswith(shown.decode().rstrip())

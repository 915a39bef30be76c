"""Counts the database's statements, whatever thread of the server asks."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.dispatch import receiver

# What the supervisor and the watch over logins do every second or two, whoever asks for what.
_BACKGROUND = (
    '"chat_worker"',
    '"chat_generation"."stop_requested"',
    '"chat_conversation"."memory_due_at" <=',
    '"accounts_session"."session_key" IN',
    # Nothing tells whose transaction it is; PostgreSQL's begin unseen.
    "BEGIN IMMEDIATE",
)

_statements: list[str] = []


@receiver(connection_created)
def _listen(connection: BaseDatabaseWrapper, **_: Any) -> None:
    if _note not in connection.execute_wrappers:
        connection.execute_wrappers.append(_note)


def _note(execute: Callable[..., Any], sql: str, *arguments: Any) -> Any:
    if not any(table in sql for table in _BACKGROUND):
        _statements.append(sql)
    return execute(sql, *arguments)


def _wait_for_quiet() -> None:
    """Until the end of what a server does at its start and after an answer."""
    seen = -1
    while seen != len(_statements):
        seen = len(_statements)
        time.sleep(0.1)


@pytest.fixture
def statements() -> Callable[[Callable[[], object]], list[str]]:
    """The statements that a call causes in the server."""

    def during(call: Callable[[], object]) -> list[str]:
        _wait_for_quiet()
        before = len(_statements)
        call()
        return _statements[before:]

    return during

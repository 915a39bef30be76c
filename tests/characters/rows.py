"""Rows for the tests of this folder, made by the actions."""

from typing import Any

from tertulia.accounts.models import User
from tertulia.characters import actions
from tertulia.characters.models import Character, Instance
from tertulia.core.ids import uuid7


def a_user(nickname: str = "Ana") -> User:
    return User.objects.create_user(f"character-{uuid7()}@example.org", nickname=nickname)


def a_character(user: User, **values: Any) -> Character:
    return actions.create_character(user=user, values={"name": "Mira", **values})


def an_instance(user: User, character: Character, **values: Any) -> Instance:
    return actions.create_instance(user=user, character=character, values=values)

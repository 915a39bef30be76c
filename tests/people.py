"""People of the tests: accounts made over the API, with HTTP clients that act for them."""

import itertools
import os
from dataclasses import dataclass
from typing import Any

import httpx

PASSWORD = "a long walk by the river 42"

_number = itertools.count(1)


@dataclass
class Person:
    """Somebody with an account; `client` sends a bearer token to the server under test."""

    server: str
    email: str
    id: str
    access: str
    refresh: str
    client: httpx.Client

    @classmethod
    def join(cls, server: str, name: str, **changes: Any) -> "Person":
        """Joins under an address of their own; `changes` are set on the account directly, as an operator would."""
        email = f"{name}-{os.getpid()}-{next(_number)}@example.org"
        answer = httpx.post(
            f"{server}/accounts/join",
            json={"email": email, "nickname": name.title(), "password": PASSWORD},
            headers={"Accept": "application/json"},
        )
        assert answer.status_code == 201, answer.text
        body = answer.json()
        if changes:
            from tertulia.accounts.models import User  # after Django's set-up

            User.objects.filter(id=body["id"]).update(**changes)
        client = httpx.Client(
            base_url=server,
            headers={"Authorization": f"Bearer {body['access']}", "Accept": "application/json"},
            timeout=30,
        )
        return cls(server, email, body["id"], body["access"], body["refresh"], client)

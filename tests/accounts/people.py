"""Users of the tests of this folder, made without HTTP."""

import itertools
import os
from typing import Any

from tertulia.accounts.models import User

_number = itertools.count(1)


def fresh_email(name: str = "carol") -> str:
    """An address that no other test uses."""
    return f"{name}-{os.getpid()}-{next(_number)}@example.net"


def make_user(password: str | None = None, **fields: Any) -> User:
    """A stored user; without `password` nobody signs in by one, which spares the hashing."""
    fields.setdefault("email", fresh_email())
    fields.setdefault("nickname", "Carol")
    return User.objects.create_user(password=password, **fields)

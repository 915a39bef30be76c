"""Members and lines of the tests of this folder, made without HTTP; every line is another one."""

import itertools
import os

from tertulia.accounts.models import User
from tertulia.quotes import actions
from tertulia.quotes.models import Quote
from tests.accounts.people import make_user

_number = itertools.count(1)


def a_word() -> str:
    """A word that no other test uses, and that stemming leaves alone."""
    return f"q{os.getpid()}w{next(_number)}z"


def staff() -> User:
    return make_user(nickname="Mona", is_staff=True)


def a_quote(content: str = "", *, user: User | None = None, is_apply: bool = False, **words: str) -> Quote:
    """A stored line, applied by its staff author when `is_apply`."""
    author = user or (staff() if is_apply else make_user())
    words = {"content": content or f"A line about {a_word()}", **words}
    return actions.propose_quote(user=author, words=words, is_apply=is_apply or None)

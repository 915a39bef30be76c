"""From an id to a line of the board, with who proposed it."""

import pytest

from tertulia.core.errors import NotFound
from tertulia.quotes import access
from tests.quotes.rows import a_quote

pytestmark = pytest.mark.usefixtures("database")


def test_a_quote_comes_with_its_author(django_queries: list[str]) -> None:
    a_quote()
    quote = a_quote()
    a_quote()
    django_queries.clear()
    found = access.quote_by_id(quote.id)
    assert found == quote
    assert found.user
    assert found.user.nickname == "Carol"
    assert len(django_queries) == 1


def test_there_is_no_such_quote() -> None:
    with pytest.raises(NotFound):
        access.quote_by_id(2**62)

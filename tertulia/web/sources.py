"""An answer's sources as its page shows them: who proposed a quote is looked up, never stored beside the answer, so
that a name goes with its account.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from tertulia.quotes import queries
from tertulia.quotes.narrowing import quote_id

Source = Mapping[str, Any]


def proposers_of(answers: Iterable[Sequence[Source]]) -> dict[str, str]:
    """Nicknames by the id of the quote that a source cites; at most one statement for all answers."""
    cited = {
        str(source.get("id")) for sources in answers for source in sources if source.get("kind") == "quote"
    }
    ids = [number for text in cited if (number := quote_id(text)) is not None]
    return {str(id): name for id, name in queries.proposers(ids).items()} if ids else {}


def with_proposers(sources: Sequence[Source], names: Mapping[str, str]) -> list[Source]:
    """The sources, each of a quote with its `proposer`, empty for an account that is gone."""
    return [
        {**source, "proposer": names.get(str(source.get("id")), "") if source.get("kind") == "quote" else ""}
        for source in sources
    ]

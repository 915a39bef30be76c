"""Applied quotes that have to do with a question; the chat engine calls it for every answer, and cites what it uses."""

from collections.abc import Mapping
from typing import Any

from tertulia.providers.base import Passage
from tertulia.providers.lexical import terms
from tertulia.quotes import index, queries
from tertulia.quotes.models import Quote

# A pasted page is judged by its beginning.
_LONGEST_QUESTION = 2_000
# A line that is far behind the best one is no second opinion.
LEAST_OF_BEST = 0.4


def relevant(question: str, *, limit: int = 5, language: str | None = None) -> list[Passage]:
    """At most `limit` applied quotes that fit `question`, by their words, speaker, work or mood, best first.

    None when nothing fits. `language` (BCP 47) keeps to lines of that language. At most five statements; call it
    outside a transaction that others wait for.
    """
    columns: dict[str, Any] = {"is_apply": True}
    if language:
        columns["language"] = language.lower().partition("-")[0]
    hits = index.search(terms(question[:_LONGEST_QUESTION]), columns=columns, limit=limit)
    near = [hit.id for hit in hits if hit.score >= LEAST_OF_BEST * hits[0].score]
    rows: Mapping[int, Quote] = queries.quotes().select_related(None).in_bulk(near)
    return [_passage(rows[id]) for id in near if id in rows]


def _passage(quote: Quote) -> Passage:
    return Passage(
        kind="quote",
        id=str(quote.id),
        text=quote.content,
        speaker=quote.speaker,
        work=quote.source,
        language=quote.language,
    )

"""Applied quotes that have to do with a question; the chat engine calls it for every answer, and cites what it uses."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from tertulia.providers.base import Passage
from tertulia.providers.lexical import terms
from tertulia.quotes import index, queries, vectors
from tertulia.quotes.meaning import meaning
from tertulia.quotes.models import Quote

# A pasted page is judged by its beginning.
_LONGEST_QUESTION = 2_000
# A line that is far behind the best one is no second opinion.
LEAST_OF_BEST = 0.4
# Below this a line is near only because something has to be (`benchmarks/retrieval`).
LEAST_NEARNESS = 0.35
# The constant of the paper.
_RANK_DAMPING = 60


def relevant(question: str, *, limit: int = 5, language: str | None = None) -> list[Passage]:
    """At most `limit` applied quotes that fit `question`, by their words, speaker, work or mood, best first.

    None when nothing fits. `language` (BCP 47) keeps to lines of that language. Where `meaning.prepare` has the
    question's vector, lines of near meaning count as well. At most nine statements; call it outside a transaction
    that others wait for.
    """
    columns: dict[str, Any] = {"is_apply": True}
    if language:
        columns["language"] = language.lower().partition("-")[0]
    hits = index.search(terms(question[:_LONGEST_QUESTION]), columns=columns, limit=limit)
    by_words = [hit.id for hit in hits if hit.score >= LEAST_OF_BEST * hits[0].score]
    found = fused([by_words, _by_meaning(question, limit)])
    rows: Mapping[int, Quote] = queries.quotes(columns).select_related(None).in_bulk(found)
    return [_passage(rows[id]) for id in found if id in rows][:limit]


def _by_meaning(question: str, limit: int) -> list[int]:
    model = meaning()
    asked = model.known(question) if model else None
    if asked is None:
        return []
    near = vectors.nearest(asked.space, asked.vector, limit)
    return [each.quote_id for each in near if asked.nearness(each.cosine) >= LEAST_NEARNESS]


def fused(rankings: Sequence[Sequence[int]]) -> list[int]:
    """One ranking of several: what stands high in any, and higher what stands in more of them.

    Reciprocal rank fusion (Cormack, Clarke and Buettcher, 2009): scores of different kinds need not be comparable.
    """
    scores: defaultdict[int, float] = defaultdict(float)
    for ranking in rankings:
        for rank, id in enumerate(ranking, start=1):
            scores[id] += 1 / (_RANK_DAMPING + rank)
    return [id for id, _score in sorted(scores.items(), key=lambda pair: (-pair[1], pair[0]))]


def _passage(quote: Quote) -> Passage:
    return Passage(
        kind="quote",
        id=str(quote.id),
        text=quote.content,
        speaker=quote.speaker,
        work=quote.source,
        language=quote.language,
        url=f"/quotes/{quote.id}",
    )

"""Reads of the board, for the interfaces and for `actions`; each is a fixed number of statements."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from django.db.models import F, QuerySet, TextField, Value
from django.db.models.functions import Cast, Concat, StrIndex

from tertulia.accounts.models import User
from tertulia.providers.lexical import terms
from tertulia.quotes import index, wording
from tertulia.quotes.models import Quote, QuoteReport, WordRule

# What a search of the board lists at most.
MAX_FOUND = 100
# Two lines with this share of terms in common are probably one (Jaccard).
LEAST_SIMILARITY = 0.6
MAX_SIMILAR = 5


def quotes(columns: Mapping[str, Any] | None = None) -> QuerySet[Quote]:
    """All quotes, or those with these values of columns such as is_apply, user_id, speaker, newest first."""
    return Quote.objects.filter(**(columns or {})).select_related("user").defer("terms").order_by("-id")


def found(text: str, columns: Mapping[str, Any]) -> QuerySet[Quote]:
    """The at most MAX_FOUND quotes that fit `text`, best first."""
    wanted = terms(text)
    if character := wording.lone_character(wanted):
        hits = index.holding(character, columns=columns, limit=MAX_FOUND)
    else:
        hits = index.search(wanted, columns=columns, limit=MAX_FOUND)
    return in_order([hit.id for hit in hits])


def listed(text: str, columns: Mapping[str, Any]) -> QuerySet[Quote]:
    """What a list shows: what fits `text`, best first, or without a text everything, newest first."""
    if not text:
        return quotes(columns)
    ids = {name: columns[name] for name in ("id__in",) if name in columns}
    return found(text, {name: value for name, value in columns.items() if name not in ids}).filter(**ids)


def in_order(ids: Sequence[int]) -> QuerySet[Quote]:
    """These quotes, in the order in which their ids are given."""
    listed = Value(f",{','.join(map(str, ids))},")
    one = Concat(Value(","), Cast("id", TextField()), Value(","), output_field=TextField())
    return quotes({"id__in": ids}).order_by(StrIndex(listed, one))


def similar(content: str, but: int | None = None) -> list[Quote]:
    """Quotes, applied or not, whose own words are nearly those of `content`, nearest first; without the one `but`."""
    wanted = terms(content).keys()
    hits = index.search(wanted, columns={}, limit=4 * MAX_SIMILAR)
    near = quotes({"id__in": [hit.id for hit in hits if hit.id != but]})
    scored = [(wording.similarity(wanted, terms(quote.content).keys()), quote) for quote in near]
    scored.sort(key=lambda pair: (-pair[0], pair[1].id))
    return [quote for score, quote in scored if score >= LEAST_SIMILARITY][:MAX_SIMILAR]


def with_digests(digests: Collection[str]) -> dict[str, int]:
    """The ids of the quotes that are there already, by digest."""
    return dict(Quote.objects.filter(digest__in=digests).values_list("digest", "id"))


def refused_words() -> list[str]:
    """What members' proposals may not hold."""
    return list(WordRule.objects.order_by("id").values_list("pattern", flat=True))


def open_proposals(user: User) -> int:
    """How many lines of the user wait for staff or were returned."""
    return Quote.objects.filter(user=user, is_apply=False).count()


def queue() -> QuerySet[Quote]:
    """What staff have yet to decide, oldest first."""
    return quotes({"is_apply": False, "returned_reason": ""}).order_by("id")


def proposers(ids: Collection[int]) -> dict[int, str]:
    """The nicknames of those who proposed these quotes, by the quote's id; nobody for an account that is gone."""
    named = Quote.objects.filter(id__in=ids, user__isnull=False)
    return dict(named.values_list("id", "user__nickname"))


def news(user: User) -> QuerySet[Quote]:
    """The user's quotes that staff decided on since the user last looked (`actions.see_news`)."""
    return quotes({"user_id": user.pk, "has_news": True})


def open_reports_of(quote: Quote) -> list[QuoteReport]:
    """Objections to one line that staff have not answered, oldest first."""
    return list(open_reports().filter(quote=quote))


def open_reports() -> QuerySet[QuoteReport]:
    """Objections that staff have not answered, oldest first."""
    waiting = QuoteReport.objects.filter(closed_at__isnull=True)
    return waiting.select_related("quote", "quote__user", "user").order_by("id")


def works(limit: int = 100) -> list[str]:
    """The works of applied quotes by name, for a list to choose from."""
    named = Quote.objects.filter(is_apply=True).exclude(source="")
    return list(named.order_by("source").values_list(F("source"), flat=True).distinct()[:limit])

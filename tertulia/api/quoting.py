"""How quotes look on the wire: the shapes of /quote, and the functions that fill them; `quotes` calls these."""

from collections.abc import Mapping, Sequence
from typing import Literal, TypedDict

from django.http import HttpRequest

from tertulia.accounts.gate import Identity
from tertulia.api.outputs import Instant, LinkOutput, instant
from tertulia.api.paging import Link
from tertulia.quotes.access import Quote, QuoteReport
from tertulia.quotes.importing import Outcome, Status

Fate = Literal["applied", "withdrawn", "unchanged", "unknown"]


class QuoteLinkOutput(TypedDict):
    rel: Literal["self", "patch", "delete"]
    href: str
    method: Literal["GET", "PUT", "DELETE"]


class QuoteOutput(TypedDict):
    id: int
    user: str | None
    proposer: str | None
    content: str
    source: str
    speaker: str
    mood: str
    language: str
    is_apply: bool
    returned_reason: str | None
    created_at: Instant
    updated_at: Instant
    applied_at: Instant | None
    links: list[QuoteLinkOutput]


class SimilarOutput(TypedDict):
    id: int
    content: str
    is_apply: bool
    href: str


class CreatedQuoteOutput(QuoteOutput):
    similar: list[SimilarOutput]


class SimilarListOutput(TypedDict):
    results: list[SimilarOutput]


class NewsOutput(TypedDict):
    results: list[QuoteOutput]


class QuotePage(TypedDict):
    count: int
    results: list[QuoteOutput]
    links: list[LinkOutput]


class DecisionOutput(TypedDict):
    id: int
    status: Fate


class DecisionsOutput(TypedDict):
    results: list[DecisionOutput]


class ReportOutput(TypedDict):
    reason: str
    created_at: Instant


class OpenReportOutput(ReportOutput):
    id: int
    reporter: str
    quote: QuoteOutput


class ReportPage(TypedDict):
    count: int
    results: list[OpenReportOutput]
    links: list[LinkOutput]


class ImportedLineOutput(TypedDict):
    line: int
    status: Status
    id: int | None
    errors: dict[str, list[str]]


class ImportOutput(TypedDict):
    created: int
    duplicate: int
    invalid: int
    results: list[ImportedLineOutput]


def quote_output(request: HttpRequest, identity: Identity, quote: Quote) -> QuoteOutput:
    is_mine = quote.user_id == identity.user.pk
    return {
        "id": quote.id,
        "user": _name(quote, is_mine),
        "proposer": quote.user.nickname if quote.user else None,
        "content": quote.content,
        "source": quote.source,
        "speaker": quote.speaker,
        "mood": quote.mood,
        "language": quote.language,
        "is_apply": quote.is_apply,
        "returned_reason": quote.returned_reason or None if is_mine or identity.user.is_staff else None,
        "created_at": instant(quote.created_at),
        "updated_at": instant(quote.updated_at),
        "applied_at": instant(quote.applied_at) if quote.applied_at else None,
        "links": _links(address_of(request, quote), quote, is_mine, identity.user.is_staff),
    }


def _name(quote: Quote, is_mine: bool) -> str | None:
    """One's own e-mail address, as everywhere; of others the nickname: an address is for its owner only."""
    if quote.user is None:
        return None
    return quote.user.address if is_mine else quote.user.nickname


def _links(address: str, quote: Quote, is_mine: bool, is_staff: bool) -> list[QuoteLinkOutput]:
    """What the asker may do with it."""
    may_edit = is_mine and not quote.is_apply
    links: list[QuoteLinkOutput] = [{"rel": "self", "href": address, "method": "GET"}]
    if may_edit or is_staff:
        links.append({"rel": "patch", "href": address, "method": "PUT"})
    if may_edit:
        links.append({"rel": "delete", "href": address, "method": "DELETE"})
    return links


def similar_output(request: HttpRequest, quote: Quote) -> SimilarOutput:
    return {
        "id": quote.id,
        "content": quote.content,
        "is_apply": quote.is_apply,
        "href": address_of(request, quote),
    }


def address_of(request: HttpRequest, quote: Quote) -> str:
    return request.build_absolute_uri(f"/quote/{quote.id}")


def decisions_output(ids: Sequence[int], changed: Mapping[int, bool], is_apply: bool) -> DecisionsOutput:
    """What became of each of the lines that staff named; `changed` has the known ones."""
    return {"results": [{"id": id, "status": _fate(changed.get(id), is_apply)} for id in ids]}


def _fate(changed: bool | None, is_apply: bool) -> Fate:
    if changed is None:
        return "unknown"
    if not changed:
        return "unchanged"
    return "applied" if is_apply else "withdrawn"


def report_output(report: QuoteReport) -> ReportOutput:
    return {"reason": report.reason, "created_at": instant(report.created_at)}


def open_report_output(request: HttpRequest, identity: Identity, report: QuoteReport) -> OpenReportOutput:
    return {
        **report_output(report),
        "id": report.id,
        "reporter": report.user.nickname,
        "quote": quote_output(request, identity, report.quote),
    }


def links_output(links: Sequence[Link]) -> list[LinkOutput]:
    return [{"rel": link.rel, "method": "GET", "link": link.url} for link in links]  # type: ignore[typeddict-item]


def import_output(outcomes: Sequence[Outcome]) -> ImportOutput:
    return {
        "created": _count(outcomes, "created"),
        "duplicate": _count(outcomes, "duplicate"),
        "invalid": _count(outcomes, "invalid"),
        "results": [_line_output(outcome) for outcome in outcomes],
    }


def _count(outcomes: Sequence[Outcome], status: Status) -> int:
    return sum(outcome.status == status for outcome in outcomes)


def _line_output(outcome: Outcome) -> ImportedLineOutput:
    errors = {name: [str(text) for text in texts] for name, texts in (outcome.errors or {}).items()}
    return {"line": outcome.line, "status": outcome.status, "id": outcome.id, "errors": errors}

"""/quote: the board of lines that members propose and staff apply."""

from collections.abc import Mapping
from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.api.describing import FORMS, NUMBERED, problems, query, shape
from tertulia.api.endpoint import Endpoint, identity_of
from tertulia.api.inputs import StrictSerializer
from tertulia.api.paging import numbered
from tertulia.api.parsing import read_fields
from tertulia.api.quoting import (
    CreatedQuoteOutput,
    DecisionsOutput,
    ImportOutput,
    NewsOutput,
    QuoteOutput,
    QuotePage,
    ReportOutput,
    ReportPage,
    SimilarListOutput,
    address_of,
    decisions_output,
    import_output,
    links_output,
    open_report_output,
    quote_output,
    report_output,
    similar_output,
)
from tertulia.core.errors import InvalidInput, NotFound, UnsupportedMediaType
from tertulia.providers.language import LANGUAGES
from tertulia.quotes import access, actions, narrowing, queries, validation
from tertulia.quotes.access import Quote
from tertulia.quotes.importing import import_lines, read_lines

MAX_BULK = 500
_MAX_ID = 2**63 - 1


def _text(**options: Any) -> serializers.CharField:
    """As it was typed; the actions clean it and know its limits."""
    return serializers.CharField(trim_whitespace=False, allow_blank=True, **options)


class ProposalInput(StrictSerializer):
    content = _text()
    # A field of its own: the metaclass takes it out of the class.
    source = _text(required=False, allow_null=True)  # type: ignore[assignment]
    speaker = _text(required=False, allow_null=True)
    mood = _text(required=False, allow_null=True)
    language = _text(required=False, allow_null=True)
    is_apply = serializers.BooleanField(required=False)


class ChangeInput(ProposalInput):
    content = _text(required=False)
    returned_reason = _text(required=False, allow_null=True)


class ReportInput(StrictSerializer):
    reason = _text()


class SimilarInput(StrictSerializer):
    content = _text()


class DecisionInput(StrictSerializer):
    ids = serializers.ListField(
        child=serializers.IntegerField(min_value=1, max_value=_MAX_ID), max_length=MAX_BULK
    )
    is_apply = serializers.BooleanField(default=True)


# --- Views ----------------------------------------------------------------------------------------------------------

# A form that leaves a filter open sends it empty.
_YES_NO_OR_EMPTY = {"type": "string", "enum": ["true", "false", ""]}
_FILTERS = [
    query("applied", _YES_NO_OR_EMPTY, "Only lines that staff applied, or only those that they did not."),
    query("mine", _YES_NO_OR_EMPTY, "With true, only one's own."),
    query("speaker", str, "Only lines of this speaker."),
    query("source", str, "Only lines of this work."),
    query("language", str, f"Only lines of this language: {', '.join(LANGUAGES)}."),
    query("ids", str, f"Only these lines: at most {narrowing.MAX_IDS} ids, with commas."),
    query("q", str, f"Words to search for; the best {queries.MAX_FOUND} lines, best first."),
]


class QuotesView(Endpoint):
    @extend_schema(parameters=[*NUMBERED, *_FILTERS], responses={200: shape(QuotePage), **problems(400, 404)})
    def get(self, request: Request) -> Response:
        """The board, newest first, by numbered pages; the Link header (RFC 8288) names the neighbours."""
        identity = identity_of(request)
        given = request._request.GET
        columns = narrowing.columns(given, identity.user.pk)
        page = numbered(request._request, queries.listed(narrowing.words(given, "q"), columns))
        body: QuotePage = {
            "count": page.total,
            "results": [quote_output(request._request, identity, quote) for quote in page.rows],
            "links": links_output(page.links),
        }
        return Response(body, headers={"Link": page.header()})

    @extend_schema(
        request=dict.fromkeys(FORMS, ProposalInput),
        responses={201: shape(CreatedQuoteOutput), **problems(400, 403, 409, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """Propose a line. The same line again is a conflict that names it; nearly the same ones are listed."""
        identity = identity_of(request)
        given = ProposalInput.validated(read_fields(request._request))
        is_apply = given.pop("is_apply", None)
        quote = actions.propose_quote(user=identity.user, words=_texts(given), is_apply=is_apply)
        body: CreatedQuoteOutput = {
            **quote_output(request._request, identity, quote),
            "similar": [
                similar_output(request._request, each) for each in queries.similar(quote.content, quote.id)
            ],
        }
        return Response(body, status=201, headers={"Location": address_of(request._request, quote)})


class QuoteView(Endpoint):
    @extend_schema(responses={200: shape(QuoteOutput), **problems(404)})
    def get(self, request: Request, quote_id: str) -> Response:
        """One line."""
        return Response(quote_output(request._request, identity_of(request), _found(quote_id)))

    @extend_schema(
        request=ChangeInput,
        responses={201: OpenApiTypes.OBJECT, **problems(400, 403, 404, 409, 413, 415)},
    )
    def put(self, request: Request, quote_id: str) -> Response:
        """Change any subset: the words as the author until it is applied, `is_apply` and `returned_reason` as staff."""
        quote = _found(quote_id)
        changes = _texts(ChangeInput.validated(request.data))
        actions.update_quote(user=identity_of(request).user, quote=quote, changes=changes)
        return Response({}, status=201)

    @extend_schema(responses={204: None, **problems(403, 404, 409)})
    def delete(self, request: Request, quote_id: str) -> Response:
        """Take back one's own line, until it is applied."""
        actions.delete_quote(user=identity_of(request).user, quote=_found(quote_id))
        return Response(status=204)


class SimilarView(Endpoint):
    @extend_schema(request=SimilarInput, responses={200: shape(SimilarListOutput), **problems(400)})
    def post(self, request: Request) -> Response:
        """Lines that say nearly the same, whatever their state: to be asked before one proposes."""
        identity_of(request)
        content = validation.cleaned(SimilarInput.validated(request.data))["content"]
        similar = [similar_output(request._request, quote) for quote in queries.similar(content)]
        return Response({"results": similar})


class NewsView(Endpoint):
    @extend_schema(responses={200: shape(NewsOutput)})
    def get(self, request: Request) -> Response:
        """One's own lines that staff applied, returned or withdrew since one last looked, newest first."""
        identity = identity_of(request)
        rows = queries.news(identity.user)[:MAX_BULK]
        return Response({"results": [quote_output(request._request, identity, quote) for quote in rows]})

    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Say that one has seen them."""
        actions.see_news(user=identity_of(request).user)
        return Response(status=204)


class ReportsView(Endpoint):
    @extend_schema(parameters=NUMBERED, responses={200: shape(ReportPage), **problems(400, 403, 404)})
    def get(self, request: Request) -> Response:
        """Reports that wait for an answer, oldest first; for staff."""
        identity = identity_of(request)
        actions.require_staff(identity.user)
        page = numbered(request._request, queries.open_reports())
        body: ReportPage = {
            "count": page.total,
            "results": [open_report_output(request._request, identity, report) for report in page.rows],
            "links": links_output(page.links),
        }
        return Response(body, headers={"Link": page.header()})


class ReportView(Endpoint):
    @extend_schema(request=ReportInput, responses={201: shape(ReportOutput), **problems(400, 404)})
    def post(self, request: Request, quote_id: str) -> Response:
        """Tell the staff that a line is unfit; told again, the new reason replaces the old one."""
        quote = _found(quote_id)
        reason = ReportInput.validated(request.data)["reason"]
        report = actions.report_quote(user=identity_of(request).user, quote=quote, reason=reason)
        return Response(report_output(report), status=201)

    @extend_schema(responses={204: None, **problems(403, 404)})
    def delete(self, request: Request, quote_id: str) -> Response:
        """Close the reports of a line: they have been answered; for staff."""
        actions.close_reports(user=identity_of(request).user, quote=_found(quote_id))
        return Response(status=204)


class DecisionsView(Endpoint):
    @extend_schema(request=DecisionInput, responses={200: shape(DecisionsOutput), **problems(400, 403)})
    def post(self, request: Request) -> Response:
        """Apply many lines at once, or with `is_apply` false withdraw them; for staff."""
        given = DecisionInput.validated(request.data)
        ids, is_apply = list(dict.fromkeys(given["ids"])), given["is_apply"]
        changed = actions.decide_quotes(user=identity_of(request).user, ids=ids, is_apply=is_apply)
        return Response(decisions_output(ids, changed, is_apply))


class ImportView(Endpoint):
    @extend_schema(
        request={
            "multipart/form-data": {
                "type": "object",
                "required": ["file"],
                "properties": {
                    "file": {"type": "string", "format": "binary"},
                    "apply": {"type": "string", "enum": ["true", "false"]},
                },
            }
        },
        responses={200: shape(ImportOutput), **problems(400, 403, 413, 415)},
    )
    def post(self, request: Request) -> Response:
        """Import lines from a .csv or .jsonl file, for staff; the answer tells of each what became of it."""
        user = identity_of(request).user
        actions.require_staff(user)
        file, is_apply = _upload(request._request)
        lines = read_lines(file.name or "", file.read())
        outcomes = list(import_lines(user=user, lines=lines, is_apply=is_apply))
        return Response(import_output(outcomes))


# --- Reading --------------------------------------------------------------------------------------------------------


def _found(quote_id: str) -> Quote:
    """The quote that a path names by the canonical spelling of its number; NotFound."""
    number = narrowing.quote_id(quote_id)
    if number is None:
        raise NotFound
    return access.quote_by_id(number)


def _texts(given: Mapping[str, Any]) -> dict[str, Any]:
    """A null text is an empty one."""
    return {name: "" if value is None else value for name, value in given.items()}


def _upload(request: HttpRequest) -> "tuple[UploadedFile[bytes], bool]":
    """The file of a form, and whether its lines are applied at once."""
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType(_("Send multipart/form-data with the field “file”."))
    unknown = [*(set(request.POST) - {"apply"}), *(set(request.FILES) - {"file"})]
    if unknown:
        raise InvalidInput.field(unknown[0][:60], _("This field is not known here."))
    file, apply = request.FILES.get("file"), request.POST.get("apply", "false")
    if file is None:
        raise InvalidInput.field("file", _("A file is expected."))
    if apply not in ("true", "false"):
        raise InvalidInput.field("apply", _("true or false is expected."))
    return file, apply == "true"

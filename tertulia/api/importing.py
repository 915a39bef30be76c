"""POST /api/import: conversations from elsewhere, or from one's own export, as one's own."""

from typing import TYPE_CHECKING, TypedDict

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema

from tertulia.accounts import gate
from tertulia.accounts.queries import User
from tertulia.api.describing import problems, shape
from tertulia.api.endpoint import Endpoint, json_answer
from tertulia.api.outputs import Id
from tertulia.api.uploads import ONLY_FILE, only_file
from tertulia.chat.importing.outcomes import Kind, Outcome, Report, Status
from tertulia.chat.importing.running import MAX_UPLOAD, imported
from tertulia.chat.importing.shape import Note
from tertulia.core.db import in_db
from tertulia.core.errors import UnsupportedMediaType

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile  # a generic in the stubs only


class ImportedOutput(TypedDict):
    kind: Kind
    status: Status
    title: str
    id: Id | None
    messages: int
    notes: dict[Note, int]
    reason: str | None


class ImportReportOutput(TypedDict):
    imported: int
    continued: int
    present: int
    skipped: int
    messages: int
    results: list[ImportedOutput]


class ConversationImportView(Endpoint):
    @extend_schema(
        request=ONLY_FILE,
        responses={200: shape(ImportReportOutput), **problems(400, 413, 415)},
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """Bring in an export of Tertulia, ChatGPT, Claude or Open WebUI, or a chat of SillyTavern: JSON, JSONL or zip.

        The answer tells of each thing what became of it. What is here already stays as it is.
        """
        user, file = await in_db(_begin, request)
        return json_answer(await in_db(_report_output, await imported(user, file)))


def _begin(request: HttpRequest) -> "tuple[User, UploadedFile[bytes]]":
    user = gate.require(request).user
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType(_("Send multipart/form-data with the field “file”."))
    return user, only_file(request.POST, request.FILES, MAX_UPLOAD)


def _report_output(report: Report) -> ImportReportOutput:
    return {
        "imported": report.count("imported"),
        "continued": report.count("continued"),
        "present": report.count("present"),
        "skipped": report.count("skipped"),
        "messages": report.messages,
        "results": [_outcome_output(outcome) for outcome in report.outcomes],
    }


def _outcome_output(outcome: Outcome) -> ImportedOutput:
    return {
        "kind": outcome.kind,
        "status": outcome.status,
        "title": outcome.title,
        "id": str(outcome.id) if outcome.id else None,
        "messages": outcome.messages,
        "notes": dict(outcome.notes),
        "reason": str(outcome.reason) or None,
    }

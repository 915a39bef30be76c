"""/api/transcriptions: a recording written down. The recording itself is not kept."""

from pathlib import PurePath
from typing import TYPE_CHECKING, Any, TypedDict

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from tertulia.api import voicing
from tertulia.api.describing import problems, shape
from tertulia.api.endpoint import Endpoint, json_answer
from tertulia.api.inputs import StrictSerializer
from tertulia.api.speech import LANGUAGE
from tertulia.core.errors import InvalidInput, TooLarge, UnsupportedMediaType
from tertulia.providers.language import detect_language
from tertulia.speech.base import Recording, Transcript
from tertulia.speech.errors import no_recogniser

if TYPE_CHECKING:
    from django.core.files.uploadedfile import UploadedFile  # a generic in the stubs only

_SUFFIXES = frozenset({".wav", ".mp3", ".webm", ".ogg", ".oga", ".m4a", ".mp4", ".flac", ".mpga", ".mpeg"})
_MEGABYTE = 1_048_576


class TranscriptOutput(TypedDict):
    """`duration` in seconds, null where nothing could measure it. An empty text is silence."""

    text: str
    language: str
    duration: float | None


class TranscriptionInput(StrictSerializer):
    file = serializers.FileField()
    language = serializers.RegexField(f"^{LANGUAGE}$", required=False)


class TranscriptionsView(Endpoint):
    key_scope = "speech"

    @extend_schema(
        request={"multipart/form-data": TranscriptionInput},
        responses={200: shape(TranscriptOutput), **problems(400, 413, 415, 429, 501, 502, 503, 504)},
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """What is said in a recording: wav, mp3, webm, ogg, m4a or flac. Without a language, the engine decides."""
        charged, recording = await voicing.admitted(request, read_transcription)
        transcript = await voicing.written_down(charged, recording)
        return json_answer(transcript_output(transcript), headers=charged.headers)


def transcript_output(transcript: Transcript) -> TranscriptOutput:
    duration = None if transcript.duration is None else round(transcript.duration, 3)
    language = transcript.language or detect_language(transcript.text, "en")
    return {"text": transcript.text, "language": language, "duration": duration}


def read_transcription(request: HttpRequest, *ignored: str) -> Recording:
    """The recording of a multipart body. Raises InvalidInput and TooLarge naming the field.

    Of other fields only `ignored` may come along.
    """
    fields, file = read_form(request, ignored)
    language = TranscriptionInput.validated(fields, partial=True).get("language")
    ear = voicing.required_ear()
    if not ear.understands(language):
        with voicing.told():
            raise no_recogniser(language or "")
    return Recording(file.read(), _name(file), language)


def read_form(
    request: HttpRequest, ignored: tuple[str, ...] = ()
) -> tuple[dict[str, Any], "UploadedFile[bytes]"]:
    """The text fields and the one file of a multipart body."""
    if request.content_type != "multipart/form-data":
        raise UnsupportedMediaType(_("Send multipart/form-data with a field “file”."))
    files = request.FILES.getlist("file")
    stray = next((name for name in request.FILES if name != "file"), None)
    if stray is not None or len(files) != 1:
        raise InvalidInput.field((stray or "file")[:80], _("One file is expected, in the field “file”."))
    limit = settings.TERTULIA_TRANSCRIPTION_MEGABYTES
    if (files[0].size or 0) > limit * _MEGABYTE:
        sentence = _("A recording may have at most %(limit)d megabytes.") % {"limit": limit}
        raise TooLarge(sentence, errors={"file": [sentence]})
    return {name: value for name, value in request.POST.items() if name not in ignored}, files[0]


def _name(file: "UploadedFile[bytes]") -> str:
    """A name that tells no more than the kind; some servers go by it."""
    suffix = PurePath(file.name or "").suffix.lower()
    return f"recording{suffix if suffix in _SUFFIXES else '.webm'}"

"""/v1/audio/transcriptions: a recording written down, as OpenAI's API does it."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from tertulia.api import voicing
from tertulia.api.endpoint import json_answer
from tertulia.api.openai.errors import FacadeEndpoint
from tertulia.api.openai.speech import require_model
from tertulia.api.parameters import MAX_MODEL_NAME
from tertulia.api.transcriptions import TranscriptionInput, read_transcription, transcript_output
from tertulia.speech.base import Recording

USUAL_MODELS = ("whisper-1", "gpt-4o-transcribe", "gpt-4o-mini-transcribe")
# Fields of the original that change nothing here: the prompt is a hint, the temperature a matter of the engine.
HARMLESS = ("prompt", "temperature")


class FacadeTranscriptionInput(TranscriptionInput):
    model = serializers.CharField(max_length=MAX_MODEL_NAME)
    response_format = serializers.ChoiceField(["json", "text", "verbose_json"], required=False)


class FacadeTranscriptionsView(FacadeEndpoint):
    key_scope = "speech"
    further_refusals = (404, 501, 502, 504)

    @extend_schema(
        request={"multipart/form-data": FacadeTranscriptionInput},
        responses={200: OpenApiTypes.OBJECT, (200, "text/plain"): OpenApiTypes.STR},
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """What is said in a recording, as json, text or verbose_json without segments."""
        charged, (recording, form) = await voicing.admitted(request, _read)
        heard = transcript_output(await voicing.written_down(charged, recording))
        if form == "text":
            return HttpResponse(
                heard["text"] + "\n", content_type="text/plain; charset=utf-8", headers=charged.headers
            )
        if form == "json":
            return json_answer({"text": heard["text"]}, headers=charged.headers)
        whole = {"task": "transcribe", "segments": [], **heard}
        return json_answer(whole, headers=charged.headers)


def _read(request: HttpRequest) -> tuple[Recording, str]:
    ignored = (*HARMLESS, "model", "response_format")
    recording = read_transcription(request, *ignored)
    given: dict[str, Any] = FacadeTranscriptionInput.validated(
        {name: request.POST[name] for name in ("model", "response_format") if name in request.POST},
        partial=True,
    )
    require_model(given.get("model", ""), voicing.required_ear().model, USUAL_MODELS)
    return recording, given.get("response_format", "json")

"""/v1/audio/speech: a text read aloud, as OpenAI's API does it."""

from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers

from tertulia.api import voicing
from tertulia.api.inputs import StrictSerializer
from tertulia.api.openai.errors import FacadeEndpoint, ModelNotFound
from tertulia.api.parameters import MAX_MODEL_NAME
from tertulia.api.parsing import read_json
from tertulia.api.speech import MAX_VOICE, SPOKEN, checked_text
from tertulia.providers.language import detect_language
from tertulia.speech.base import FASTEST, FORMATS, SLOWEST, Utterance

# Names that clients send without having asked what there is: the one voice answers to them.
USUAL_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")


class FacadeSpeechInput(StrictSerializer):
    model = serializers.CharField(max_length=MAX_MODEL_NAME)
    input = serializers.CharField(trim_whitespace=False)
    voice = serializers.CharField(max_length=MAX_VOICE, required=False, allow_blank=True)
    response_format = serializers.ChoiceField(FORMATS, required=False)
    speed = serializers.FloatField(min_value=SLOWEST, max_value=FASTEST, required=False)
    instructions = serializers.CharField(required=False, allow_blank=True)
    stream_format = serializers.ChoiceField(["audio"], required=False)


class FacadeSpeechView(FacadeEndpoint):
    key_scope = "speech"
    further_refusals = (404, 501, 502, 504)

    @extend_schema(request=FacadeSpeechInput, responses=SPOKEN)
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """A text read aloud in mp3, wav or opus, streamed."""
        charged, utterance = await voicing.admitted(request, _read)
        return await voicing.spoken(charged, utterance)


def require_model(name: str, own: str, usual: tuple[str, ...]) -> None:
    """Raises ModelNotFound for a name that is neither the engine's nor one of the usual ones."""
    if name not in (own, *usual):
        text = _("There is no such model here; this one is: %(model)s.") % {"model": own}
        raise ModelNotFound(text, errors={"model": [text]})


def _read(request: HttpRequest) -> Utterance:
    given: dict[str, Any] = FacadeSpeechInput.validated(read_json(request))
    text = checked_text(given["input"])
    require_model(given["model"], voicing.required_voice().model, USUAL_MODELS)
    chosen = voicing.any_of(given, "voice", "speed")
    language = detect_language(text, request.LANGUAGE_CODE)
    return Utterance(text, language=language, format=given.get("response_format") or "mp3", **chosen)

"""/api/speech: a text read aloud; /api/messages/<id>/speech: an answer, also part by part, while it is written."""

import hashlib
from collections import OrderedDict
from collections.abc import AsyncGenerator
from functools import partial
from typing import Any
from uuid import UUID, uuid5

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import serializers

from tertulia.accounts import gate
from tertulia.accounts.gate import Identity
from tertulia.accounts.watching import Permit, watch
from tertulia.api import voicing
from tertulia.api.describing import problems
from tertulia.api.endpoint import Endpoint, id_from
from tertulia.api.inputs import StrictSerializer
from tertulia.api.parsing import read_json
from tertulia.chat import reading
from tertulia.chat.reading import Reading
from tertulia.core.db import in_db
from tertulia.core.errors import InvalidInput, NotFound, TooLarge
from tertulia.providers.language import detect_language
from tertulia.speech.base import CONTENT_TYPES, FASTEST, FORMATS, SLOWEST, Utterance

MAX_VOICE = 80
LANGUAGE = r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}"
# More parts than the longest answer has.
MAX_PART = 9_999
# So often one unit of the quota pays for the same part; beyond that somebody plays a game with the operator's money.
TIMES_PER_UNIT = 3
_REMEMBERED = 10_000

AUDIO = OpenApiResponse(OpenApiTypes.BINARY, "The audio as it is made: mp3, wav, or opus in Ogg.")
# The answer to a text in the format that was asked for.
SPOKEN = {(200, content_type): AUDIO for content_type in CONTENT_TYPES.values()}


def checked_text(text: str) -> str:
    """The text, when there is something to say in it. Raises InvalidInput, TooLarge naming the limit."""
    limit = settings.TERTULIA_SPEECH_CHARACTERS
    if not text.strip():
        raise InvalidInput.field("input", _("There is nothing to say."))
    if len(text) > limit:
        sentence = _("At most %(limit)d characters are read at a time.") % {"limit": limit}
        raise TooLarge(sentence, errors={"input": [sentence]})
    return text


class SpeechInput(StrictSerializer):
    input = serializers.CharField(trim_whitespace=False)
    voice = serializers.CharField(max_length=MAX_VOICE, required=False, allow_blank=True)
    language = serializers.RegexField(f"^{LANGUAGE}$", required=False)
    format = serializers.ChoiceField(FORMATS, required=False)
    speed = serializers.FloatField(min_value=SLOWEST, max_value=FASTEST, required=False)


class SpeechView(Endpoint):
    key_scope = "speech"

    @extend_schema(
        request=SpeechInput,
        responses={**SPOKEN, **problems(400, 413, 429, 501, 502, 503, 504)},
    )
    async def post(self, request: HttpRequest) -> HttpResponseBase:
        """A text read aloud, streamed. Without a language, that of the text."""
        charged, utterance = await voicing.admitted(request, _read)
        return await voicing.spoken(charged, utterance)


def _read(request: HttpRequest) -> Utterance:
    given = SpeechInput.validated(read_json(request))
    text = checked_text(given["input"])
    voicing.required_voice()
    language = given.get("language") or detect_language(text, request.LANGUAGE_CODE)
    return Utterance(text, language=language, **voicing.any_of(given, "voice", "format", "speed"))


class MessageSpeechView(Endpoint):
    key_scope = "speech"

    @extend_schema(
        responses={
            (200, "audio/mpeg"): AUDIO,
            204: OpenApiResponse(None, "There is nothing in it to say."),
            **problems(401, 404, 429, 501, 502, 503, 504),
        }
    )
    async def get(self, request: HttpRequest, message_id: str) -> HttpResponseBase:
        """A whole message in its character's voice, from its first sentence on while the others are still written.

        What a page without a program links to. One unit, as for its parts.
        """
        identity, found = await in_db(_mine, request, message_id)
        permit = watch().permit(identity)
        first = await reading.part_of(found, 0, permit)
        if first is None:
            return HttpResponse(status=204)
        utterance = _utterance(found, first)
        key = _laps.key(found.message, 0, _etag(utterance))
        charged = await in_db(partial(voicing.charge, identity, key))
        return await voicing.spoken(charged, utterance, further=_further(found, permit))


async def _further(found: Reading, permit: Permit) -> AsyncGenerator[Utterance, None]:
    """What comes after the first part."""
    number = 1
    while said := await reading.part_of(found, number, permit):
        yield _utterance(found, said)
        number += 1


class PartSpeechView(Endpoint):
    key_scope = "speech"

    @extend_schema(
        responses={
            (200, "audio/mpeg"): AUDIO,
            204: OpenApiResponse(None, "The answer has no such part: everything was read."),
            304: OpenApiResponse(None, "The part that the client has is the same."),
            **problems(401, 404, 429, 501, 502, 503, 504),
        }
    )
    async def get(self, request: HttpRequest, message_id: str, part: str) -> HttpResponseBase:
        """Part `part` (from 0) of an answer in its character's voice; waits for one that is still being written.

        All parts of a message cost one unit together. A part may be kept by who heard it: its ETag changes when the
        voice does, and every use asks here first.
        """
        identity, found = await in_db(_mine, request, message_id)
        number = _number(part)
        said = await reading.part_of(found, number, watch().permit(identity))
        if said is None:
            return HttpResponse(status=204)
        utterance = _utterance(found, said)
        etag = _etag(utterance)
        headers = {"ETag": etag, "Cache-Control": "private, no-cache", "Vary": "Cookie, Authorization"}
        if etag in request.headers.get("If-None-Match", ""):
            return HttpResponse(status=304, headers=headers)
        charged = await in_db(partial(voicing.charge, identity, _laps.key(found.message, number, etag)))
        return await voicing.spoken(charged, utterance, headers)


def _mine(request: HttpRequest, message_id: str) -> tuple[Identity, Reading]:
    identity = gate.require(request)
    found = reading.reading_of(identity.user, id_from(message_id))
    voicing.required_voice()
    return identity, found


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MAX_PART):
        raise NotFound
    return int(text)


def _utterance(found: Reading, said: reading.Part) -> Utterance:
    """The part in the character's voice; a name that was meant for another engine gives way to the usual one."""
    name = found.chosen.name if voicing.required_voice().accepts(found.chosen.name) else ""
    return Utterance(said.text, name, said.language, "mp3", found.chosen.speed)


def _etag(utterance: Utterance) -> str:
    voice = voicing.required_voice()
    facts: tuple[Any, ...] = (voice.name, voice.model, utterance)
    return f'"{hashlib.sha256(repr(facts).encode()).hexdigest()[:32]}"'


class _Laps:
    """How often each part was made lately, so that one unit does not pay for the same part for ever."""

    def __init__(self) -> None:
        self._made: OrderedDict[tuple[UUID, int, str], int] = OrderedDict()

    def key(self, message: UUID, number: int, etag: str) -> UUID:
        """What the unit of this making stands for: the message, and how many units its parts have used up."""
        made = self._made.pop((message, number, etag), 0)
        self._made[message, number, etag] = made + 1
        if len(self._made) > _REMEMBERED:
            self._made.popitem(last=False)
        return uuid5(message, f"read aloud {made // TIMES_PER_UNIT}")


_laps = _Laps()

"""/api/characters: the gallery, one's own characters, their pictures, and card files in and out."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, TypedDict
from urllib.parse import urlencode
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.utils.http import content_disposition_header
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.api.describing import BY_CURSOR, problems, query, shape
from tertulia.api.endpoint import Endpoint, identity_of, parse_id
from tertulia.api.inputs import StrictSerializer
from tertulia.api.outputs import Id, Instant, instant
from tertulia.api.paging import IDS, Slice, sliced
from tertulia.api.parameters import ParametersInput
from tertulia.api.parsing import read_json
from tertulia.characters import access, actions, cards, carriers, exchange, files, pictures, queries
from tertulia.characters.access import Character
from tertulia.core.errors import InvalidInput, NotFound, TooLarge

MAX_WORDS = 200
# The version stands in the address, so a browser may keep the picture.
_PICTURE_CACHING = "private, max-age=86400"
_SLUG = re.compile(r"[-\w]{1,120}")
_VISIBILITIES = ("private", "unlisted", "public")
_FORMATS = ("json", "png", "apng", "charx")
_OLDER_NAMES = {"nombre": "name", "descripcion": "description"}
_UPLOAD = {
    "multipart/form-data": {
        "type": "object",
        "properties": {"file": {"type": "string", "format": "binary"}},
        "required": ["file"],
    }
}


# --- Shapes ---------------------------------------------------------------------------------------------------------


class CharacterOutput(TypedDict):
    id: Id
    slug: str
    name: str
    summary: str
    description: str
    personality: str
    scenario: str
    greeting: str
    example_dialogue: str
    visibility: str
    voice: str
    model: str
    parameters: dict[str, Any]
    tags: list[str]
    language: str
    hue: int
    picture: str | None
    owner: str | None
    mine: bool
    created_at: Instant
    updated_at: Instant


class CharacterDetail(CharacterOutput):
    nickname: str
    alternate_greetings: list[str]
    system_prompt: str
    post_history_instructions: str
    creator_notes: str
    creator: str
    character_version: str
    lorebook: dict[str, Any] | None
    extensions: dict[str, Any]


class CharacterPage(TypedDict):
    results: list[CharacterOutput]
    next: str | None
    previous: str | None


def character_output(character: Character, asker: UUID) -> CharacterOutput:
    """Without the heavy parts; starters speak the reader's language. `owner` is a nickname."""
    face = character.face(get_language() or "en")
    return {
        "id": str(character.id),
        "slug": character.slug,
        "name": face.name,
        "summary": face.summary,
        "description": character.description,
        "personality": character.personality,
        "scenario": character.scenario,
        "greeting": face.greeting,
        "example_dialogue": character.example_dialogue,
        "visibility": character.visibility,
        "voice": character.voice,
        "model": character.model,
        "parameters": character.parameters,
        "tags": character.tags,
        "language": character.language,
        "hue": character.hue,
        "picture": picture_address(character),
        "owner": character.owner.nickname if character.owner else None,
        "mine": character.owner_id == asker,
        "created_at": instant(character.created_at),
        "updated_at": instant(character.updated_at),
    }


def character_detail(character: Character, asker: UUID) -> CharacterDetail:
    return {
        **character_output(character, asker),
        "nickname": character.nickname,
        "alternate_greetings": character.alternate_greetings,
        "system_prompt": character.system_prompt,
        "post_history_instructions": character.post_history_instructions,
        "creator_notes": character.creator_notes,
        "creator": character.creator,
        "character_version": character.character_version,
        "lorebook": character.lorebook,
        "extensions": character.extensions,
    }


def picture_address(character: Character) -> str | None:
    """Where the picture is, with a mark that changes when it does; None without one."""
    name = character.picture.name
    if not name:
        return None
    mark = name.rpartition("/")[2][:8]
    return f"/api/characters/{character.id}/picture?v={mark}"


def _long(limit: int = cards.MAX_TEXT) -> serializers.CharField:
    return serializers.CharField(max_length=limit, required=False, allow_blank=True, trim_whitespace=False)


class CharacterInput(StrictSerializer):
    """All but `name` may be left out. `nombre` and `descripcion` are taken for `name` and `description`."""

    name = serializers.CharField(max_length=cards.MAX_NAME)
    nickname = _long(cards.MAX_NAME)
    summary = _long()
    description = _long()
    personality = _long()
    scenario = _long()
    greeting = _long()
    alternate_greetings = serializers.ListField(
        child=serializers.CharField(max_length=cards.MAX_TEXT, trim_whitespace=False, allow_blank=True),
        max_length=cards.MAX_GREETINGS,
        required=False,
    )
    example_dialogue = _long()
    system_prompt = _long()
    post_history_instructions = _long()
    creator_notes = _long(cards.MAX_NOTES)
    creator = _long(cards.MAX_LABEL)
    character_version = _long(cards.MAX_LABEL)
    visibility = serializers.ChoiceField(_VISIBILITIES, required=False)
    voice = _long()
    model = _long()
    parameters = ParametersInput(required=False)
    tags = serializers.ListField(
        child=serializers.CharField(max_length=cards.MAX_TAG), max_length=cards.MAX_TAGS, required=False
    )
    language = _long()
    hue = serializers.IntegerField(min_value=0, max_value=359, required=False)
    lorebook = serializers.DictField(required=False, allow_null=True)
    extensions = serializers.DictField(required=False)


# --- Views ----------------------------------------------------------------------------------------------------------


class CharactersView(Endpoint):
    @extend_schema(
        parameters=[
            *BY_CURSOR,
            query("q", str, "Words that must all occur in name, summary or tags."),
            query("tag", str, "A tag."),
            query("mine", bool, "Only one's own."),
        ],
        responses={200: shape(CharacterPage), **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """Public characters and one's own, newest first."""
        plain, user = request._request, identity_of(request).user
        rows = queries.characters(
            user, words=words_in(plain, "q"), tag=words_in(plain, "tag"), mine=_flag_in(plain, "mine")
        )
        page = sliced(plain, rows, [IDS], descending=True)
        return Response(page_body(plain, page, [character_output(row, user.pk) for row in page.rows]))

    @extend_schema(
        request=CharacterInput, responses={201: shape(CharacterDetail), **problems(400, 409, 413, 415)}
    )
    def post(self, request: Request) -> Response:
        """Make a character; it is private unless `visibility` says otherwise."""
        values = CharacterInput.validated(canonical(read_json(request._request), _OLDER_NAMES))
        return _created(request, actions.create_character(user=identity_of(request).user, values=values))


class CharacterView(Endpoint):
    @extend_schema(responses={200: shape(CharacterDetail), **problems(404)})
    def get(self, request: Request, reference: str) -> Response:
        """One character, by its id or its slug: one's own, or one that is not private."""
        user = identity_of(request).user
        return Response(character_detail(_character(request, reference), user.pk))

    @extend_schema(
        request=CharacterInput, responses={200: shape(CharacterDetail), **problems(400, 403, 404, 413, 415)}
    )
    def patch(self, request: Request, reference: str) -> Response:
        """Change a character of one's own, and with it all its instances."""
        character = _own(request, reference)
        given = canonical(read_json(request._request), _OLDER_NAMES)
        values = CharacterInput.validated(given, partial=True)
        changed = actions.update_character(character=character, values=values)
        return Response(character_detail(changed, identity_of(request).user.pk))

    @extend_schema(responses={204: None, **problems(403, 404)})
    def delete(self, request: Request, reference: str) -> Response:
        """Delete a character with one's instances of it. Other people's instances keep what they have."""
        actions.delete_character(character=_own(request, reference))
        return Response(status=204)


class CharacterCopyView(Endpoint):
    @extend_schema(request=None, responses={201: shape(CharacterDetail), **problems(404, 409)})
    def post(self, request: Request, reference: str) -> Response:
        """Make a private copy of a character, to change it."""
        copy = actions.duplicate_character(
            user=identity_of(request).user,
            character=_character(request, reference),
            language=get_language() or "en",
        )
        return _created(request, copy)


class CardImportView(Endpoint):
    parser_classes = (MultiPartParser,)

    @extend_schema(request=_UPLOAD, responses={201: shape(CharacterDetail), **problems(400, 409, 413, 415)})
    def post(self, request: Request) -> Response:
        """Make a private character from a card file: V1, V2 or V3 as PNG, APNG, JSON or CHARX."""
        file = _uploaded(request, carriers.MAX_FILE)
        return _created(request, actions.import_character(user=identity_of(request).user, file=file))


class _AsItIs(DefaultContentNegotiation):
    """For addresses whose answers are files: DRF would take `format` and `Accept` for a choice of renderers."""

    def select_renderer(self, request: Any, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class CharacterCardView(Endpoint):
    content_negotiation_class = _AsItIs

    @extend_schema(
        parameters=[query("format", {"type": "string", "enum": [*_FORMATS]}, "json is the default.")],
        responses={
            (200, "application/json"): OpenApiTypes.OBJECT,
            **{(200, media): OpenApiTypes.BINARY for media in ("image/png", "image/apng", "application/zip")},
            **problems(400, 404),
        },
    )
    def get(self, request: Request, reference: str) -> HttpResponse:
        """The character as a card V3 to download; pictures carry it as V2 too."""
        form = request._request.GET.get("format", "json")
        if form not in _FORMATS:
            raise InvalidInput.field("format", _("json, png, apng or charx is expected."))
        file = exchange.file_of(_character(request, reference), form)  # type: ignore[arg-type]  # one of them
        disposition = content_disposition_header(True, file.name) or "attachment"
        headers = {"Content-Disposition": disposition}
        return HttpResponse(file.content, content_type=file.content_type, headers=headers)


class CharacterPictureView(Endpoint):
    content_negotiation_class = _AsItIs
    parser_classes = (MultiPartParser,)

    @extend_schema(responses={(200, "image/webp"): OpenApiTypes.BINARY, **problems(404)})
    def get(self, request: Request, reference: str) -> HttpResponse:
        """The character's picture."""
        picture = files.read(_character(request, reference).picture.name or "")
        if picture is None:
            raise NotFound
        return HttpResponse(picture, content_type="image/webp", headers={"Cache-Control": _PICTURE_CACHING})

    @extend_schema(
        request=_UPLOAD, responses={200: shape(CharacterDetail), **problems(400, 403, 404, 413, 415)}
    )
    def put(self, request: Request, reference: str) -> Response:
        """Give the character a picture: PNG, JPEG, WebP or GIF. It is encoded anew, without its metadata."""
        character = _own(request, reference)
        picture = pictures.reencoded(_uploaded(request, pictures.MAX_FILE))
        changed = actions.set_picture(character=character, picture=picture)
        return Response(character_detail(changed, identity_of(request).user.pk))

    @extend_schema(responses={204: None, **problems(403, 404)})
    def delete(self, request: Request, reference: str) -> Response:
        """Take the picture away; a colour and a monogram remain."""
        actions.set_picture(character=_own(request, reference), picture=None)
        return Response(status=204)


# --- Reading requests -----------------------------------------------------------------------------------------------


def canonical(body: Mapping[str, Any], older_names: Mapping[str, str]) -> dict[str, Any]:
    """A body with today's names in place of older ones; InvalidInput for both with different values."""
    result = dict(body)
    for older, name in older_names.items():
        if older not in result:
            continue
        value = result.pop(older)
        if result.setdefault(name, value) != value:
            raise InvalidInput.field(older, _("This says something else than “%(name)s”.") % {"name": name})
    return result


def reference_from(text: str) -> UUID | str:
    """A character's id or slug, from a path or a body; NotFound for what cannot be either."""
    found = parse_id(text)
    if found is None and not _SLUG.fullmatch(text):
        raise NotFound
    return found or text


def words_in(request: HttpRequest, name: str) -> str:
    """A query parameter to search by, "" when absent; InvalidInput naming it."""
    text = request.GET.get(name, "")
    if len(text) > MAX_WORDS:
        raise InvalidInput.field(name, _("At most %(limit)d characters.") % {"limit": MAX_WORDS})
    if "\0" in text:
        raise InvalidInput.field(name, _("NUL and lone surrogates are not allowed."))
    return text


def page_body(request: HttpRequest, page: Slice[Any], results: Sequence[Any]) -> dict[str, Any]:
    """A page of a list whose neighbours are searched by the same parameters."""
    kept = {name: value for name, value in request.GET.items() if name not in ("cursor", "limit")}
    search = f"&{urlencode(kept)}" if kept else ""
    return {
        "results": results,
        "next": page.next and page.next + search,
        "previous": page.previous and page.previous + search,
    }


def _flag_in(request: HttpRequest, name: str) -> bool:
    text = request.GET.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidInput.field(name, _("true or false is expected."))
    return text == "true"


def _uploaded(request: Request, limit: int) -> bytes:
    """The one file of a multipart body, its field named `file`; raises InvalidInput, TooLarge."""
    unknown = next((name for name in (*request.data, *request.FILES) if name != "file"), None)
    if unknown is not None:
        raise InvalidInput.field(str(unknown)[:60], _("This field is not known here."))
    found = request.FILES.getlist("file")
    if len(found) != 1:
        raise InvalidInput.field("file", _("Send one file in this field."))
    if found[0].size > limit:
        raise TooLarge(errors={"file": [_("At most %(limit)d bytes.") % {"limit": limit}]})
    return bytes(found[0].read())


def _character(request: Request, reference: str) -> Character:
    return access.character_for(identity_of(request).user, reference_from(reference))


def _own(request: Request, reference: str) -> Character:
    return access.own_character_for(identity_of(request).user, reference_from(reference))


def _created(request: Request, character: Character) -> Response:
    location = request._request.build_absolute_uri(f"/api/characters/{character.id}")
    body = character_detail(character, identity_of(request).user.pk)
    return Response(body, status=201, headers={"Location": location})


urlpatterns = [
    path("api/characters", CharactersView.as_view(), name="characters"),
    path("api/characters/import", CardImportView.as_view(), name="character-import"),
    path("api/characters/<str:reference>", CharacterView.as_view(), name="character"),
    path("api/characters/<str:reference>/duplicate", CharacterCopyView.as_view(), name="character-duplicate"),
    path("api/characters/<str:reference>/card", CharacterCardView.as_view(), name="character-card"),
    path("api/characters/<str:reference>/picture", CharacterPictureView.as_view(), name="character-picture"),
]

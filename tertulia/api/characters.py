"""/api/characters: the gallery, and one's own characters. Their pictures and card files have `cards`."""

from collections.abc import Mapping
from typing import Any, TypedDict
from uuid import UUID

from django.http import HttpRequest
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.api.describing import BY_CURSOR, problems, query, shape
from tertulia.api.endpoint import Endpoint, identity_of
from tertulia.api.inputs import StrictSerializer
from tertulia.api.outputs import Id, Instant, instant
from tertulia.api.paging import IDS, sliced
from tertulia.api.parameters import ParametersInput
from tertulia.api.parsing import read_json
from tertulia.characters import access, actions, cards, queries
from tertulia.characters.access import Character
from tertulia.core.errors import InvalidInput
from tertulia.core.matching import asked

_VISIBILITIES = ("private", "unlisted", "public")
_OLDER_NAMES = {"nombre": "name", "descripcion": "description"}


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
    face, mark = character.face(get_language() or "en"), character.picture_mark
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
        # A browser keeps it by the mark.
        "picture": f"/api/characters/{character.id}/picture?v={mark}" if mark else None,
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
        words, tag = (asked(name, plain.GET.get(name, "")) for name in ("q", "tag"))
        rows = queries.characters(user, words=words, tag=tag, mine=_flag_in(plain, "mine"))
        page = sliced(plain, rows, [IDS], descending=True)
        return Response(page.body([character_output(row, user.pk) for row in page.rows]))

    @extend_schema(
        request=CharacterInput, responses={201: shape(CharacterDetail), **problems(400, 409, 413, 415)}
    )
    def post(self, request: Request) -> Response:
        """Make a character; it is private unless `visibility` says otherwise."""
        values = CharacterInput.validated(canonical(read_json(request._request), _OLDER_NAMES))
        return created(request, actions.create_character(user=identity_of(request).user, values=values))


class CharacterView(Endpoint):
    @extend_schema(responses={200: shape(CharacterDetail), **problems(404)})
    def get(self, request: Request, reference: str) -> Response:
        """One character, by its id or its slug: one's own, or one that is not private."""
        user = identity_of(request).user
        return Response(character_detail(character_of(request, reference), user.pk))

    @extend_schema(
        request=CharacterInput, responses={200: shape(CharacterDetail), **problems(400, 403, 404, 413, 415)}
    )
    def patch(self, request: Request, reference: str) -> Response:
        """Change a character of one's own, and with it all its instances."""
        character = own_character_of(request, reference)
        given = canonical(read_json(request._request), _OLDER_NAMES)
        values = CharacterInput.validated(given, partial=True)
        changed = actions.update_character(character=character, values=values)
        return Response(character_detail(changed, identity_of(request).user.pk))

    @extend_schema(responses={204: None, **problems(403, 404)})
    def delete(self, request: Request, reference: str) -> Response:
        """Delete a character with one's instances of it. Other people's instances keep what they have."""
        actions.delete_character(character=own_character_of(request, reference))
        return Response(status=204)


class CharacterCopyView(Endpoint):
    @extend_schema(request=None, responses={201: shape(CharacterDetail), **problems(404, 409)})
    def post(self, request: Request, reference: str) -> Response:
        """Make a private copy of a character, to change it."""
        copy = actions.duplicate_character(
            user=identity_of(request).user,
            character=character_of(request, reference),
            language=get_language() or "en",
        )
        return created(request, copy)


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


def _flag_in(request: HttpRequest, name: str) -> bool:
    text = request.GET.get(name, "false")
    if text not in ("true", "false"):
        raise InvalidInput.field(name, _("true or false is expected."))
    return text == "true"


def character_of(request: Request, reference: str) -> Character:
    """The character of an address; raises NotFound."""
    return access.character_for(identity_of(request).user, reference)


def own_character_of(request: Request, reference: str) -> Character:
    """The same to be changed; raises Forbidden for one that is somebody else's."""
    return access.own_character_for(identity_of(request).user, reference)


def created(request: Request, character: Character) -> Response:
    """201 for a new character."""
    location = request._request.build_absolute_uri(f"/api/characters/{character.id}")
    body = character_detail(character, identity_of(request).user.pk)
    return Response(body, status=201, headers={"Location": location})


urlpatterns = [
    path("api/characters", CharactersView.as_view(), name="characters"),
    path("api/characters/<str:reference>", CharacterView.as_view(), name="character"),
    path("api/characters/<str:reference>/duplicate", CharacterCopyView.as_view(), name="character-duplicate"),
]

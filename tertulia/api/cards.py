"""/api/characters/import, …/card and …/picture: character cards in and out, and the pictures of characters."""

from typing import Any

from django.http import HttpResponse
from django.urls import path
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.parsers import MultiPartParser
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.api.characters import (
    CharacterDetail,
    character_detail,
    character_of,
    created,
    own_character_of,
)
from tertulia.api.describing import problems, query, shape
from tertulia.api.endpoint import Endpoint, identity_of
from tertulia.api.uploads import ONLY_FILE, only_file
from tertulia.characters import actions, carriers, exchange, files, pictures
from tertulia.core.errors import InvalidInput, NotFound

# The version stands in the address, so a browser may keep the picture.
_PICTURE_CACHING = "private, max-age=86400"
_FORMATS = ("json", "png", "apng", "charx")


class CardImportView(Endpoint):
    parser_classes = (MultiPartParser,)

    @extend_schema(request=ONLY_FILE, responses={201: shape(CharacterDetail), **problems(400, 409, 413, 415)})
    def post(self, request: Request) -> Response:
        """Make a private character from a card file: V1, V2 or V3 as PNG, APNG, JSON or CHARX."""
        file = _uploaded(request, carriers.MAX_FILE)
        return created(request, actions.import_character(user=identity_of(request).user, file=file))


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
        file = exchange.file_of(character_of(request, reference), form)  # type: ignore[arg-type]  # one of them
        disposition = content_disposition_header(True, file.name) or "attachment"
        headers = {"Content-Disposition": disposition}
        return HttpResponse(file.content, content_type=file.content_type, headers=headers)


class CharacterPictureView(Endpoint):
    content_negotiation_class = _AsItIs
    parser_classes = (MultiPartParser,)

    @extend_schema(responses={(200, "image/webp"): OpenApiTypes.BINARY, **problems(404)})
    def get(self, request: Request, reference: str) -> HttpResponse:
        """The character's picture."""
        picture = files.read(character_of(request, reference).picture.name or "")
        if picture is None:
            raise NotFound
        return HttpResponse(picture, content_type="image/webp", headers={"Cache-Control": _PICTURE_CACHING})

    @extend_schema(
        request=ONLY_FILE, responses={200: shape(CharacterDetail), **problems(400, 403, 404, 413, 415)}
    )
    def put(self, request: Request, reference: str) -> Response:
        """Give the character a picture: PNG, JPEG, WebP or GIF. It is encoded anew, without its metadata."""
        character = own_character_of(request, reference)
        picture = pictures.reencoded(_uploaded(request, pictures.MAX_FILE))
        changed = actions.set_picture(character=character, picture=picture)
        return Response(character_detail(changed, identity_of(request).user.pk))

    @extend_schema(responses={204: None, **problems(403, 404)})
    def delete(self, request: Request, reference: str) -> Response:
        """Take the picture away; a colour and a monogram remain."""
        actions.set_picture(character=own_character_of(request, reference), picture=None)
        return Response(status=204)


def _uploaded(request: Request, limit: int) -> bytes:
    return bytes(only_file(request.data, request.FILES, limit).read())


# Before those of `characters`, one of which would take `import` for a slug.
urlpatterns = [
    path("api/characters/import", CardImportView.as_view(), name="character-import"),
    path("api/characters/<str:reference>/card", CharacterCardView.as_view(), name="character-card"),
    path("api/characters/<str:reference>/picture", CharacterPictureView.as_view(), name="character-picture"),
]

"""/api/instances: one's variations of characters, what they remember, and the prompt that they make.

The prompt is the engine's own: `request.compose` makes it as for an answer.
"""

from functools import partial
from typing import Any, Literal, TypedDict, cast
from uuid import UUID

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.urls import path
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts import gate
from tertulia.api import placing, sending
from tertulia.api.characters import canonical
from tertulia.api.describing import BY_CURSOR, problems, query, shape, whole
from tertulia.api.endpoint import Endpoint, id_from, identity_of, json_answer, parse_id
from tertulia.api.inputs import StrictSerializer
from tertulia.api.outputs import Id, Instant, instant
from tertulia.api.paging import IDS, sliced, whole_number
from tertulia.api.parameters import MAX_GREETING
from tertulia.api.parsing import read_json
from tertulia.characters import access, actions, cards, queries, remembering, validation
from tertulia.characters.access import Character, Instance, MemoryEntry
from tertulia.chat.generation import extraction
from tertulia.chat.generation.models import looked_up
from tertulia.chat.generation.provenance import Provenance
from tertulia.chat.generation.request import Send, preview
from tertulia.chat.generation.start import check_content
from tertulia.chat.generation.supervisor import supervisor
from tertulia.core.db import in_db
from tertulia.core.errors import InvalidInput, NotFound
from tertulia.core.matching import asked
from tertulia.providers.catalogue import Resolved

_OLDER_NAMES = {"nombre": "name", "memoria": "memory", "personaje": "character"}


# --- Shapes ---------------------------------------------------------------------------------------------------------


class InstanceOutput(TypedDict):
    id: Id
    character: Id
    name: str
    memory: str
    learns: bool
    memory_extraction: Literal["on", "off", "no_model"]
    created_at: Instant
    updated_at: Instant


class InstancePage(TypedDict):
    results: list[InstanceOutput]
    next: str | None
    previous: str | None


class EntryOutput(TypedDict):
    id: Id
    text: str
    pinned: bool
    source_message: Id | None
    created_at: Instant
    last_used_at: Instant | None


class EntryPage(TypedDict):
    results: list[EntryOutput]
    next: str | None
    previous: str | None


class PromptPart(TypedDict):
    role: Literal["system", "user", "assistant"]
    content: str


class PromptPreview(TypedDict):
    messages: list[PromptPart]
    model: str
    parameters: dict[str, Any]
    tokens: int
    left_out: list[str]
    provenance: Provenance


def instance_output(instance: Instance) -> InstanceOutput:
    return {
        "id": str(instance.id),
        "character": str(instance.character_id),
        "name": instance.name,
        "memory": instance.memory,
        "learns": instance.learns,
        "memory_extraction": cast("Any", extraction.state_of(instance).name),
        "created_at": instant(instance.created_at),
        "updated_at": instant(instance.updated_at),
    }


def entry_output(entry: MemoryEntry) -> EntryOutput:
    return {
        "id": str(entry.id),
        "text": entry.text,
        "pinned": entry.pinned,
        "source_message": str(entry.source_message_id) if entry.source_message_id else None,
        "created_at": instant(entry.created_at),
        "last_used_at": instant(entry.last_used_at) if entry.last_used_at else None,
    }


class InstanceInput(StrictSerializer):
    """What can be changed; `learns`: whether it notes by itself. `nombre` and `memoria` are taken for `name` and
    `memory`."""

    name = serializers.CharField(max_length=cards.MAX_NAME, required=False)
    memory = serializers.CharField(
        max_length=validation.MAX_MEMORY, required=False, allow_blank=True, trim_whitespace=False
    )
    learns = serializers.BooleanField(required=False)


class NewInstanceInput(InstanceInput):
    """`character` is an id or a slug, and `personaje` its older name. Without `name` it is called like it."""

    character = serializers.CharField()


class EntryInput(StrictSerializer):
    text = serializers.CharField(max_length=validation.MAX_ENTRY, trim_whitespace=False)
    pinned = serializers.BooleanField(required=False)


# --- Instances ------------------------------------------------------------------------------------------------------


class InstancesView(Endpoint):
    @extend_schema(
        parameters=[
            *BY_CURSOR,
            query("q", str, "Words that must all occur in the name."),
            query("character", str, "Only instances of the character with this id."),
        ],
        responses={200: shape(InstancePage), **problems(400)},
    )
    def get(self, request: Request) -> Response:
        """One's instances, newest first."""
        plain = request._request
        rows = queries.instances(
            identity_of(request).user,
            words=asked("q", plain.GET.get("q", "")),
            character_id=_character_id(request),
        )
        page = sliced(plain, rows, [IDS], descending=True)
        return Response(page.body([instance_output(row) for row in page.rows]))

    @extend_schema(
        request=NewInstanceInput, responses={201: shape(InstanceOutput), **problems(400, 409, 413, 415)}
    )
    def post(self, request: Request) -> Response:
        """Make a variation of a character, with a name and a memory of its own."""
        values = NewInstanceInput.validated(canonical(read_json(request._request), _OLDER_NAMES))
        user = identity_of(request).user
        character = _named(request, values.pop("character"))
        values.setdefault("name", character.face(get_language() or "en").name)
        instance = actions.create_instance(user=user, character=character, values=values)
        location = request._request.build_absolute_uri(f"/api/instances/{instance.id}")
        return Response(instance_output(instance), status=201, headers={"Location": location})


class InstanceView(Endpoint):
    @extend_schema(responses={200: shape(InstanceOutput), **problems(404)})
    def get(self, request: Request, instance_id: str) -> Response:
        """One instance."""
        return Response(instance_output(_instance(request, instance_id)))

    @extend_schema(
        request=InstanceInput, responses={200: shape(InstanceOutput), **problems(400, 404, 413, 415)}
    )
    def patch(self, request: Request, instance_id: str) -> Response:
        """Change the name or the memory; no other instance notices."""
        instance = _instance(request, instance_id)
        values = InstanceInput.validated(canonical(read_json(request._request), _OLDER_NAMES), partial=True)
        return Response(instance_output(actions.update_instance(instance=instance, values=values)))

    @extend_schema(responses={204: None, **problems(404)})
    def delete(self, request: Request, instance_id: str) -> Response:
        """Delete an instance with all that it remembers."""
        actions.delete_instance(instance=_instance(request, instance_id))
        return Response(status=204)


class InstancePromptView(Endpoint):
    @extend_schema(
        parameters=[
            query("content", str, "The message; what it calls up from memory and lorebook is shown too."),
            query("conversation", str, "At the end of this conversation instead of as a first message."),
            query("model", str, "The model that is asked, instead of the one that would be."),
            query("greeting", whole(0, MAX_GREETING), "Which greeting it begins a new conversation with."),
        ],
        responses={200: shape(PromptPreview), **problems(400, 404)},
    )
    async def get(self, request: HttpRequest, instance_id: str) -> HttpResponseBase:
        """Exactly what a message to the instance would send; `tokens` are estimated. Asks no model, stores nothing."""
        model = request.GET.get("model") or None
        await in_db(gate.require, request)
        resolved = await sending.resolve(model)
        unit = partial(_preview, request, instance_id, resolved, model is not None)
        return json_answer(await looked_up(lambda: in_db(unit)))


# --- Memory ---------------------------------------------------------------------------------------------------------


class EntriesView(Endpoint):
    @extend_schema(parameters=BY_CURSOR, responses={200: shape(EntryPage), **problems(400, 404)})
    def get(self, request: Request, instance_id: str) -> Response:
        """What an instance remembers beside its free text, oldest first."""
        page = sliced(request._request, queries.entries(_instance(request, instance_id)), [IDS])
        return Response(page.body([entry_output(entry) for entry in page.rows]))

    @extend_schema(
        request=EntryInput, responses={201: shape(EntryOutput), **problems(400, 404, 409, 413, 415)}
    )
    def post(self, request: Request, instance_id: str) -> Response:
        """Have the instance remember something."""
        instance = _instance(request, instance_id)
        values = EntryInput.validated(read_json(request._request))
        entry = remembering.add_entry(instance=instance, values=values)
        location = request._request.build_absolute_uri(f"/api/instances/{instance.id}/entries/{entry.id}")
        return Response(entry_output(entry), status=201, headers={"Location": location})


class EntryView(Endpoint):
    @extend_schema(responses={200: shape(EntryOutput), **problems(404)})
    def get(self, request: Request, instance_id: str, entry_id: str) -> Response:
        """One entry."""
        return Response(entry_output(_entry(request, instance_id, entry_id)))

    @extend_schema(request=EntryInput, responses={200: shape(EntryOutput), **problems(400, 404, 413, 415)})
    def patch(self, request: Request, instance_id: str, entry_id: str) -> Response:
        """Rewrite or pin an entry. A text that was rewritten no longer depends on the message it came from."""
        entry = _entry(request, instance_id, entry_id)
        values = EntryInput.validated(read_json(request._request), partial=True)
        return Response(entry_output(remembering.update_entry(entry=entry, values=values)))

    @extend_schema(responses={204: None, **problems(404)})
    def delete(self, request: Request, instance_id: str, entry_id: str) -> Response:
        """Have the instance forget it."""
        remembering.delete_entry(entry=_entry(request, instance_id, entry_id))
        return Response(status=204)


def _instance(request: Request, instance_id: str) -> Instance:
    return access.instance_for(identity_of(request).user, id_from(instance_id))


def _entry(request: Request, instance_id: str, entry_id: str) -> MemoryEntry:
    return access.entry_for(_instance(request, instance_id), id_from(entry_id))


def _named(request: Request, reference: str) -> Character:
    """The character that a body names; InvalidInput naming `character`."""
    try:
        return access.character_for(identity_of(request).user, reference)
    except NotFound:
        raise InvalidInput.field("character", _("There is no such character.")) from None


def _character_id(request: Request) -> UUID | None:
    text = request._request.GET.get("character")
    if text is None:
        return None
    found = parse_id(text)
    if found is None:
        raise InvalidInput.field("character", _("There is no such character."))
    return found


def _preview(request: HttpRequest, instance_id: str, resolved: Resolved, names_model: bool) -> PromptPreview:
    identity = gate.require(request)
    instance = access.instance_for(identity.user, id_from(instance_id))
    place = placing.in_named(identity, request.GET.get("conversation"))
    composed = preview(
        Send(
            user=identity.user,
            worker_id=supervisor().worker_id,
            resolved=resolved,
            names_model=names_model,
            origin="api",
            content=_content_in(request),
            conversation=place.conversation,
            parent=place.parent,
            instance=instance,
            greeting=_greeting_in(request),
        )
    )
    provenance = composed.provenance
    return {
        "messages": [{"role": turn.role, "content": turn.content} for turn in composed.request.messages],
        "model": provenance["model"],
        "parameters": provenance["parameters"],
        "tokens": provenance["tokens"],
        "left_out": provenance["left_out"],
        "provenance": provenance,
    }


def _greeting_in(request: HttpRequest) -> int | None:
    if "greeting" not in request.GET:
        return None
    return whole_number(request, ["greeting"], 0, 0, MAX_GREETING)


def _content_in(request: HttpRequest) -> str:
    """The message that is thought of, perhaps an empty one."""
    content = request.GET.get("content", "")
    return check_content(content) if content.strip() else ""


def _paths(*views: tuple[str, Any, str]) -> list[Any]:
    return [path(f"api/instances{route}", view.as_view(), name=name) for route, view, name in views]


urlpatterns = _paths(
    ("", InstancesView, "instances"),
    ("/<str:instance_id>", InstanceView, "instance"),
    ("/<str:instance_id>/prompt", InstancePromptView, "instance-prompt"),
    ("/<str:instance_id>/entries", EntriesView, "instance-entries"),
    ("/<str:instance_id>/entries/<str:entry_id>", EntryView, "instance-entry"),
)

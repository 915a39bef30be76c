"""/v1/models and /v1/models/<id>."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from tertulia.accounts import gate
from tertulia.api.endpoint import json_answer
from tertulia.api.openai.errors import FacadeEndpoint, ModelNotFound, request_id
from tertulia.characters import queries
from tertulia.chat.generation.models import catalogue
from tertulia.core.db import in_db

# What a list names of one's own and shared characters at most.
MOST_PERSONAS = 200


class FacadeModelsView(FacadeEndpoint):
    key_scope = "chat"

    @extend_schema(responses=OpenApiTypes.OBJECT)
    async def get(self, request: HttpRequest) -> HttpResponse:
        """The models and the characters that answer like one, in OpenAI's shape."""
        personas = await in_db(_personas, request)
        offered = [_output(model.id, model.provider) for model in await catalogue().models()]
        return _answer({"object": "list", "data": [*offered, *personas]})


class FacadeModelView(FacadeEndpoint):
    key_scope = "chat"

    @extend_schema(responses=OpenApiTypes.OBJECT)
    async def get(self, request: HttpRequest, model_id: str) -> HttpResponse:
        """One model, in OpenAI's shape."""
        personas = await in_db(_personas, request)
        offered = [_output(model.id, model.provider) for model in await catalogue().models()]
        for model in (*offered, *personas):
            if model["id"] == model_id:
                return _answer(model)
        raise ModelNotFound(_("This model is not offered; see /v1/models."))


def _personas(request: HttpRequest) -> list[dict[str, Any]]:
    user = gate.require(request).user
    names = [f"instance:{instance.name}" for instance in queries.instances(user)[:MOST_PERSONAS]]
    names += [f"character:{character.slug}" for character in queries.characters(user)[:MOST_PERSONAS]]
    return [_output(name, "tertulia") for name in names]


def _output(name: str, owner: str) -> dict[str, Any]:
    # Nobody here knows when a provider made a model; clients want a number.
    return {"id": name, "object": "model", "created": 0, "owned_by": owner}


def _answer(body: dict[str, Any]) -> HttpResponse:
    return json_answer(body, headers={"X-Request-Id": request_id()})

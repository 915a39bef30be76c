"""/v1/models and /v1/models/<id>."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema

from tertulia.accounts import gate
from tertulia.api.endpoint import json_answer
from tertulia.api.openai.errors import FacadeEndpoint, ModelNotFound, request_id
from tertulia.chat.generation.models import catalogue
from tertulia.core.db import in_db
from tertulia.providers.catalogue import ModelInfo


class FacadeModelsView(FacadeEndpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    async def get(self, request: HttpRequest) -> HttpResponse:
        """The models, in OpenAI's shape."""
        await in_db(gate.require, request)
        offered = await catalogue().models()
        return _answer({"object": "list", "data": [_output(model) for model in offered]})


class FacadeModelView(FacadeEndpoint):
    @extend_schema(responses=OpenApiTypes.OBJECT)
    async def get(self, request: HttpRequest, model_id: str) -> HttpResponse:
        """One model, in OpenAI's shape."""
        await in_db(gate.require, request)
        for model in await catalogue().models():
            if model.id == model_id:
                return _answer(_output(model))
        raise ModelNotFound(_("This model is not offered; see /v1/models."))


def _output(model: ModelInfo) -> dict[str, Any]:
    # Nobody here knows when a provider made a model; clients want a number.
    return {"id": model.id, "object": "model", "created": 0, "owned_by": model.provider}


def _answer(body: dict[str, Any]) -> HttpResponse:
    return json_answer(body, headers={"X-Request-Id": request_id()})

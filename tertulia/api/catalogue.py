"""/api/models: which models may be asked for."""

from django.http import HttpRequest, HttpResponse
from drf_spectacular.utils import extend_schema

from tertulia.accounts import gate
from tertulia.api.describing import problems, shape
from tertulia.api.endpoint import Endpoint, json_answer
from tertulia.api.outputs import ModelPage
from tertulia.chat.generation.models import catalogue
from tertulia.core.db import in_db


class ModelsView(Endpoint):
    key_scope = "chat"

    @extend_schema(responses={200: shape(ModelPage), **problems()})
    async def get(self, request: HttpRequest) -> HttpResponse:
        """The models to choose from; `offline` needs no provider and is always there."""
        await in_db(gate.require, request)
        offered = await catalogue().models()
        chosen = (await catalogue().resolve()).model
        body: ModelPage = {
            "results": [
                {"id": model.id, "provider": model.provider, "default": model.id == chosen}
                for model in offered
            ]
        }
        return json_answer(body)

"""/api/keys: one's API keys. Keys are made and ended by people: a key itself opens none of this."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers, status
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts import keys, queries, validation
from tertulia.api.describing import problems
from tertulia.api.endpoint import Endpoint, id_from, login_of
from tertulia.api.inputs import StrictSerializer


class KeyInput(StrictSerializer):
    name = serializers.CharField(max_length=validation.MAX_KEY_NAME)
    scope = serializers.CharField(max_length=10, required=False)
    expires_at = serializers.DateTimeField(required=False, allow_null=True)


class KeyOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    name = serializers.CharField()
    prefix = serializers.CharField()
    scope = serializers.ChoiceField(["all", "chat", "speech", "read"])
    created_at = serializers.DateTimeField()
    last_used_at = serializers.DateTimeField(allow_null=True)
    expires_at = serializers.DateTimeField(allow_null=True)


class NewKeyOutput(KeyOutput):
    key = serializers.CharField()


class KeysOutput(serializers.Serializer[Any]):
    results = KeyOutput(many=True)


class KeysView(Endpoint):
    @extend_schema(responses={200: KeysOutput, **problems()})
    def get(self, request: Request) -> Response:
        """One's keys, newest first, without what makes them work."""
        return Response(KeysOutput({"results": queries.api_keys_of(login_of(request).user)}).data)

    @extend_schema(request=KeyInput, responses={201: NewKeyOutput, **problems(400, 403, 409)})
    def post(self, request: Request) -> Response:
        """A new key; `key` is shown this once. `scope`: all, chat, speech, read."""
        user = login_of(request).user
        made, text = keys.create_api_key(user=user, **KeyInput.validated(request.data))
        body = {**KeyOutput(made).data, "key": text}
        return Response(body, status.HTTP_201_CREATED, headers={"Location": f"/api/keys/{made.pk}"})


class KeyView(Endpoint):
    @extend_schema(responses={204: None, **problems(403, 404)})
    def delete(self, request: Request, key_id: str) -> Response:
        """Make a key useless at once."""
        keys.delete_api_key(user=login_of(request).user, key_id=id_from(key_id))
        return Response(status=status.HTTP_204_NO_CONTENT)

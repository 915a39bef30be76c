"""/api/usage: what of the day's requests is used and left, and the ledger that explains every unit."""

from typing import Any

from drf_spectacular.utils import extend_schema
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts import quota
from tertulia.api.describing import BY_CURSOR, problems, shape
from tertulia.api.endpoint import Endpoint, identity_of
from tertulia.api.outputs import UsageOutput, usage_output
from tertulia.api.paging import IDS, sliced


class UsageView(Endpoint):
    key_scope = "chat"

    @extend_schema(responses={200: shape(UsageOutput), **problems()})
    def get(self, request: Request) -> Response:
        """One's present day; `limit` and `remaining` are null where nothing limits."""
        standing = quota.standing(identity_of(request).user)
        return Response(usage_output(standing), headers=quota.rate_limit_headers(standing))


class SpeechUsageView(Endpoint):
    @extend_schema(responses={200: shape(UsageOutput), **problems()})
    def get(self, request: Request) -> Response:
        """The same of texts read aloud and recordings written down, which have a limit of their own."""
        return Response(usage_output(quota.speech_standing(identity_of(request).user)))


class EntryRowOutput(serializers.Serializer[Any]):
    id = serializers.UUIDField()
    generation = serializers.UUIDField(source="generation_id")
    accepted_at = serializers.DateTimeField()
    resets_at = serializers.DateTimeField()
    refunded_at = serializers.DateTimeField(allow_null=True)
    reason = serializers.CharField()


class EntryRowsOutput(serializers.Serializer[Any]):
    results = EntryRowOutput(many=True)
    next = serializers.URLField(allow_null=True)
    previous = serializers.URLField(allow_null=True)


class LedgerView(Endpoint):
    key_scope = "chat"

    @extend_schema(responses={200: EntryRowsOutput, **problems(400)}, parameters=BY_CURSOR)
    def get(self, request: Request) -> Response:
        """Every unit, newest first: taken when, for which run, in which day (`resets_at`), given back when and why."""
        page = sliced(request._request, quota.ledger_of(identity_of(request).user), [IDS], descending=True)
        return Response(page.body(list(EntryRowOutput(page.rows, many=True).data)))

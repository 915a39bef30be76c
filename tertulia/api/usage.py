"""/api/usage: what of the day's requests is used and left."""

from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from tertulia.accounts import quota
from tertulia.api.describing import problems, shape
from tertulia.api.endpoint import Endpoint, identity_of
from tertulia.api.outputs import UsageOutput, usage_output


class UsageView(Endpoint):
    key_scope = "chat"

    @extend_schema(responses={200: shape(UsageOutput), **problems()})
    def get(self, request: Request) -> Response:
        """One's present day; `limit` and `remaining` are null where nothing limits."""
        standing = quota.standing(identity_of(request).user)
        return Response(usage_output(standing), headers=quota.rate_limit_headers(standing))

"""What the views say of themselves for the OpenAPI document: shapes of answers, problems, common parameters.

A shape is made from the TypedDict that the output function returns, so the document cannot drift from the code.
"""

from typing import Any

import msgspec
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

from tertulia.api.outputs import ProblemOutput

REF = "#/components/schemas/{name}"

# The component schemas of all shapes that views named, collected at import.
COMPONENTS: dict[str, Any] = {}

_PROBLEMS = {
    400: "The request is not valid; `errors` names the fields.",
    401: "No credential, or one that is not valid.",
    403: "Not allowed, or a cookie without its CSRF token.",
    404: "Unknown, or somebody else's.",
    406: "No offered format is acceptable.",
    409: "The state does not allow it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The Idempotency-Key was used with another request.",
    429: "The day's requests are used up; Retry-After and RateLimit-* tell when there are more.",
    502: "The model provider failed; `type` tells how. The message is kept, the unit given back.",
    504: "The model provider did not answer in time.",
}


class EndpointSchema(AutoSchema):
    """Names operations by class and method, groups them by resource, and takes the summary from the docstring."""

    def get_operation_id(self) -> str:
        return self.method.lower() + type(self.view).__name__.removesuffix("View")

    def get_tags(self) -> list[str]:
        first, *rest = self.path.strip("/").split("/")
        return ["OpenAI-compatible"] if first == "v1" else [rest[0] if first == "api" else first]

    def get_summary(self) -> str:
        return self.get_description().partition(". ")[0].split("\n")[0].rstrip(".")


# The origins' clients post plain forms as well.
FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")

_Response = OpenApiResponse | dict[str, Any] | None


def shape(kind: Any) -> dict[str, Any]:
    """A reference to the schema of a TypedDict."""
    (reference,), components = msgspec.json.schema_components([kind], ref_template=REF)
    COMPONENTS.update(components)
    return reference


def problems(*statuses: int) -> dict[int | tuple[int, str], _Response]:
    """Responses of problem JSON, 401 included; the generator takes (status, media type) as a key."""
    schema = shape(ProblemOutput)
    return {
        (status, "application/problem+json"): OpenApiResponse(schema, _PROBLEMS[status])
        for status in sorted({401, *statuses})
    }


def query(name: str, kind: Any, text: str) -> OpenApiParameter:
    """A query parameter."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, description=text)


NUMBERED = [
    query("page", int, "Number of the page, from 1."),
    query("per_page", int, "Rows of a page, 5 to 100; 10 by default."),
]
BY_CURSOR = [
    query("cursor", str, "Where the page begins, from `next` or `previous` of another."),
    query("limit", int, "Rows of a page, 1 to 200; 50 by default."),
]
SENDING_HEADERS = [
    OpenApiParameter(
        "Idempotency-Key",
        OpenApiTypes.STR,
        OpenApiParameter.HEADER,
        description="1 to 255 printable characters, kept for 24 hours: the same key and body get the same answer.",
    ),
]
LAST_EVENT_ID = [
    OpenApiParameter(
        "Last-Event-ID",
        OpenApiTypes.INT,
        OpenApiParameter.HEADER,
        description="The `id` of the last event seen; the stream goes on right behind it.",
    ),
    query("last_event_id", int, "The same, for clients that cannot set the header."),
]
EVENTS = OpenApiResponse(
    OpenApiTypes.STR,
    "Server-sent events: `start` {generation, user_message, answer}, `delta` {text}, `reasoning` {text}, `sources`, "
    "`end` {status, finish_reason, usage, length, error?}. `id` is the position after the event: text advances it by "
    "its code points, any other event by 1. A close without `end` means: reconnect with Last-Event-ID.",
)

"""What the views say of themselves for the OpenAPI document: shapes of answers, problems, common parameters.

A shape is made from the TypedDict that the output function returns, so the document cannot drift from the code.
"""

from collections.abc import Mapping
from functools import cache
from inspect import getdoc
from typing import Any

import msgspec
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse
from rest_framework import serializers

from tertulia.api.inputs import StrictSerializer
from tertulia.api.outputs import ProblemOutput
from tertulia.api.paging import MAX_LIMIT, MAX_NUMBER

REF = "#/components/schemas/{name}"

# The component schemas of all shapes that views named, collected at import.
COMPONENTS: dict[str, Any] = {}

_PROBLEMS = {
    400: "The request is not valid; `errors` names the fields.",
    401: "No credential, or one that is not valid.",
    403: "Not allowed, or a cookie without its CSRF token.",
    404: "Unknown, or somebody else's.",
    405: "The address has no such method; Allow names those it has.",
    406: "No offered format is acceptable.",
    409: "The state does not allow it.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "The Idempotency-Key was used with another request.",
    429: "The day's requests are used up, or too many tries; Retry-After and RateLimit-* tell when there are more.",
    501: "Nothing is set up here that could do it; `detail` says what would.",
    502: "The model provider failed; `type` tells how. The message is kept, the unit given back.",
    503: "Something that is needed is away for a moment; Retry-After tells for how long.",
    504: "The model provider did not answer in time.",
}


class EndpointSchema(AutoSchema):
    """Names operations by class and method, groups them by resource, and takes the summary from the docstring.

    What follows from the form of an operation (a path that names something may name nothing) it adds itself.
    """

    def get_operation(self, *arguments: Any, **options: Any) -> dict[str, Any] | None:
        operation = super().get_operation(*arguments, **options)
        if operation is not None:
            self._add_refusals(operation)
        return operation

    def _add_refusals(self, operation: dict[str, Any]) -> None:
        responses = operation["responses"]
        # `Endpoint`, which imports this module, declares them.
        view: Any = self.view
        media, schema = view.refusal_media, shape(view.refusal_shape)
        for status in _usual_refusals(operation).union(view.further_refusals):
            refusal = {"content": {media: {"schema": schema}}, "description": _PROBLEMS[status]}
            responses.setdefault(str(status), refusal)
        operation["responses"] = dict(sorted(responses.items()))
        if self.method == "PATCH":  # whatever the body may name, it need not name anything
            operation.get("requestBody", {}).pop("required", None)

    def get_operation_id(self) -> str:
        return self.method.lower() + type(self.view).__name__.removesuffix("View")

    def get_tags(self) -> list[str]:
        first, *rest = self.path.strip("/").split("/")
        return ["OpenAI-compatible"] if first == "v1" else [rest[0] if first == "api" else first]

    def get_summary(self) -> str:
        return self.get_description().partition(". ")[0].split("\n")[0].rstrip(".")


def _usual_refusals(operation: Mapping[str, Any]) -> set[int]:
    """What any operation of this form may answer."""
    places = {parameter["in"] for parameter in operation.get("parameters", ())}
    has_body = "requestBody" in operation
    usual = {403, 503}
    if "security" in operation or has_body:
        usual.add(401)
    if has_body:
        usual |= {400, 413, 415, 429}
    if places & {"query", "header"}:
        usual.add(400)
    if "path" in places:
        usual.add(404)
    return usual


class StrictSchema(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]
    """Bodies take no other field than those that they name; drf-spectacular finds the class by itself."""

    target_class = StrictSerializer
    match_subclasses = True

    def map_serializer(self, auto_schema: AutoSchema, direction: str) -> dict[str, Any]:
        described: dict[str, Any] = auto_schema._map_serializer(  # type: ignore[no-untyped-call]
            self.target, direction, bypass_extensions=True
        )
        described["additionalProperties"] = False
        if described.get("description") == getdoc(StrictSerializer):
            del described["description"]
        for name, field in self.target.fields.items():
            if isinstance(field, serializers.CharField):
                described["properties"][name].update(_form_of_text(field))
        return described


def _form_of_text(field: "serializers.CharField") -> dict[str, Any]:
    form: dict[str, Any] = {} if field.allow_blank else {"minLength": 1}
    if "input_type" in field.style:
        form["format"] = field.style["input_type"]
    return form


# The origins' clients post plain forms as well.
FORMS = ("application/json", "application/x-www-form-urlencoded", "multipart/form-data")

_Response = OpenApiResponse | dict[str, Any] | None


@cache
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


def query(name: str, kind: Any, text: str, *, required: bool = False) -> OpenApiParameter:
    """A query parameter; `kind` is a type or a JSON Schema."""
    return OpenApiParameter(name, kind, OpenApiParameter.QUERY, required=required, description=text)


def whole(least: int, most: int) -> dict[str, Any]:
    """The JSON Schema of a whole number within bounds."""
    return {"type": "integer", "minimum": least, "maximum": most}


NUMBERED = [
    query("page", whole(1, MAX_NUMBER), "Number of the page, from 1."),
    query("per_page", whole(5, 100), "Rows of a page, 5 to 100; 10 by default."),
]
BY_CURSOR = [
    query(
        "cursor",
        {"type": "string", "minLength": 1},
        "Where the page begins, from `next` or `previous` of another.",
    ),
    query("limit", whole(1, MAX_LIMIT), "Rows of a page, 1 to 200; 50 by default."),
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
        whole(0, 9_999_999_999),
        OpenApiParameter.HEADER,
        description="The `id` of the last event seen; the stream goes on right behind it.",
    ),
    query("last_event_id", whole(0, 9_999_999_999), "The same, for clients that cannot set the header."),
]
EVENTS = OpenApiResponse(
    OpenApiTypes.STR,
    "Server-sent events: `start` {generation, user_message, answer}, `delta` {text}, `reasoning` {text}, `sources`, "
    "`end` {status, finish_reason, usage, length, error?}. `id` is the position after the event: text advances it by "
    "its code points, any other event by 1. A close without `end` means: reconnect with Last-Event-ID.",
)

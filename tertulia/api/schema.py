"""The OpenAPI document at /api/schema, and the same as a page at /api/docs that needs no script."""

import json
from collections.abc import Mapping
from functools import cache
from threading import Lock
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import URLPattern, path
from django.utils.module_loading import import_string
from django.utils.translation import get_language
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.settings import patched_settings
from drf_spectacular.utils import extend_schema
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request

from tertulia.api import accounts, exporting, social
from tertulia.api.describing import COMPONENTS
from tertulia.api.endpoint import Endpoint
from tertulia.api.links import add_links

# With 3.1 a schema is plain JSON Schema: null is a type.
OPTIONS = {"OAS_VERSION": "3.1.0"}

# The JSON faces of addresses that browsers get as pages: the URL map tells them apart by Accept.
_ACCOUNTS: list[URLPattern] = [
    path("accounts/join", accounts.JoinView.as_view()),
    path("accounts/login", accounts.LoginView.as_view()),
    path("accounts/login/code", accounts.CodeView.as_view()),
    path("accounts/reset", accounts.ResetView.as_view()),
    path("accounts/reset/<str:token>", accounts.NewPasswordView.as_view()),
    path("accounts/confirm/<str:token>", accounts.ConfirmView.as_view()),
    path("accounts/export", exporting.ExportView.as_view()),
    path("accounts/connections", social.ConnectionsView.as_view()),
    path("accounts/<str:provider>/login", social.StartView.as_view()),
    path("accounts/<str:provider>/token", social.TokenView.as_view()),
    path("accounts/<str:provider>/link", social.LinkView.as_view()),
    path("accounts/refresh", accounts.RefreshView.as_view()),
    path("accounts/logout", accounts.LogoutView.as_view()),
    path("accounts/profile", accounts.ProfileView.as_view()),
]
# The generator changes its settings, which are the process's, while it works.
_generating = Lock()


class SchemaView(Endpoint):
    """The document itself needs no account: it tells nothing of anybody."""

    authentication_classes = ()
    permission_classes = ()

    @extend_schema(exclude=True)
    def get(self, request: Request) -> HttpResponse:
        body = JSONRenderer().render(document(get_language() or "en"))
        return HttpResponse(body, content_type="application/json", headers={"Cache-Control": "no-cache"})


def docs(request: HttpRequest) -> HttpResponse:
    """The document as a page for people."""
    described = document(get_language() or "en")
    return render(request, "web/api_docs.html", {"groups": groups(described), "schemas": schemas(described)})


@cache
def document(language: str) -> dict[str, Any]:
    """The OpenAPI document; made once per language, because field labels and choices are translated."""
    # `urls` imports this module.
    patterns = [*_ACCOUNTS, *import_string("tertulia.api.urls.urlpatterns")]
    with _generating, patched_settings(OPTIONS):
        made: dict[str, Any] = _generator(patterns).get_schema(public=True)
    made["components"].setdefault("schemas", {}).update(COMPONENTS)
    add_links(made)
    return made


def _generator(patterns: list[URLPattern]) -> Any:
    return SchemaGenerator(patterns=patterns)  # type: ignore[no-untyped-call]


# --- As a page ------------------------------------------------------------------------------------------------------


def groups(described: Mapping[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """The operations by tag, each with what a reader needs of it."""
    result: dict[str, list[dict[str, Any]]] = {}
    for address, methods in described["paths"].items():
        for method, operation in methods.items():
            entry = _operation(method, address, operation)
            result.setdefault(operation["tags"][0], []).append(entry)
    return result


def schemas(described: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The named objects with their fields."""
    named = described["components"]["schemas"]
    return [{"name": name, "fields": _fields(named[name])} for name in sorted(named)]


def _operation(method: str, address: str, operation: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "method": method.upper(),
        "path": address,
        "summary": _plain(operation.get("summary", "")),
        "description": _plain(operation.get("description", "")),
        "parameters": [
            {
                "name": each["name"],
                "place": each["in"],
                "type": type_name(each["schema"]),
                "description": _plain(each.get("description", "")),
            }
            for each in operation.get("parameters", ())
        ],
        "body": _content_types(operation.get("requestBody", {})),
        "responses": [
            {
                "status": status,
                "description": _plain(response.get("description", "")),
                "content": _content_types(response),
            }
            for status, response in operation["responses"].items()
        ],
    }


def _plain(text: str) -> str:
    """A description without its Markdown, of which only code is used."""
    return text.replace("`", "")


def _content_types(part: Mapping[str, Any]) -> list[dict[str, str]]:
    """A body's media types with the names of what they carry; parsers beyond the first say the same again."""
    content = part.get("content", {})
    return [{"media": media, "type": type_name(each.get("schema", {}))} for media, each in content.items()]


def _fields(schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    required = schema.get("required", ())
    return [
        {
            "name": name,
            "type": type_name(each),
            "required": name in required,
            "limits": _limits(each),
            "description": each.get("description", ""),
        }
        for name, each in schema.get("properties", {}).items()
    ]


def type_name(schema: Mapping[str, Any]) -> str:
    """A JSON Schema in the notation of TypeScript, such as `Message[]` or `string | null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rpartition("/")[2]
    for union in ("anyOf", "oneOf", "allOf"):
        if union in schema:
            return " | ".join(type_name(each) for each in schema[union])
    if "enum" in schema:
        return " | ".join(json.dumps(each) for each in schema["enum"])
    kind = schema.get("type", "any")
    if isinstance(kind, list):
        return " | ".join(type_name({**schema, "type": each}) for each in kind)
    return f"{type_name(schema.get('items', {}))}[]" if kind == "array" else str(kind)


# JSON Schema's limits as formulas, which need no translation.
_LIMITS = {
    "minimum": "≥ {}",
    "maximum": "≤ {}",
    "minLength": "length ≥ {}",
    "maxLength": "length ≤ {}",
    "maxItems": "items ≤ {}",
}


def _limits(schema: Mapping[str, Any]) -> str:
    return ", ".join(formula.format(schema[name]) for name, formula in _LIMITS.items() if name in schema)

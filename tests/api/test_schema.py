"""The OpenAPI document is valid, complete and true; its page needs no script."""

import httpx
from django.urls import get_resolver
from drf_spectacular.validation import validate_schema

from tertulia.api import schema


def test_the_document_is_valid(server: str) -> None:
    answer = httpx.get(f"{server}/api/schema")
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "application/json")
    document = answer.json()
    assert document["openapi"].startswith("3.1")
    validate_schema(document)  # type: ignore[no-untyped-call]


def test_every_address_of_the_api_is_described() -> None:
    described = {path.replace("{", "<").replace("}", ">") for path in schema.document("en")["paths"]}
    addresses = {
        "/" + str(pattern.pattern).replace("str:", "").replace("path:", "")
        for pattern in get_resolver("tertulia.api.urls").url_patterns
    }
    left_out = {"/api/schema", "/api/docs", "/v1/<rest>"}
    assert addresses - left_out <= described


def test_operations_have_names_of_their_own() -> None:
    operations = [
        operation["operationId"]
        for methods in schema.document("en")["paths"].values()
        for operation in methods.values()
    ]
    assert len(operations) == len(set(operations))


def test_sound_comes_as_what_was_asked_for() -> None:
    paths = schema.document("en")["paths"]
    for path in ("/api/speech", "/v1/audio/speech"):
        content = paths[path]["post"]["responses"]["200"]["content"]
        assert set(content) == {"audio/mpeg", "audio/wav", "audio/ogg"}


def test_an_open_filter_may_be_sent_empty() -> None:
    parameters = {
        each["name"]: each["schema"] for each in schema.document("en")["paths"]["/quote"]["get"]["parameters"]
    }
    assert parameters["applied"]["enum"] == parameters["mine"]["enum"] == ["true", "false", ""]


def test_types_in_words() -> None:
    assert schema.type_name({"type": "array", "items": {"$ref": "#/x/Message"}}) == "Message[]"
    assert schema.type_name({"anyOf": [{"type": "string"}, {"type": "null"}]}) == "string | null"
    assert schema.type_name({"type": ["integer", "null"]}) == "integer | null"
    assert schema.type_name({"enum": ["up", None]}) == '"up" | null'


def test_the_page_is_readable_without_a_script(server: str) -> None:
    answer = httpx.get(f"{server}/api/docs", headers={"Accept": "text/html"})
    assert answer.status_code == 200
    assert "/api/conversations/{conversation_id}/messages" in answer.text
    assert "https://" not in answer.text.replace(server, "")

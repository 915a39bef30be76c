"""What a StrictSerializer takes: exactly the JSON types that it declares, and nothing that it does not."""

from typing import Any

import pytest
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from tertulia.api.inputs import StrictSerializer, describe
from tertulia.api.problems import problem_of


class Inner(StrictSerializer):
    temperature = serializers.FloatField(required=False, min_value=0, max_value=2)
    stop = serializers.ListField(child=serializers.CharField(), required=False, max_length=2)


class Outer(StrictSerializer):
    text = serializers.CharField(required=False, max_length=5)
    note = serializers.CharField(required=False, allow_null=True)
    flag = serializers.BooleanField(required=False)
    count = serializers.IntegerField(required=False, min_value=1)
    kind = serializers.ChoiceField(["mp3", "wav"], required=False)
    id = serializers.UUIDField(required=False)
    parameters = Inner(required=False)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"text": "12345", "flag": False, "count": 1, "kind": "wav"},
        {"note": None},
        {"parameters": {}},
        {"parameters": {"temperature": 1, "stop": ["a", "b"]}},
    ],
)
def test_taken_as_given(body: dict[str, Any]) -> None:
    assert Outer.validated(body) == body


@pytest.mark.parametrize(
    ("body", "faults"),
    [
        ({"text": 5}, ["text"]),
        ({"text": True}, ["text"]),
        ({"text": ["a"]}, ["text"]),
        ({"text": None}, ["text"]),
        ({"text": "123456"}, ["text"]),
        ({"text": "a\0b"}, ["text"]),
        ({"text": "\ud800"}, ["text"]),
        ({"flag": "true"}, ["flag"]),
        ({"flag": 1}, ["flag"]),
        ({"count": "1"}, ["count"]),
        ({"count": 1.0}, ["count"]),
        ({"count": True}, ["count"]),
        ({"count": 0}, ["count"]),
        ({"kind": "ogg"}, ["kind"]),
        ({"kind": ["mp3"]}, ["kind"]),
        ({"id": 5}, ["id"]),
        ({"id": "5"}, ["id"]),
        ({"parameters": []}, ["parameters"]),
        ({"parameters": {"temperature": "1"}}, ["parameters.temperature"]),
        ({"parameters": {"temperature": 3}}, ["parameters.temperature"]),
        ({"parameters": {"top_k": 3}}, ["parameters.top_k"]),
        ({"parameters": {"stop": "a"}}, ["parameters.stop"]),
        ({"parameters": {"stop": ["a", 5]}}, ["parameters.stop"]),
        ({"parameters": {"stop": ["a", "b", "c"]}}, ["parameters.stop"]),
        ({"parameters": {"stop": ["a", ""]}}, ["parameters.stop.1"]),
        ({"one": 1, "two": 2, "count": "x"}, ["count", "one", "two"]),
        ({"\ud800": 1}, ["?"]),
        ({"x" * 5000: 1}, ["x" * 60]),
        ([], ["body"]),
        (None, ["body"]),
        ("text", ["body"]),
    ],
)
def test_faults_are_named(body: Any, faults: list[str]) -> None:
    with pytest.raises(ValidationError) as refused:
        Outer.validated(body)
    problem = problem_of(refused.value)
    assert problem is not None
    assert problem.status == 400
    assert sorted(problem.errors or {}) == faults


def test_thousands_of_unknown_fields_are_not_all_sent_back() -> None:
    with pytest.raises(ValidationError) as refused:
        Outer.validated({str(number): number for number in range(5000)})
    assert len(refused.value.get_full_details()) == 10


def test_a_description_names_types_and_limits() -> None:
    fields = describe(Outer)["fields"]
    assert fields["text"]["max_length"] == 5
    assert {name: field["type"] for name, field in fields.items()} == {
        "text": "string",
        "note": "string",
        "flag": "boolean",
        "count": "integer",
        "kind": "string",
        "id": "string",
        "parameters": "object",
    }

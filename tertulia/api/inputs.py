"""Strict reading of request bodies; every API view validates with a StrictSerializer.

`parsing` has refused what cannot be stored. Serializers check names, types and lengths; what values mean is checked
by the actions, for all faces.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from itertools import islice
from typing import Any, Self, cast

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

from tertulia.api.parsing import Form

Field = serializers.Field[Any, Any, Any, Any]

_MAX_UNKNOWN_NAMED = 10
_MAX_NAME_SHOWN = 60


@dataclass(frozen=True, slots=True)
class JsonType:
    """A type as JSON Schema names it, as Python reads it, and what is said about any other."""

    name: str
    accepted: tuple[type, ...]
    message: Promise


# A field takes exactly its JSON type: "1" is not true, 5 is not "5". First match counts; any other is a text.
_JSON_TYPES: tuple[tuple[type[Field], JsonType], ...] = (
    (serializers.BooleanField, JsonType("boolean", (bool,), _("true or false is expected."))),
    (serializers.IntegerField, JsonType("integer", (int,), _("A whole number is expected."))),
    (serializers.FloatField, JsonType("number", (int, float), _("A number is expected."))),
    (serializers.ListField, JsonType("array", (list,), _("A list is expected."))),
    (serializers.DictField, JsonType("object", (dict,), _("An object is expected."))),
    (serializers.BaseSerializer, JsonType("object", (dict,), _("An object is expected."))),
)
_TEXT = JsonType("string", (str,), _("A text is expected."))


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not declare and values of another JSON type than declared."""

    @classmethod
    def validated(cls, data: object, *, partial: bool = False) -> dict[str, Any]:
        """The validated values; `partial` lets required fields be absent.

        Raises DRF's ValidationError, which `problems` shows as InvalidInput with the path of each field.
        """
        if not isinstance(data, Mapping):
            raise ValidationError(_("A JSON object is expected."))
        reader = cls._reader(partial)
        if isinstance(data, Form):
            data = {name: _typed(reader.fields.get(name), data[name]) for name in data}
        return dict(reader.run_validation(data))

    @classmethod
    @cache
    def _reader(cls, partial: bool) -> Self:
        """The one that reads all bodies of its kind: to make its fields takes a millisecond, and reading leaves
        nothing in them."""
        return cls(partial=partial)

    def to_internal_value(self, data: Any) -> Any:
        errors = dict(self._faults(data)) if isinstance(data, Mapping) else {}
        if errors:
            raise ValidationError(cast("dict[str, Any]", errors))
        return super().to_internal_value(data)

    def _faults(self, data: Mapping[str, Any]) -> Iterator[tuple[str, list[str | Promise]]]:
        fields = {str(field.field_name): field for field in self._writable_fields}
        for name in islice((name for name in data if name not in fields), _MAX_UNKNOWN_NAMED):
            yield _shown(name), [_("This field is not known here.")]
        for name, field in fields.items():
            fault = _fault(field, data.get(name))
            if fault is not None:
                yield name, [fault]


def describe(serializer_class: type[StrictSerializer]) -> dict[str, Any]:
    """The fields of a body as JSON, for clients that build their form from it (names as in JSON Schema)."""
    fields = serializer_class().fields
    return {"fields": {name: _description(field) for name, field in fields.items() if not field.read_only}}


def _description(field: Field) -> dict[str, Any]:
    description: dict[str, Any] = {"type": _json_type(field).name, "required": field.required}
    if "input_type" in field.style:
        description["format"] = field.style["input_type"]
    for limit in ("min_length", "max_length"):
        if getattr(field, limit, None) is not None:
            description[limit] = getattr(field, limit)
    if field.label:
        description["label"] = str(field.label)
    return description


def _json_type(field: Field) -> JsonType:
    return next((json_type for kind, json_type in _JSON_TYPES if isinstance(field, kind)), _TEXT)


def _fault(field: Field, value: object) -> Promise | None:
    """What is wrong with a value before its field looks at it; None for an absent or null one."""
    if value is None or isinstance(field, (serializers.JSONField, serializers.FileField)):
        return None
    expected = _json_type(field)
    # bool is a subclass of int.
    if not isinstance(value, expected.accepted) or (
        isinstance(value, bool) and bool not in expected.accepted
    ):
        return expected.message
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return next(filter(None, (_fault(field.child, item) for item in value)), None)
    return None


def _typed(field: Field | None, text: str) -> object:
    """What a text of a form stands for where its field is no text; as it is where that cannot be told."""
    if not isinstance(field, (serializers.BooleanField, serializers.IntegerField, serializers.FloatField)):
        return text
    try:
        return json.loads(text.lower())  # Python's clients write True
    except (ValueError, RecursionError):
        return text


def _shown(name: object) -> str:
    """A client's own field name, made fit to be sent back."""
    return str(name)[:_MAX_NAME_SHOWN].encode("utf-8", "replace").decode()

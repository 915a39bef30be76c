"""Strict reading of request bodies; every API view validates with a StrictSerializer.

`parsing` has refused what cannot be stored. Serializers check names, types and lengths; what values mean is checked
by the actions, for all faces.
"""

from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any, cast

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers
from rest_framework.exceptions import ValidationError

_MAX_UNKNOWN_NAMED = 10
_MAX_NAME_SHOWN = 60

# A field takes exactly its JSON type: "1" is not true, 5 is not "5". First match counts.
_JSON_TYPES: tuple[tuple[type[serializers.Field[Any, Any, Any, Any]], tuple[type, ...], Promise], ...] = (
    (serializers.BooleanField, (bool,), _("true or false is expected.")),
    (serializers.IntegerField, (int,), _("A whole number is expected.")),
    (serializers.FloatField, (int, float), _("A number is expected.")),
    (serializers.ListField, (list,), _("A list is expected.")),
    (serializers.DictField, (dict,), _("An object is expected.")),
    (serializers.BaseSerializer, (dict,), _("An object is expected.")),
    (serializers.CharField, (str,), _("A text is expected.")),
    (serializers.ChoiceField, (str,), _("A text is expected.")),
    (serializers.UUIDField, (str,), _("A text is expected.")),
    (serializers.DateTimeField, (str,), _("A text is expected.")),
)


class StrictSerializer(serializers.Serializer[Any]):
    """A serializer that refuses fields it does not declare and values of another JSON type than declared."""

    @classmethod
    def validated(cls, data: object, *, partial: bool = False) -> dict[str, Any]:
        """The validated values; `partial` lets required fields be absent.

        Raises DRF's ValidationError, which `problems` shows as InvalidInput with the path of each field.
        """
        if not isinstance(data, Mapping):
            raise ValidationError(_("A JSON object is expected."))
        serializer = cls(data=data, partial=partial)
        serializer.is_valid(raise_exception=True)
        return dict(serializer.validated_data)

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


def _description(field: serializers.Field[Any, Any, Any, Any]) -> dict[str, Any]:
    description: dict[str, Any] = {"type": "string", "required": field.required}
    if isinstance(field, serializers.EmailField) or field.style.get("input_type") == "email":
        description["format"] = "email"
    if field.style.get("input_type") == "password":
        description["format"] = "password"
    for limit in ("min_length", "max_length"):
        if getattr(field, limit, None) is not None:
            description[limit] = getattr(field, limit)
    if field.label:
        description["label"] = str(field.label)
    return description


def _fault(field: serializers.Field[Any, Any, Any, Any], value: object) -> Promise | None:
    """What is wrong with a value before its field looks at it; None for an absent or null one."""
    if value is None:
        return None
    for kind, types, message in _JSON_TYPES:
        if isinstance(field, kind):
            # bool is a subclass of int.
            if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
                return message
            break
    if isinstance(field, serializers.ListField) and isinstance(value, list):
        return next(filter(None, (_fault(field.child, item) for item in value)), None)
    return None


def _shown(name: object) -> str:
    """A client's own field name, made fit to be sent back."""
    return str(name)[:_MAX_NAME_SHOWN].encode("utf-8", "replace").decode()

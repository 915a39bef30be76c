"""What every request for an answer may say about the model: which one, and the generation parameters with their ranges.

The bodies of all sending endpoints are made of these serializers.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from tertulia.api.inputs import StrictSerializer

# As long as the column that keeps it.
MAX_MODEL_NAME = 200
# No model takes more in one answer; it keeps absurd numbers from the provider.
MAX_TOKENS = 1_000_000
MAX_STOPS, MAX_STOP_LENGTH = 4, 200
_INT64 = 2**63

PARAMETERS = (
    "temperature",
    "top_p",
    "max_tokens",
    "frequency_penalty",
    "presence_penalty",
    "stop",
    "seed",
)


def _number(least: float, most: float) -> serializers.FloatField:
    return serializers.FloatField(min_value=least, max_value=most, required=False, allow_null=True)


class ParametersInput(StrictSerializer):
    """Ranges as OpenAI's API has them; null leaves the provider's default."""

    temperature = _number(0, 2)
    top_p = _number(0, 1)
    max_tokens = serializers.IntegerField(min_value=1, max_value=MAX_TOKENS, required=False, allow_null=True)
    frequency_penalty = _number(-2, 2)
    presence_penalty = _number(-2, 2)
    stop = serializers.ListField(
        child=serializers.CharField(max_length=MAX_STOP_LENGTH, trim_whitespace=False),
        max_length=MAX_STOPS,
        required=False,
        allow_null=True,
    )
    seed = serializers.IntegerField(min_value=-_INT64, max_value=_INT64 - 1, required=False, allow_null=True)


class ModelInput(StrictSerializer):
    """The model that shall answer; `engine` is its older name. Null or nothing: the default model."""

    model = serializers.CharField(max_length=MAX_MODEL_NAME, required=False, allow_null=True)
    engine = serializers.CharField(max_length=MAX_MODEL_NAME, required=False, allow_null=True)
    parameters = ParametersInput(required=False, allow_null=True)


class SendingInput(ModelInput):
    """A request with a new message. What is not there yet is refused by name rather than ignored."""

    instance = serializers.CharField(required=False, allow_null=True)
    attachments = serializers.ListField(child=serializers.JSONField(), required=False, allow_null=True)

    def validate_attachments(self, value: list[Any] | None) -> list[Any]:
        if value:
            raise serializers.ValidationError(_("Attachments are not taken."))
        return []


class FlatSendingInput(ParametersInput, SendingInput):
    """The origins' bodies: parameters stand beside the message as well as under `parameters`."""

    conversation = serializers.CharField(required=False, allow_null=True)


def content_field() -> serializers.CharField:
    """A message's text as it was typed; its limits are the engine's."""
    return serializers.CharField(trim_whitespace=False, allow_blank=True)


def model_of(given: Mapping[str, Any]) -> str | None:
    """The model that a validated body names."""
    return given.get("model") or given.get("engine")


def parameters_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a validated body, nested or flat (which win), without those that are null."""
    merged = dict(given.get("parameters") or {}) | {name: given[name] for name in PARAMETERS if name in given}
    return {name: value for name, value in merged.items() if value is not None}

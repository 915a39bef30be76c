"""What every request for an answer may say about the model: which one, and the generation parameters with their ranges.

The bodies of all sending endpoints are made of these serializers.
"""

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from tertulia.api.inputs import StrictSerializer
from tertulia.characters import cards
from tertulia.providers.ranges import MAX_STOP_LENGTH, MAX_STOPS, PARAMETERS, RANGES

# As long as the column that keeps it.
MAX_MODEL_NAME = 200
MAX_GREETING = cards.MAX_GREETINGS


def _number(name: str) -> serializers.FloatField | serializers.IntegerField:
    least, most, is_whole = RANGES[name]
    kind = serializers.IntegerField if is_whole else serializers.FloatField
    return kind(min_value=least, max_value=most, required=False, allow_null=True)


class ParametersInput(StrictSerializer):
    """Null leaves the provider's default."""

    temperature = _number("temperature")
    top_p = _number("top_p")
    max_tokens = _number("max_tokens")
    frequency_penalty = _number("frequency_penalty")
    presence_penalty = _number("presence_penalty")
    stop = serializers.ListField(
        child=serializers.CharField(max_length=MAX_STOP_LENGTH, trim_whitespace=False),
        max_length=MAX_STOPS,
        required=False,
        allow_null=True,
    )
    seed = _number("seed")


class ModelInput(StrictSerializer):
    """The model that shall answer; `engine` is its older name. Null or nothing: the default model."""

    model = serializers.CharField(max_length=MAX_MODEL_NAME, required=False, allow_null=True)
    engine = serializers.CharField(max_length=MAX_MODEL_NAME, required=False, allow_null=True)
    parameters = ParametersInput(required=False, allow_null=True)


def greeting_field() -> serializers.IntegerField:
    """Which of its character's greetings an instance begins with: 0 the first, 1 and on the others."""
    return serializers.IntegerField(min_value=0, max_value=MAX_GREETING, required=False, allow_null=True)


class SendingInput(ModelInput):
    """A request with a new message. What is not there yet is refused by name rather than ignored.

    `greeting` is for the first message that brings an instance into a conversation.
    """

    instance = serializers.CharField(required=False, allow_null=True)
    greeting = greeting_field()
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

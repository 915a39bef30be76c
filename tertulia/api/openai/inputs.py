"""Reads the body of /v1/chat/completions: what is honoured, what is harmless, and what is refused by name."""

from collections.abc import Mapping
from typing import Any, Literal

from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from tertulia.api import placing
from tertulia.api.parameters import MAX_MODEL_NAME, ParametersInput, parameters_of
from tertulia.api.parsing import read_json
from tertulia.api.sending import Ask, Place
from tertulia.chat.generation.start import check_content
from tertulia.core.errors import InvalidInput
from tertulia.providers.base import ChatMessage

# Model ids that name who answers instead of a provider's model.
PERSONAS = ("instance:", "character:")

Role = Literal["system", "user", "assistant"]
ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}

# Fields that change nothing in what the client reads, and may be left unheard.
HARMLESS = (
    "metadata", "parallel_tool_calls", "prompt_cache_key", "prompt_cache_retention", "reasoning_effort",
    "safety_identifier", "service_tier", "store", "user", "verbosity",
)  # fmt: skip
# Fields that would change the answer's form, with the values that ask for nothing.
REFUSED: Mapping[str, tuple[Any, ...]] = {
    "audio": (None,),
    "function_call": (None, "none", "auto"),
    "functions": (None, []),
    "logit_bias": (None, {}),
    "logprobs": (None, False),
    "modalities": (None, ["text"]),
    "n": (None, 1),
    "prediction": (None,),
    "response_format": (None, {"type": "text"}),
    "tool_choice": (None, "none", "auto"),
    "tools": (None, []),
    "top_logprobs": (None, 0),
    "web_search_options": (None,),
}


class CompletionInput(ParametersInput):
    model = serializers.CharField(max_length=MAX_MODEL_NAME)
    messages = serializers.ListField(child=serializers.DictField(), min_length=1)
    stream = serializers.BooleanField(required=False, allow_null=True)
    stream_options = serializers.DictField(required=False, allow_null=True)
    max_completion_tokens = serializers.IntegerField(min_value=1, required=False, allow_null=True)

    def get_fields(self) -> dict[str, serializers.Field[Any, Any, Any, Any]]:
        unheard = {
            name: serializers.JSONField(required=False, allow_null=True) for name in (*HARMLESS, *REFUSED)
        }
        return super().get_fields() | unheard

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        for name, harmless in REFUSED.items():
            if name in attrs and attrs[name] not in harmless:
                raise serializers.ValidationError({name: [_("This is not supported here.")]})
        return attrs


def read_completion(request: HttpRequest) -> tuple[Ask, dict[str, Any]]:
    """What is asked for, and the validated body. Raises InvalidInput naming the parameter."""
    body = read_json(request)
    given = CompletionInput.validated(_listed_stop(body))
    if given.get("max_completion_tokens"):
        given["max_tokens"] = given["max_completion_tokens"]
    context = [_message(index, message) for index, message in enumerate(given["messages"])]
    model: str = given["model"]
    is_persona = model.startswith(PERSONAS)
    ask = Ask(
        origin="openai",
        content=_last_words(context),
        model=None if is_persona else model,
        place=lambda identity: placing.spoken_to(identity, model) if is_persona else Place(),
        parameters=parameters_of(given),
        context=context,
        body=body,
    )
    return ask, given


def _listed_stop(body: dict[str, Any]) -> dict[str, Any]:
    return body | {"stop": [body["stop"]]} if isinstance(body.get("stop"), str) else body


def _message(index: int, message: Mapping[str, Any]) -> ChatMessage:
    path = f"messages.{index}"
    role = message.get("role")
    if not isinstance(role, str) or role not in ROLES:
        raise InvalidInput.field(f"{path}.role", _("One of system, developer, user, assistant is expected."))
    if message.get("tool_calls") or message.get("function_call"):
        raise InvalidInput.field(f"{path}.tool_calls", _("Tools are not supported here."))
    return ChatMessage(ROLES[role], _text(f"{path}.content", role, message.get("content")))


def _text(path: str, role: str, content: object) -> str:
    if isinstance(content, str):
        return content
    if content is None and role == "assistant":
        return ""
    if not isinstance(content, list):
        raise InvalidInput.field(path, _("A text or a list of text parts is expected."))
    return "".join(_part(path, part) for part in content)


def _part(path: str, part: object) -> str:
    if isinstance(part, dict) and part.get("type") == "text" and isinstance(part.get("text"), str):
        return str(part["text"])
    raise InvalidInput.field(path, _("Only text parts are supported here."))


def _last_words(context: list[ChatMessage]) -> str:
    """The user's message that is kept with the answer."""
    said = next((message.content for message in reversed(context) if message.role == "user"), "")
    try:
        return check_content(said)
    except InvalidInput as fault:
        raise InvalidInput.field("messages", fault.detail) from None

"""What the pages' forms may say, as Django forms; a fault raises the same InvalidInput that the API answers with."""

from collections.abc import Mapping
from typing import Any, TypeVar
from uuid import UUID

from django import forms
from django.utils.translation import gettext_lazy as _

from tertulia.core.errors import InvalidInput
from tertulia.providers.ranges import MAX_STOP_LENGTH, MAX_STOPS, PARAMETERS, RANGES

# What "Continue" says for the user.
RESUME = _("Continue exactly where you stopped.")

F = TypeVar("F", bound="StrictForm")


class StrictForm(forms.Form):
    """A form that names its faults by exception."""

    @classmethod
    def read(cls, data: Mapping[str, Any]) -> dict[str, Any]:
        """The cleaned values; raises InvalidInput naming the fields."""
        form = cls(data)
        if not form.is_valid():
            errors = {name: [str(text) for text in texts] for name, texts in form.errors.items()}
            raise InvalidInput(next(iter(errors.values()))[0], errors=errors)
        return form.cleaned_data


def _number(name: str, label: Any) -> forms.FloatField | forms.IntegerField:
    least, most, is_whole = RANGES[name]
    kind = forms.IntegerField if is_whole else forms.FloatField
    return kind(min_value=least, max_value=most, required=False, label=label)


class OptionsForm(StrictForm):
    """The model and the generation parameters; an empty field leaves the provider's default."""

    model = forms.CharField(max_length=200, required=False)
    temperature = _number("temperature", _("Temperature"))
    top_p = _number("top_p", _("Top p"))
    max_tokens = _number("max_tokens", _("Longest answer"))
    frequency_penalty = _number("frequency_penalty", _("Frequency penalty"))
    presence_penalty = _number("presence_penalty", _("Presence penalty"))
    seed = _number("seed", _("Seed"))
    stop = forms.CharField(required=False, label=_("Stop at"), strip=False)

    def clean_stop(self) -> list[str]:
        """One stop string a line."""
        stops = [line for line in self.cleaned_data["stop"].splitlines() if line]
        if len(stops) > MAX_STOPS:
            raise forms.ValidationError(_("At most %(limit)d lines."), params={"limit": MAX_STOPS})
        if any(len(stop) > MAX_STOP_LENGTH for stop in stops):
            raise forms.ValidationError(
                _("At most %(limit)d characters a line."), params={"limit": MAX_STOP_LENGTH}
            )
        return stops


class SendForm(OptionsForm):
    """A message. `parent` is the message it answers to; without one it begins the conversation.

    In a new one `instance` answers, and `greeting` is the number of its first words.

    Two buttons bring words of their own: an opener of the empty page, and the one that asks to go on with an
    interrupted answer (`resume`).
    """

    content = forms.CharField(required=False, strip=False)
    opener = forms.CharField(max_length=200, required=False)
    parent = forms.UUIDField(required=False)
    resume = forms.UUIDField(required=False)
    instance = forms.UUIDField(required=False)
    greeting = forms.IntegerField(required=False)
    key = forms.CharField(max_length=200, required=False)

    def clean(self) -> dict[str, Any]:
        given = super().clean() or self.cleaned_data
        if given.get("resume"):
            given |= {"content": str(RESUME), "parent": given["resume"]}
        given["content"] = given.get("content") or given.get("opener", "")
        return given


class EditForm(OptionsForm):
    """A new wording of the user's own message."""

    content = forms.CharField(required=False, strip=False)
    message = forms.UUIDField()
    key = forms.CharField(max_length=200, required=False)


class RegenerateForm(OptionsForm):
    """Another answer: `message` is the answer, or the words to be answered."""

    message = forms.UUIDField()
    key = forms.CharField(max_length=200, required=False)


class TitleForm(StrictForm):
    title = forms.CharField(max_length=200, label=_("Title"))


class FeedbackForm(StrictForm):
    """A pressed button says which answer it belongs to: exactly one of the fields is set."""

    up = forms.UUIDField(required=False)
    down = forms.UUIDField(required=False)
    none = forms.UUIDField(required=False)

    VALUES = (("up", 1), ("down", -1), ("none", None))

    @classmethod
    def chosen(cls, data: Mapping[str, Any]) -> tuple[UUID, int | None]:
        """The answer's id, and the opinion of it."""
        given = cls.read(data)
        for name, value in cls.VALUES:
            if given[name]:
                return given[name], value
        raise InvalidInput.field("up", _("No answer was named."))


def parameters_of(given: Mapping[str, Any]) -> dict[str, Any]:
    """The generation parameters among cleaned values, without those that were left empty."""
    return {name: given[name] for name in PARAMETERS if given[name] not in (None, "", [])}

"""Why a provider gave no answer, as stable slugs; raised by providers, rendered by the API layer.

ProviderError          the provider was asked and failed (502, or 504 for a time-out)
ModelUnknown           the provider's list of models does not have the requested one (400)
"""

from typing import NamedTuple


def gettext_noop(message: str) -> str:
    """Mark a detail for extraction; whoever shows it translates it (this package knows no Django)."""
    return message


class Fault(NamedTuple):
    status: int
    detail: str


# The slugs are part of the API. Details are fixed sentences: nothing that a provider says, no key
# and no address can reach a reader through them.
FAULTS: dict[str, Fault] = {
    "provider_auth": Fault(502, gettext_noop("The model provider does not accept the configured key.")),
    "provider_forbidden": Fault(502, gettext_noop("The model provider refuses this request to this key.")),
    "provider_rate_limited": Fault(
        502, gettext_noop("The model provider is receiving too many requests. Try again in a moment.")
    ),
    "provider_quota_exhausted": Fault(502, gettext_noop("The account at the model provider is used up.")),
    "provider_overloaded": Fault(
        502, gettext_noop("The model provider is overloaded. Try again in a moment.")
    ),
    "provider_error": Fault(502, gettext_noop("The model provider reported a fault of its own.")),
    "provider_unreachable": Fault(502, gettext_noop("The model provider cannot be reached.")),
    "provider_dns": Fault(502, gettext_noop("The name of the model provider's host cannot be resolved.")),
    "provider_tls": Fault(502, gettext_noop("No trusted encrypted connection to the model provider.")),
    "provider_timeout_connect": Fault(504, gettext_noop("The model provider did not accept a connection.")),
    "provider_timeout_first_token": Fault(
        504, gettext_noop("The model provider did not begin to answer in time.")
    ),
    "provider_timeout_idle": Fault(504, gettext_noop("The model provider stopped in the middle.")),
    "provider_reset": Fault(502, gettext_noop("The model provider broke the connection.")),
    "provider_truncated": Fault(502, gettext_noop("The model provider's answer ended too early.")),
    "provider_malformed": Fault(502, gettext_noop("The model provider's answer could not be read.")),
    "provider_not_sse": Fault(
        502, gettext_noop("The model provider answered with something that is not a stream.")
    ),
    "provider_too_large": Fault(502, gettext_noop("A part of the model provider's answer was too large.")),
    "provider_empty": Fault(502, gettext_noop("The model provider gave an empty answer.")),
    "provider_bad_request": Fault(502, gettext_noop("The model provider does not accept this request.")),
    "provider_context_length": Fault(
        502, gettext_noop("The conversation is too long for this model. Start a new one or shorten it.")
    ),
    "provider_model_unknown": Fault(502, gettext_noop("The model provider does not have this model.")),
    "provider_not_found": Fault(
        502, gettext_noop("There is no chat service at the configured address; check OPENAI_BASE_URL.")
    ),
}


class ProviderError(Exception):
    """The provider failed. `retry_after` is in seconds, None where the provider named no time."""

    def __init__(self, slug: str, *, retry_after: float | None = None) -> None:
        self.slug = slug
        self.status, self.detail = FAULTS[slug]
        self.retry_after = retry_after
        super().__init__(slug)


class ModelUnknown(Exception):
    """The provider lists its models and `requested` is not one of them."""

    def __init__(self, requested: str) -> None:
        self.requested = requested
        super().__init__(requested)

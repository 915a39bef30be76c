"""What an answer was made of, as its Generation keeps it and the API shows it; `request` and `extraction` write it.

`messages_sha256` is the SHA-256, in lower-case hexadecimal, of the bytes of the `messages` array in the body that the
provider gets (`providers.wire.encode_messages`): the model's own server can confirm it. It holds ids and names, never
texts: what is forgotten is not kept here.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, NotRequired, TypedDict
from uuid import UUID

from tertulia.providers.base import ChatMessage, Parameters
from tertulia.providers.wire import encode_messages


class History(TypedDict):
    """How many earlier messages were sent, whether these are all there were, and whether the greeting stood before
    them. Answers from before there were greetings do not tell that."""

    messages: int
    complete: bool
    greeting: NotRequired[bool]


class Provenance(TypedDict):
    """`parameters` are those sent, `tokens` estimated. `entries` are ids of memory entries, `lore` names of lorebook
    entries, `quotes` ids of the lines that were offered, in the order of their numbers. `left_out` names what did not
    fit. `unknown_model` is the character's model where the provider does not have it, so that the default answered.
    `read` are the messages that a memory run looked through, in the order of their numbers."""

    messages_sha256: str
    model: str
    parameters: dict[str, Any]
    tokens: int
    character: str | None
    instance: str | None
    entries: list[str]
    lore: list[str]
    quotes: list[str]
    history: History
    left_out: list[str]
    unknown_model: str | None
    read: NotRequired[list[str]]


def sha256_of(messages: Sequence[ChatMessage]) -> str:
    """The digest of what is sent, or of what the offline model is given."""
    return hashlib.sha256(encode_messages(messages)).hexdigest()


def parameters_sent(parameters: Parameters) -> dict[str, Any]:
    """The generation parameters that a request names; the provider's own defaults are not known."""
    named = {name: value for name, value in asdict(parameters).items() if value not in (None, ())}
    return named | ({"stop": list(parameters.stop)} if parameters.stop else {})


def texts_of(ids: Sequence[UUID]) -> list[str]:
    """Ids as JSON holds them."""
    return [str(id) for id in ids]

"""The types every language model provider speaks; the chat engine depends on nothing else here."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import Literal, Protocol


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """One turn of the conversation, oldest first in a request."""

    role: Literal["system", "user", "assistant"]
    content: str


@dataclass(frozen=True, slots=True)
class Parameters:
    """Generation parameters; None (or no stop strings) leaves the provider's own default."""

    temperature: float | None = None
    top_p: float | None = None
    max_tokens: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    stop: tuple[str, ...] = ()
    seed: int | None = None


@dataclass(frozen=True, slots=True)
class Passage:
    """A text the answer may quote. `kind` is "repertory", "history", "quote" or "memory"."""

    kind: str
    id: str
    text: str
    speaker: str = ""
    work: str = ""
    language: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """A passage that the answer did quote, under the marker `[n]` of its text."""

    marker: int
    kind: str
    id: str
    text: str
    speaker: str = ""
    work: str = ""
    language: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one answer. `reasoning_tokens` are part of `completion_tokens`."""

    prompt_tokens: int
    completion_tokens: int
    reasoning_tokens: int = 0
    estimated: bool = False

    @property
    def total_tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True, slots=True)
class ChatRequest:
    """Everything a provider needs for one answer. `language` is the reader's, a BCP 47 tag."""

    model: str
    messages: tuple[ChatMessage, ...]
    parameters: Parameters = Parameters()
    passages: tuple[Passage, ...] = ()
    language: str = "en"


@dataclass(slots=True)
class Chunk:
    """Everything found in one read from the provider, merged; at least one field is set.

    Text holds neither NUL nor lone surrogates, so every database takes it.
    """

    text: str = ""
    reasoning: str = ""
    sources: tuple[Source, ...] = ()
    usage: Usage | None = None
    finish_reason: str | None = None


class Provider(Protocol):
    """A source of answers. Implementations may be used from several event loops."""

    @property
    def name(self) -> str: ...

    def stream(self, request: ChatRequest) -> AsyncGenerator[Chunk, None]:
        """Yield the answer as it arrives; raise ProviderError when it cannot be (fully) had.

        Closing the generator (`contextlib.aclosing`) drops the provider's connection at once.
        """
        ...

    async def models(self) -> list[str]:
        """Model ids in the provider's order, empty when it has no list; raises ProviderError."""
        ...

    async def close(self) -> None:
        """Release the connections of the running event loop."""
        ...

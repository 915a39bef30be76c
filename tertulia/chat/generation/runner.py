"""One run: reads a provider's stream into a log and says how it ended. Knows neither HTTP nor the database."""

import logging
from contextlib import aclosing
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from tertulia.chat.generation import events, prompt
from tertulia.chat.generation.live import LiveLog
from tertulia.chat.generation.log import Outcome, sources_payload
from tertulia.core import clock
from tertulia.providers.base import ChatRequest, Chunk, Provider
from tertulia.providers.errors import ProviderError

logger = logging.getLogger(__name__)

# No answer of a chat comes near, its reasoning included; a provider that never stops is cut here as if it had met its
# token limit.
MAX_ANSWER = 1_000_000


@dataclass(frozen=True, slots=True)
class Plan:
    """A started run: everything that the runner needs, as plain data."""

    generation_id: UUID
    request: ChatRequest
    provider: Provider


class Runner:
    """Feeds `log` from the provider; `run` ends by itself, by cancellation (Stop) or by the provider's fault."""

    def __init__(self, plan: Plan, log: LiveLog) -> None:
        self._plan = plan
        self._log = log
        self._usage: dict[str, Any] | None = None
        self._finish_reason = ""
        self._length = 0
        self._reasoned = 0
        self._has_sources = False
        self._first_token_at: datetime | None = None

    async def run(self) -> Outcome:
        """Read to the end; a provider's fault is an outcome, not an exception."""
        try:
            await self._read()
        except ProviderError as error:
            logger.warning("generation %s: %s", self._plan.generation_id, error.slug)
            return self.outcome("failed", error.slug)
        except Exception:
            logger.exception("generation %s: fault in the runner", self._plan.generation_id)
            return self.outcome("failed", "internal")
        if not self._length:
            return self.outcome("failed", "provider_empty")
        self._cite()
        return self.outcome("complete")

    async def _read(self) -> None:
        # Closed at once when it is left early: its connection must not wait for the garbage collector.
        async with aclosing(self._plan.provider.stream(self._plan.request)) as chunks:
            async for chunk in chunks:
                self._take(chunk)
                if self._length + self._reasoned >= MAX_ANSWER:
                    self._finish_reason = "length"
                    return

    def outcome(self, status: str, error: str = "") -> Outcome:
        """The end of this run, with what is known of it so far."""
        return Outcome(status, self._finish_reason, error, self._usage, self._first_token_at)

    def _cite(self) -> None:
        """Say which of the lines that were offered the answer quotes; the offline model says it itself."""
        if self._has_sources or not self._plan.request.passages:
            return
        sources = prompt.cited(self._plan.request.passages, events.text_of(self._log.pieces, events.DELTA))
        if sources:
            self._log.append(events.SOURCES, sources_payload(asdict(source) for source in sources))

    def _take(self, chunk: Chunk) -> None:
        if chunk.sources:
            self._has_sources = True
            self._log.append(events.SOURCES, sources_payload(asdict(source) for source in chunk.sources))
        if chunk.reasoning:
            self._reasoned += len(chunk.reasoning)
            self._log.append(events.REASONING, chunk.reasoning)
        if chunk.text:
            if not self._length:
                self._first_token_at = clock.now()
            self._length += len(chunk.text)
            self._log.append(events.DELTA, chunk.text)
        if chunk.usage:
            self._usage = asdict(chunk.usage) | {"total_tokens": chunk.usage.total_tokens}
        if chunk.finish_reason:
            self._finish_reason = chunk.finish_reason

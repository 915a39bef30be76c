"""One answer of the scripted provider: a small state machine driven by timers, without a task."""

import asyncio
import time

from tests.provider import faults, wire
from tests.provider.connection import Connection
from tests.provider.record import Log, Record
from tests.provider.script import Script

# Tokens written before other connections get their turn, when no rate is asked for.
_BURST = 64


class Answer:
    def __init__(self, connection: Connection, record: Record, log: Log, script: Script) -> None:
        self.connection = connection
        self.events = wire.Events(f"scripted{record.n}", record.model)
        self._record = record
        self._log = log
        self._script = script
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.Handle | None = None
        self._reasoning = script.reasoning_tokens()
        self._tokens = script.answer_tokens()
        self._reasoned = 0
        self._started_at = 0.0
        self._is_closed = False
        connection.on_lost = self._lost
        connection.on_writable = self._step

    def start(self) -> None:
        self._timer = self._loop.call_later(self._script.delay, self._start)

    # What faults are made of

    def begin(self, *, with_role: bool = True) -> None:
        self._record.status = 200
        self.connection.begin_stream()
        if with_role:
            self.send(self.events.role())

    def send(self, events: bytes) -> None:
        size = self._script.split_bytes or len(events)
        for start in range(0, len(events), size):
            self.connection.write_chunk(events[start : start + size])

    def end(self, finish_reason: str) -> None:
        self.send(self.events.end(finish_reason))
        if self._wants_usage():
            self.send(self.events.usage(self._usage()))
        self.send(wire.DONE)
        self.close_stream()

    def close_stream(self) -> None:
        self.connection.end_stream()
        self._close(disconnected=False)

    def refuse(
        self,
        status: int,
        body: bytes,
        *,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        self._record.status = status
        self.connection.respond(status, body, content_type=content_type, headers=headers)
        self._close(disconnected=False)

    def respond_whole(self) -> None:
        """The answer in one JSON body."""
        for text in self._tokens:
            self._record.note_token(text)
        body = wire.completion(
            f"scripted{self._record.n}",
            self._record.model,
            self._record.sent_text,
            self._script.finish_reason,
            self._usage(),
        )
        self.refuse(200, body)

    def drip(self, data: bytes) -> None:
        """One byte at a time, at the script's rate or one a second."""
        if self._is_closed or not data:
            return
        self.connection.write_chunk(data[:1])
        self._timer = self._loop.call_later(1 / (self._script.rate or 1), self.drip, data[1:])

    # The course of an answer

    def _start(self) -> None:
        script = self._script
        if script.status is not None or script.fault in faults.REFUSALS:
            self._refuse_as_told()
        elif script.fault in faults.AT_START:
            faults.AT_START[script.fault](self)
        elif self._record.body.get("stream"):
            self.begin()
            self._started_at = self._loop.time()
            self._step()
        else:
            self.respond_whole()

    def _step(self) -> None:
        """Send what is due: at a rate one token, else a burst; then come back."""
        for _ in range(1 if self._script.rate else _BURST):
            if self._is_closed or self.connection.is_paused:
                return
            if not self._send_next():
                return
        self._timer = (
            self._loop.call_at(self._due(), self._step)
            if self._script.rate
            else self._loop.call_soon(self._step)
        )

    def _due(self) -> float:
        sent = self._reasoned + len(self._record.sent)
        return self._started_at + sent / self._script.rate

    def _send_next(self) -> bool:
        """Send one token; False when there is nothing more to send."""
        if self._reasoned < len(self._reasoning):
            self.send(self.events.reasoning(self._reasoning[self._reasoned]))
            self._reasoned += 1
            return True
        position = len(self._record.sent)
        fault_at = min(self._script.at, len(self._tokens))
        if position == fault_at and self._script.fault in faults.MIDWAY:
            faults.MIDWAY[self._script.fault](self)
            return False
        if position == len(self._tokens):
            self.end(self._script.finish_reason)
            return False
        text = f"{time.time_ns()} " if self._script.stamp else self._tokens[position]
        self._record.note_token(text)
        self.send(self.events.token(text))
        return True

    def _refuse_as_told(self) -> None:
        script = self._script
        name = script.fault if script.fault in faults.REFUSALS else str(script.status)
        status, kind, code, message = faults.REFUSALS.get(
            name, (script.status or 500, "server_error", None, "A fault.")
        )
        key = self._record.authorization.removeprefix("Bearer ")
        body = wire.error_body(message.format(key=key), kind=kind, code=script.code or code)
        headers = {} if script.retry_after is None else {"Retry-After": f"{script.retry_after:g}"}
        self.refuse(status, body, headers=headers)

    def _wants_usage(self) -> bool:
        options = self._record.body.get("stream_options") or {}
        return self._script.usage and bool(options.get("include_usage"))

    def _usage(self) -> dict[str, object]:
        said = sum(len(str(turn.get("content")).split()) for turn in self._record.body["messages"])
        return wire.usage(said, len(self._record.sent), self._reasoned)

    def _lost(self) -> None:
        self._close(disconnected=True)

    def _close(self, *, disconnected: bool) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._timer is not None:
            self._timer.cancel()
        self._log.close(self._record, disconnected=disconnected)

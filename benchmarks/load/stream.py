"""One chat of the generator: HTTP/1.1 and server-sent events by hand, because a client library would cost more
processor time than the server that is measured.
"""

import asyncio
import time
from collections.abc import Callable
from typing import cast

import msgspec

from benchmarks.load.plan import Chat, Outcome


class _Text(msgspec.Struct):
    text: str = ""


class _Delta(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    delta: _Delta


class _Completion(msgspec.Struct):
    choices: list[_Choice]


_TEXT = msgspec.json.Decoder(_Text)
_COMPLETION = msgspec.json.Decoder(_Completion)
_END = msgspec.json.Decoder(dict[str, object])

HEAD = "POST {path} HTTP/1.1\r\nHost: localhost\r\n{fields}\r\n"


class Stream(asyncio.Protocol):
    """Sends one request and reads its stream to the end; then `done` is called, once."""

    def __init__(self, chat: Chat, tokens: int, done: Callable[[Outcome], None]) -> None:
        self._started = time.time_ns()
        self._chat = chat
        self._expected = tokens
        self._done = done
        self._outcome = Outcome()
        self._received = b""  # of the transfer coding
        self._events = b""
        self._in_body = False
        self._has_ended = False
        self._texts: list[str] = []
        self._arrivals: list[tuple[int, int]] = []  # time of arrival (ns), tokens
        self._length: object = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        body = self._chat.body.encode()
        headers = {"Content-Type": "application/json", "Content-Length": len(body), **self._chat.headers}
        fields = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        head = HEAD.format(path=self._chat.path, fields=fields)
        self._transport.write(head.encode() + body)

    def data_received(self, data: bytes) -> None:
        now = time.time_ns()
        self._received += data
        if not self._in_body and not self._take_head():
            return
        self._take_chunks()
        before = len(self._texts)
        self._take_events()
        if len(self._texts) > before:
            self._arrivals.append((now, sum(text.count(" ") for text in self._texts[before:])))
        if self._has_ended:
            self._transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        self._judge()
        self._done(self._outcome)

    # Reading

    def _take_head(self) -> bool:
        head, end, rest = self._received.partition(b"\r\n\r\n")
        if not end:
            return False
        if b" 200 " not in head.partition(b"\r\n")[0]:
            self._outcome.error = (head[:80] + b" " + rest[:200]).decode("latin-1")
            self._transport.close()
        self._received, self._in_body = rest, True
        return True

    def _take_chunks(self) -> None:
        data, start, parts = self._received, 0, []
        while (line := data.find(b"\r\n", start)) >= 0:
            end = line + 2 + int(data[start:line], 16)
            if len(data) < end + 2:
                break
            parts.append(data[line + 2 : end])
            start = end + 2
        self._received = data[start:]
        self._events += b"".join(parts)

    def _take_events(self) -> None:
        *blocks, self._events = self._events.split(b"\n\n")
        for block in blocks:
            self._take_event(block)

    def _take_event(self, block: bytes) -> None:
        """`id`, `event` and `data` lines in the order in which Tertulia writes them."""
        _, _, rest = block.partition(b"event: ")
        kind, _, data = rest.partition(b"\ndata: ")
        if kind == b"delta":
            self._texts.append(_TEXT.decode(data).text)
        elif kind == b"end":
            self._note_end(_END.decode(data))

    def _note_end(self, end: dict[str, object]) -> None:
        self._has_ended = True
        self._length = end.get("length")
        if end.get("status") != "complete":
            self._outcome.error = f"ended as {end}"

    # Judging

    def _judge(self) -> None:
        """Stamps are the provider's clock in nanoseconds, so each tells when it was sent; loss and doubles show."""
        outcome = self._outcome
        outcome.text = "".join(self._texts)
        stamps = [int(word) for word in outcome.text.split()]
        if not outcome.error:
            outcome.error = self._fault(stamps)
        if self._arrivals:
            outcome.first = (self._arrivals[0][0] - self._started) / 1e6
            outcome.whole = (self._arrivals[-1][0] - self._started) / 1e6
        times = (now for now, count in self._arrivals for _ in range(count))
        outcome.lags = [round((now - sent) / 1e6, 3) for now, sent in zip(times, stamps, strict=False)]

    def _fault(self, stamps: list[int]) -> str:
        if not self._has_ended:
            return "closed without an end"
        if len(stamps) != self._expected or stamps != sorted(set(stamps)):
            return f"{len(stamps)} tokens, {len(set(stamps))} different"
        if self._length is not None and self._length != len(self._outcome.text):
            return f"length {self._length}, received {len(self._outcome.text)}"
        return ""


class ProviderStream(Stream):
    """The same of the provider's own form: what nothing in between would show."""

    def _take_event(self, block: bytes) -> None:
        data = block.removeprefix(b"data: ")
        if data == b"[DONE]":
            self._has_ended = True
            return
        for choice in _COMPLETION.decode(data).choices:
            if choice.delta.content:
                self._texts.append(choice.delta.content)


FORMS = {"tertulia": Stream, "provider": ProviderStream}

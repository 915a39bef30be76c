"""The scripted provider's audio: /v1/audio/speech and /v1/audio/transcriptions.

What to do is told by the voice's name, and by `Audio.manner` for transcriptions.

Both         status-<n>  an error object with that status; status-200 as some gateways do it
             html        a proxy's page with status 200
             hang        nothing, until the client goes away
Speech       wait-<ms>   the first byte comes so late
             paced-<ms>  three seconds of mp3, spread evenly over so long
             endless     half a second of sound each 50 ms, until the client goes away
             broken      a first piece, then a TCP reset
             cut         two seconds of mp3, then a TCP reset
             unmeasured  neither length nor chunks: the end of the connection is the end
             empty       not a byte
             anything    a short tone at once, in wav, whatever was asked for
Hearing      json        {"text"} and nothing else
             verbose     what OpenAI calls verbose_json: the language in words, the duration as a string
             text        the bare text, whatever was asked for
             null        {"text": null}
             cut         half an answer, then the end of the connection
"""

import array
import asyncio
import json
import math
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from email.parser import BytesParser

from tests.provider import wire
from tests.provider.connection import Connection, Request

RATE = 8_000
HEARD = "This is what was said."


@dataclass
class Spoken:
    """A request for speech, and how it ended: "complete", "dropped" by the client, or "" while it lasts."""

    input: str
    voice: str
    model: str
    format: str
    speed: float
    authorization: str
    ended: str = ""


@dataclass
class Heard:
    """A recording that came for transcription."""

    model: str
    language: str
    name: str
    audio: bytes = field(repr=False)


class Audio:
    """What was asked for since the last reset."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        self.spoken: list[Spoken] = []
        self.heard: list[Heard] = []
        self.text = HEARD
        self.manner = "json"

    def handle(self, connection: Connection, request: Request) -> bool:
        """Answer a request for audio; False for any other."""
        match request.method, request.path:
            case "POST", "/v1/audio/speech":
                self._speak(connection, request)
            case "POST", "/v1/audio/transcriptions":
                self._hear(connection, request)
            case "GET", "/_audio":
                connection.respond(200, json.dumps([asdict(each) for each in self.spoken]).encode())
            case _:
                return False
        return True

    def _speak(self, connection: Connection, request: Request) -> None:
        body = request.json()
        spoken = Spoken(
            body["input"],
            body["voice"],
            body["model"],
            body["response_format"],
            body.get("speed", 1.0),
            request.headers.get("authorization", ""),
        )
        self.spoken.append(spoken)
        if not _refused(connection, spoken.voice):
            _Speaking(connection, spoken).begin()

    def _hear(self, connection: Connection, request: Request) -> None:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + request.body).get_payload()
        fields = {part.get_param("name", header="content-disposition"): part for part in parts}  # type: ignore[union-attr]
        texts = {name: part.get_payload(decode=True) for name, part in fields.items()}  # type: ignore[union-attr]
        told = {str(name): value.decode() for name, value in texts.items() if name != "file"}  # type: ignore[union-attr]
        name = str(fields["file"].get_filename())  # type: ignore[union-attr]
        audio = bytes(texts["file"])
        self.heard.append(Heard(told["model"], told.get("language", ""), name, audio))
        if not _refused(connection, self.manner):
            self._write_down(connection)

    def _write_down(self, connection: Connection) -> None:
        told: dict[str, object] = {"text": self.text}
        match self.manner:
            case "text":
                connection.respond(200, f"{self.text}\n".encode(), content_type="text/plain; charset=utf-8")
                return
            case "cut":
                connection.write(b"HTTP/1.1 200 OK\r\nContent-Length: 999\r\n\r\n" + b'{"text": "This is')
                connection.close()
                return
            case "verbose":
                told |= {"task": "transcribe", "language": "english", "duration": "8.47", "segments": [{}]}
            case "null":
                told = {"text": None}
        connection.respond(200, json.dumps(told).encode())


def _refused(connection: Connection, manner: str) -> bool:
    """Whether that was a refusal, which is then on its way."""
    if manner.startswith("status-"):
        status = int(manner.removeprefix("status-"))
        refusal = wire.error_body("It cannot be done.", kind="invalid_request_error", code=None)
        connection.respond(status, refusal, headers={"Retry-After": "7"} if status == 429 else None)
    elif manner == "html":
        connection.respond(200, b"<html><h1>Sign in to the hotel</h1></html>", content_type="text/html")
    elif manner == "deep":
        connection.respond(200, wire.DEEP)
    else:
        return manner == "hang"
    return True


class _Speaking:
    """One answer, mostly in chunks."""

    def __init__(self, connection: Connection, spoken: Spoken) -> None:
        self._connection = connection
        self._spoken = spoken
        self._timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self._connection.on_lost = self._lost
        name, _, number = self._spoken.voice.partition("-")
        if name == "unmeasured":
            self._connection.write(b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n" + mp3(0.5))
            self._end(self._connection.close)
        elif name == "paced":
            self._connection.begin_stream("audio/mpeg")
            self._send([mp3(0.12)] * 25, int(number) / 25_000)
        else:
            self._after(int(number) / 1000 if name == "wait" else 0, self._first)

    def _first(self) -> None:
        self._connection.begin_stream("audio/mpeg")
        if self._spoken.voice == "cut":
            self._connection.write_chunk(mp3(2.0))
            self._after(0.2, self._connection.reset)
            return
        if self._spoken.voice != "empty":
            self._connection.write_chunk(wav_header() + tone(0.2))
        if self._spoken.voice == "broken":
            self._connection.reset()
        elif self._spoken.voice == "endless":
            self._after(0.05, self._more)
        else:
            self._end(self._connection.end_stream)

    def _more(self) -> None:
        self._connection.write_chunk(tone(0.5))
        self._after(0.05, self._more)

    def _send(self, pieces: list[bytes], interval: float) -> None:
        if not pieces:
            self._end(self._connection.end_stream)
            return
        self._connection.write_chunk(pieces[0])
        self._after(interval, lambda: self._send(pieces[1:], interval))

    def _after(self, delay: float, deed: Callable[[], None]) -> None:
        self._timer = asyncio.get_running_loop().call_later(delay, deed)

    def _end(self, deed: Callable[[], None]) -> None:
        self._spoken.ended = "complete"
        deed()

    def _lost(self) -> None:
        if self._timer:
            self._timer.cancel()
        self._spoken.ended = self._spoken.ended or "dropped"


def wav_header() -> bytes:
    """Of a stream whose length nobody knows yet."""
    unknown = 0xFFFFFFFF
    form = struct.pack("<4sI4s4sIHHIIHH", b"RIFF", unknown, b"WAVE", b"fmt ", 16, 1, 1, RATE, RATE * 2, 2, 16)
    return form + struct.pack("<4sI", b"data", unknown)


def tone(seconds: float) -> bytes:
    """440 Hz, softly."""
    count = int(seconds * RATE)
    return array.array(
        "h", (int(3000 * math.sin(440 * 2 * math.pi * n / RATE)) for n in range(count))
    ).tobytes()


def mp3(seconds: float) -> bytes:
    """Silence in frames of 24 ms: MPEG-2 layer III, 24 kHz, 32 kbit/s, one channel, with nothing in them."""
    return (b"\xff\xf3\x44\xc4" + bytes(92)) * round(seconds / 0.024)

"""The scripted provider's audio: /v1/audio/speech and /v1/audio/transcriptions. The voice's name tells what to do.

wait-<ms>   the first byte comes so late
endless     half a second of sound each 50 ms, until the client goes away
refused     400
broken      a first piece, then a TCP reset
anything    a short tone at once
"""

import array
import asyncio
import json
import math
import struct
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
        if spoken.voice == "refused":
            refusal = wire.error_body("No such voice.", kind="invalid_request_error", code=None)
            connection.respond(400, refusal)
            return
        wait = int(spoken.voice.removeprefix("wait-")) if spoken.voice.startswith("wait-") else 0
        _Speaking(connection, spoken).begin(wait / 1000)

    def _hear(self, connection: Connection, request: Request) -> None:
        head = f"Content-Type: {request.headers['content-type']}\r\n\r\n".encode()
        parts = BytesParser().parsebytes(head + request.body).get_payload()
        fields = {part.get_param("name", header="content-disposition"): part for part in parts}  # type: ignore[union-attr]
        texts = {name: part.get_payload(decode=True) for name, part in fields.items()}  # type: ignore[union-attr]
        told = {str(name): value.decode() for name, value in texts.items() if name != "file"}  # type: ignore[union-attr]
        name = str(fields["file"].get_filename())  # type: ignore[union-attr]
        audio = bytes(texts["file"])
        self.heard.append(Heard(told["model"], told.get("language", ""), name, audio))
        connection.respond(200, json.dumps({"text": self.text}).encode())


class _Speaking:
    """One answer in chunks."""

    def __init__(self, connection: Connection, spoken: Spoken) -> None:
        self._connection = connection
        self._spoken = spoken
        self._timer: asyncio.TimerHandle | None = None

    def begin(self, delay: float) -> None:
        self._connection.on_lost = self._lost
        self._timer = asyncio.get_running_loop().call_later(delay, self._first)

    def _first(self) -> None:
        self._connection.begin_stream("audio/mpeg")
        self._connection.write_chunk(wav_header() + tone(0.2))
        if self._spoken.voice == "broken":
            self._connection.reset()
        elif self._spoken.voice == "endless":
            self._timer = asyncio.get_running_loop().call_later(0.05, self._more)
        else:
            self._spoken.ended = "complete"
            self._connection.end_stream()

    def _more(self) -> None:
        self._connection.write_chunk(tone(0.5))
        self._timer = asyncio.get_running_loop().call_later(0.05, self._more)

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

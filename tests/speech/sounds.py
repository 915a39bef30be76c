"""Recordings for tests, made here: what a browser might send, and what nobody should."""

import io
import struct
import wave
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import av

from tertulia.speech.base import Format, Utterance
from tertulia.speech.builtin import BuiltinVoice

RATE = 16_000


async def say(text: str, format: Format = "wav", **options: object) -> bytes:
    """The built-in voice's audio of a text."""
    voice = BuiltinVoice()
    try:
        utterance = Utterance(text, format=format, **options)  # type: ignore[arg-type]
        return b"".join([piece async for piece in voice.speak(utterance)])
    finally:
        await voice.close()


def wav(samples: bytes, *, rate: int = RATE, channels: int = 1) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(channels)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(samples)
    return file.getvalue()


def lying_wav(samples: bytes, *, rate: int = RATE, channels: int = 1, size: int = 0xFFFFFFF0) -> bytes:
    """A header that says whatever it likes."""
    form = struct.pack(
        "<4sI4s4sIHHIIHH", b"RIFF", size, b"WAVE", b"fmt ", 16, 1, channels, rate, rate * 2, 2, 16
    )
    return form + struct.pack("<4sI", b"data", size) + samples


def encoded(samples: bytes, container: str, codec: str, *, rate: int = 48_000, layout: str = "mono") -> bytes:
    """Samples at RATE as a browser's recorder or a telephone writes them: webm, ogg, mp4, mp3, wav."""
    file = io.BytesIO()
    with av.open(file, "w", format=container) as output:
        stream: Any = output.add_stream(codec, rate=rate)
        stream.layout = layout
        resampler = av.AudioResampler(format=stream.codec_context.format.name, layout=layout, rate=rate)
        for frame in _frames(samples):
            for each in resampler.resample(frame):
                output.mux(stream.encode(each))
        for each in resampler.resample(None):
            output.mux(stream.encode(each))
        output.mux(stream.encode(None))
    return file.getvalue()


def _frames(samples: bytes) -> Iterator[av.AudioFrame]:
    for start in range(0, len(samples), RATE * 2):
        second = samples[start : start + RATE * 2]
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(second) // 2)
        frame.sample_rate = RATE
        frame.planes[0].update(second.ljust(frame.planes[0].buffer_size, b"\0"))
        yield frame


def day_of_silence() -> bytes:
    """24 hours in some megabytes: packets of two frames without content (RFC 6716 §3.2.5)."""
    file = io.BytesIO()
    with av.open(file, "w", format="ogg") as output:
        stream: Any = output.add_stream("libopus", rate=48_000)
        stream.layout = "mono"
        stream.codec_context.open()
        for number in range(24 * 3600 * 1000 // 120):
            packet = av.Packet(b"\x1b\x02")
            packet.stream = stream
            packet.pts = packet.dts = number * 5_760
            packet.duration = 5_760
            packet.time_base = Fraction(1, 48_000)
            output.mux(packet)
    return file.getvalue()


def referring_mp4(samples: bytes, address: str) -> bytes:
    """An mp4 whose only track says that its data is elsewhere (ISO/IEC 14496-12 §8.7.2)."""
    whole = bytearray(encoded(samples, "mp4", "aac"))
    own = b"\0\0\0\x0curl \0\0\0\x01"
    other = address.encode() + b"\0"
    place = whole.index(own)
    whole[place : place + len(own)] = struct.pack(">I4sI", 12 + len(other), b"url ", 0) + other
    for box in (b"moov", b"trak", b"mdia", b"minf", b"dinf", b"dref"):
        start = whole.index(box) - 4
        (size,) = struct.unpack_from(">I", whole, start)
        struct.pack_into(">I", whole, start, size + len(other))
    return bytes(whole)

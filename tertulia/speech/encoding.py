"""Samples to mp3, wav or opus while they come; the worker `speaking` is its caller."""

from collections.abc import Callable
from typing import Any, Protocol

import av

from tertulia.speech import riff
from tertulia.speech.base import Format

Write = Callable[[bytes], None]

# Speech of one voice is clear at these rates (bits per second); music would not be.
_MP3_BITS = 48_000
_OPUS_BITS = 24_000
_OPUS_RATE = 48_000
# Ogg pages of this length, in microseconds, so that the first one leaves soon.
_PAGE_MICROSECONDS = "200000"


class Encoder(Protocol):
    def feed(self, samples: bytes) -> None:
        """Take samples of 16 bits, one channel."""
        ...

    def finish(self) -> None:
        """Write what is still held."""
        ...


def encoder(format: Format, rate: int, write: Write) -> Encoder:
    """An encoder that hands its output to `write` as soon as there is some."""
    if format == "wav":
        return Wav(rate, write)
    if format == "mp3":
        # No table of contents, whose place a stream cannot go back to, and no tags: pure frames can be strung together.
        return Compressed(
            "mp3", "libmp3lame", rate, rate, _MP3_BITS, {"write_xing": "0", "id3v2_version": "0"}, write
        )
    options = {"page_duration": _PAGE_MICROSECONDS}
    return Compressed("ogg", "libopus", rate, _OPUS_RATE, _OPUS_BITS, options, write)


class Wav:
    """Samples as they are, behind a head that says "until the end"."""

    def __init__(self, rate: int, write: Write) -> None:
        self._write = write
        write(riff.header(rate))

    def feed(self, samples: bytes) -> None:
        self._write(samples)

    def finish(self) -> None:
        """PCM holds nothing back."""


class _Sink:
    """The file that libav writes into; without `seek` it makes a stream."""

    def __init__(self, write: Write) -> None:
        self._write = write

    def write(self, data: bytes) -> int:
        self._write(bytes(data))
        return len(data)


class Compressed:
    """Any of libav's encoders into one of its containers."""

    def __init__(
        self,
        container: str,
        codec: str,
        rate: int,
        coded_rate: int,
        bits: int,
        options: dict[str, str],
        write: Write,
    ) -> None:
        self._rate = rate
        self._output = av.open(
            _Sink(write), "w", format=container, container_options=options, buffer_size=4096
        )
        stream: Any = self._output.add_stream(codec, rate=coded_rate)
        stream.bit_rate = bits
        stream.layout = "mono"
        self._stream = stream
        form: str = stream.codec_context.format.name
        self._resampler = av.AudioResampler(format=form, layout="mono", rate=coded_rate)

    def feed(self, samples: bytes) -> None:
        frame = av.AudioFrame(format="s16", layout="mono", samples=len(samples) // 2)
        frame.sample_rate = self._rate
        frame.planes[0].update(samples.ljust(frame.planes[0].buffer_size, b"\0"))
        self._encode(frame)

    def finish(self) -> None:
        self._encode(None)
        self._output.mux(self._stream.encode(None))
        self._output.close()

    def _encode(self, frame: av.AudioFrame | None) -> None:
        for each in self._resampler.resample(frame):
            self._output.mux(self._stream.encode(each))

"""Recordings of strangers to samples; only the worker `hearing` calls it, sealed off and with limits.

The kind is told from the first bytes, never guessed by libav: its guess includes playlists, which name other files
and addresses. Only audio codecs that browsers and phones write are opened.
"""

import contextlib
import io
import re
from collections.abc import Iterator
from typing import Any

import av
from av.error import FFmpegError

from tertulia.speech import riff
from tertulia.speech.base import BYTES_PER_SECOND, SAMPLE_RATE

_MAGIC = (
    (re.compile(rb"RIFF....WAVE", re.DOTALL), "wav"),
    (re.compile(rb"\x1a\x45\xdf\xa3"), "matroska"),
    (re.compile(rb"OggS"), "ogg"),
    (re.compile(rb"fLaC"), "flac"),
    (re.compile(rb"....ftyp", re.DOTALL), "mov"),
    (re.compile(rb"ID3"), "mp3"),
    (re.compile(rb"\xff[\xf0\xf1\xf8\xf9]"), "aac"),
    (re.compile(rb"\xff[\xe2-\xff]"), "mp3"),
)
_CODECS = frozenset(
    "aac alac flac libopus mp3 mp3float opus pcm_alaw pcm_f32le pcm_mulaw pcm_s16le pcm_s24le pcm_s32le pcm_u8 "
    "vorbis".split()
)
_RATES = range(4_000, 192_001)
_MAX_CHANNELS = 8


class Unreadable(Exception):
    """Not a recording, or a damaged one."""


class TooLong(Exception):
    """It goes on beyond the limit."""


def samples(recording: bytes, max_seconds: float) -> bytes:
    """One channel of 16-bit samples at SAMPLE_RATE. Raises Unreadable and TooLong.

    What headers say of lengths is not believed; decoding stops where the limit is passed.
    """
    limit = int(max_seconds * BYTES_PER_SECOND)
    whole = bytearray()
    for part in _decoded(recording):
        whole += part
        if len(whole) > limit:
            raise TooLong
    if not whole:
        raise Unreadable
    return bytes(whole)


def warm() -> None:
    """Load what libav's binding loads on first use, while files can still be opened."""
    samples(riff.header(SAMPLE_RATE, 64) + bytes(64), 1.0)
    with contextlib.suppress(Unreadable):
        samples(b"ID3", 1.0)


def kind_of(recording: bytes) -> str | None:
    """libav's name of the container, None for what is not taken."""
    return next((kind for magic, kind in _MAGIC if magic.match(recording)), None)


def _decoded(recording: bytes) -> Iterator[bytes]:
    kind = kind_of(recording)
    if kind is None:
        raise Unreadable
    options = {"codec_whitelist": ",".join(sorted(_CODECS)), "protocol_whitelist": "none"}
    try:
        with av.open(
            io.BytesIO(recording), "r", format=kind, container_options=options, io_open=_refuse
        ) as container:
            yield from _resampled(container)
    except (FFmpegError, ValueError, MemoryError, OverflowError, UnicodeError) as error:
        raise Unreadable from error


def _resampled(container: Any) -> Iterator[bytes]:
    stream = next(iter(container.streams.audio), None)
    context = stream and stream.codec_context
    if not context or context.name not in _CODECS or context.sample_rate not in _RATES:
        raise Unreadable
    if not 1 <= context.channels <= _MAX_CHANNELS:
        raise Unreadable
    context.thread_count = 1
    resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
    for packet in container.demux(stream):
        for frame in _frames(packet):
            yield from map(_bytes_of, resampler.resample(frame))
    yield from map(_bytes_of, resampler.resample(None))


def _frames(packet: Any) -> list[Any]:
    """A damaged packet in the middle of a recording costs its own part only."""
    try:
        return list(packet.decode())
    except FFmpegError:
        return []


def _bytes_of(frame: Any) -> bytes:
    return bytes(frame.planes[0])[: frame.samples * 2]


def _refuse(url: str, flags: int, options: dict[str, str]) -> None:
    raise PermissionError("a recording stands for itself")

"""Where in a recording somebody speaks, and the English words, by pocketsphinx; the worker `hearing` calls it."""

from collections.abc import Iterator

from pocketsphinx import Decoder, Endpointer  # type: ignore[import-untyped]

from tertulia.speech.base import BYTES_PER_SECOND, SAMPLE_RATE

# Quiet rooms have a hum that a lenient detector takes for a voice.
_STRICT = 3
# Of a pause the recogniser should hear a little, else it drops the last sound.
_PADDING = b"\0" * (BYTES_PER_SECOND // 5)


class Recogniser:
    """English. Takes a third of a second to load."""

    def __init__(self) -> None:
        # Stretches of exact zeros, as recorders that suppress noise write them, throw its measure of loudness off:
        # half a bit of noise, always the same, mends that and costs nothing on recordings that have their own.
        self._decoder = Decoder(samprate=SAMPLE_RATE, loglevel="FATAL", dither=True, seed=1)

    def text_of(self, samples: bytes) -> str:
        """The words, without punctuation; empty where nobody speaks."""
        return " ".join(filter(None, map(self._words, spoken(samples))))

    def _words(self, samples: bytes) -> str:
        self._decoder.start_utt()
        self._decoder.process_raw(_PADDING + samples + _PADDING, full_utt=True)
        self._decoder.end_utt()
        found = self._decoder.hyp()
        return str(found.hypstr) if found else ""


def spoken(samples: bytes) -> Iterator[bytes]:
    """The stretches in which somebody speaks."""
    endpointer = Endpointer(vad_mode=_STRICT, sample_rate=SAMPLE_RATE)
    size = endpointer.frame_bytes
    stretch = bytearray()
    for start in range(0, len(samples) - size + 1, size):
        frame = endpointer.process(samples[start : start + size])
        if frame is not None:
            stretch += frame
        if stretch and not endpointer.in_speech:
            yield bytes(stretch)
            stretch.clear()
    # It cannot take an empty rest.
    last = endpointer.end_stream(samples[len(samples) - len(samples) % size :] or b"\0\0")
    if last:
        stretch += last
    if stretch:
        yield bytes(stretch)

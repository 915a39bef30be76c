"""The worker that speaks: `python -m tertulia.speech.speaking`, one utterance after the other until its input ends.

`processes` starts it. It answers each job with frames of audio and one empty frame.
"""

import json
import sys

from tertulia.speech import frames, limits
from tertulia.speech.encoding import encoder
from tertulia.speech.espeak import Espeak

# Hours of talking, in processor time; only a runaway needs more.
_CPU_SECONDS = 3_600


def main() -> None:
    limits.bound(cpu_seconds=_CPU_SECONDS)
    engine = Espeak()
    while frame := frames.read(sys.stdin.buffer):
        say(engine, json.loads(frame[1]))


def say(engine: Espeak, job: dict[str, str | float]) -> None:
    """One job: `text`, `voice` (espeak-ng's name), `speed`, `format`."""
    encoding = encoder(job["format"], engine.rate, send)  # type: ignore[arg-type]  # checked where it was read
    engine.speak(str(job["text"]), str(job["voice"]), float(job["speed"]), encoding.feed)
    encoding.finish()
    frames.put(frames.audio(b""))


def send(data: bytes) -> None:
    if data:
        frames.put(frames.audio(data))


if __name__ == "__main__":
    main()

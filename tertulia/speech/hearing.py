"""The worker that hears: `python -m tertulia.speech.hearing` takes one recording, answers and ends.

`processes` starts it. It answers with a note of the duration once the recording is decoded, then with the text, or
with the samples of a recording in which somebody speaks, for a provider's recogniser. A fault is a note of its slug.
"""

import json
import sys

from tertulia.speech import decoding, frames, limits
from tertulia.speech.base import BYTES_PER_SECOND
from tertulia.speech.frames import put
from tertulia.speech.recognition import Recogniser, spoken

# What a hostile container may burn before anything of it was decoded whole.
DECODING_CPU_SECONDS = 20


def main() -> None:
    limits.bound(cpu_seconds=DECODING_CPU_SECONDS)
    limits.give_way()
    job, recording = frames.read(sys.stdin.buffer), frames.read(sys.stdin.buffer)
    if job is None or recording is None:
        return
    wanted = json.loads(job[1])
    # Before the seal: models and libraries are files.
    decoding.warm()
    recogniser = Recogniser() if wanted["text"] else None
    limits.seal()
    try:
        samples = decoding.samples(recording[1], wanted["max_seconds"])
    except decoding.TooLong:
        put(frames.note(error="audio_too_long"))
    except (decoding.Unreadable, MemoryError):
        put(frames.note(error="audio_unreadable"))
    else:
        answer(samples, recogniser)


def answer(samples: bytes, recogniser: Recogniser | None) -> None:
    duration = len(samples) / BYTES_PER_SECOND
    put(frames.note(duration=duration))
    limits.bound(cpu_seconds=DECODING_CPU_SECONDS + 60 + 2 * int(duration))
    if recogniser is not None:
        put(frames.note(text=recogniser.text_of(samples)))
    else:
        is_speech = next(spoken(samples), None) is not None
        put(frames.audio(samples if is_speech else b""))


if __name__ == "__main__":
    main()

"""Speech: how soon an answer can be heard, and what the built-in recogniser makes of real voices."""

import asyncio
import json
import os
import re
import resource
import statistics
import time
from pathlib import Path

from benchmarks.instance import instance
from benchmarks.report import Figures, Report
from tertulia.speech.base import BYTES_PER_SECOND, Recording
from tertulia.speech.builtin import BuiltinEar
from tertulia.speech.processes import Hearing
from tests.acceptance.clients import Client
from tests.acceptance.stage import scripted

# The provider's voice takes so long for its first byte; another one begins at once and takes so long for a part.
VOICE_MS = 200
PART_MS = 2_000
ANSWERS = 20
# So that a run of the slow voice does not take a minute.
SLOW_ANSWERS = 5
TEXT = "This is the first sentence. And here the answer goes on for a good while longer than that."
# The recogniser's own test recordings: folders of wav files with a `transcription` beside them.
RECORDINGS = "SPEECH_RECORDINGS"
_LINE = re.compile(r"(?:<s> )?(.*?)(?: </s>)? \(([^)]+)\)")


async def measure(report: Report, only: frozenset[str]) -> None:
    if not only or only & {"remote", "slow", "built-in"}:
        await _first_bytes(report, only)
    folder = os.environ.get(RECORDINGS)
    if folder and (not only or "recognition" in only):
        for path in _transcriptions(folder):
            report.show(path.parent.name, [await _recognised(path)])
    elif not only or "recognition" in only:
        print(f"speech   recognition    not measured: {RECORDINGS} names no folder", flush=True)


# --- The first byte -------------------------------------------------------------------------------------------------


async def _first_bytes(report: Report, only: frozenset[str]) -> None:
    async with instance(report, TERTULIA_SPEECH_QUOTA="") as tested:
        address = {"TERTULIA_SPEECH_BASE_URL": tested.world.provider.url}
        cases: tuple[tuple[str, dict[str, str], int], ...] = (
            ("remote", {**address, "TERTULIA_SPEECH_VOICE": f"wait-{VOICE_MS}"}, ANSWERS),
            ("slow", {**address, "TERTULIA_SPEECH_VOICE": f"paced-{PART_MS}"}, SLOW_ANSWERS),
            ("built-in", {}, ANSWERS),
        )
        person = await tested.world.join()
        for case, settings, answers in cases:
            if not only or case in only:
                server = await tested.world.start_server(TERTULIA_SPEECH_QUOTA="", **settings)
                client = person.at(server.url)
                # The built-in voice's process is started by the first answer, and by no other of these.
                cold_ms, _whole = await _delay(client)
                runs = [await _delays(client, answers) for _ in range(report.repeat)]
                report.show(case, [{"cold_ms": cold_ms, **run} for run in runs])


async def _delays(client: Client, answers: int) -> Figures:
    delays = [await _delay(client) for _ in range(answers)]
    firsts, wholes = zip(*delays, strict=True)
    return {
        "first_p50_ms": statistics.median(firsts),
        "first_max_ms": max(firsts),
        "whole_p50_ms": statistics.median(wholes),
    }


async def _delay(client: Client) -> tuple[float, float]:
    """Milliseconds from the end of the first sentence, as a reader of the stream sees it, to the first and to the last
    byte of its audio.
    """
    conversation = (await client.post("/api/conversations", {})).json()["id"]
    body = {"content": scripted("Tell me.", text=TEXT, rate=20)}
    async with client.open("POST", f"/api/conversations/{conversation}/messages", json=body) as stream:
        answer, ended_at, text = "", 0.0, ""
        heard: asyncio.Task[tuple[float, float]] | None = None
        async for line in stream.content:
            if not line.startswith(b"data: "):
                continue
            told = json.loads(line[6:])
            if not answer:
                answer = told["answer"]
                heard = asyncio.create_task(_heard(client, answer))
            text += told.get("text", "")
            # The sentence has ended when something follows it; before, it might be an abbreviation.
            if not ended_at and ". " in text:
                ended_at = time.perf_counter()
        assert heard is not None
        first, last = await heard
        return (first - ended_at) * 1000, (last - ended_at) * 1000


async def _heard(client: Client, answer: str) -> tuple[float, float]:
    """When the first and the last byte of an answer's first part were there."""
    async with client.open("GET", f"/api/messages/{answer}/speech/0") as audio:
        assert audio.status == 200, await audio.text()
        await audio.content.readany()
        begun = time.perf_counter()
        await audio.read()  # who hangs up ends the voice's process, and the next answer would start one
        return begun, time.perf_counter()


# --- Recognition ----------------------------------------------------------------------------------------------------


def _transcriptions(folder: str) -> list[Path]:
    return sorted(Path(folder).glob("*/*transcription"))


def _recordings(transcription: Path) -> list[tuple[str, bytes]]:
    """What is said, and the recording, of each line."""
    lines = _LINE.findall(transcription.read_text())
    return [(said, (transcription.parent / f"{Path(name).name}.wav").read_bytes()) for said, name in lines]


async def _recognised(transcription: Path) -> Figures:
    """Word error rate and real-time factors over all recordings of a folder, one after another."""
    ear = BuiltinEar(Hearing(600))
    cpu_before = _cpu_of_children()
    words = wrong = 0
    seconds = spent = 0.0
    for wanted, audio in _recordings(transcription):
        begun = time.perf_counter()
        heard = await ear.transcribe(Recording(audio, language="en"))
        spent += time.perf_counter() - begun
        seconds += heard.duration or len(audio) / BYTES_PER_SECOND
        words += len(wanted.split())
        wrong += edits(wanted.lower().split(), heard.text.lower().split())
    return {
        "words": words,
        "wer": wrong / words,
        "seconds": seconds,
        "real_time_factor": spent / seconds,
        "cpu_factor": (_cpu_of_children() - cpu_before) / seconds,
    }


def _cpu_of_children() -> float:
    """Seconds that processes which have ended used."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def edits(wanted: list[str], heard: list[str]) -> int:
    """The least number of words to insert, delete or replace (Levenshtein)."""
    row = list(range(len(heard) + 1))
    for index, word in enumerate(wanted, 1):
        previous, row[0] = row[0], index
        for column, other in enumerate(heard, 1):
            previous, row[column] = (
                row[column],
                min(row[column] + 1, row[column - 1] + 1, previous + (word != other)),
            )
    return row[-1]

"""I7: recordings that are none, lie, never end or point elsewhere. Played by the programme through `items`."""

import asyncio
import hashlib
import os
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.acceptance.clients import Answer, Client
from tests.acceptance.figures import Outcome
from tests.acceptance.stage import Stage
from tests.speech import sounds

_SECONDS = 30.0
_TONE = bytes(range(256)) * 250


class Sink:
    """An address that no recording may bring the server to visit."""

    def __init__(self) -> None:
        self.hits = 0
        self.address = ""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator["Sink"]:
        server = await asyncio.start_server(self._hit, "127.0.0.1", 0)
        self.address = f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self

    async def _hit(self, _reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.hits += 1
        writer.close()


def _recordings(sink: str, secret: Path) -> Mapping[str, bytes]:
    """By name; each must be refused, or taken for what it is by itself."""
    # libav follows these where it is left to guess (seen with PyAV 18: playlists by name or content).
    web, file = f"http://{sink}/a.ts", secret.as_uri()
    playlists = {
        "m3u8": "#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n{}\n",
        "m3u8 with key": '#EXTM3U\n#EXT-X-KEY:METHOD=AES-128,URI="{}"\n#EXTINF:9,\na.ts\n',
        "ffconcat": "ffconcat version 1.0\nfile '{}'\n",
        "pls": "[playlist]\nFile1={}\nNumberOfEntries=1\n",
        "mpd": '<MPD><Period><AdaptationSet><BaseURL>{}</BaseURL></AdaptationSet></Period></MPD>',
        "smil": '<smil><body><audio src="{}"/></body></smil>',
        "sdp": "v=0\nc=IN IP4 {}\nm=audio 9 RTP/AVP 0\n",
        "subfile": "subfile,,start,0,end,0,,:{}",
        "plain address": "{}",
        "concat": "concat:{}|{}",
    }  # fmt: skip
    found = {
        f"{name} to {kind}": text.replace("{}", target).encode()
        for name, text in playlists.items()
        for kind, target in (("the web", web), ("a file", file))
    }
    hidden = found["m3u8 to the web"]
    whole = sounds.encoded(_TONE, "webm", "libopus")
    return found | {
        "playlist behind RIFF": b"RIFF\0\0\0\0WAVE" + hidden,
        "playlist behind ID3": b"ID3\x04\0\0\0\0\0\0" + hidden,
        "playlist behind EBML": b"\x1a\x45\xdf\xa3" + hidden,
        "mp4 that refers to the web": sounds.referring_mp4(_TONE, web),
        "mp4 that refers to a file": sounds.referring_mp4(_TONE, file),
        "nothing": b"",
        "zeros": bytes(2**20),
        "noise": os.urandom(2**20),
        "wav of 1 Hz": sounds.lying_wav(_TONE, rate=1),
        "wav of 4 GHz": sounds.lying_wav(_TONE, rate=0xFFFFFFFF // 2),
        "wav of 65535 channels": sounds.lying_wav(_TONE, channels=65_535),
        "wav without data": sounds.lying_wav(b""),
        "wav with too much said": sounds.lying_wav(_TONE),
        "wav with nothing said": sounds.lying_wav(_TONE, size=0),
        "cut webm": whole[: len(whole) // 2],
        "webm of noise": whole[:300] + os.urandom(500_000),
        "ogg of noise": sounds.encoded(_TONE, "ogg", "libopus")[:200] + os.urandom(500_000),
        "mp4 of noise": sounds.encoded(_TONE, "mp4", "aac")[:200] + os.urandom(500_000),
        "endless chain of mp3 frames": b"\xff\xe3\x18\xc4" * 500_000,
        "24 hours of silence": sounds.day_of_silence(),
    }


async def hostile_recordings(stage: Stage) -> Outcome:
    """Each ends within 30 s without a 5xx; nothing is visited, no file is made, no worker stays."""
    outcome = Outcome()
    async with stage.world(TERTULIA_SPEECH_QUOTA="") as world, Sink().listening() as sink:
        secret = world.folder / "secret.ts"
        secret.write_bytes(sounds.wav(_TONE))
        person = await world.join()
        client = person.at(world.servers[0].url)
        recordings = await asyncio.to_thread(_recordings, sink.address, secret)
        before = _tree(world.folder)
        slowest, faults, statuses = 0.0, [], dict[str, int]()
        for name, recording in recordings.items():
            begun = time.monotonic()
            answer = await _send(client, recording, f"a.{name.split()[0]}")
            slowest = max(slowest, time.monotonic() - begun)
            statuses[name] = answer.status
            if answer.status not in (200, 400, 413):
                faults.append(f"{name}: {answer}")
            if str(secret) in answer.text:
                faults.append(f"{name} tells a path: {answer}")
        outcome.exactly("recordings", len(statuses), len(recordings))
        outcome.none_of("faults", faults)
        outcome.at_most("slowest_seconds", slowest, _SECONDS)
        outcome.exactly("visits_of_the_sink", sink.hits, 0)
        outcome.none_of("changed_files", sorted(_tree(world.folder) ^ before))
        outcome.exactly("status_of_24_hours", statuses["24 hours of silence"], 413)
        outcome.note("taken_for_what_they_are_themselves", sum(each == 200 for each in statuses.values()))
        await asyncio.sleep(2)
        outcome.exactly("workers_left", _workers(world.servers[0].pid), 0)
        foreign = await _foreign(client, (await world.join("bob")).at(world.servers[0].url))
        outcome.exactly("speech_of_anothers_message", foreign, [404, 404])
        outcome.none_of("complaints_in_logs", world.complaints())
    return outcome


async def _send(client: Client, recording: bytes, filename: str) -> Answer:
    form = aiohttp.FormData()
    form.add_field("file", recording, filename=filename, content_type="audio/webm")
    return await client.request("POST", "/api/transcriptions", data=form)


async def _foreign(alice: Client, bob: Client) -> list[int]:
    message = (await alice.post("/chat", {"content": "A word."})).json()["chat_reply"]["id"]
    paths = (f"/api/messages/{message}/speech", f"/api/messages/{message}/speech/0")
    return [(await bob.get(path)).status for path in paths]


def _tree(folder: Path) -> set[str]:
    """Every file that is neither a database nor a log, with its hash."""
    files = (path for path in folder.rglob("*") if path.is_file())
    return {
        f"{path.relative_to(folder)} {hashlib.sha256(path.read_bytes()).hexdigest()}"
        for path in files
        if "sqlite3" not in path.name and path.suffix != ".log"
    }


def _workers(server: int) -> int:
    """Processes that hear for this server now."""
    children = Path(f"/proc/{server}/task/{server}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline").read_bytes() for child in children]
    return sum(b"tertulia.speech.hearing" in command for command in commands)

"""S8: what an installation takes of a machine: the image's files, the deployment zip, memory before anybody has come.

What the image may do (its user, its health check, what it may write to) are the tests of `tests/config/test_deploy`.
Played by the programme through `items`.
"""

import re
import tempfile
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

from tertulia.config.packaging import archive
from tests.acceptance.figures import Outcome
from tests.acceptance.processes import ROOT
from tests.acceptance.stage import Stage

# With Python's slim image below it, of some 120 MB, an image of 250 MB, unpacked.
_ADDED_MEGABYTES = 130
_ZIP_MEGABYTES = 5
_IDLE_MEGABYTES = 130
_OURS = re.compile(r"/locale/(en|es|ko|ru|zh_Hans)/")


async def footprint(stage: Stage) -> Outcome:
    """Of what is installed by the lock, of the package itself, and of a server's first and second start."""
    outcome = Outcome()
    own = [path for path in (ROOT / "tertulia").rglob("*") if path.is_file() and path.suffix != ".pyc"]
    added = [path for path in [*_locked_files(), *own] if not _is_left_out(path)]
    outcome.at_most("added_to_the_image_megabytes", sum(map(_with_compiled, added)) / 1e6, _ADDED_MEGABYTES)
    outcome.at_most("zip_megabytes", _zipped(own), _ZIP_MEGABYTES)
    async with stage.world(servers=0, empty=True, shipped=True) as world:
        for start in ("first", "second"):
            server = await world.start_server()
            outcome.at_most(f"idle_megabytes_{start}_start", server.resident_bytes() / 1e6, _IDLE_MEGABYTES)
            await server.ended_gracefully(30)
            world.servers.remove(server)
    return outcome


def _locked_files() -> Iterator[Path]:
    """The files of the packages that `requirements.txt` pins, as they are installed here."""
    lock = (ROOT / "requirements.txt").read_text()
    wanted = {_normal(name) for name in re.findall(r"^([\w.-]+)==", lock, re.MULTILINE)}
    for distribution in distributions():
        if _normal(distribution.name) in wanted:
            yield from _files(distribution)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _files(distribution: Distribution) -> Iterator[Path]:
    for file in distribution.files or ():
        path = Path(str(distribution.locate_file(file)))
        if path.suffix != ".pyc" and path.is_file():
            yield path


def _is_left_out(path: Path) -> bool:
    """Translations that the Dockerfile removes."""
    return path.suffix == ".po" or (path.suffix == ".mo" and not _OURS.search(path.as_posix()))


def _with_compiled(path: Path) -> int:
    """The image holds modules compiled as well, which takes as much again."""
    return path.stat().st_size * (2 if path.suffix == ".py" else 1)


def _zipped(own: list[Path]) -> float:
    files = {path.relative_to(ROOT).as_posix(): path.read_bytes() for path in own}
    with tempfile.TemporaryDirectory(prefix="tertulia-zip-") as folder:
        path = Path(folder, "app.zip")
        archive.write(path, files)
        return path.stat().st_size / 1e6

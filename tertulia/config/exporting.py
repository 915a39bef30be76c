"""The static chat client: the files of the embeddable chat and a page around it. Called by `export_client`."""

import shutil
import tempfile
from pathlib import Path

from django.contrib.staticfiles import finders
from django.core.management.base import CommandError
from django.template.loader import render_to_string


def write_client(api: str, out: Path) -> int:
    """Write the client that talks to the origin `api` into the empty folder `out`; returns how many files there are.

    Raises OSError.
    """
    source = finders.find("tertulia/app/embed")
    if not isinstance(source, str):
        raise CommandError("The client has not been built: run python3 dev.py build.")
    page = render_to_string("web/exported.html", {"api": api})
    out.mkdir(parents=True, exist_ok=True)
    # Beside its place until it is whole: who interrupts it has nothing half to put on the internet.
    with tempfile.TemporaryDirectory(prefix=".tertulia-", dir=out) as folder:
        whole = Path(folder, "client")
        # The compressed copies are for our own server; what a static host does with them differs.
        shutil.copytree(source, whole, ignore=shutil.ignore_patterns("*.gz"))
        (whole / "index.html").write_text(page, encoding="utf-8")
        for path in whole.iterdir():
            path.replace(out / path.name)
    return sum(path.is_file() for path in out.rglob("*"))

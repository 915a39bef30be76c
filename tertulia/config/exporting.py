"""The static chat client: the files of the embeddable chat and a page around it. Called by `export_client`."""

import shutil
from pathlib import Path

from django.contrib.staticfiles import finders
from django.core.management.base import CommandError
from django.template.loader import render_to_string


def write_client(api: str, out: Path) -> int:
    """Write the client that talks to the origin `api` into the folder `out`; returns how many files there are."""
    source = finders.find("tertulia/app/embed")
    if not isinstance(source, str):
        raise CommandError("The client has not been built: run python3 dev.py build.")
    out.mkdir(parents=True, exist_ok=True)
    # The compressed copies are for our own server; what a static host does with them differs.
    shutil.copytree(source, out, ignore=shutil.ignore_patterns("*.gz"), dirs_exist_ok=True)
    (out / "index.html").write_text(render_to_string("web/exported.html", {"api": api}), encoding="utf-8")
    return sum(path.is_file() for path in out.rglob("*"))

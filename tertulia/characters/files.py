"""Picture files of characters in the media folder, kept in step with rows; `actions` and `exchange` use it.

A file is written before the row that names it and removed after the commit that forgets it, so a crash in between
leaves a file without a row, never a row without its file.
"""

import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import partial

from django.core.files.base import ContentFile
from django.core.files.storage import default_storage
from django.db.transaction import on_commit


@contextmanager
def saved(picture: bytes | None) -> Iterator[str]:
    """The name of a new file with the picture, "" for none; it is removed again when the block fails."""
    if picture is None:
        yield ""
        return
    # A random name: nothing of a stranger's file name reaches the disk, and an address cannot be guessed.
    name = default_storage.save(f"characters/{secrets.token_hex(16)}.webp", ContentFile(picture))
    try:
        yield name
    except BaseException:
        default_storage.delete(name)
        raise


def read(name: str) -> bytes | None:
    """The picture, None when there is none or its file is lost."""
    if not name:
        return None
    try:
        with default_storage.open(name) as file:
            return bytes(file.read())
    except FileNotFoundError:
        return None


def removed_after_commit(names: Iterable[str]) -> None:
    """Remove the files when, and only if, the present transaction commits."""
    for name in filter(None, names):
        on_commit(partial(default_storage.delete, name), robust=True)

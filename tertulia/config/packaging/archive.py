"""Writing the deployment zip: the same commit gives the same bytes; the command `package` calls it."""

import hashlib
import os
import zipfile
from collections.abc import Mapping
from pathlib import Path

# The earliest time that a zip can tell: no file's real time reaches the archive.
_TIME = (1980, 1, 1, 0, 0, 0)
_MODE = 0o100644 << 16


def write(path: Path, files: Mapping[str, bytes]) -> str:
    """Write the files, sorted by name, and return the archive's SHA-256 in hex; an existing file is replaced."""
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
            for name in sorted(files):
                entry = zipfile.ZipInfo(name, _TIME)
                entry.external_attr = _MODE
                entry.create_system = 3  # Unix: on Windows a different byte would change the hash
                archive.writestr(entry, files[name], zipfile.ZIP_DEFLATED, 9)
        digest = hashlib.sha256(unfinished.read_bytes()).hexdigest()
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
    return digest

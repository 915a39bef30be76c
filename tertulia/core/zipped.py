"""Zip files that others have made, or that a disk has damaged."""

import zipfile
import zlib

# What zipfile raises for damaged files of every kind, opening and reading them; and OSError, as for any file.
DAMAGE = (
    zipfile.BadZipFile, zipfile.LargeZipFile, zlib.error, NotImplementedError, RuntimeError, ValueError, EOFError,
    IndexError, OverflowError,
)  # fmt: skip

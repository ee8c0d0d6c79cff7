"""A file as it was when it was read: its bytes are taken once, and what is parsed is what was hashed."""

from __future__ import annotations

import hashlib
import os
import tempfile
import weakref
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from skucast.core.errors import InputError
from skucast.core.writing import is_being_written

_PIECE = 1 << 20


@dataclass(frozen=True)
class Snapshot:
    """The bytes of a file, on disk and gone with their last reader; `digest` is their SHA-256."""

    path: Path
    file: BinaryIO
    digest: str
    state: tuple[int, int]

    def refuse_changed(self) -> None:
        """Raise InputError if the file is another one by now: somebody is still writing it."""
        if self.path.exists() and _state(self.path.stat()) != self.state:
            raise _is_written(self.path)


def snapshot(path: Path) -> Snapshot:
    """Return the file's bytes as they are now.

    Raises:
        InputError: there is no such file, it cannot be read, or is written to meanwhile.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file")
    kept: Any = tempfile.TemporaryFile()  # noqa: SIM115 - whoever holds the snapshot reads it
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            before = _state(os.fstat(file.fileno()))
            while piece := file.read(_PIECE):
                digest.update(piece)
                kept.write(piece)
            after = _state(os.fstat(file.fileno()))
            is_open = is_being_written(file.fileno())
    except OSError as error:
        kept.close()
        raise InputError(f"{path}: cannot be read ({error.strerror})") from None
    if is_open or before != after or kept.tell() != after[0]:
        kept.close()
        raise _is_written(path)
    taken = Snapshot(path, kept, digest.hexdigest(), after)
    weakref.finalize(taken, kept.close)
    return taken


def _state(found: os.stat_result) -> tuple[int, int]:
    return found.st_size, found.st_mtime_ns


def _is_written(path: Path) -> InputError:
    return InputError(f"{path}: is being written to while it is read; load it when it is whole; nothing was loaded")

"""Files that people name: of one without end no more is held than shows that it is too large."""

from __future__ import annotations

from pathlib import Path


def first_bytes(path: Path, most: int) -> bytes:
    """Return the file, no more than its first `most` bytes and one: whoever reads it refuses what is longer.

    Raises:
        OSError: it cannot be read.
    """
    with path.open("rb") as file:
        return file.read(most + 1)

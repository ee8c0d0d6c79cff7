"""What a table made by people holds at most: what is larger is refused before it costs memory or time."""

from __future__ import annotations

import csv
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from skucast.core.errors import InputError
from skucast.core.texts import Text

MAX_CELL = 131_072
"""Characters of one cell: four times what Excel takes."""

MAX_COLUMNS = 16_384
"""Columns of a table, those of Excel."""

MAX_LINE = 2_000_000
"""Characters of one line of a CSV file, and of one record, which may have several lines."""

MAX_CHARACTERS = 100_000_000
"""Characters of all cells of an Excel sheet, or of a piece of a Parquet file: one text may stand in every cell."""

MAX_MEMORY = 2_000_000_000
"""Bytes of memory that may be needed besides while a file is read."""

csv.field_size_limit(MAX_CELL)


class TooMuch(InputError):
    """A file holds more than a table that people have made."""


@contextmanager
def little_memory(name: str, limit: int = MAX_MEMORY) -> Iterator[None]:
    """Let the block have no more memory than that besides what is in use; where the system cannot bound it, it is not.

    Raises:
        TooMuch: the block, which reads the file of this name, wants more.
    """
    try:
        with _bounded(limit):
            yield
    except MemoryError:
        raise TooMuch(
            Text("{name}: needs more memory than the {n} MB that a table may take", name=name, n=limit // 10**6)
        ) from None


@contextmanager
def _bounded(limit: int) -> Iterator[None]:
    try:
        import resource

        taken = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    except (ImportError, OSError, ValueError, IndexError):
        yield
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    wanted = min(taken + limit, *(each for each in (soft, hard) if each != resource.RLIM_INFINITY), taken + limit)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))

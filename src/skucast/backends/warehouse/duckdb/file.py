"""One DuckDB file, opened for each operation alone, so that processes take turns. The only import of `duckdb`."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeAlias

import duckdb

from skucast.core.errors import InputError, RunFailed

Connection: TypeAlias = duckdb.DuckDBPyConnection

WRONG_KIND = (duckdb.ConversionException, duckdb.BinderException)
"""What a query raises that finds another kind of value than it expects."""

MISSING = duckdb.CatalogException
"""What is raised where a table is named that is not there."""

LOCK_PATIENCE_S = 60.0
"""How long to wait for another process that has the file open; each holds it for one statement or transaction."""


class DuckDBFile:
    """The file at this path, which is made, whole, when it is first opened for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Give a connection that only reads, None where there is no file."""
        if not self.path.exists():
            yield None
            return
        connection = self._connect(read_only=True)
        try:
            yield connection
        finally:
            connection.close()

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose changes are all there at the end, or none of them after an error."""
        connection = self._connect(read_only=False)
        try:
            connection.begin()
            yield connection
            connection.commit()
        finally:  # closing without a commit rolls back
            connection.close()

    def _connect(self, *, read_only: bool) -> Connection:
        deadline = time.monotonic() + LOCK_PATIENCE_S
        pause_s = 0.02
        while True:
            try:
                if not self.path.exists():
                    self._create()
                return duckdb.connect(str(self.path), read_only=read_only)
            except (duckdb.Error, OSError) as error:
                if "Could not set lock" not in str(error):
                    raise InputError(f"{self.path}: cannot be opened as a DuckDB file ({first_line(error)})") from None
                if time.monotonic() > deadline:
                    raise RunFailed(
                        f"{self.path}: held by another process for over {LOCK_PATIENCE_S:.0f} s; end it and run again"
                    ) from None
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, 0.5)

    def _create(self) -> None:
        """Put an empty warehouse in place, whole: while DuckDB makes a file, others take it for no DuckDB file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f".new-{os.getpid()}-{self.path.name}")
        try:
            duckdb.connect(str(new)).close()
            with suppress(FileExistsError):  # another process was faster; its file stays
                self.path.hardlink_to(new)
        finally:
            new.unlink(missing_ok=True)


@contextmanager
def what_others_keep(where: str, to_do: str, kind: type[InputError] = InputError) -> Iterator[None]:
    """Turn what a query of a table that others keep may end with into one line."""
    try:
        yield
    except WRONG_KIND as error:
        raise kind(f"{where}: a column is not of the expected kind ({first_line(error)}); {to_do}") from None
    except MISSING as error:
        raise InputError(
            f"{where}: this view reads a table that is not there ({first_line(error)}); restore it, or correct the view"
        ) from None


def first_line(error: Exception) -> str:
    """Return the first line of what DuckDB says; the rest shows the statement."""
    return str(error).splitlines()[0]

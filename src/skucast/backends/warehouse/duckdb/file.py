"""One DuckDB file, attached for each operation alone, so that processes take turns. The only import of `duckdb`."""

from __future__ import annotations

import os
import time
import weakref
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import count
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
    """The file at this path, which is made, whole, when it is first opened for writing.

    DuckDB itself is started once, in memory, and attaches the file for each operation: to start it anew each time took
    seven times as long, for all its functions are entered in a catalogue first.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._started: dict[int, Connection] = {}
        weakref.finalize(self, self._started.clear)  # at the end of the process too, while DuckDB can still be ended
        self._numbers = count()

    def __reduce__(self) -> tuple[type[DuckDBFile], tuple[Path]]:
        """Another process starts its own DuckDB."""
        return DuckDBFile, (self.path,)

    @contextmanager
    def reading(self) -> Iterator[Connection | None]:
        """Give a connection that only reads, None where there is no file."""
        if not self.path.exists():
            yield None
            return
        with self._attached("(READ_ONLY)") as connection:
            yield connection

    @contextmanager
    def transaction(self) -> Iterator[Connection]:
        """Give a connection whose changes are all there at the end, or none of them after an error."""
        with self._attached("") as connection:
            connection.begin()
            yield connection
            connection.commit()

    @contextmanager
    def _attached(self, mode: str) -> Iterator[Connection]:
        """Give a connection in which names are the file's; what it has not committed at the end never was."""
        duckdb_itself = self._in_memory()
        name = f"file_{next(self._numbers)}"
        self._attach(duckdb_itself, name, mode)
        try:
            with closing(duckdb_itself.cursor()) as connection:
                connection.execute(f"USE {name}")
                yield connection
        finally:
            duckdb_itself.execute(f"DETACH {name}")

    def _in_memory(self) -> Connection:
        """DuckDB as this process has started it; what it cannot hold in memory goes beside the file."""
        own = os.getpid()
        if own not in self._started:  # a process that was forked has none yet
            self._started[own] = duckdb.connect(config={"temp_directory": f"{self.path}.tmp"})
        return self._started[own]

    def _attach(self, duckdb_itself: Connection, name: str, mode: str) -> None:
        path = str(self.path).replace("'", "''")
        deadline = time.monotonic() + LOCK_PATIENCE_S
        pause_s = 0.02
        attached = False
        while not attached:
            try:
                if not self.path.exists():
                    self._create()
                duckdb_itself.execute(f"ATTACH '{path}' AS {name} {mode}")
                attached = True
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

"""One DuckDB file, attached for each operation alone, so that processes take turns. The only import of `duckdb`."""

from __future__ import annotations

import atexit
import errno
import os
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager, suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeAlias, TypeVar

import duckdb

from skucast.backends.waiting import Waiting, pid_in
from skucast.core.errors import InputError, RunFailed, TableError, WarehouseError
from skucast.core.narrow import put_together
from skucast.runtime.logs import log

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa
    from pandas.api.extensions import ExtensionDtype

Connection: TypeAlias = duckdb.DuckDBPyConnection

Made: TypeAlias = "Callable[[pd.DataFrame], pd.DataFrame] | None"
"""What becomes of rows that were read; None = they stay as they are."""

WRONG_KIND = (duckdb.ConversionException, duckdb.BinderException)
"""What a query raises that finds another kind of value than it expects."""

MISSING = duckdb.CatalogException
"""What is raised where a table is named that is not there."""

_GIVES_BACK: dict[str, str | bool | int | float | list[str]] = {"allocator_background_threads": True}
"""What DuckDB has needed for a query it gives back when that is done: else it keeps the most that it ever needed."""

_OTHERWISE_MADE = (duckdb.BinderException, duckdb.CatalogException, duckdb.ConstraintException)
"""What a statement ends with where somebody has put a view in the place of a table, or rules of their own on it."""

LOCK_PATIENCE_S = 60.0
"""How long to wait for another process that has the file open; each holds it for one statement or transaction."""


READ_AGAIN_S = (0.05, 0.2)
"""Pauses before what could not be read is read again; of a file that is damaged it is said after the last."""

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_UNREADABLE = (duckdb.IOException, duckdb.InternalException, duckdb.FatalException, duckdb.SerializationException)

_Given = ParamSpec("_Given")
_Result = TypeVar("_Result")


class Unread(InputError):
    """What is in the file could not be read; nothing was changed."""


_idle: dict[int, list[Connection]] = {}
"""DuckDB as each process has started it, while nobody works in it; a process that was forked has none yet."""

atexit.register(_idle.clear)  # while DuckDB can still be ended


def _taken(spilled: Path) -> Connection:
    """Give DuckDB itself, in memory, which puts there what it cannot hold; nobody else has it until it is given back.

    It is started once for all files: that takes thirty times as long as to attach one, for all its functions are
    entered in a catalogue first.
    """
    try:
        duckdb_itself = _idle.setdefault(os.getpid(), []).pop()
    except IndexError:
        duckdb_itself = duckdb.connect(config=_GIVES_BACK)
    duckdb_itself.execute("SET temp_directory = '{}'".format(str(spilled).replace("'", "''")))
    return duckdb_itself


def _given_back(duckdb_itself: Connection, spilled: Path) -> None:
    if not spilled.exists():  # once it has been used DuckDB takes no other folder, and removes it when it ends
        _idle.setdefault(os.getpid(), []).append(duckdb_itself)


class DuckDBFile:
    """The file at this path, attached for each operation; it is made, whole, when it is first opened for writing."""

    def __init__(self, path: Path) -> None:
        self.path = path

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
            with self._explained(is_committing=True):
                connection.commit()

    @contextmanager
    def _attached(self, mode: str) -> Iterator[Connection]:
        """Give a connection in which names are the file's; what it has not committed at the end never was.

        Raises:
            Unread: what was asked for could not be read; nothing was changed.
            WarehouseError: there is no room left, on the disk or in memory.
        """
        spilled = Path(f"{self.path}.tmp")
        duckdb_itself = _taken(spilled)
        self._attach(duckdb_itself, mode)
        is_done = False
        try:
            with self._explained(), closing(duckdb_itself.cursor()) as connection:
                connection.execute("USE attached")
                yield connection
            is_done = True
        finally:
            self._detach(duckdb_itself, spilled, is_done=is_done)

    def _detach(self, duckdb_itself: Connection, spilled: Path, *, is_done: bool) -> None:
        """Let the file go; a DuckDB that cannot, after an error of its own, is ended with all that it holds.

        What was committed then waits beside the file, from where the next operation takes it.
        """
        try:
            duckdb_itself.execute("DETACH attached")
        except duckdb.Error as error:
            with suppress(duckdb.Error):
                duckdb_itself.close()
            if is_done:
                log.warning("%s: what was written is kept beside the file (%s)", self.path, first_line(error))
            return
        _given_back(duckdb_itself, spilled)

    @contextmanager
    def _explained(self, *, is_committing: bool = False) -> Iterator[None]:
        """Turn what DuckDB says of its file, of the disk and of memory into one line that says what to do."""
        try:
            yield
        except duckdb.Error as error:
            text = first_line(error)
            if _is_full(error):
                raise WarehouseError(
                    f"{self.path}: no room left on its disk ({text}); make room and run again: "
                    "what was published before is there, whole"
                ) from None
            if isinstance(error, duckdb.OutOfMemoryException):
                raise WarehouseError(f"{self.path}: not enough memory ({text}); nothing was changed") from None
            if isinstance(error, _OTHERWISE_MADE):
                raise TableError(
                    f"{self.path}: a table is not as this program made it ({text}); nothing was changed: "
                    "put back the table that was there"
                ) from error
            if not isinstance(error, _UNREADABLE) and "Corrupt database file" not in text:
                raise
            raise (WarehouseError if is_committing else Unread)(
                f"{self.path}: damaged, or its disk is ({text}); nothing was changed: restore the file from a copy"
            ) from None

    def _attach(self, duckdb_itself: Connection, mode: str) -> None:
        path = str(self.path).replace("'", "''")
        waiting = Waiting(self.path, LOCK_PATIENCE_S)
        pause_s = 0.02
        attached = False
        while not attached:
            try:
                if not self.path.exists():
                    self._create(duckdb_itself)
                duckdb_itself.execute(f"ATTACH '{path}' AS attached {mode}")
                attached = True
            except (duckdb.Error, OSError) as error:
                if _is_full(error):
                    raise WarehouseError(f"{self.path}: no room left on its disk ({first_line(error)})") from None
                if "Could not set lock" not in str(error):
                    raise InputError(f"{self.path}: cannot be opened as a DuckDB file ({first_line(error)})") from None
                pid = pid_in(str(error))
                if waiting.is_over:
                    raise RunFailed(waiting.over(pid)) from None
                waiting.say(pid)
                time.sleep(pause_s)
                pause_s = min(pause_s * 2, 0.5)

    def _create(self, duckdb_itself: Connection) -> None:
        """Put an empty warehouse in place, whole: while DuckDB makes a file, others take it for no DuckDB file."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        new = self.path.with_name(f".new-{os.getpid()}-{self.path.name}")
        try:
            duckdb_itself.execute("ATTACH '{}' AS new".format(str(new).replace("'", "''")))
            duckdb_itself.execute("DETACH new")
            with suppress(FileExistsError):  # another process was faster; its file stays
                self.path.hardlink_to(new)
        finally:
            new.unlink(missing_ok=True)


def _is_full(error: Exception) -> bool:
    """Whether there is no room left for what is written."""
    return getattr(error, "errno", None) in _FULL or any(os.strerror(number) in str(error) for number in _FULL)


def read_again(operation: Callable[_Given, _Result]) -> Callable[_Given, _Result]:
    """Return the operation, tried again when something could not be read and nothing was changed."""

    @wraps(operation)
    def tried(*given: _Given.args, **named: _Given.kwargs) -> _Result:
        for pause_s in READ_AGAIN_S:
            try:
                return operation(*given, **named)
            except Unread as error:
                log.info("read again: %s", error)
                time.sleep(pause_s)
        return operation(*given, **named)

    return tried


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


def frame_of(
    connection: Connection, sql: str, *parameters: Sequence[object] | Mapping[str, object], made: Made = None
) -> pd.DataFrame:
    """Return the rows of a query; of one with several sets of parameters those of each, one after the other.

    They come by way of Arrow, which makes no object of a text, and column by column: none is in memory twice for long.
    `made` is what becomes of the rows of each set before those of the next are read.
    """
    import pandas as pd
    import pyarrow as pa

    bound = [each or None for each in parameters] or [None]
    if made is not None:
        return put_together([made(frame_of(connection, sql, *([each] if each else []))) for each in bound])
    table = pa.concat_tables([connection.sql(sql, params=each).to_arrow_table() for each in bound])
    if not all(map(_is_taken_over, table.schema.types)):
        return pd.concat([connection.execute(sql, each).df() for each in bound], ignore_index=True)
    columns = {}
    for name in table.column_names:
        columns[name] = _series_of(table[name])
        table = table.drop_columns(name)
    return pd.DataFrame(columns, copy=False)


def _is_taken_over(kind: pa.DataType) -> bool:
    """Whether values of this type become the same by way of Arrow as DuckDB makes of them by itself."""
    from pyarrow import types

    is_moment = kind in ("date32[day]", "timestamp[us]")
    return is_moment or any(
        is_it(kind) for is_it in (types.is_string, types.is_integer, types.is_float64, types.is_boolean, types.is_null)
    )


def _series_of(column: pa.ChunkedArray) -> pd.Series:
    import pandas as pd
    import pyarrow as pa

    kind = column.type
    wanted: ExtensionDtype | np.dtype[Any] | None = None
    if pa.types.is_string(kind):
        column, wanted = column.cast(pa.large_string()).combine_chunks(), pd.StringDtype(na_value=float("nan"))
    elif pa.types.is_date(kind):
        column = _moments_of(column)
    elif column.null_count and (pa.types.is_integer(kind) or pa.types.is_boolean(kind)):
        name = str(kind).replace("bool", "boolean").replace("int", "Int").replace("uI", "UI")
        wanted = pd.api.types.pandas_dtype(name)
    series: pd.Series = column.to_pandas(types_mapper=lambda _: wanted)
    return series


def _moments_of(days: pa.ChunkedArray) -> pa.ChunkedArray:
    """The days as moments; -infinity, which others may have entered, is none."""
    import pyarrow as pa

    try:
        return days.cast(pa.timestamp("us"))
    except pa.ArrowInvalid as error:
        raise duckdb.ConversionException(f"no day of the calendar: {error}") from None


def first_line(error: Exception) -> str:
    """Return the first line of what DuckDB says; the rest shows the statement."""
    return str(error).splitlines()[0]

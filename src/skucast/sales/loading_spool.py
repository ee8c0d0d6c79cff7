"""Rows on their way, kept on disk piece by piece: a file of millions of lines is never in memory."""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator

import pandas as pd

from skucast.core.tables.contract import Table
from skucast.core.tables.validation import empty

_LINE = "line of the file"


class Spool:
    """Pieces of a table's rows, to be read as often as is wanted, in the order in which they came.

    Their index comes back: where each row stood in its file.
    """

    def __init__(self, table: Table) -> None:
        import pyarrow as pa

        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it lives as long as the spool
        weakref.finalize(self, self._file.close)
        self._schema = pa.Schema.from_pandas(
            empty(table).assign(**{_LINE: pd.array([], "int64")}), preserve_index=False
        )
        self._sizes: list[int] = []
        self.n_rows = 0

    def add(self, rows: pd.DataFrame) -> None:
        """Keep some rows."""
        import pyarrow as pa

        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, self._schema) as stream:
            kept = rows.assign(**{_LINE: rows.index})
            stream.write_table(pa.Table.from_pandas(kept, schema=self._schema, preserve_index=False))
        self._sizes.append(self._file.write(sink.getvalue()))
        self.n_rows += len(rows)

    def __iter__(self) -> Iterator[pd.DataFrame]:
        import pyarrow as pa

        place = 0
        for size in self._sizes:
            self._file.seek(place)
            yield pa.ipc.open_stream(self._file.read(size)).read_pandas().set_index(_LINE).rename_axis(index=None)
            place += size

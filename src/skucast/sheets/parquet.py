"""Parquet: the pieces of a file, none of which takes more memory than a table that a program has made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, BinaryIO

from skucast.core.texts import Text, wording
from skucast.sheets.limits import MAX_CELL, MAX_CHARACTERS, MAX_COLUMNS, TooMuch, little_memory

if TYPE_CHECKING:
    import pyarrow as pa

MAX_ROWS = 1_000_000_000
"""Rows of a file: what says nothing but the same number can be told in a few bytes, and be read for days."""

MAX_ROW_GROUP = 8_000_000_000
"""Bytes of one group of rows, unpacked."""

MAX_FOOTER = 100_000_000
"""Bytes of what a file says of itself."""


def parquet_file(name: str, file: BinaryIO) -> Any:
    """Return the file, of which nothing but its end was read.

    Raises:
        TooMuch: it says that it holds more than can be read.
        OSError, ValueError: it is no Parquet.
    """
    import pyarrow.parquet as pq

    with little_memory(name):
        metadata = pq.read_metadata(_at_start(file), memory_map=False)
        too_much = [
            (wording("{name}: has more than {n} columns"), metadata.num_columns, MAX_COLUMNS),
            (wording("{name}: has more than {n} rows"), metadata.num_rows, MAX_ROWS),
            (wording("{name}: describes itself in more than {n} bytes"), metadata.serialized_size, MAX_FOOTER),
        ]
        for source, found, most in too_much:
            if found > most:
                raise TooMuch(Text(source, name=name, n=most))
        for place in range(metadata.num_row_groups):
            if metadata.row_group(place).total_byte_size > MAX_ROW_GROUP:
                raise TooMuch(Text("{name}: a row group of more than {n} bytes", name=name, n=MAX_ROW_GROUP))
        schema = metadata.schema
        texts = [column.name for column in map(schema.column, range(len(schema))) if _is_text(column)]
        return pq.ParquetFile(_at_start(file), metadata=metadata, read_dictionary=texts)


def pieces_of(name: str, file: Any, n_rows: int, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield so many rows of these columns at a time.

    Raises:
        TooMuch: a cell, or all of them, hold more than can be read.
        OSError, ValueError: it is no Parquet.
    """
    batches = file.iter_batches(batch_size=n_rows, columns=list(columns))
    while True:
        with little_memory(name):
            batch = next(batches, None)
        if batch is None:
            return
        _refuse_long(name, batch)
        yield batch


def _at_start(file: BinaryIO) -> BinaryIO:
    file.seek(0)
    return file


def _is_text(column: Any) -> bool:
    """Whether a column is read as different texts and their numbers: one long text may stand in every row."""
    is_flat = column.max_repetition_level == 0 and column.path == column.name
    return bool(column.physical_type == "BYTE_ARRAY" and is_flat)


def _refuse_long(name: str, batch: pa.RecordBatch) -> None:
    """Refuse texts that are longer than a cell, and all together longer than a piece may be."""
    import pyarrow as pa
    import pyarrow.compute as pc

    left = MAX_CHARACTERS
    for column in batch.columns:
        if not pa.types.is_dictionary(column.type) or not len(column.dictionary):
            continue
        try:
            lengths = pc.binary_length(column.dictionary)
        except pa.ArrowNotImplementedError:  # no texts
            continue
        if (pc.max(lengths).as_py() or 0) > 4 * MAX_CELL:
            raise TooMuch(Text("{name}: a cell of more than {n} characters", name=name, n=MAX_CELL))
        left -= pc.sum(pc.cast(lengths.take(column.indices), pa.int64())).as_py() or 0
        if left < 0:
            raise TooMuch(Text("{name}: its cells hold more than {n} characters", name=name, n=MAX_CHARACTERS))

"""Frames of many rows in few bytes: whole numbers of one byte, one value that all rows have, texts as codes."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def repeated(values: npt.NDArray[Any], n: int) -> npt.NDArray[Any]:
    """Return an array that has the first of the values n times, and takes no more room than that one."""
    import numpy as np

    return np.broadcast_to(values[0].copy(), n)


def is_repeated(values: npt.NDArray[Any]) -> bool:
    """Return whether this is what `repeated` gives: one value that is looked at for every row."""
    return values.ndim == 1 and values.strides == (0,) and len(values) > 0


def is_plain(column: pd.Series) -> bool:
    """Return whether a column is an array of numpy's, no text, category or number that may be missing."""
    import numpy as np

    return isinstance(column.dtype, np.dtype) and column.dtype.kind in "iufbM"


def narrowed(rows: pd.DataFrame, texts: Collection[str] = ()) -> pd.DataFrame:
    """Return the same values in as few bytes as they need: no float becomes another one.

    Whole numbers take the smallest type that holds them, columns of one value that value alone (`repeated`), and these
    texts become categories.
    """
    import pandas as pd

    columns = {
        name: rows[name].astype("category") if name in texts else _narrow(rows[name]) if is_plain(rows[name]) else None
        for name in rows.columns
    }
    found = {name: rows[name] if column is None else column for name, column in columns.items()}
    return pd.DataFrame(found, index=rows.index, copy=False)


def put_together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of all parts, one after the other; a list of several is emptied, column by column.

    What `narrowed` has made narrow stays so.
    """
    import pandas as pd

    if len(parts) == 1:
        return parts[0]
    columns = {}
    for name in list(parts[0].columns):
        pieces = [part.pop(name) for part in parts]
        columns[name] = _joined(pieces)
    parts.clear()
    return pd.DataFrame(columns, copy=False)


def chosen(rows: pd.DataFrame, mask: npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return the rows of the mask under the index that they have; columns of one value stay so."""
    import pandas as pd

    index, columns = rows.index[mask], {}
    for name in rows.columns:
        values = rows[name].to_numpy() if is_plain(rows[name]) else rows[name].array
        is_one = is_plain(rows[name]) and is_repeated(values) and len(index) > 0
        columns[name] = pd.Series(repeated(values, len(index)) if is_one else values[mask], index=index, copy=False)
    return pd.DataFrame(columns, index=index, copy=False)


def _narrow(column: pd.Series) -> pd.Series:
    import numpy as np
    import pandas as pd

    values = column.to_numpy()
    if not len(values) or is_repeated(values):
        return column
    kind = values.dtype
    if kind == np.dtype("int64"):
        least, most = int(values.min()), int(values.max())
        kind = next(np.dtype(name) for name in _WHOLE if np.iinfo(name).min <= least and most <= np.iinfo(name).max)
        values = values.astype(kind, copy=False)
    if _is_one_value(values):
        values = repeated(values, len(values))
    return pd.Series(values, index=column.index, copy=False)


_WHOLE = ("int8", "int16", "int32", "int64")


def _is_one_value(values: npt.NDArray[Any]) -> bool:
    """Whether all are the same to the last bit; -0.0 is another value than 0.0."""
    import numpy as np

    bits = values.view(f"int{8 * values.itemsize}") if values.itemsize in (1, 2, 4, 8) else values
    return bool(bits[0] == bits[-1]) and bool(np.all(bits == bits[0]))


def _joined(pieces: Sequence[pd.Series]) -> pd.Series:
    import numpy as np
    import pandas as pd
    from pandas.api.types import union_categoricals

    if isinstance(pieces[0].dtype, pd.CategoricalDtype):
        return pd.Series(union_categoricals([piece.array for piece in pieces]), copy=False)
    if all(map(is_plain, pieces)):
        arrays = [piece.to_numpy() for piece in pieces if len(piece)]
        firsts = np.concatenate([array[:1] for array in arrays]) if arrays else np.array([])
        if len(firsts) and all(map(is_repeated, arrays)) and _is_one_value(firsts):
            return pd.Series(repeated(firsts, sum(map(len, arrays))), copy=False)
    return pd.concat(pieces, ignore_index=True)

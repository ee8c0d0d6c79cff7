"""Rows of any table: which of them, and how they are called."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from skucast.core.combination import KEY, Combination
from skucast.core.narrow import chosen

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd


def is_about(rows: pd.DataFrame, others: pd.DataFrame | Iterable[Combination]) -> npt.NDArray[np.bool_]:
    """Return which rows are about one of the combinations, or about one that the other rows are about."""
    import pandas as pd

    wanted = pd.MultiIndex.from_frame(others[KEY]) if isinstance(others, pd.DataFrame) else [c.parts for c in others]
    found: npt.NDArray[np.bool_] = pd.MultiIndex.from_frame(rows[KEY]).isin(wanted)
    return found


def written(rows: pd.DataFrame) -> pd.Series:
    """Return the names of each row as `unit/channel/SKU_ID`, missing where one of them is."""
    unit, channel, sku_id = (rows[name] for name in KEY)
    return unit + "/" + channel + "/" + sku_id


def looked_up(rows: pd.DataFrame, others: pd.DataFrame, by: str) -> pd.DataFrame:
    """Return the rows with the columns of the one other row of their combination and day `by`, missing without one.

    A merge looks at all names of all others, so that those of other days are left out before it.
    """
    of_these_days = others[others[by].isin(rows[by].unique())]
    return rows.merge(of_these_days, on=[*KEY, by], how="left")


def kept_rows(rows: pd.DataFrame, mask: pd.Series | npt.NDArray[np.bool_]) -> pd.DataFrame:
    """Return the rows that the mask keeps; the frame as it is where that is all: sales of years are not copied."""
    import numpy as np

    return rows if mask.all() else chosen(rows, np.asarray(mask, dtype=bool))

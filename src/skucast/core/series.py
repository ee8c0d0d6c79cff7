"""What combinations are called in long frames, where a series has one name: `unit/channel/SKU_ID`, or its own."""

from __future__ import annotations

import pandas as pd

from skucast.core.combination import KEY, Combination

ID = "unique_id"

ALONE = "series"
"""Unit and channel of series that are named by a `unique_id` without them."""


def called(combination: Combination) -> str:
    """Return the name of a combination in a long frame."""
    is_alone = combination.parts[:2] == (ALONE, ALONE)
    return combination.sku_id if is_alone else str(combination)


def combination_named(name: str) -> Combination:
    """Return the combination that a long frame calls so."""
    parts = name.split("/")
    return Combination.parse(name) if len(parts) == 3 and all(parts) else Combination.clean(ALONE, ALONE, name)


def unique_id(rows: pd.DataFrame) -> pd.Series:
    """Return what the rows' combinations are called in long frames."""
    names = rows[KEY].drop_duplicates()
    told = [called(Combination(*map(str, parts))) for parts in names.itertuples(index=False, name=None)]
    return rows[KEY].merge(names.assign(**{ID: told}), on=KEY, how="left")[ID].set_axis(rows.index)

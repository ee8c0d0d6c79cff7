"""On which weekdays a combination usually sells."""

from __future__ import annotations

from datetime import date

import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.weeks import WEEK

SELLING_DAYS_WEEKS = 26
"""Weeks that tell on which weekdays a combination sells."""


def selling_days_of(sold: pd.DataFrame, data_cutoff: date) -> dict[Combination, tuple[bool, ...]]:
    """Return the weekdays with a sale in half or more of the recent weeks that had any, where that is not every day."""
    recent = sold[(sold["ds"] > pd.Timestamp(data_cutoff - SELLING_DAYS_WEEKS * WEEK)) & (sold["selling_weekdays"] > 0)]
    bits = pd.DataFrame({day: recent["selling_weekdays"].to_numpy() >> day & 1 for day in range(7)}, index=recent.index)
    usual = bits.groupby([recent[name] for name in KEY]).mean() >= 0.5
    some = usual[usual.any(axis=1) & ~usual.all(axis=1)]
    return {
        Combination(*map(str, names)): tuple(map(bool, days))
        for names, days in zip(some.index, some.to_numpy(), strict=True)
    }

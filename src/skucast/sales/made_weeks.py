"""What the weekly rows of the sales come to, week by week and without gaps: sold, promoted, out of stock."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.rows import kept_rows
from skucast.sales.gapless import Gapless
from skucast.sales.promo_types import types_of_weeks
from skucast.sales.stock import MAX_MISSED_SHARE, empty_days

_OF_WEEKS = [
    *("quantity", "returns_quantity", "promo_discount_perc", "promo_days", "promo_weekdays", "promo_types"),
    *("selling_weekdays", "n_lines", "n_bad_quantity"),
]
"""Of `Warehouse.weekly_sales`, what the weeks of a history are made of."""

_OTHERWISE = {
    **dict.fromkeys(("y", "returns_quantity", "promo_discount_perc", "promo_days"), 0.0),
    **dict.fromkeys(("is_promo", "is_stockout", "is_censored"), False),
    **dict.fromkeys(("promo_depth", "quantity", "n_lines"), np.nan),
}
"""What a week without a row is, before it is known whether it was delivered."""


def weeks_of(
    sold: pd.DataFrame, gapless: Gapless, grain: str, declared: Sequence[str], *, correct_stockouts: bool
) -> pd.DataFrame:
    """Return the weeks of all combinations; `quantity` and `n_lines` are missing where there is no row."""
    rows = sold[[*_OF_WEEKS, *declared]].join(empty_days(sold, by_day=grain == "day"))
    cleaned = _clean_weeks(kept_rows(rows, gapless.places >= 0), grain, correct_stockouts=correct_stockouts)
    del rows
    weeks = gapless.weeks()
    made: dict[str, Any] = {name: weeks[name] for name in [*KEY, "ds"]}
    for name, other in (_OTHERWISE | dict.fromkeys(declared, np.nan)).items():
        made[name] = gapless.spread(cleaned.pop(name).to_numpy(), other)
    types = cleaned.pop("promo_type")
    made["promo_type"] = pd.Series(None, index=weeks.index, dtype="str")
    if types.notna().any():
        made["promo_type"] = pd.Series(gapless.spread(types.to_numpy(object), np.nan), index=weeks.index).astype("str")
    return pd.DataFrame(made, copy=False)


def _clean_weeks(weeks: pd.DataFrame, grain: str, *, correct_stockouts: bool) -> pd.DataFrame:
    """What each row comes to, where it was delivered whole."""
    too_large = weeks["quantity"].isin([np.inf, -np.inf])  # finite lines whose sum is not
    promo_days = weeks["promo_days"].astype("float64")
    sold = weeks["quantity"].fillna(0.0).clip(lower=0.0)
    is_stockout = weeks["is_mostly_empty"] & (sold == 0)
    is_censored = (weeks["empty_days"] > 0) & (sold > 0)
    missed = weeks["missed_share"].where(is_censored & correct_stockouts, 0.0)
    without = (weeks["n_lines"] > 0) & (weeks["n_bad_quantity"] == weeks["n_lines"])  # no line says what was sold
    return weeks.assign(
        y=(sold / (1 - missed.clip(upper=MAX_MISSED_SHARE))).mask(is_stockout | too_large | without),
        returns_quantity=weeks["returns_quantity"].fillna(0.0),
        promo_discount_perc=weeks["promo_discount_perc"].fillna(0.0),
        promo_days=promo_days.clip(upper=1) * 7 if grain == "week" else promo_days,
        is_promo=promo_days > 0,
        promo_depth=_depths(weeks, grain),
        promo_type=types_of_weeks(weeks["promo_types"]),
        is_stockout=is_stockout,
        is_censored=is_censored,
    )


def _depths(weeks: pd.DataFrame, grain: str) -> pd.Series:
    """The mean discount of each week's days of promotion, percent: as it was offered; NaN without one that is known.

    The discount of a week is the mean over all its days that sold.
    """
    discount = weeks["promo_discount_perc"].fillna(0.0)
    if grain == "week":
        return discount.where(discount > 0)
    sells, promo = (weeks[f"{what}_weekdays"].to_numpy(dtype="int64") for what in ("selling", "promo"))
    n_days, n_promo = (np.bitwise_count(bits).astype("float64") for bits in (sells, sells & promo))
    depth: pd.Series = discount * n_days / np.where(n_promo > 0, n_promo, np.nan)
    return depth.where(discount > 0)

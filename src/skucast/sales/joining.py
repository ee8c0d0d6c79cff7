"""Weekly sums of several spellings of one name become the sums of the name, day by day where days count."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.rows import written
from skucast.core.weeks import SOLD_BY_WEEKDAY
from skucast.sales.narrow_weeks import spelt_out

Bits = npt.NDArray[np.int64]

_IN_ORDER = [*KEY, "ds", "spelling_min", "spelling_max", "quantity", "n_lines", "last_date"]
"""The order in which rows are added up: floats depend on it, and a warehouse may give any."""


def joined(weekly: pd.DataFrame, renaming: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """Return rows of `Warehouse.weekly_sales` with other names, one row for each name and week again.

    Quantities, returns and lines are added. A day counts once, whichever spellings it was delivered in: it has a
    discount if one of them has, and is out of stock if none of them sold or had anything left. The week's discount is
    the mean over the selling days of each.
    """
    if not any(renaming.values()):
        return weekly
    weekly = spelt_out(weekly)
    renamed = weekly[KEY].copy()
    for column, names in renaming.items():
        renamed[column] = renamed[column].map(lambda name, names=names: names.get(name, name))
    is_other = (renamed != weekly[KEY]) & renamed.notna()
    rows = weekly.assign(**{column: renamed[column].astype("str") for column in KEY})
    spelt_anew = is_other.any(axis=1) & rows[KEY].notna().all(axis=1)
    shown = written(rows)
    rows = rows.assign(
        **{end: rows[end].mask(spelt_anew, shown).astype("str") for end in ("spelling_min", "spelling_max")}
    )
    is_row = rows[[*KEY, "ds"]].notna().all(axis=1) & (rows[KEY] != "").all(axis=1)
    twice = is_row & rows.duplicated([*KEY, "ds"], keep=False)
    parts = [part for part in (rows[~twice], _added(rows[twice])) if len(part)]
    return pd.concat(parts, ignore_index=True).sort_values([*KEY, "ds"], ignore_index=True) if parts else rows


def _added(rows: pd.DataFrame) -> pd.DataFrame:
    """One row for each name and week of several."""
    if not len(rows):
        return rows
    rows = rows.sort_values(_IN_ORDER, ignore_index=True)
    starts = (rows[[*KEY, "ds"]] != rows[[*KEY, "ds"]].shift()).any(axis=1).to_numpy()
    place, first = np.cumsum(starts) - 1, np.flatnonzero(starts)

    def total(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        sums: npt.NDArray[np.float64] = np.bincount(place, weights=values).astype("float64")
        return sums

    def either(values: Bits) -> Bits:
        return np.bitwise_or.reduceat(values, first)

    sells, stocked, empty = (
        rows[f"{what}_weekdays"].to_numpy(dtype="int64") for what in ("selling", "stock", "stockout")
    )
    none_left = either(empty) & ~either(sells) & ~either(stocked & ~empty)
    n_selling = np.bitwise_count(sells).astype("float64")
    discount = rows["promo_discount_perc"].to_numpy(dtype="float64")
    with np.errstate(invalid="ignore"):
        mean_discount = np.nan_to_num(total(discount * n_selling) / total(n_selling))
    no_depth = rows["no_depth_share"].to_numpy(dtype="float64")
    with np.errstate(invalid="ignore"):
        no_depth_share = np.nan_to_num(total(no_depth * n_selling) / total(n_selling))
    promo = either(rows["promo_weekdays"].to_numpy(dtype="int64"))
    counts = {name: total(rows[name].to_numpy(dtype="float64")).astype("int64") for name in _COUNTED}
    result = rows.iloc[first].assign(
        quantity=total(rows["quantity"].to_numpy(dtype="float64")),
        returns_quantity=total(rows["returns_quantity"].to_numpy(dtype="float64")),
        promo_discount_perc=mean_discount,
        no_depth_share=no_depth_share,
        promo_days=np.bitwise_count(promo).astype("int64"),
        least_discount=np.fmin.reduceat(rows["least_discount"].to_numpy(dtype="float64", na_value=np.nan), first),
        most_discount=np.fmax.reduceat(rows["most_discount"].to_numpy(dtype="float64", na_value=np.nan), first),
        selling_weekdays=either(sells),
        promo_weekdays=promo,
        stock_weekdays=either(stocked),
        stockout_weekdays=none_left,
        stock_days=np.bitwise_count(either(stocked)).astype("int64"),
        left_weekdays=either(rows["left_weekdays"].to_numpy(dtype="int64")),
        **_last_stock(rows, place),
        stockout_days=np.bitwise_count(none_left).astype("int64"),
        **{name: total(rows[name].to_numpy(dtype="float64")) for name in SOLD_BY_WEEKDAY},
        first_date=_first_dates(rows, place),
        last_date=rows["last_date"].groupby(place).max().to_numpy(),
        spelling_min=rows["spelling_min"].groupby(place).min().to_numpy(),
        spelling_max=rows["spelling_max"].groupby(place).max().to_numpy(),
        promo_types=_promo_types(rows, place, len(first)),
        **_declared(rows, place, n_selling),
        **counts,
    )
    return result.astype(rows.dtypes.to_dict())


def _declared(rows: pd.DataFrame, place: npt.NDArray[np.int64], n_selling: npt.NDArray[np.float64]) -> dict[str, Any]:
    """What regressors from columns of the sales are over all spellings, each by the rule in its column's name.

    A mean is that of the spellings' means by how many days each was sold on.
    """
    found: dict[str, Any] = {}
    for name in (str(name) for name in rows if ":" in str(name)):
        rule, values = name.partition(":")[0], rows[name].astype("float64")
        joined_values = values.groupby(place).max()
        if rule == "mean":
            weight = pd.Series(np.maximum(n_selling, 1e-9), index=rows.index).where(values.notna())
            total = (values * weight).groupby(place).sum(min_count=1)
            joined_values = total / weight.groupby(place).sum(min_count=1)
        elif rule == "sum":
            joined_values = values.groupby(place).sum(min_count=1)
        elif rule == "last":
            order = rows["last_date"].argsort(kind="stable").to_numpy()
            joined_values = values.iloc[order].groupby(place[order]).last()
        found[name] = joined_values.sort_index().to_numpy("float64")
    return found


def _last_stock(rows: pd.DataFrame, place: npt.NDArray[np.int64]) -> dict[str, npt.NDArray[np.float64]]:
    """What was left on the last day on which any spelling says it, the most said then: as the warehouse has it."""
    if "last_stock" not in rows:
        return {}
    start = (rows["ds"].dt.day_of_week.to_numpy(dtype="int64") + 1) % 7  # the week's first weekday, Monday = 0
    bits = rows["stock_weekdays"].to_numpy(dtype="int64")
    in_order = (bits >> start | bits << (7 - start)) & 127
    day = np.where(in_order > 0, np.floor(np.log2(np.maximum(in_order, 1))), -1)
    last = pd.Series(day, index=rows.index).groupby(place).transform("max")
    told = rows["last_stock"].where(day == last)
    return {"last_stock": told.groupby(place).max().to_numpy(dtype="float64")}


def _promo_types(rows: pd.DataFrame, place: npt.NDArray[np.int64], n: int) -> npt.NDArray[np.object_]:
    """The types of all days of all spellings, as the warehouse has them of one."""
    types = np.full(n, None, dtype=object)
    found = rows["promo_types"].dropna()
    for each, mine in found.groupby(place[rows.index.get_indexer(found.index)]):
        types[int(str(each))] = "\n".join(mine)
    return types


_COUNTED = ("n_lines", "n_bad_quantity", "n_bad_discount", "n_bad_flag")


def _first_dates(rows: pd.DataFrame, place: npt.NDArray[np.int64]) -> npt.NDArray[np.datetime64]:
    """The first day with a selling line of any spelling, else with any line."""
    sells = rows["quantity"] + rows["returns_quantity"] > 0
    days = rows["first_date"].groupby(place).min()
    selling = rows["first_date"].where(sells).groupby(place).min()
    found: npt.NDArray[np.datetime64] = selling.fillna(days).to_numpy()
    return found

"""Naive forecasts: the yardstick of backtest and scorecard."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.indexers import BaseIndexer

from skucast.core.combination import KEY
from skucast.core.rows import looked_up
from skucast.sales.columns import Weeks, days, numbers

Floats = npt.NDArray[np.float64]
Baseline = Callable[[Weeks, Sequence[date]], Floats]
"""What says of every target what will be sold, from one combination's weeks (`ds`, `y`) up to the last one known."""

MEAN_4_WEEKS = 4
YEAR_WEEKS = 52


def last_week(weeks: Weeks, targets: Sequence[date]) -> Floats:
    """Return the last known week's sales for every target; 0 if none is known."""
    return np.full(len(targets), _tail_mean(weeks, 1))


def mean_4(weeks: Weeks, targets: Sequence[date]) -> Floats:
    """Return the mean of the last 4 known weeks for every target."""
    return np.full(len(targets), _tail_mean(weeks, MEAN_4_WEEKS))


def last_year(weeks: Weeks, targets: Sequence[date]) -> Floats:
    """Return each target's week 52 weeks before, or the last known week where that is not known."""
    a_year_ago = np.array(targets, dtype="datetime64[D]") - np.timedelta64(7 * YEAR_WEEKS, "D")
    known, y = days(weeks), numbers(weeks, "y")
    place = np.minimum(np.searchsorted(known, a_year_ago), len(known) - 1)
    values = np.where(known[place] == a_year_ago, y[place], np.nan) if len(known) else np.full(len(targets), np.nan)
    forecast: Floats = np.where(np.isnan(values), _tail_mean(weeks, 1), values)
    return forecast


YARDSTICKS: dict[str, Baseline] = {"last_week": last_week, "mean_4": mean_4, "last_year": last_year}
"""What forecasts are measured against: those of `tables.BASELINES`."""


def with_baselines(
    forecasts: pd.DataFrame, weeks: pd.DataFrame, first_sales: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the forecasts with what each of `YARDSTICKS` says of their week: columns `baseline_NAME`.

    The same numbers as one combination after the other, for all at once; each knows the weeks up to the forecast's
    `data_cutoff`. A year before the week is always known by then: nothing is forecast further ahead than that. Where no
    week is known yet, it is what was sold in the partial week before the first: `first_sales`, KEY, `ds`, `y`.
    """
    rows = looked_up(forecasts, _flat_at_every_week(weeks), "data_cutoff")
    a_year_ago = weeks[[*KEY, "ds", "y"]].rename(columns={"y": "baseline_last_year"})
    a_year_ago["ds"] += pd.Timedelta(weeks=YEAR_WEEKS)
    rows = looked_up(rows, a_year_ago, "ds")
    first_sold = _first_sold(rows, first_sales)
    for name in ("baseline_last_week", "baseline_mean_4"):
        rows[name] = rows[name].fillna(first_sold)
    rows["baseline_last_year"] = rows["baseline_last_year"].fillna(rows["baseline_last_week"])
    return rows


def _tail_mean(weeks: Weeks, n: int) -> float:
    y = numbers(weeks, "y")
    known = y[~np.isnan(y)][-n:]
    return float(known.mean()) if len(known) else 0.0


def _flat_at_every_week(weeks: pd.DataFrame) -> pd.DataFrame:
    """The baselines that are the same for every target, as of every week of every combination."""
    last_4 = _means_of_last(weeks[weeks["y"].notna()], MEAN_4_WEEKS)
    as_of = weeks[[*KEY, "ds"]].rename(columns={"ds": "data_cutoff"})
    flat = pd.DataFrame({"baseline_last_week": weeks["y"], "baseline_mean_4": last_4}, index=weeks.index)
    return as_of.join(flat.groupby([weeks[name] for name in KEY]).ffill())


def _means_of_last(known: pd.DataFrame, n: int) -> pd.Series:
    """The mean of each combination's last n rows, as of every row: what pandas' own windows by group are.

    Those are made one group after the other; these bounds of all windows at once.
    """
    group = known.groupby(KEY, sort=False).ngroup().to_numpy()
    order = np.argsort(group, kind="stable")
    place = np.arange(len(known))
    begins = np.diff(group[order], prepend=-1) != 0
    first = np.maximum.accumulate(np.where(begins, place, 0))
    windows = _Windows(start=np.maximum(place - n + 1, first))
    means = pd.Series(known["y"].to_numpy()[order]).rolling(windows, min_periods=1).mean()
    return means.set_axis(known.index[order])


class _Windows(BaseIndexer):
    """Windows that begin at `start` and end with each row."""

    start: npt.NDArray[np.int64]

    def get_window_bounds(
        self,
        num_values: int = 0,
        min_periods: int | None = None,  # noqa: ARG002 - pandas wants these names
        center: bool | None = None,  # noqa: ARG002, FBT001
        closed: str | None = None,  # noqa: ARG002
        step: int | None = None,  # noqa: ARG002
    ) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """Return where each window begins, and where it is over."""
        return self.start, np.arange(1, num_values + 1)


def _first_sold(rows: pd.DataFrame, first_sales: pd.DataFrame | None) -> pd.Series:
    """What each row's combination had sold by `data_cutoff` in the partial week before its history begins, else 0."""
    if first_sales is None or not len(first_sales):
        return pd.Series(0.0, index=rows.index)
    found = rows[[*KEY, "data_cutoff"]].merge(first_sales[[*KEY, "ds", "y"]], on=KEY, how="left")
    return found["y"].where(found["ds"] <= found["data_cutoff"]).fillna(0.0).set_axis(rows.index)

"""Accuracy metrics: row-wise errors, their sums, and ratios of sums. e = yhat - y, positive means over-forecast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from skucast.tables import BASELINES

SUMS = [
    "n",
    "n_left_out",
    "sum_actual",
    "sum_abs_actual",
    "sum_forecast",
    "sum_error",
    "sum_abs_error",
    "sum_sq_error",
    "sum_smape",
    "n_covered",
    *(f"sum_abs_error_{name}" for name in BASELINES),
]


def ratio(numerator: float, denominator: float) -> float:
    """Return numerator / denominator, NaN where the denominator is 0."""
    return numerator / denominator if denominator else float("nan")


def errors(scored: pd.DataFrame) -> pd.DataFrame:
    """Return one row of summands per forecast: the columns of `SUMS`, with the index of `scored`.

    `scored` has y, yhat, yhat_lower, yhat_upper and `baseline_NAME` per baseline, in sales per week; a row whose y is
    not known counts in `n_left_out` and nowhere else.
    """
    known = scored["y"].notna()
    y, yhat = scored["y"].where(known, 0.0), scored["yhat"].where(known, 0.0)
    error = yhat - y
    size = y.abs() + yhat.abs()
    rows = {
        "n": known.astype("int64"),
        "n_left_out": (~known).astype("int64"),
        "sum_actual": y,
        "sum_abs_actual": y.abs(),
        "sum_forecast": yhat,
        "sum_error": error,
        "sum_abs_error": error.abs(),
        "sum_sq_error": error**2,
        "sum_smape": (2 * error.abs() / size.where(size > 0, 1.0)),
        "n_covered": (known & scored["y"].between(scored["yhat_lower"], scored["yhat_upper"])).astype("int64"),
    }
    for name in BASELINES:
        rows[f"sum_abs_error_{name}"] = (scored[f"baseline_{name}"] - y).abs().where(known, 0.0)
    return pd.DataFrame(rows, index=scored.index)


def summed(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the sums of `SUMS` and `n_weeks` (different known `ds`) per group of `by`."""
    groups = rows.groupby(list(by), sort=True)
    weeks = rows[rows["n"] > 0].groupby(list(by))["ds"].nunique()
    result = groups[SUMS].sum()
    result["n_weeks"] = weeks.reindex(result.index).fillna(0).astype("int64")
    return result.reset_index()


def with_ratios(sums: pd.DataFrame) -> pd.DataFrame:
    """Return the sums with the metrics derived from them; undefined ones are NaN.

    WAPE = sum abs(e) / sum abs(y) (Kolassa & Schuetz 2007, as MAD/mean); sMAPE = mean of
    2 abs(e) / (abs(y) + abs(yhat)), 0 to 2 (Makridakis 1993); bias ratio = sum e / sum abs(y); coverage = share of y
    inside the interval; FVA = WAPE of the baseline minus WAPE.
    """
    n = _or_nan(sums["n"])
    volume = _or_nan(sums["sum_abs_actual"])
    result = sums.assign(
        wape=sums["sum_abs_error"] / volume,
        smape=sums["sum_smape"] / n,
        mae=sums["sum_abs_error"] / n,
        rmse=np.sqrt(sums["sum_sq_error"] / n),
        bias=sums["sum_error"] / n,
        bias_ratio=sums["sum_error"] / volume,
        coverage=sums["n_covered"] / n,
        **{f"wape_{name}": sums[f"sum_abs_error_{name}"] / volume for name in BASELINES},
    )
    return result.assign(fva=result["wape_last_year"] - result["wape"])


def _or_nan(values: pd.Series) -> pd.Series:
    return values.astype("float64").where(values != 0)

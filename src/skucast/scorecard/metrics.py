"""Accuracy metrics: row-wise errors, their sums, and ratios of sums. e = yhat - y, positive means over-forecast."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from skucast.core.tables.scorecard import APART, BASELINES, LEFT_OUT, UNPUBLISHED

SUMS = [
    "n",
    "n_left_out",
    *(f"n_{reason}" for reason in LEFT_OUT),
    "n_unpublished",
    "sum_actual",
    "sum_abs_actual",
    "sum_forecast",
    "sum_error",
    "sum_abs_error",
    "sum_sq_error",
    "sum_smape",
    "n_covered",
    *(f"sum_abs_error_{name}" for name in BASELINES),
    "sum_pinball_10",
    "sum_pinball_90",
    "n_scaled",
    "sum_scaled_error",
    "sum_sq_scaled_error",
    "n_compared",
    "sum_abs_change",
    "sum_forecast_compared",
    *(f"{name}_failed" for name in APART),
    "sum_forecast_mean",
]
WEEK_COUNTS = ["n_weeks", "n_restated_weeks"]
"""Different weeks: they add up over weeks, but not over steps or combinations."""


def ratio(numerator: float, denominator: float) -> float:
    """Return numerator / denominator, NaN where the denominator is 0."""
    return numerator / denominator if denominator else float("nan")


def errors(scored: pd.DataFrame) -> pd.DataFrame:
    """Return one row of summands per forecast: the columns of `SUMS`, with the index of `scored`.

    `scored` has the columns of `tables.SCORED`, in sales per week; a row whose y is not known counts in `n_left_out` or
    `n_unpublished`, as `left_out` says, in the comparison with the forecast before, and nowhere else; a fallback for a
    failed model also in the sums of its own.
    """
    known = scored["y"].notna()
    y, yhat = scored["y"].where(known, 0.0), scored["yhat"].where(known, 0.0)
    lower, upper = scored["yhat_lower"].where(known, 0.0), scored["yhat_upper"].where(known, 0.0)
    error = yhat - y
    size = y.abs() + yhat.abs()
    rows = {
        "n": known.astype("int64"),
        "n_left_out": scored["left_out"].isin(list(LEFT_OUT)).astype("int64"),
        **{f"n_{reason}": (scored["left_out"] == reason).astype("int64") for reason in LEFT_OUT},
        "n_unpublished": (scored["left_out"] == UNPUBLISHED).astype("int64"),
        "sum_actual": y,
        "sum_abs_actual": y.abs(),
        "sum_forecast": yhat,
        "sum_error": error,
        "sum_forecast_mean": scored["yhat_mean"].fillna(scored["yhat"]).where(known, 0.0),
        "sum_abs_error": error.abs(),
        "sum_sq_error": error**2,
        "sum_smape": (2 * error.abs() / size.where(size > 0, 1.0)),
        "n_covered": (known & scored["y"].between(scored["yhat_lower"], scored["yhat_upper"])).astype("int64"),
        **{f"sum_abs_error_{name}": (scored[f"baseline_{name}"] - y).abs().where(known, 0.0) for name in BASELINES},
        "sum_pinball_10": _pinball(y, lower, 0.1),
        "sum_pinball_90": _pinball(y, upper, 0.9),
    }
    rows |= _scaled(error, known, scored) | _changes(scored) | _apart(scored)
    return pd.DataFrame(rows, index=scored.index)[SUMS]


def _pinball(y: pd.Series, quantile: pd.Series, level: float) -> pd.Series:
    below = y - quantile
    loss: pd.Series = below.where(below > 0, 0.0) * level - below.where(below < 0, 0.0) * (1 - level)
    return loss


def _scaled(error: pd.Series, known: pd.Series, scored: pd.DataFrame) -> dict[str, pd.Series]:
    has_scale = known & scored["scale"].notna()
    return {
        "n_scaled": has_scale.astype("int64"),
        "sum_scaled_error": (error.abs() / scored["scale"]).where(has_scale, 0.0),
        "sum_sq_scaled_error": (error**2 / scored["sq_scale"]).where(has_scale, 0.0),
    }


def _changes(scored: pd.DataFrame) -> dict[str, pd.Series]:
    is_compared = scored["previous_yhat"].notna() & scored["yhat"].notna()
    return {
        "n_compared": is_compared.astype("int64"),
        "sum_abs_change": (scored["yhat"] - scored["previous_yhat"]).abs().where(is_compared, 0.0),
        "sum_forecast_compared": scored["yhat"].where(is_compared, 0.0),
    }


def _apart(scored: pd.DataFrame) -> dict[str, pd.Series]:
    """The sums `APART` of the fallbacks for failed models."""
    is_failed = scored["y_failed"].notna()
    y, yhat = scored["y_failed"].where(is_failed, 0.0), scored["yhat"].where(is_failed, 0.0)
    found = {"sum_actual": y, "sum_forecast": yhat, "sum_abs_error": (yhat - y).abs()}
    return {f"{name}_failed": found[name] for name in APART}


def summed(rows: pd.DataFrame, by: Sequence[str]) -> pd.DataFrame:
    """Return the sums of `SUMS` and the counts of `WEEK_COUNTS` per group of `by`; rows have `ds` and `is_restated`."""
    is_known = rows["n"] > 0
    counted = {"n_weeks": is_known, "n_restated_weeks": is_known & rows["is_restated"]}
    if "ds" in by:  # a group has one week, which counts if any of its rows does
        flags = {name: rows_of_it.astype("int64") for name, rows_of_it in counted.items()}
        result = rows.assign(**flags).groupby(list(by), sort=True)[[*SUMS, *WEEK_COUNTS]].sum()
        return result.assign(**{name: np.minimum(result[name].to_numpy(), 1) for name in WEEK_COUNTS}).reset_index()
    result = rows.groupby(list(by), sort=True)[SUMS].sum()
    for name, rows_of_it in counted.items():
        weeks = rows[rows_of_it].groupby(list(by))["ds"].nunique()
        result[name] = weeks.reindex(result.index).fillna(0).astype("int64")
    return result.reset_index()


def with_ratios(sums: pd.DataFrame) -> pd.DataFrame:
    """Return the sums with the metrics derived from them; undefined ones are NaN.

    WAPE = sum abs(e) / sum abs(y) (Kolassa & Schuetz 2007, as MAD/mean); sMAPE = mean of
    2 abs(e) / (abs(y) + abs(yhat)), 0 to 2 (Makridakis 1993); bias ratio = sum e / sum abs(y),
    `bias_ratio_mean` that of the expected value; coverage = share of y
    inside the interval; FVA = WAPE of a baseline minus WAPE (Gilliland 2010), `fva` against last year's week. MASE =
    mean of abs(e) / mean absolute change of the history (Hyndman & Koehler 2006), RMSSE = root of the mean of e
    squared / mean squared change (M5, Makridakis et al. 2022). Pinball loss: mean of q (y - f) above the quantile f,
    (1 - q) (f - y) below it. Tracking signal = sum e / mean abs(e) (Brown 1959; there y - yhat). Churn =
    sum of abs changes / sum of forecasts.
    """
    n, n_scaled = _or_nan(sums["n"]), _or_nan(sums["n_scaled"])
    volume = _or_nan(sums["sum_abs_actual"])
    result = sums.assign(
        wape=sums["sum_abs_error"] / volume,
        smape=sums["sum_smape"] / n,
        mae=sums["sum_abs_error"] / n,
        rmse=np.sqrt(sums["sum_sq_error"] / n),
        bias=sums["sum_error"] / n,
        bias_ratio=sums["sum_error"] / volume,
        bias_ratio_mean=(sums["sum_forecast_mean"] - sums["sum_actual"]) / volume,
        coverage=sums["n_covered"] / n,
        **{f"wape_{name}": sums[f"sum_abs_error_{name}"] / volume for name in BASELINES},
        mase=sums["sum_scaled_error"] / n_scaled,
        rmsse=np.sqrt(sums["sum_sq_scaled_error"] / n_scaled),
        pinball_10=sums["sum_pinball_10"] / n,
        pinball_90=sums["sum_pinball_90"] / n,
        tracking_signal=sums["sum_error"] / _or_nan(sums["sum_abs_error"] / n),
        churn=sums["sum_abs_change"] / _or_nan(sums["sum_forecast_compared"]),
        wape_failed=sums["sum_abs_error_failed"] / _or_nan(sums["sum_actual_failed"]),
    )
    fva = {f"fva_{name}": result[f"wape_{name}"] - result["wape"] for name in BASELINES}
    return result.assign(**fva, fva=fva["fva_last_year"])


def best_baseline_error(sums: pd.DataFrame) -> pd.Series:
    """Return what the best of the baselines got wrong on the same rows: the smallest of their sums of abs errors."""
    smallest: pd.Series = sums[[f"sum_abs_error_{name}" for name in BASELINES]].min(axis=1)
    return smallest


def _or_nan(values: pd.Series) -> pd.Series:
    return values.astype("float64").where(values != 0)

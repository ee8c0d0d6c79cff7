"""Scores of forecasts beside what was sold: frames in, numbers out.

`rows` have one row per series (`unique_id`), `origin` and `step`: `y`, `is_promo`, `yhat`, `lower`, `upper` (the
quantiles 10 % and 90 %; NaN = no interval), in sales per week.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

Floats = npt.NDArray[np.float64]

LEVELS = {0.1: "lower", 0.5: "yhat", 0.9: "upper"}
DRAWS = 2000
OUTER = (0.05, 0.95)
"""Quantiles of the bootstrap that hold 90 % between them."""

THIRDS = ("low", "middle", "high")


def scored(truth: pd.DataFrame, forecasts: pd.DataFrame, stand_in: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of all that was sold: forecasts at least 0, by `stand_in` where there is none (`is_filled`)."""
    key = ["unique_id", "origin", "ds"]
    columns = [name for name in ("yhat", "lower", "upper", "mean") if name in forecasts]
    rows = truth.merge(forecasts[[*key, *columns]], on=key, how="left")
    filled = truth[key].merge(stand_in[[*key, "yhat"]], on=key, how="left")["yhat"]
    yhat = rows["yhat"].fillna(filled)
    return rows.assign(
        yhat=yhat.clip(lower=0.0),
        lower=rows["lower"].clip(lower=0.0),
        upper=rows["upper"].clip(lower=0.0),
        is_filled=rows["yhat"].isna(),
        **({"mean": rows["mean"].fillna(yhat)} if "mean" in rows and rows["mean"].notna().any() else {}),
    )


def wape(rows: pd.DataFrame) -> float:
    """Return the sum of absolute errors over the sum of sales; NaN where nothing was sold."""
    return _share((rows["yhat"] - rows["y"]).abs().sum(), rows["y"].sum())


def median_wape(rows: pd.DataFrame) -> float:
    """Return the median over series of their WAPE; those that sold nothing are left out."""
    error = (rows["yhat"] - rows["y"]).abs().groupby(rows["unique_id"]).sum()
    sold = rows.groupby("unique_id")["y"].sum()
    return float((error[sold > 0] / sold[sold > 0]).median())


def bias(rows: pd.DataFrame, forecast: str = "yhat") -> float:
    """Return the sum of forecast minus sold over the sum of sales."""
    return _share((rows[forecast] - rows["y"]).sum(), rows["y"].sum())


def mase_scales(known: pd.DataFrame) -> pd.Series:
    """Return each series' mean absolute change from week to week; NaN where it never changed."""
    changes = known.groupby("unique_id")["y"].diff().abs()
    scales = changes.groupby(known["unique_id"]).mean()
    return scales.where(scales > 0)


def mase(rows: pd.DataFrame, scales: pd.Series) -> float:
    """Return the mean over series of their mean absolute error over their scale."""
    error = (rows["yhat"] - rows["y"]).abs().groupby(rows["unique_id"]).mean()
    return float((error / scales.reindex(error.index)).mean())


def pinball(rows: pd.DataFrame, level: float) -> float:
    """Return twice the pinball loss over the sum of sales, so that at 0.5 it is the WAPE; NaN without a quantile."""
    forecast = rows[LEVELS[level]]
    if forecast.isna().all():
        return float("nan")
    above = rows["y"] - forecast
    return _share(2 * np.maximum(level * above, (level - 1) * above).sum(), rows.loc[forecast.notna(), "y"].sum())


def coverage(rows: pd.DataFrame) -> float:
    """Return the share of weeks inside the interval; NaN without one."""
    known = rows[rows["lower"].notna() & rows["upper"].notna()]
    return float(known["y"].between(known["lower"], known["upper"]).mean()) if len(known) else float("nan")


def thirds(known: pd.DataFrame) -> pd.Series:
    """Return for each series whether it is among the third that sold least before, the middle, or the most."""
    usual = known.groupby("unique_id")["y"].mean().rank(method="first")
    return pd.Series(pd.qcut(usual, 3, labels=list(THIRDS)).astype(str), name="third")


def groups(rows: pd.DataFrame, third: pd.Series) -> dict[str, pd.DataFrame]:
    """Return the rows of each step, volume third, and of weeks with a promotion and others."""
    of_series = rows["unique_id"].map(third)
    return {
        **{f"step {step}": part for step, part in rows.groupby("step")},
        **{f"{name} volume": rows[of_series == name] for name in THIRDS},
        "promotion": rows[rows["is_promo"]],
        "other weeks": rows[~rows["is_promo"]],
    }


def error_table(rows: pd.DataFrame) -> Floats:
    """Return the sums of absolute errors by series and origin, in their order; shape (S, O)."""
    error = (rows["yhat"] - rows["y"]).abs()
    return _table(rows.assign(value=error))


def sold_table(rows: pd.DataFrame) -> Floats:
    """Return the sums of sales by series and origin; shape (S, O)."""
    return _table(rows.assign(value=rows["y"]))


def bootstrap(errors: Mapping[str, Floats], sold: Floats, *, draws: int = DRAWS, seed: int = 0) -> dict[str, Floats]:
    """Return the WAPE of each contender in every draw, the same draws for all: shape (draws,).

    Each draw takes as many series and as many origins as there are, with replacement; tables of shape (S, O).
    """
    chance = np.random.default_rng(seed)
    n_series, n_origins = sold.shape
    series = chance.multinomial(n_series, np.full(n_series, 1 / n_series), size=draws).astype("float64")
    origins = chance.multinomial(n_origins, np.full(n_origins, 1 / n_origins), size=draws).astype("float64")

    def drawn(table: Floats) -> Floats:
        found: Floats = ((series @ table) * origins).sum(axis=1)
        return found

    total = drawn(sold)
    total[total <= 0] = np.nan  # a draw without a sale has no WAPE
    return {name: drawn(table) / total for name, table in errors.items()}


def difference(draws: Mapping[str, Floats], one: str, other: str) -> tuple[float, float]:
    """Return what 90 % of the draws say: by which share `one` has more error than `other`, below 0 = less."""
    low, high = np.nanquantile(draws[one] / draws[other] - 1, OUTER)
    return float(low), float(high)


def _table(rows: pd.DataFrame) -> Floats:
    wide = rows.pivot_table(index="unique_id", columns="origin", values="value", aggfunc="sum", fill_value=0.0)
    found: Floats = wide.to_numpy(dtype="float64")
    return found


def _share(part: float, whole: float) -> float:
    return float(part) / float(whole) if whole else float("nan")

"""Monitoring: stored forecasts meet the actuals; accuracy per combination, step and roll-up."""

from __future__ import annotations

from datetime import date

import pandas as pd

from skucast.combination import KEY
from skucast.metrics import SUMS, errors, summed, with_ratios
from skucast.tables import ALL, LEVELS, POOLED_STEP, SCORED
from skucast.weeks import WEEK


def match(forecasts: pd.DataFrame, weeks: pd.DataFrame, since: date, until: date) -> pd.DataFrame:
    """Return the forecasts of weeks `since` to `until` with their actuals: `tables.SCORED`, sales per week.

    One row per cutoff, combination and week; y is NaN where the week is not known (out of stock, not delivered), and
    such rows are left out of every score but counted. Baselines know what the forecast knew (`data_cutoff`).
    """
    inside = forecasts["ds"].between(pd.Timestamp(since), pd.Timestamp(until))
    rows = forecasts[inside].merge(weeks[[*KEY, "ds", "y"]], on=[*KEY, "ds"], how="left")
    rows = rows.merge(_known_at(weeks), on=[*KEY, "data_cutoff"], how="left")
    a_year_ago = weeks[[*KEY, "ds", "y"]].rename(columns={"y": "baseline_last_year"})
    rows = rows.merge(a_year_ago.assign(ds=a_year_ago["ds"] + 52 * WEEK), on=[*KEY, "ds"], how="left")
    rows["baseline_last_week"] = rows["baseline_last_week"].fillna(0.0)
    rows["baseline_mean_4"] = rows["baseline_mean_4"].fillna(0.0)
    rows["baseline_last_year"] = rows["baseline_last_year"].fillna(rows["baseline_last_week"])
    return rows[SCORED.column_names].sort_values(["cutoff", *KEY, "ds"], ignore_index=True)


def score(scored: pd.DataFrame) -> pd.DataFrame:
    """Return sums and metrics per level, group and step (0 = pooled): columns `level`, KEY, `step`, sums, metrics.

    Roll-ups are ratios of sums, never means of ratios; key columns that a level sums over hold `*`.
    """
    rows = pd.concat([scored[[*KEY, "ds", "step"]], errors(scored)], axis=1)
    levels = [_level(rows, level) for level in LEVELS]
    return with_ratios(pd.concat(levels, ignore_index=True))


def _level(rows: pd.DataFrame, level: str) -> pd.DataFrame:
    kept = set(KEY) if level == "combination" else {level}
    named = rows.assign(level=level, **{name: ALL for name in KEY if name not in kept})
    by = ["level", *KEY, "step"]
    return pd.concat([summed(named, by), summed(named.assign(step=POOLED_STEP), by)])[[*by, *SUMS, "n_weeks"]]


def _known_at(weeks: pd.DataFrame) -> pd.DataFrame:
    """The flat baselines of every combination as of every week: last known week, mean of the last 4 known."""
    known = weeks[weeks["y"].notna()]
    mean_4 = known.groupby(KEY)["y"].rolling(4, min_periods=1).mean().droplevel(list(range(len(KEY))))
    as_of = weeks[[*KEY, "ds"]].rename(columns={"ds": "data_cutoff"})
    as_of = as_of.assign(baseline_last_week=weeks["y"], baseline_mean_4=mean_4)
    columns = ["baseline_last_week", "baseline_mean_4"]
    as_of[columns] = as_of.groupby(KEY)[columns].ffill()
    return as_of

"""Monitoring: stored forecasts meet the actuals; the scorecard of every week and window, by step and roll-up."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.narrow import narrowed
from skucast.core.rows import looked_up
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FAILED_STATUSES, RESTING
from skucast.core.tables.scorecard import LEVELS, POOLED_STEP, SCORED, UNPUBLISHED
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WEEK
from skucast.sales.baselines import with_baselines
from skucast.scorecard.metrics import SUMS, WEEK_COUNTS, errors, summed, with_ratios

MIN_CHANGES = 8
"""Fewest changes from week to week that make a scale: with fewer, one quiet month would make every error huge."""

CLASS_WEEKS = 52
_CLASS_SPAN = (CLASS_WEEKS - 1) * WEEK

ABC_SHARES = (0.80, 0.95)
"""Pareto's rule as it is used for stock: the combinations that make 80 % of sales are A, the next 15 % B."""

XYZ_LIMITS = (0.5, 1.0)
"""Coefficients of variation. Where the monthly use of materials is classed, the lines are often drawn at 0.25 and 0.5;
weekly sales of one article in one channel scatter more, and nearly all would be Z.
"""
MIN_CLASS_WEEKS = 8

GROUP, ADDED = ["level", *KEY, "step"], [*SUMS, *WEEK_COUNTS]
"""What a row of the scorecard is about, and what it adds up."""

RESTATED = 1e-6
"""Least relative difference that makes an actual another one: warehouses add up the same lines in any order."""


# --- Forecasts meet actuals -----------------------------------------------------------------------------------------


def match(
    forecasts: pd.DataFrame, weeks: pd.DataFrame, since: date, until: date, first_sales: pd.DataFrame | None = None
) -> pd.DataFrame:
    """Return the forecasts of weeks `since` to `until` with their actuals: `tables.SCORED`, sales per week.

    One row per cutoff, combination and week; y is NaN where the forecast is not scored, and `left_out` says why; such
    rows are counted. A fallback for a model that failed says nothing about models: it has its actual in `y_failed`.
    Baselines and scales know what the forecast knew (`data_cutoff`): of an article in its very first
    week that is what it had sold by then, `first_sales` (KEY, `ds`, `y`), although the history begins a week later.
    """
    previous = forecasts.sort_values(["cutoff"], kind="stable").groupby([*KEY, "ds"])["yhat"].shift(1)
    rows = forecasts.assign(previous_yhat=previous)
    rows = rows[rows["ds"].between(pd.Timestamp(since), pd.Timestamp(until))]
    rows = looked_up(rows, weeks[[*KEY, "ds", "y", "is_stockout", "is_censored"]], "ds")
    rows["left_out"] = _left_out(rows)
    rows["y_failed"] = rows["y"].where(rows["left_out"] == "failed")
    rows["y"] = rows["y"].where(rows["left_out"].isna())
    rows = looked_up(with_baselines(rows, weeks, first_sales), _scales(weeks), "data_cutoff")
    return rows[SCORED.column_names].sort_values(["cutoff", *KEY, "ds"], ignore_index=True)


def unpublished(forecasts: pd.DataFrame, weeks: pd.DataFrame, since: date, until: date) -> pd.DataFrame:
    """Return the rows of `tables.SCORED` that there should be and are not: a week sold, and no forecast at a step.

    Of `weeks` the combinations count that the ledger has a forecast of; steps are those of its newest cutoff, cutoffs
    those from its first one on, at which the combination was sold already.
    """
    if not len(forecasts):
        return empty(SCORED)
    newest = forecasts[forecasts["cutoff"] == forecasts["cutoff"].max()]
    sold = weeks.assign(first=weeks.groupby(KEY)["ds"].transform("min"))
    sold = sold[sold["ds"].between(pd.Timestamp(since), pd.Timestamp(until)) & sold["y"].notna()]
    sold = sold.merge(forecasts[KEY].drop_duplicates(), on=KEY)
    steps = pd.DataFrame({"step": np.arange(1, int(newest["step"].max()) + 1)})
    expected = sold[[*KEY, "ds", "first"]].merge(steps, how="cross")
    expected["cutoff"] = expected["ds"] - pd.to_timedelta(7 * expected["step"], unit="D")
    expected = expected[(expected["cutoff"] >= forecasts["cutoff"].min()) & (expected["first"] <= expected["cutoff"])]
    found = expected.merge(forecasts[["cutoff", *KEY, "ds"]], on=["cutoff", *KEY, "ds"], how="left", indicator=True)
    missing = found.loc[found["_merge"] == "left_only", ["cutoff", *KEY, "ds", "step"]]
    rows = validate(SCORED, missing.assign(left_out=UNPUBLISHED))
    return rows.sort_values(["cutoff", *KEY, "ds"], ignore_index=True)


def _left_out(rows: pd.DataFrame) -> pd.Series:
    """Why each row is not scored, None where it is.

    Nobody gains by a 0 for what is no longer sold: hits of that kind would make the rest look good. A sale against
    such a 0 is an error like any other.
    """
    is_censored = rows["is_censored"].fillna(value=False).astype("bool")
    is_stockout = rows["is_stockout"].fillna(value=False).astype("bool") & rows["y"].isna()
    is_gone = rows["status"].isin(RESTING) & (rows["yhat"] == 0) & (rows["y"] == 0)
    reasons = np.select(
        [is_stockout | is_censored, rows["y"].isna(), rows["status"].isin(FAILED_STATUSES), is_gone],
        ["stockout", "not_delivered", "failed", "inactive"],
        "",
    )
    return pd.Series(reasons, index=rows.index, dtype="str").replace("", None)


def _scales(weeks: pd.DataFrame) -> pd.DataFrame:
    """Mean absolute and mean squared change between neighbouring known weeks, as of every week of every combination.

    Columns KEY, `data_cutoff`, `scale`, `sq_scale`; NaN where there are too few changes, or all are 0.
    """
    change = weeks.groupby(KEY)["y"].diff()
    n = change.notna().groupby([weeks[name] for name in KEY]).cumsum()
    scales = {}
    for name, size in (("scale", change.abs()), ("sq_scale", change**2)):
        total = size.fillna(0.0).groupby([weeks[key] for key in KEY]).cumsum()
        scales[name] = (total / n.where(n >= MIN_CHANGES)).where(total > 0)
    return weeks[[*KEY, "ds"]].rename(columns={"ds": "data_cutoff"}).assign(**scales)


# --- The scorecard --------------------------------------------------------------------------------------------------


class Scorecard:
    """The rows of `tables.METRICS` of the last `lookback_weeks` weeks, but for the run's own columns.

    Each of them has rows of the week alone and of the window that ends with it, so a run scores anew whatever a
    restated week takes part in. They are made of as many weeks as are asked for: those of all at once may fill the
    memory. `first` has the actuals as they were first scored: KEY, `ds`, `actual_first`.
    """

    def __init__(
        self, scored: pd.DataFrame, weeks: pd.DataFrame, first: pd.DataFrame, window_end: date, lookback_weeks: int
    ) -> None:
        self.ends = [pd.Timestamp(window_end - back * WEEK) for back in range(lookback_weeks)]
        self._volumes, self._first = _Volumes(weeks, self.ends[-1], self.ends[0]), first
        self._before = (lookback_weeks - 1) * WEEK
        sums = sums_of_weeks(scored[scored["ds"] >= self.ends[-1] - self._before], first)
        sums = sums.sort_values("ds", kind="stable", ignore_index=True)  # a window is then a part, and no copy
        grouped = sums.groupby(GROUP, sort=True)
        self._groups, self._group = grouped.size().index.to_frame(index=False), grouped.ngroup().to_numpy()
        self._ds, self._kinds = sums["ds"].to_numpy(), sums.dtypes[ADDED].to_dict()
        self._sums = narrowed(sums[ADDED])  # they are kept while the page is made

    def of(self, *ends: pd.Timestamp) -> pd.DataFrame:
        """Return the rows of the weeks that end then, and of the windows that end with them, in this order."""
        rows = _named(self._groups, pd.concat([self._added(end) for end in ends]))
        classed = pd.concat([self._volumes.classes(end).assign(window_end=end) for end in ends])
        rows = rows.merge(classed, on=["window_end", "level", *KEY], how="left")
        return _with_first_actuals(with_ratios(rows), self._first)

    def _added(self, end: pd.Timestamp) -> pd.DataFrame:
        """The sums of a week and of the window that ends with it; the index numbers what they are about."""
        start = end - self._before
        window, week = _between(self._ds, start, end), _between(self._ds, end, end)
        of_week = self._sums[week].astype(self._kinds).set_axis(self._group[week])
        of_window = self._sums[window].astype(self._kinds).groupby(self._group[window], sort=True).sum()
        of_window = of_window[self._is_read(of_window)]
        parts = [
            of_week.assign(window="week", window_start=end),
            of_window.assign(window="rolling", window_start=start),
        ]
        return pd.concat(parts).assign(window_end=end)

    def _is_read(self, window: pd.DataFrame) -> pd.Series:
        """Whether anybody reads a row of a window: of one combination at one step only how many forecasts it left out.

        Else that row is the sum of the combination's weeks at the step, which are stored; it would be four of its ten
        rows.
        """
        groups = self._groups.take(window.index.to_numpy())
        is_of_one = (groups["level"] == "combination") & (groups["step"] != POOLED_STEP)
        is_whole = (window["n_left_out"] == 0) & (window["n_unpublished"] == 0)
        return ~(is_whole & is_of_one)


def sums_of_weeks(scored: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """Return the sums per week, level, group and step (0 = pooled): columns `ds`, `level`, KEY, `step`, sums.

    Key columns that a level sums over hold `*`.
    """
    rows = scored[[*KEY, "ds", "step"]].merge(first, on=[*KEY, "ds"], how="left")
    is_restated = _differs(scored["y"].reset_index(drop=True), rows["actual_first"])
    rows = pd.concat([rows[[*KEY, "ds", "step"]], errors(scored.reset_index(drop=True))], axis=1)
    rows["is_restated"] = is_restated
    return pd.concat([_level(rows, level) for level in LEVELS], ignore_index=True)


def over_weeks(sums: pd.DataFrame) -> pd.DataFrame:
    """Return the sums of several weeks, per level, group and step: a window is the sum of its weeks."""
    return sums.groupby(GROUP, sort=True)[ADDED].sum().reset_index()


def score(scored: pd.DataFrame) -> pd.DataFrame:
    """Return sums and metrics over all weeks of `scored`, per level, group and step (0 = pooled).

    Roll-ups are ratios of sums, never means of ratios.
    """
    nothing_stored = pd.DataFrame({name: scored[name].head(0) for name in [*KEY, "ds"]}).assign(actual_first=np.nan)
    return with_ratios(over_weeks(sums_of_weeks(scored, nothing_stored)))


def _level(rows: pd.DataFrame, level: str) -> pd.DataFrame:
    kept = KEY if level == "combination" else [name for name in KEY if name == level]
    by = ["ds", *kept]
    found = pd.concat([summed(rows, [*by, "step"]), summed(rows, by).assign(step=POOLED_STEP)])
    found = found.assign(level=level, **{name: ALL for name in KEY if name not in kept})
    return found[["ds", *GROUP, *ADDED]]


def _differs(actual: pd.Series, first: pd.Series) -> pd.Series:
    """Whether both are known and not the same."""
    return (actual - first).abs() > RESTATED * np.maximum(1.0, first.abs())


def _with_first_actuals(rows: pd.DataFrame, first: pd.DataFrame) -> pd.DataFrame:
    """The rows with `actual_first`: what was stored, else what is known now; only where a row is about one actual."""
    stored = first.rename(columns={"ds": "window_end"})
    rows = rows.merge(stored, on=[*KEY, "window_end"], how="left")
    is_one = (rows["window"] == "week") & (rows["level"] == "combination") & (rows["step"] == POOLED_STEP)
    now = rows["sum_actual"] / rows["n"].where(rows["n"] > 0)
    rows["actual_first"] = rows["actual_first"].fillna(now).where(is_one)
    return rows


# --- Classes --------------------------------------------------------------------------------------------------------


def classes(weeks: pd.DataFrame, until: pd.Timestamp) -> pd.DataFrame:
    """Return volume and variability of each combination over the 52 weeks up to `until`.

    Columns `level` (combination), KEY, `volume` (mean of the known weeks), `volume_share` (ratio of all sales),
    `abc_class`, `xyz_class` (see `tables.METRICS`).
    """
    return _Volumes(weeks, until, until).classes(until)


class _Volumes:
    """The weeks of all combinations, put in order once for the classes of any week from the first to the last."""

    def __init__(self, weeks: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> None:
        weeks = weeks.loc[weeks["ds"].between(first - _CLASS_SPAN, last), [*KEY, "ds", "y"]]
        grouped = weeks.groupby(KEY)
        self._names = grouped.size().index.to_frame(index=False)
        by_week = weeks["ds"].argsort(kind="stable").to_numpy()
        self._ds, self._group = weeks["ds"].to_numpy()[by_week], grouped.ngroup().to_numpy()[by_week]
        self._y = weeks["y"].take(by_week)

    def classes(self, until: pd.Timestamp) -> pd.DataFrame:
        """Return what `classes` does."""
        recent = _between(self._ds, until - _CLASS_SPAN, until)
        y = self._y[recent].groupby(self._group[recent], sort=True)
        rows = pd.DataFrame({"n": y.count(), "sold": y.sum(), "volume": y.mean(), "spread": y.std(ddof=0)})
        rows = _named(self._names, rows)
        total = rows["sold"].sum()
        rows["volume_share"] = rows["sold"] / (total if total > 0 else np.nan)
        by_volume = rows.sort_values("sold", ascending=False, kind="stable")  # equal ones in the order of their names
        before = (by_volume["sold"].cumsum() - by_volume["sold"]).reindex(rows.index)
        variation = (rows["spread"] / rows["volume"]).where((rows["n"] >= MIN_CLASS_WEEKS) & (rows["volume"] > 0))
        rows["abc_class"] = _class_of(before / (total if total > 0 else np.nan), ABC_SHARES, "ABC", side="right")
        rows["xyz_class"] = _class_of(variation, XYZ_LIMITS, "XYZ", side="left")
        return rows.assign(level="combination")[["level", *KEY, "volume", "volume_share", "abc_class", "xyz_class"]]


def _named(names: pd.DataFrame, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows behind the names that their index numbers."""
    return pd.concat([names.take(rows.index.to_numpy()).reset_index(drop=True), rows.reset_index(drop=True)], axis=1)


def _between(ds: npt.NDArray[np.datetime64], first: pd.Timestamp, last: pd.Timestamp) -> slice:
    """Which of the weeks, oldest first, lie from the first to the last."""
    at, after = np.searchsorted(ds, first.to_datetime64()), np.searchsorted(ds, last.to_datetime64(), side="right")
    return slice(int(at), int(after))


def _class_of(values: pd.Series, limits: tuple[float, float], names: str, *, side: str) -> pd.Series:
    """The class of each value, None where it is NaN; a value on a limit belongs above (`right`) or below (`left`)."""
    places = np.searchsorted(limits, values.to_numpy(dtype="float64"), side=side)  # type: ignore[call-overload]
    named = [None if np.isnan(value) else names[place] for value, place in zip(values, places, strict=True)]
    return pd.Series(named, index=values.index, dtype="str")

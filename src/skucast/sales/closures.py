"""Weeks of 0 that are no demand: closures that have ended, and if the settings say so weeks that have no row.

A shop was being rebuilt, a supplier did not deliver, an article was taken off the list for a while. Counted as 0 such
weeks pull level, trend and season down, long after they are over.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY

LONG_WEEKS = 6
"""Fewest weeks without a sale that may be a closure: shorter ones are chance, holidays or a late order."""

AROUND_WEEKS = 52
"""Weeks before and after that tell whether the combination otherwise sells."""

FEWEST_WEEKS = 8
"""With fewer known weeks around, nobody knows what is usual."""

BY_CHANCE = 1e-6
"""So improbable must the run be by how seldom the weeks around sold nothing: there are thousands of combinations with a
hundred weeks each, and weeks without a sale like to come together. Six weeks of what misses one in twenty."""

ERRORS = 2.0
"""By so many of its errors that share is raised: it is made of few weeks."""

MOST_RUNS = 2
"""A combination with more long runs than this around is sold now and then: that is its demand."""

BEFORE_WEEKS, FADED = 3, 0.4
"""Of what sold less than this share of what was usual in the last weeks before, the sales had faded by themselves."""

AFTER_WEEKS, BACK, SELLS_AGAIN = 8, 0.25, 0.75
"""It is over if in so many weeks after it (or as many as there are) this share of what was usual is sold, in this share
of the weeks; less is a last remainder."""

YEAR_WEEKS = 52
SEASON_WEEKS, SEASON_SHARE = 2, 0.5
"""It is a season if this share of the same weeks of another year sold nothing either, or lie so near a run that did."""

LONGEST_UNSEEN_WEEKS = 13
"""A longer run may be a season as long as no other year's sales show that it is none."""

SELLS_WHEN_THERE, SELLS_MOSTLY = 0.9, 0.75
"""What sells in this share of the weeks that have a row, and of all up to its last sale, otherwise sells every week."""

MissingWeeks = Literal["zero", "unknown"]
Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


def without_closures(weeks: pd.DataFrame, missing: MissingWeeks) -> pd.DataFrame:
    """Return the weeks with `y` unknown where it is no demand, and with flags: `is_closed`, `is_missing`.

    Args:
        weeks: rows sorted by combination and week, without gaps: KEY, `ds`, `y` (NaN = unknown), `is_stockout`,
            `n_lines` (NaN = there is no row).
        missing: what a week without a row is, of a combination that otherwise sells every week and has sold since.
    """
    closed = closed_weeks(weeks)
    is_missing = _missing(weeks, closed) if missing == "unknown" else np.zeros(len(weeks), dtype=bool)
    return weeks.assign(y=weeks["y"].mask(closed | is_missing), is_closed=closed, is_missing=is_missing)


def closed_weeks(weeks: pd.DataFrame) -> Flags:
    """Return which weeks are part of a closure, those among them too that are not known for another reason."""
    y = weeks["y"].to_numpy(dtype="float64")
    is_nothing = (y == 0) | weeks["is_stockout"].to_numpy(dtype=bool)
    closed = np.zeros(len(y), dtype=bool)
    group = np.asarray(weeks.groupby(KEY, sort=False).ngroup(), dtype="int64")
    for part in _with_long_runs(is_nothing, y, group):
        closed[part] = _closed(y[part], is_nothing[part])
    return closed


def closure_texts(weeks: pd.DataFrame) -> list[str]:
    """Return which combinations were closed (`is_closed`), and when."""
    found = weeks.loc[weeks["is_closed"], [*KEY, "ds"]]
    is_new = (found[KEY] != found[KEY].shift()).any(axis=1) | (found["ds"].diff() != pd.Timedelta(weeks=1))
    runs = (
        found.assign(run=is_new.cumsum())
        .groupby("run")
        .agg(**{name: (name, "first") for name in KEY}, first=("ds", "min"), last=("ds", "max"), n=("ds", "size"))
    )
    return [
        f"{'/'.join(map(str, names))}: {n} weeks, {first.date()} to {last.date()}"
        for *names, first, last, n in runs.itertuples(index=False, name=None)
    ]


def _missing(weeks: pd.DataFrame, closed: Flags) -> Flags:
    """Weeks without a row, before the last sale, of what otherwise sells every week."""
    keys = [weeks[name] for name in KEY]
    sells = (weeks["y"] > 0) | (weeks["y"].isna() & ~weeks["is_stockout"])
    is_inside = sells[::-1].groupby([each[::-1] for each in keys]).cummax()[::-1] & ~closed
    has_row = weeks["n_lines"].notna()

    def share(which: pd.Series) -> pd.Series:
        return sells.where(which).astype("float64").groupby(keys).transform("mean")

    is_steady = (share(is_inside & has_row) >= SELLS_WHEN_THERE) & (share(is_inside) >= SELLS_MOSTLY)
    missing: Flags = (is_inside & is_steady & ~has_row & (weeks["y"] == 0)).to_numpy(dtype=bool)
    return missing


def _with_long_runs(is_nothing: Flags, y: Floats, group: npt.NDArray[np.int64]) -> Iterator[slice]:
    """The rows of every combination that sold nothing in enough weeks without a sale between them."""
    n_sold = np.cumsum(y > 0)
    key = group * (len(y) + 1) + n_sold
    spans, counts = np.unique(key[is_nothing], return_counts=True)
    for number in np.unique(spans[counts >= LONG_WEEKS] // (len(y) + 1)):
        first, end = np.searchsorted(group, [number, number + 1])
        yield slice(int(first), int(end))


def _closed(y: Floats, is_nothing: Flags) -> Flags:
    """The closed weeks of one combination."""
    closed = np.zeros(len(y), dtype=bool)
    long_runs = [run for run in _runs(~(y > 0)) if is_nothing[run].sum() >= LONG_WEEKS]
    is_long = np.zeros(len(y), dtype=bool)
    for run in long_runs:
        is_long[run] = True
    for run in long_runs:
        near = [each for each in long_runs if each[0] <= run[-1] + AROUND_WEEKS and each[-1] >= run[0] - AROUND_WEEKS]
        has_ended = run[0] > 0 and run[-1] + 1 < len(y)
        if has_ended and len(near) <= MOST_RUNS and _is_closure(y, is_nothing, is_long, run):
            closed[run] = True
    return closed


def _is_closure(y: Floats, is_nothing: Flags, is_long: Flags, run: npt.NDArray[np.int64]) -> bool:
    around = np.arange(max(0, run[0] - AROUND_WEEKS), min(len(y), run[-1] + 1 + AROUND_WEEKS))
    around = around[~is_long[around] & ~np.isnan(y[around])]
    sold = y[around[y[around] > 0]]
    before = y[: run[0]]
    before = before[~np.isnan(before)][-BEFORE_WEEKS:]
    after = y[run[-1] + 1 :]
    after = after[~np.isnan(after)][:AFTER_WEEKS]
    if len(around) < FEWEST_WEEKS or not len(before) or not len(after):
        return False
    missed = float(len(around) - len(sold))
    chance = (missed + ERRORS * np.sqrt(missed) + 0.5) / (len(around) + 1.0)
    usual = float(np.median(sold))
    return bool(
        chance ** is_nothing[run].sum() < BY_CHANCE
        and before.mean() >= FADED * usual
        and after.mean() >= BACK * usual
        and (after > 0).mean() >= SELLS_AGAIN
        and not _may_be_season(y, is_nothing, run)
    )


def _may_be_season(y: Floats, is_nothing: Flags, run: npt.NDArray[np.int64]) -> bool:
    """Whether most of the same weeks of another year sold nothing, or no other year is known and the run is long."""
    seasonal = is_nothing.copy()
    for other in _runs(is_nothing):
        if len(other) > SEASON_WEEKS:  # as a season it may begin and end a little earlier or later
            seasonal[max(0, other[0] - SEASON_WEEKS) : other[-1] + SEASON_WEEKS + 1] = True
    is_seen = False
    for years in (-2, -1, 1, 2):
        then = run + years * YEAR_WEEKS
        then = then[(then >= 0) & (then < len(y))]
        then = then[~np.isnan(y[then]) | is_nothing[then]]
        if 2 * len(then) < len(run):
            continue
        is_seen = True
        if seasonal[then].mean() >= SEASON_SHARE:
            return True
    return not is_seen and len(run) > LONGEST_UNSEEN_WEEKS


def _runs(flags: Flags) -> list[npt.NDArray[np.int64]]:
    places = np.flatnonzero(flags)
    return [run for run in np.split(places, np.flatnonzero(np.diff(places) > 1) + 1) if len(run)]

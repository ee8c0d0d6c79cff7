"""Weeks whose sales are a mistake: so far beyond all that is usual that no promotion, holiday or season explains them.

They say nothing of the demand, and one of them would decide a forecast alone: as y, as lag, as the largest week seen.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.quoting import listed

TIMES_USUAL = 8.0
"""A week of so many times what is much for its article is no demand, if nothing explains it."""

TIMES_RETURNED = 5.0
"""As many times returned beyond what was sold corrects other weeks, if the article sells in most weeks; one that seldom
does gives back what it sold before, and `TIMES_USUAL` counts."""

MUCH = 0.9
FAR = 25.0
"""What is much: this quantile of the other weeks with sales, and no week so many times their median that is also beyond
what the largest article beside it usually sells, so that a second and a third mistake hide none."""

AROUND_WEEKS = 52
"""Weeks before and after that tell what is usual."""

SEASON_WEEKS = 2
"""The season explains what was sold so many weeks around the same week of the year before or after."""

MORE_FOR_SEASON = 25.0
"""It explains no more than this: beyond it the same mistake was made twice."""

MORE_FOR_PROMOTION = 2.0
MORE_FOR_HOLIDAY = 3.0
MORE_FOR_SELDOM_SOLD = 5.0
MORE_FOR_LITTLE_KNOWN = 5.0
MORE_FOR_SEVERAL_WEEKS = 25.0
"""How many times more is believed of a week with a promotion; within a week of a holiday; of an article that sells in
fewer than half of its weeks; with fewer than `WELL_KNOWN_WEEKS` others, or at its launch; and where the week before or
after was much alike."""

WELL_KNOWN_WEEKS, LAUNCH_WEEKS, FEWEST_WEEKS = 12, 4, 3

MORE_FOR_A_STRANGER = 125.0
"""How many times more is believed of an article with fewer than `FEWEST_WEEKS` other weeks in a unit and channel where
no article is well known; where one is, `MORE_FOR_LITTLE_KNOWN` of what the largest of them usually sells."""
ALIKE = 1 / 3

SHOWN = 20
"""Weeks that a message names."""

OUTLIER_COLUMNS = [*KEY, "ds", "quantity", "usual"]

Floats = npt.NDArray[np.float64]


def outliers(
    weeks: pd.DataFrame,
    holiday_weeks: Collection[date] = (),
    by_unit: Mapping[str, Collection[date]] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return the weeks that cannot be right: `OUTLIER_COLUMNS`, `usual` the median of the others with sales.

    Args:
        weeks: rows sorted by combination and week, without gaps: KEY, `ds`, `y` (NaN = unknown), `quantity` (net of
            returns), `is_promo`, index 0..n-1, which the result keeps.
        holiday_weeks: labels of the weeks with a holiday.
        by_unit: the same of units that have others.
    """
    group = np.asarray(weeks.groupby(KEY, sort=False).ngroup(), dtype="int64")
    y, net = weeks["y"].to_numpy(dtype="float64"), weeks["quantity"].to_numpy(dtype="float64")
    largest = _largest_neighbour(weeks)
    typical = _typical(weeks["y"], group, largest)
    suspects = np.flatnonzero((y > TIMES_USUAL * typical) | (-net > TIMES_RETURNED * typical))
    first = np.flatnonzero(np.diff(group, prepend=-1))
    ends = np.append(first[1:], len(weeks))
    near = _near_holidays(weeks["ds"], holiday_weeks)
    for unit, labels in by_unit.items():
        near = np.where(weeks["unit"] == unit, _near_holidays(weeks["ds"], labels), near)
    promo = weeks["is_promo"].to_numpy(dtype=bool)
    found: dict[int, float] = {}
    for place in suspects.tolist():
        part = slice(int(first[group[place]]), int(ends[group[place]]))
        times = (MORE_FOR_PROMOTION if promo[place] else 1.0) * (MORE_FOR_HOLIDAY if near[place] else 1.0)
        usual = _judge(y[part], place - part.start, float(net[place]), times, float(largest[place]))
        if usual is not None:
            found[place] = usual
    return weeks.iloc[list(found)].assign(usual=list(found.values()))[OUTLIER_COLUMNS]


def outlier_texts(found: pd.DataFrame) -> list[str]:
    """Return what is said of each row of `outliers`."""
    return [
        f"{'/'.join(map(str, name))}, week {ds.date()}: {quantity:,.0f} where about {usual:,.0f} is usual"
        for *name, ds, quantity, usual in found.itertuples(index=False, name=None)
    ]


def outliers_found(found: pd.DataFrame) -> Iterator[str]:
    """Say which weeks count as unknown, the largest first."""
    if len(found):
        largest = found.loc[(found["quantity"].abs() / found["usual"]).sort_values(ascending=False).index]
        weeks = "1 week counts" if len(found) == 1 else f"{len(found)} weeks count"
        yield (
            f"{weeks} as unknown, because nothing explains so much: {listed(outlier_texts(largest), SHOWN, '; ')}; "
            "correct the lines at the source, or set CENSOR_OUTLIERS=false if they are right"
        )


def _largest_neighbour(weeks: pd.DataFrame) -> Floats:
    """What the largest well-known article of each row's unit and channel usually sells; NaN where there is none."""
    sold = weeks.loc[weeks["y"] > 0, [*KEY, "y"]].groupby(KEY, sort=False)["y"].agg(["size", "median"])
    known = sold.loc[sold["size"] >= WELL_KNOWN_WEEKS, "median"].groupby(["unit", "channel"]).max()
    place = pd.MultiIndex.from_frame(weeks[["unit", "channel"]])
    return known.reindex(place).to_numpy(dtype="float64") if len(known) else np.full(len(weeks), np.nan)


def _typical(y: pd.Series, group: npt.NDArray[np.int64], largest: Floats) -> Floats:
    """What no week that is far above it may be taken for without a look, row by row."""
    sold = y.where(y > 0).groupby(group)
    n, median, least = (sold.transform(what).to_numpy(dtype="float64") for what in ("count", "median", "min"))
    return np.where(n > FEWEST_WEEKS, median, np.where(n > 1, least, largest))


def _judge(y: Floats, place: int, net: float, times: float, largest: float) -> float | None:
    """What is usual for the article if this week cannot be right, else None; `times` more is believed than else."""
    first, end = max(0, place - AROUND_WEEKS), min(len(y), place + AROUND_WEEKS + 1)
    around = np.delete(y[first:end], place - first)
    sold = around[around > 0]
    if len(sold) < FEWEST_WEEKS:
        return _judge_new(max(y[place], -net), sold, times, largest)
    usual = float(np.median(sold))
    believable = sold[sold <= np.fmax(FAR * usual, largest)]
    much = min(float(np.quantile(sold, MUCH, method="lower")), float(believable.max()))
    is_seldom_sold = 2 * len(sold) < np.count_nonzero(~np.isnan(around))
    if net < 0:
        return usual if -net > (TIMES_USUAL if is_seldom_sold else TIMES_RETURNED) * much else None
    times *= TIMES_USUAL
    times *= MORE_FOR_SELDOM_SOLD if is_seldom_sold else 1.0
    times *= MORE_FOR_LITTLE_KNOWN if len(sold) < WELL_KNOWN_WEEKS or place < LAUNCH_WEEKS else 1.0
    beside = y[max(0, place - 1) : place + 2]
    times *= MORE_FOR_SEVERAL_WEEKS if np.count_nonzero(beside >= ALIKE * y[place]) > 1 else 1.0
    season = min(_same_season(y, place), MORE_FOR_SEASON * much)
    return usual if y[place] > times * max(much, season) else None


def _judge_new(quantity: float, sold: Floats, times: float, largest: float) -> float | None:
    """As `_judge`, of an article with hardly another week: by these and the largest of its unit and channel."""
    own = float(sold.min()) if len(sold) else 0.0
    is_stranger = np.isnan(largest)
    times *= TIMES_USUAL * (MORE_FOR_A_STRANGER if is_stranger else MORE_FOR_LITTLE_KNOWN)
    much = own if is_stranger else max(own, largest)
    usual = float(np.median(sold)) if len(sold) else largest
    return usual if 0 < times * much < quantity else None


def _same_season(y: Floats, place: int) -> float:
    """The most that was sold around the same week of the year before and after; 0 if neither is known."""
    years = [place - AROUND_WEEKS, place + AROUND_WEEKS]
    parts = [y[max(0, year - SEASON_WEEKS) : max(0, year + SEASON_WEEKS + 1)] for year in years]
    known = np.concatenate(parts)
    known = known[~np.isnan(known)]
    return float(known.max()) if len(known) else 0.0


def _near_holidays(ds: pd.Series, holiday_weeks: Collection[date]) -> npt.NDArray[np.bool_]:
    near = {pd.Timestamp(week) + pd.Timedelta(weeks=beside) for week in holiday_weeks for beside in (-1, 0, 1)}
    return ds.isin(near).to_numpy(dtype=bool)

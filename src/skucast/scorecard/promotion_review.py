"""Promotions beside their forecasts: what is expected of them, what came of them, and what is not planned again."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.weeks import WEEK, WeekClock

DIP_WEEKS = 2
"""Weeks after a promotion in which fewer may be sold because of it."""

YEAR_WEEKS = 52
AROUND = 1
"""Weeks earlier or later that still count as the same time of the year."""

DAY = pd.Timedelta(days=1)

PLACE = "place"


def weeks_of(promotions: pd.DataFrame, combinations: pd.DataFrame, clock: WeekClock) -> pd.DataFrame:
    """Return the weeks of each promotion: one row per promotion (its `place` in the frame), combination and week.

    `promotions` have KEY with `*`, `starts_on`, `ends_on`; `combinations` KEY. Columns: place, KEY, ds, days (1 to 7),
    first and last (weeks of the promotion).
    """
    found = _with_combinations(promotions.reset_index(drop=True), combinations)
    labels = {name: clock.label_days(found[name]) for name in ("starts_on", "ends_on")}
    n_weeks = ((labels["ends_on"] - labels["starts_on"]).dt.days // WEEK.days + 1).to_numpy(dtype="int64")
    rows = found.assign(first=labels["starts_on"], last=labels["ends_on"])
    rows = rows.loc[np.repeat(rows.index.to_numpy(), n_weeks)].reset_index(drop=True)
    step = rows.groupby([PLACE, *KEY]).cumcount()
    ds = rows["first"] + pd.to_timedelta(step * WEEK.days, unit="D")
    begins = rows["starts_on"].where(rows["starts_on"] > ds - 6 * DAY, ds - 6 * DAY)
    ends = rows["ends_on"].where(rows["ends_on"] < ds, ds)
    return rows[[PLACE, *KEY]].assign(ds=ds, days=(ends - begins).dt.days + 1, first=rows["first"], last=rows["last"])


def _with_combinations(promotions: pd.DataFrame, combinations: pd.DataFrame) -> pd.DataFrame:
    """The promotions, once for each of the combinations that their names stand for."""
    rows = promotions[[*KEY, "starts_on", "ends_on"]].assign(**{PLACE: np.arange(len(promotions))})
    rows = rows.astype(dict.fromkeys(("starts_on", "ends_on"), "datetime64[us]"))
    names = combinations[KEY].drop_duplicates()
    parts = []
    written = [tuple(name for name in KEY if row[name] != ALL) for row in rows[KEY].to_dict("records")]
    for said in sorted(set(written)):
        some = rows[[each == said for each in written]]
        others = [name for name in KEY if name not in said]
        mine = some.drop(columns=others)
        parts.append(mine.merge(names, on=list(said)) if said else mine.merge(names, how="cross"))
    columns = [PLACE, *KEY, "starts_on", "ends_on"]
    return pd.concat([part[columns] for part in parts], ignore_index=True) if parts else rows[columns]


def expected_uplift(
    promotions: pd.DataFrame, forecasts: pd.DataFrame, clock: WeekClock, combinations: pd.DataFrame
) -> pd.DataFrame:
    """Return what is expected of each promotion in the weeks that are forecast, in pieces.

    `forecasts` are those of one cutoff, with their part `promo`: the forecast less that of the same week without a
    promotion. Of a week with several promotions of one article each has the share of its days. One row per promotion,
    in their order: uplift (NaN where no week is forecast), without (the forecast without it), n_combinations, n_weeks,
    n_forecast (of these weeks).
    """
    weeks = _shared(weeks_of(promotions, combinations, clock))
    found = weeks.merge(forecasts[[*KEY, "ds", "yhat", "promo"]], on=[*KEY, "ds"], how="left")
    by_promotion = found.assign(uplift=found["promo"] * found["share"], without=found["yhat"] - found["promo"]).groupby(
        PLACE
    )
    rows = pd.DataFrame(
        {
            "uplift": by_promotion["uplift"].sum(min_count=1),
            "without": by_promotion["without"].sum(min_count=1),
            "n_combinations": _n_combinations(weeks),
            "n_weeks": weeks.groupby(PLACE)["ds"].nunique(),
            "n_forecast": found[found["yhat"].notna()].groupby(PLACE)["ds"].nunique(),
        }
    ).reindex(np.arange(len(promotions)))
    return _counted(rows, ["n_combinations", "n_weeks", "n_forecast"])


def _shared(weeks: pd.DataFrame) -> pd.DataFrame:
    """The weeks with the `share` of each promotion in the days of all of that combination and week."""
    return weeks.assign(share=weeks["days"] / weeks.groupby([*KEY, "ds"])["days"].transform("sum"))


def _n_combinations(weeks: pd.DataFrame) -> pd.Series:
    counts: pd.Series = weeks.drop_duplicates([PLACE, *KEY]).groupby(PLACE).size()
    return counts


def _counted(rows: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    counts = rows[list(columns)].fillna(0).astype("int64")
    return rows.assign(**{name: counts[name] for name in columns}).reset_index(drop=True)


def post_mortem(
    promotions: pd.DataFrame, forecasts: pd.DataFrame, sales: pd.DataFrame, clock: WeekClock, combinations: pd.DataFrame
) -> pd.DataFrame:
    """Return what came of promotions that are over, in pieces, against the last forecast made before each began.

    The realised uplift is what was sold less that forecast without its part `promo`; weeks whose sales are not known,
    or that no forecast from before reached, are left out of both and counted. The dip is the same of the two weeks
    after the promotion without another one. `sales` have KEY, ds, y (NaN = not known). One row per promotion, in their
    order: forecast, realised, dip (NaN where no week counts), n_judged of n_rows (combinations times weeks), n_dip.
    """
    weeks = _shared(weeks_of(promotions, combinations, clock))
    during = _judged(weeks, forecasts, sales)
    after = _judged(_after(weeks), forecasts, sales)
    by_promotion, by_later = during.groupby(PLACE), after.groupby(PLACE)
    rows = pd.DataFrame(
        {
            "forecast": by_promotion["expected"].sum(min_count=1),
            "realised": by_promotion["above"].sum(min_count=1),
            "dip": by_later["above"].sum(min_count=1),
            "n_judged": by_promotion.size(),
            "n_rows": weeks.groupby(PLACE).size(),
            "n_dip": after.groupby(PLACE)["ds"].nunique(),
        }
    ).reindex(np.arange(len(promotions)))
    return _counted(rows, ["n_judged", "n_rows", "n_dip"])


def _judged(weeks: pd.DataFrame, forecasts: pd.DataFrame, sales: pd.DataFrame) -> pd.DataFrame:
    """The weeks with known sales and a forecast from before: `expected` of the promotion, and what was sold `above`."""
    rows = weeks.merge(sales[[*KEY, "ds", "y"]].dropna(), on=[*KEY, "ds"])
    rows = rows.merge(forecasts[["cutoff", *KEY, "ds", "yhat", "promo"]], on=[*KEY, "ds"])
    before = rows[rows["cutoff"] < rows["first"]]
    newest = before["cutoff"] == before.groupby([PLACE, *KEY])["cutoff"].transform("max")
    last = before[newest]
    above = (last["y"] - (last["yhat"] - last["promo"])) * last["share"]
    return last.assign(expected=last["promo"] * last["share"], above=above)


def _after(weeks: pd.DataFrame) -> pd.DataFrame:
    """The weeks after each promotion in which that combination has no other one."""
    ended = weeks.drop_duplicates([PLACE, *KEY])
    later = [ended.assign(ds=ended["last"] + WEEK * step, share=1.0) for step in range(1, DIP_WEEKS + 1)]
    rows = pd.concat(later, ignore_index=True)
    promoted = weeks[[*KEY, "ds"]].drop_duplicates()
    found = rows.merge(promoted, on=[*KEY, "ds"], how="left", indicator="_found")
    return found[found["_found"] == "left_only"].drop(columns="_found")


def not_planned_again(
    sales: pd.DataFrame, planned: pd.DataFrame, combinations: pd.DataFrame, coming: Sequence[date]
) -> pd.DataFrame:
    """Return what was on promotion at this time last year, give or take a week, and is not planned now.

    `sales` have KEY, ds, is_promo, promo_depth (percent), promo_days; `planned` KEY and ds of the weeks on promotion,
    past ones too; `combinations` those that are forecast, `coming` the weeks to come. One row per combination: KEY,
    last_year_from, last_year_to (weeks), depth (the deepest, NaN = not known), days; in the order of these weeks.
    """
    first, last = (pd.Timestamp(day) for day in (min(coming), max(coming)))
    around, year = AROUND * WEEK, YEAR_WEEKS * WEEK
    then = sales[sales["is_promo"] & sales["ds"].between(first - year - around, last - year + around)]
    then = then.merge(combinations[KEY].drop_duplicates(), on=KEY)
    now = planned[planned["ds"].between(first - around, last + around)][KEY].drop_duplicates()
    missed = then.merge(now, on=KEY, how="left", indicator="_found").query("_found == 'left_only'")
    by_combination = missed.groupby(KEY)
    found = pd.DataFrame(
        {
            "last_year_from": by_combination["ds"].min(),
            "last_year_to": by_combination["ds"].max(),
            "depth": by_combination["promo_depth"].max(),
            "days": by_combination["promo_days"].sum(),
        }
    )
    return found.reset_index().sort_values(["last_year_from", *KEY], kind="stable", ignore_index=True)

"""What every contender is given: whole stores of a file of real sales, week by week, and what is known ahead.

Input and truth are apart: a contender is called with `Given`, which holds no sales after its origin.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import holidays
import numpy as np
import pandas as pd

HORIZON = 4
REPORTED = 6

SEED = 525
LIVE_WEEKS = 13
KEY = ["unit", "channel", "SKU_ID"]
AHEAD = ["depth", "promo_days", "holiday_days"]
"""What is known of a coming week: mean discount in percent, days with a promotion, days of public holidays."""

ANCHORS = {"breakfast": "WED", "walmart": "FRI"}
COUNTRY = "US"


@dataclass(frozen=True)
class Given:
    """What is known at one origin.

    `known` has one row per series and week since its first sale, without gaps: `unique_id`, `ds`, `y` (sales per week,
    at least 0; a week without a row in the file is 0), `AHEAD`; `ahead` the same of the `HORIZON` weeks to come, but
    for `y`. `series` has `unique_id` and the names that make up a series.
    """

    known: pd.DataFrame
    ahead: pd.DataFrame
    series: pd.DataFrame
    origin: pd.Timestamp
    anchor: str

    @property
    def freq(self) -> str:
        return f"W-{self.anchor}"


@dataclass(frozen=True)
class Sample:
    """The chosen series of one file: `frame` as `Given.known`, to the last week."""

    name: str
    frame: pd.DataFrame
    series: pd.DataFrame
    anchor: str

    def origins(self, n: int = REPORTED) -> list[pd.Timestamp]:
        """Return the last origins, `HORIZON` weeks apart, oldest first; the last one's weeks end with the data."""
        last = self.frame["ds"].max()
        return [last - pd.Timedelta(weeks=HORIZON * back) for back in range(n, 0, -1)]

    def given(self, origin: pd.Timestamp) -> Given:
        """Return what is known at an origin."""
        frame = self.frame
        known = frame[frame["ds"] <= origin]
        coming = (frame["ds"] > origin) & (frame["ds"] <= origin + pd.Timedelta(weeks=HORIZON))
        ahead = frame.loc[coming & frame["unique_id"].isin(known["unique_id"].unique())].drop(columns="y")
        return Given(known.reset_index(drop=True), ahead.reset_index(drop=True), self.series, origin, self.anchor)

    def truth(self, origins: Sequence[pd.Timestamp]) -> pd.DataFrame:
        """Return what was sold in the weeks after each origin: `unique_id, origin, step, ds, y, is_promo`."""
        parts = []
        for origin in origins:
            step = (self.frame["ds"] - origin).dt.days // 7
            rows = self.frame[step.between(1, HORIZON)]
            parts.append(rows.assign(origin=origin, step=step[rows.index], is_promo=rows["promo_days"] > 0))
        return pd.concat(parts, ignore_index=True)[["unique_id", "origin", "step", "ds", "y", "is_promo"]]

    @property
    def digest(self) -> str:
        """Name of these very numbers: forecasts kept of others are not taken for forecasts of these."""
        columns = self.frame[["unique_id", "ds", "y", "depth", "promo_days"]]
        return hashlib.sha256(pd.util.hash_pandas_object(columns, index=False).to_numpy().tobytes()).hexdigest()[:8]


def sample_of(name: str, folder: Path, n_series: int) -> Sample:
    """Return whole stores in a seeded order until there are `n_series` series that sold before the first origin."""
    sales = pd.read_parquet(folder / f"{name}_weekly.parquet")
    sales["ds"] = pd.to_datetime(sales["date"]).astype("datetime64[ns]")
    return sampled(name, sales, n_series, ANCHORS[name])


def sampled(name: str, sales: pd.DataFrame, n_series: int, anchor: str) -> Sample:
    """Return the sample of these sales: `ds`, `KEY`, `quantity`, `Promo_discount_perc`, `is_promo`.

    Series count that had a row in the `LIVE_WEEKS` before the first reported origin.
    """
    first_origin = sales["ds"].max() - pd.Timedelta(weeks=HORIZON * REPORTED)
    before = sales["ds"].between(first_origin - pd.Timedelta(weeks=LIVE_WEEKS - 1), first_origin)
    live = sales.loc[before & (sales["quantity"] > 0), KEY].drop_duplicates().sort_values(KEY, ignore_index=True)
    counts = live.groupby("unit").size().sample(frac=1, random_state=SEED)
    enough = counts.cumsum().shift(fill_value=0) < n_series
    series = live[live["unit"].isin(counts.index[enough])].reset_index(drop=True)
    series.insert(0, "unique_id", np.arange(len(series)))
    frame = _filled(sales.merge(series, on=KEY))
    frame["holiday_days"] = frame["ds"].map(_holiday_days(frame["ds"]))
    return Sample(name, frame, series, anchor)


def _filled(rows: pd.DataFrame) -> pd.DataFrame:
    """One row per series and week from its first sale to the last week of all."""
    depth = rows["Promo_discount_perc"].fillna(0.0).clip(0.0, 100.0)
    is_promo = (rows["is_promo"].fillna(0) > 0) | (depth > 0)
    weeks = rows[["unique_id", "ds"]].assign(
        y=rows["quantity"].clip(lower=0.0).astype("float64"), depth=depth, promo_days=np.where(is_promo, 7.0, 0.0)
    )
    first = weeks[weeks["y"] > 0].groupby("unique_id")["ds"].min()
    last = weeks["ds"].max()
    calendar = pd.concat(
        [
            pd.DataFrame({"unique_id": each, "ds": pd.date_range(start, last, freq="7D")})
            for each, start in first.items()
        ],
        ignore_index=True,
    )
    return calendar.merge(weeks, on=["unique_id", "ds"], how="left").fillna({"y": 0.0, "depth": 0.0, "promo_days": 0.0})


def _holiday_days(ds: pd.Series) -> dict[pd.Timestamp, float]:
    """Days of public holidays in each week."""
    weeks = ds.drop_duplicates()
    days = holidays.country_holidays(COUNTRY, years=range(weeks.min().year - 1, weeks.max().year + 2))
    return {week: float(sum((week - pd.Timedelta(days=back)).date() in days for back in range(7))) for week in weeks}

"""Histories for the engine's tests: weeks with known effects, the weeks after them, the holidays they have seen."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from builders import CUTOFF, sunday

from skucast.core.weeks import WeekClock
from skucast.regressors.holidays import holiday_weeks
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import with_lag

CLOCK = WeekClock()
NO_HOLIDAYS = holiday_weeks("", CUTOFF, CUTOFF, CLOCK)


def generated(n_weeks: int, seed: int = 1) -> pd.DataFrame:
    """Return weeks up to the cutoff, about 300 each: growth, a year's wave, promotions, New Year, 0.4 of last week."""
    random = np.random.default_rng(seed)
    ds = pd.date_range(end=CUTOFF, periods=n_weeks, freq="W-SUN").astype("datetime64[us]")
    day = ds.day_of_year.to_numpy()
    promo = np.where(random.uniform(size=n_weeks) < 0.3, random.choice([10.0, 20.0, 30.0], n_weeks), 0.0)
    new = 180 + 0.3 * np.arange(n_weeks) + 40 * np.sin(2 * np.pi * day / 365.25) + 3 * promo - 60.0 * (day < 8)
    y = np.full(n_weeks, 300.0)
    for week in range(1, n_weeks):
        y[week] = new[week] + 0.4 * y[week - 1] + random.normal(0, 10)
    return with_lag(pd.DataFrame({"ds": ds, "y": y, "promo_discount_perc": promo, "promo_days": 7.0}))


def coming(n_weeks: int, **regressors: Any) -> pd.DataFrame:
    """Return the weeks after the cutoff, without promotions unless given."""
    ds = pd.date_range(start=CUTOFF, periods=n_weeks + 1, freq="W-SUN")[1:].astype("datetime64[us]")
    return pd.DataFrame({"ds": ds}).assign(**(dict.fromkeys(PROMO_REGRESSORS, 0.0) | regressors))


def holidays_of(weeks: pd.DataFrame, country: str = "RU") -> pd.DataFrame:
    """Return the holidays of these weeks and of two years to come."""
    return holiday_weeks(country, weeks["ds"].iloc[0].date(), sunday(-104), CLOCK)

"""How much of one combination is wanted on each day: level, season, promotions, holidays, noise, planted oddities.

Every number is a function of (seed, combination, day) and of `origin`, never of where a delivery starts or ends.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
import numpy.typing as npt

from skucast.core.combination import Combination
from skucast.entry.demo.planted import Truth, drift_per_year, level

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]

DEPTHS = (10.0, 15.0, 20.0, 25.0, 30.0, 35.0, 40.0)
PROMO_SLOT_DAYS = 42
PROMO_SHARE = 0.7
PROMO_DAYS = (5, 14)

WEEKDAYS = {
    "KA": (0.15, 0.14, 0.14, 0.15, 0.18, 0.14, 0.10),
    "TF": (0.17, 0.16, 0.16, 0.16, 0.19, 0.11, 0.05),
    "ON TRADE": (0.08, 0.10, 0.12, 0.18, 0.26, 0.20, 0.06),
}
"""Share of the week's pieces by weekday, Monday first."""

SEASONS = {"KA": (0.08, 355), "TF": (0.12, 350), "ON TRADE": (0.20, 196)}
"""Yearly swing in shares of `level`, and the day of the year of its peak."""

_EPOCH = date(1970, 1, 1).toordinal()
_MEMORY_WEEKS = 16  # phi ** 16 is 4e-9: what lies further back no longer moves a piece
_LEAST_SHARE = 0.05  # of `level`: a bad week still sells something


@dataclass(frozen=True)
class Series:
    """One combination over some weeks."""

    combination: Combination
    truth: Truth
    seed: int
    weeks: range

    @property
    def days(self) -> Ints:
        """Ordinals of the days, one row per week, Monday first."""
        return days_of(self.weeks)

    @property
    def dates(self) -> Dates:
        """Dates of the days."""
        return dates_of(self.days)

    @property
    def level(self) -> float:
        """The combination's typical week, in pieces."""
        return level(self.combination)

    def uniforms(self, purpose: str, width: int, numbers: range | None = None) -> Floats:
        """Return `width` uniform numbers for each week (or for each of the numbers)."""
        chosen = self.weeks if numbers is None else numbers
        return _uniforms(f"{self.seed}|{self.combination}|{purpose}", chosen, width)


def daily_demand(series: Series) -> Floats:
    """Return the pieces that would be sold on each day, not yet whole ones, one row per week; none without stock."""
    there = np.where(days_without_stock(series), 0.0, _on_sale(series))
    demand: Floats = _weekly_pieces(series)[:, None] * _day_shares(series) * there
    return demand


def discounts(series: Series) -> Floats:
    """Return the discount of every day in percent, one row per week; 0 = none.

    At most one promotion in each slot of 42 days, on any 5 to 14 days in a row; the slots of a combination are its own.
    """
    shift = int(series.uniforms("promo shift", 1, range(1))[0, 0] * PROMO_SLOT_DAYS)
    slot, offset = np.divmod(series.days + shift, PROMO_SLOT_DAYS)
    slots = range(int(slot[0, 0]), int(slot[-1, -1]) + 1)
    planned, begin, length, depth = series.uniforms("promo", 4, slots).T
    least, most = PROMO_DAYS
    n_days = least + np.floor(length * (most - least + 1))
    starts = np.floor(begin * (PROMO_SLOT_DAYS - n_days + 1))
    percent = np.where(planned < PROMO_SHARE, np.array(DEPTHS)[np.floor(depth * len(DEPTHS)).astype(np.int64)], 0.0)
    this = slot - slots.start
    running = (offset >= starts[this]) & (offset < (starts + n_days)[this])
    return np.where(running, percent[this], 0.0)


def days_without_stock(series: Series) -> Flags:
    """Return the days without stock, one row per week."""
    missing = np.zeros(series.days.shape, dtype=np.bool_)
    for combination, first_day, last_day in series.truth.stock_outs:
        if combination == series.combination:
            missing |= (series.days >= first_day.toordinal()) & (series.days <= last_day.toordinal())
    return missing


def days_of(weeks: range) -> Ints:
    """Return the ordinals of the weeks' days, one row per week, Monday first."""
    return np.arange(weeks.start * 7 + 1, weeks.stop * 7 + 1, dtype=np.int64).reshape(-1, 7)


def dates_of(days: Ints) -> Dates:
    """Return the days' dates."""
    return (days - _EPOCH).astype("datetime64[D]")


def _weekly_pieces(series: Series) -> Floats:
    """Return the demand per week: the linear recursion of `sample.py`'s docstring, times `level`."""
    truth = series.truth
    past = replace(series, weeks=range(series.weeks.start - _MEMORY_WEEKS, series.weeks.stop))
    noise_sd = (truth.noise_sd**2 + 1 / series.level) ** 0.5
    new = (
        (1 - truth.phi) * (1 + _drift(past) + _season(past))
        + truth.promo_uplift_per_10pp * discounts(past).mean(axis=1) / 10
        + _holidays(past).mean(axis=1)
        + noise_sd * _noise(past)
    )
    n_weeks = len(series.weeks)
    carried = np.zeros(n_weeks)
    for lag in range(_MEMORY_WEEKS + 1):  # the recursion written out: a week depends on no starting point
        carried += truth.phi**lag * new[_MEMORY_WEEKS - lag :][:n_weeks]
    return series.level * np.maximum(carried, _LEAST_SHARE)


def _drift(series: Series) -> Floats:
    years = (series.days[:, 6] - series.truth.origin.toordinal()) / 365.25
    return drift_per_year(series.combination) * years


def _season(series: Series) -> Floats:
    swing, peak = SEASONS[series.combination.channel]
    thursdays = series.dates[:, 3]
    day_of_year = (thursdays - thursdays.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    seasonal: Floats = swing * np.cos(2 * np.pi * (day_of_year - peak) / 365.25)
    return seasonal


def _holidays(series: Series) -> Floats:
    """Return the holiday effect of every day, one row per week."""
    months = series.dates.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    day = (series.dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    new_year = np.where((month == 1) & (day <= 8), series.truth.new_year_effect, 0.0)
    return new_year + np.where((month == 5) & (day <= 9), series.truth.may_effect, 0.0)


def _noise(series: Series) -> Floats:
    """Return one standard normal number for each week (Box-Muller: a fixed count of uniform numbers each)."""
    first, second = series.uniforms("noise", 2).T
    normal: Floats = np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)
    return normal


def _day_shares(series: Series) -> Floats:
    """Return each day's share of its week's demand; rows add up to 1."""
    effects = 1 + series.truth.promo_uplift_per_10pp * discounts(series) / 10 + _holidays(series)
    weights = np.array(WEEKDAYS[series.combination.channel]) * effects * (0.8 + 0.4 * series.uniforms("days", 7))
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _on_sale(series: Series) -> Floats:
    """Return the share of the demand that is there on each day: 0 before the launch and after the end, and so on."""
    truth, days = series.truth, series.days
    share = np.ones(days.shape)
    if series.combination == truth.new:
        share[days < truth.new_since.toordinal()] = 0
    elif series.combination == truth.discontinued:
        share[days >= truth.discontinued_since.toordinal()] = 0
    elif series.combination == truth.shifted:
        share[days > truth.origin.toordinal()] = truth.shift_factor
    elif series.combination == truth.intermittent:
        share[~_selling_weeks(series)] = 0
    return share


def _selling_weeks(series: Series) -> Flags:
    """Return the weeks in which the intermittent article is sold: a random one of every group of weeks."""
    weeks, every = series.weeks, series.truth.intermittent_every_weeks
    groups = range(weeks.start // every, (weeks.stop - 1) // every + 1)
    chosen = np.floor(series.uniforms("selling week", 1, groups)[:, 0] * every)
    numbers = np.arange(weeks.start, weeks.stop)
    selling: Flags = numbers % every == chosen[numbers // every - groups.start]
    return selling


def _uniforms(key: str, numbers: range, width: int) -> Floats:
    """Return `width` uniform numbers for each of the numbers (of weeks, or of slots).

    They depend on the key and the week's number alone: the key's stream is fast-forwarded to the first week, and each
    uniform number takes one step of it. That makes any split of the days give the same lines.
    """
    bits = np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big"))
    bits.advance(numbers.start * width)
    return np.random.Generator(bits).random((len(numbers), width))

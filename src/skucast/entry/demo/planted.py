"""Who the sample distributor is: combinations, their levels, and every effect that is planted in its sales."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import NamedTuple

from skucast.core.combination import Combination
from skucast.core.weeks import WEEK

UNITS = ("Пермь", "Екатеринбург", "Ижевск", "Чайковский")
CHANNELS = ("KA", "TF", "ON TRADE")
SKUS = (
    "ЦУП00009752",
    "ЦУП00009760",
    "ЦУП00010118",
    "ЦУП00011204",
    "ЦУП00012441",
    "ЦУП00013377",
    "ЦУП00014080",
    "ЦУП00015006",
)
SKUS_PER_UNIT = 5
"""Every unit sells five neighbouring articles of `SKUS` in all channels: 4 x 3 x 5 = 60 combinations."""

LEAST_LEVEL, GREATEST_LEVEL = 20.0, 2000.0
N_COMBINATIONS = len(UNITS) * len(CHANNELS) * SKUS_PER_UNIT
DAY = timedelta(days=1)
_RESTATED_EVERY_DAYS = 28
_RESTATED_AFTER_DAYS = 9  # more than a week, so that weekly deliveries always separate the day from its correction

NEW = Combination("Ижевск", "KA", "ЦУП00014080")
DISCONTINUED = Combination("Екатеринбург", "TF", "ЦУП00013377")
INTERMITTENT = Combination("Ижевск", "ON TRADE", "ЦУП00010118")
SHIFTED = Combination("Пермь", "KA", "ЦУП00009752")
TWO_SPELLINGS = Combination("Чайковский", "TF", "ЦУП00011204")
RESTATED = Combination("Екатеринбург", "KA", "ЦУП00009760")
LEVELS = {NEW: 240.0, DISCONTINUED: 150.0, INTERMITTENT: 24.0, SHIFTED: 600.0, TWO_SPELLINGS: 320.0, RESTATED: 500.0}
"""Typical weeks of the peculiar combinations, in pieces, so that each shows what it is for."""


class StockOut(NamedTuple):
    """Days without stock, both included; whole weeks, Monday to Sunday."""

    combination: Combination
    first_day: date
    last_day: date


class Restatement(NamedTuple):
    """One extra line about `day` that is delivered only on `arrives`."""

    combination: Combination
    day: date
    arrives: date
    quantity: float


@dataclass(frozen=True)
class Truth:
    """What is planted around `origin`; effects are shares of a combination's typical week (0.15 = 15 %)."""

    origin: date

    phi: float = 0.3
    """Share of last week's sales that carries over."""
    promo_uplift_per_10pp: float = 0.15
    """Added by 10 percentage points of discount on all seven days (half of it if half of the days have it)."""
    new_year_effect: float = -0.30
    """Added by a whole week of 1-8 January; one day of it adds a seventh."""
    may_effect: float = 0.25
    """Added by a whole week of 1-9 May."""
    noise_sd: float = 0.06
    """Standard deviation of the weekly noise; small combinations have `1 / level` more variance, as counts do."""
    shift_factor: float = 0.4
    """What is left of `shifted` after `origin`: 0.4 = it drops by 60 %."""
    new_days: int = 67
    """Days up to `origin` on which `new` is sold; about ten weeks, and the first one is not whole."""
    silent_weeks: int = 20
    """Weeks up to `origin` in which `discontinued` is no longer sold."""
    intermittent_every_weeks: int = 4
    """`intermittent` is sold in exactly one of this many weeks, a random one."""

    new: Combination = NEW
    discontinued: Combination = DISCONTINUED
    intermittent: Combination = INTERMITTENT
    shifted: Combination = SHIFTED
    two_spellings: Combination = TWO_SPELLINGS
    restated: Combination = RESTATED

    @property
    def new_since(self) -> date:
        """First day of `new`."""
        return self.origin - timedelta(days=self.new_days - 1)

    @property
    def discontinued_since(self) -> date:
        """First day on which `discontinued` is no longer sold."""
        return self.origin - self.silent_weeks * WEEK + DAY

    @property
    def stock_outs(self) -> tuple[StockOut, ...]:
        """Two weeks each: four in the history, one that begins in the third week after the week of `origin`."""
        monday = self.origin - timedelta(days=self.origin.weekday())
        first = Combination("Пермь", "TF", "ЦУП00009760")
        second = Combination("Екатеринбург", "ON TRADE", "ЦУП00010118")
        third = Combination("Чайковский", "KA", "ЦУП00012441")
        starts = [(first, -60), (first, -8), (second, -40), (third, -20), (second, 3)]
        return tuple(StockOut(c, monday + n * WEEK, monday + (n + 2) * WEEK - DAY) for c, n in starts)

    def restatements(self, first: date, last: date) -> list[Restatement]:
        """Return what arrives from `first` to `last`: every fourth week after `origin`, sales booked nine days late."""
        quantity = float(round(0.25 * level(self.restated)))
        earliest = self.origin + timedelta(days=3 + _RESTATED_AFTER_DAYS)
        skipped = max(0, -((earliest - first).days // _RESTATED_EVERY_DAYS))
        arrival = earliest + skipped * timedelta(days=_RESTATED_EVERY_DAYS)
        found = []
        while arrival <= last:
            day = arrival - timedelta(days=_RESTATED_AFTER_DAYS)
            found.append(Restatement(self.restated, day, arrival, quantity))
            arrival += timedelta(days=_RESTATED_EVERY_DAYS)
        return found

    @property
    def ordinary(self) -> list[Combination]:
        """Combinations without any peculiarity, greatest level first."""
        odd = {self.new, self.discontinued, self.intermittent, self.shifted, self.two_spellings, self.restated}
        odd |= {stock_out.combination for stock_out in self.stock_outs}
        return sorted((c for c in combinations() if c not in odd), key=level, reverse=True)


def combinations() -> list[Combination]:
    """Return the 60 combinations, by unit, channel and article."""
    return [
        Combination(unit, channel, sku_id)
        for first, unit in enumerate(UNITS)
        for channel in CHANNELS
        for sku_id in SKUS[first : first + SKUS_PER_UNIT]
    ]


def level(combination: Combination) -> float:
    """Return the combination's typical week at `origin`, in pieces: 20 to 2000, evenly spaced on the log scale."""
    if combination in LEVELS:
        return LEVELS[combination]
    rank = number_of(combination) * 23 % N_COMBINATIONS  # 23 and 60 have no common factor: a fixed shuffle
    return float(round(LEAST_LEVEL * (GREATEST_LEVEL / LEAST_LEVEL) ** (rank / (N_COMBINATIONS - 1))))


def drift_per_year(combination: Combination) -> float:
    """Return how much the typical week grows in a year, in shares of `level`: -0.10 to 0.15."""
    rank = number_of(combination) * 17 % N_COMBINATIONS
    return -0.10 + 0.25 * rank / (N_COMBINATIONS - 1)


def number_of(combination: Combination) -> int:
    """Return the combination's place in `combinations`."""
    unit = UNITS.index(combination.unit)
    sku = SKUS.index(combination.sku_id) - unit
    return (unit * len(CHANNELS) + CHANNELS.index(combination.channel)) * SKUS_PER_UNIT + sku

"""The sample distributor: made-up sales lines with known, planted effects, delivered day by day. Pure and seeded.

Every number is a function of (seed, combination, day) and of `origin`, the day on which the demo's history ends, never
of where a delivery starts or ends. Sales of a week, in shares of the combination's level, follow

    z = phi * z_lag1 + (1 - phi) * (1 + drift + season) + promo + holidays + noise

so a linear model with last week's sales as a regressor recovers each coefficient. The week's pieces are spread over its
days by a weekday profile and over one to three lines a day.
"""

from __future__ import annotations

import hashlib
import itertools
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty
from skucast.core.weeks import WEEK

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]
Dates = npt.NDArray[np.datetime64]

SEED = 442521
HISTORY_WEEKS = 130
"""Two and a half years."""

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

_DAY = timedelta(days=1)
_EPOCH = date(1970, 1, 1).toordinal()
_MEMORY_WEEKS = 16  # phi ** 16 is 4e-9: what lies further back no longer moves a piece
_LEAST_SHARE = 0.05  # of `level`: a bad week still sells something
_MAX_LINES = 3
_TWO_LINES_ABOVE, _THREE_LINES_ABOVE = 0.45, 0.85
_RETURN_DAY_SHARE = 0.022  # of selling days: about 1 % of lines, because a day has about two
_MOST_RETURNED = 0.3  # of the day's pieces
_STOCK_KNOWN_SHARE = 0.7  # of selling days
_ODD_SPELLING_SHARE = 0.03  # of lines, for each of the two odd spellings
_RESTATED_EVERY_DAYS = 28
_RESTATED_AFTER_DAYS = 9  # more than a week, so that weekly deliveries always separate the day from its correction
_SPELLINGS = 3
_N_COMBINATIONS = len(UNITS) * len(CHANNELS) * SKUS_PER_UNIT


# --- What is planted ------------------------------------------------------------------------------------------------


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
        return self.origin - self.silent_weeks * WEEK + _DAY

    @property
    def stock_outs(self) -> tuple[StockOut, ...]:
        """Two weeks each: four in the history, one that begins in the third week after the week of `origin`."""
        monday = self.origin - timedelta(days=self.origin.weekday())
        first = Combination("Пермь", "TF", "ЦУП00009760")
        second = Combination("Екатеринбург", "ON TRADE", "ЦУП00010118")
        third = Combination("Чайковский", "KA", "ЦУП00012441")
        starts = [(first, -60), (first, -8), (second, -40), (third, -20), (second, 3)]
        return tuple(StockOut(c, monday + n * WEEK, monday + (n + 2) * WEEK - _DAY) for c, n in starts)

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
    rank = _number(combination) * 23 % _N_COMBINATIONS  # 23 and 60 have no common factor: a fixed shuffle
    return float(round(LEAST_LEVEL * (GREATEST_LEVEL / LEAST_LEVEL) ** (rank / (_N_COMBINATIONS - 1))))


def drift_per_year(combination: Combination) -> float:
    """Return how much the typical week grows in a year, in shares of `level`: -0.10 to 0.15."""
    rank = _number(combination) * 17 % _N_COMBINATIONS
    return -0.10 + 0.25 * rank / (_N_COMBINATIONS - 1)


def _number(combination: Combination) -> int:
    unit = UNITS.index(combination.unit)
    sku = SKUS.index(combination.sku_id) - unit
    return (unit * len(CHANNELS) + CHANNELS.index(combination.channel)) * SKUS_PER_UNIT + sku


# --- Deliveries -----------------------------------------------------------------------------------------------------


def sample_lines(
    last_day: date, *, first_day: date | None = None, seed: int = SEED, weeks: int = HISTORY_WEEKS
) -> pd.DataFrame:
    """Return the sales lines as the source delivers them: columns and types of `tables.SALES`, oldest day first.

    From `first_day` (default: the Monday `weeks` weeks back, the week of `last_day` included) to `last_day`, which is
    the `origin` of what is planted: nothing is restated yet.
    """
    first = history_start(last_day, weeks) if first_day is None else first_day
    return _lines(first, last_day, Truth(last_day), seed)


def delivery(
    today: date, previous: date | None, *, origin: date, seed: int = SEED, weeks: int = HISTORY_WEEKS
) -> pd.DataFrame:
    """Return the sales lines that arrive after `previous` (a day; None = from the start) and before `today`.

    `origin` is the day on which the demo's history ends: keep it while playing forward. Contract:

    - The first delivery, with `today` the day after `origin`, is `sample_lines(origin)`.
    - A delivery holds the lines of its own days, and corrections that arrive on them about an older day
      (`Truth.restatements`), which may lie before `previous`: that day is restated.
    - A correction is in the delivery that covers its arrival and in no other. So deliveries concatenated in any split
      equal one delivery, row by row; one delivery over both days holds the day and its correction together.
    - No row if `previous` is the day before `today`, or later.
    """
    start = history_start(origin, weeks)
    first = start if previous is None else max(start, previous + _DAY)
    return _lines(first, today - _DAY, Truth(origin), seed)


def promotions(first_day: date, last_day: date, *, origin: date, seed: int = SEED) -> pd.DataFrame:
    """Return the promotions that run on any of these days: KEY, `starts_on`, `ends_on` (whole, cut at no end of them).

    One row per promotion, the discount as `discount_perc` (percent); what `delivery` then sells with it.
    """
    weeks = _Span(first_day.toordinal() - PROMO_DAYS[1], last_day.toordinal() + PROMO_DAYS[1]).weeks
    found = [row for each in combinations() for row in _promotions(_Series(each, Truth(origin), seed, weeks))]
    rows = pd.DataFrame(found, columns=[*KEY, "starts_on", "ends_on", "discount_perc"])
    inside = (rows["ends_on"] >= pd.Timestamp(first_day)) & (rows["starts_on"] <= pd.Timestamp(last_day))
    return rows[inside].reset_index(drop=True)


def _promotions(series: _Series) -> list[tuple[object, ...]]:
    """The runs of days with one discount."""
    percent = _discount(series).ravel()
    edges = np.flatnonzero(np.diff(percent, prepend=-1.0, append=-1.0))
    days = pd.to_datetime(series.dates.ravel())
    return [
        (*series.combination.parts, days[first], days[end - 1], percent[first])
        for first, end in itertools.pairwise(edges.tolist())
        if percent[first] > 0
    ]


def history_start(origin: date, weeks: int = HISTORY_WEEKS) -> date:
    """Return the Monday on which a history of so many weeks begins, the week of `origin` included."""
    return origin - timedelta(days=origin.weekday()) - (weeks - 1) * WEEK


def _lines(first: date, last: date, truth: Truth, seed: int) -> pd.DataFrame:
    if first > last:
        return empty(SALES)
    span = _Span(first.toordinal(), last.toordinal())
    blocks = [_combination_lines(_Series(c, truth, seed, span.weeks), span) for c in combinations()]
    blocks += [_restated_lines(truth.restatements(first, last)), _placeholder_lines(span)]
    return _frame(blocks)


class _Span(NamedTuple):
    """Days from `first` to `last` as ordinals, both included."""

    first: int
    last: int

    @property
    def weeks(self) -> range:
        """Weeks that the days touch; week 0 begins with ordinal 1, a Monday."""
        return range((self.first - 1) // 7, (self.last - 1) // 7 + 1)


def _days(weeks: range) -> Ints:
    """Return the ordinals of the weeks' days, one row per week, Monday first."""
    return np.arange(weeks.start * 7 + 1, weeks.stop * 7 + 1, dtype=np.int64).reshape(-1, 7)


def _dates(days: Ints) -> Dates:
    return (days - _EPOCH).astype("datetime64[D]")


class _Lines(NamedTuple):
    """Sales lines as columns: days as ordinals, `name` the row of `_names`."""

    arrives: Ints
    day: Ints
    name: Ints
    quantity: Floats
    discount: Floats
    stock: Floats


def _frame(blocks: Sequence[_Lines]) -> pd.DataFrame:
    """Return the lines as the contract wants them, by day of arrival; one day's lines keep their order."""
    lines = _Lines(*(np.concatenate(column) for column in zip(*blocks, strict=True)))
    order = np.argsort(lines.arrives, kind="stable")
    columns = {
        "date": _dates(lines.day[order]).astype("datetime64[us]"),
        **{key: names.take(lines.name[order]) for key, names in _names().items()},
        "quantity": lines.quantity[order],
        "Promo_discount_perc": lines.discount[order],
        "stock": lines.stock[order],
    }
    return pd.DataFrame(columns)[SALES.column_names]


def _names() -> dict[str, pd.api.extensions.ExtensionArray]:
    """Return unit, channel and article by number: three spellings of every combination, then two placeholders."""
    rows: list[tuple[str | None, str | None, str | None]] = []
    for unit, channel, sku_id in (combination.parts for combination in combinations()):
        decomposed = unicodedata.normalize("NFD", unit)
        rows += [(unit, channel, sku_id), (unit, channel, f"{sku_id} "), (decomposed, channel, sku_id)]
    rows += [(None, None, None), (UNITS[0], CHANNELS[0], None)]
    return {key: pd.array([row[place] for row in rows], dtype="str") for place, key in enumerate(KEY)}


# --- One combination ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Series:
    """One combination over some weeks."""

    combination: Combination
    truth: Truth
    seed: int
    weeks: range

    @property
    def days(self) -> Ints:
        return _days(self.weeks)

    @property
    def dates(self) -> Dates:
        return _dates(self.days)

    @property
    def level(self) -> float:
        return level(self.combination)

    def uniforms(self, purpose: str, width: int, numbers: range | None = None) -> Floats:
        """Return `width` uniform numbers for each week (or for each of the numbers)."""
        chosen = self.weeks if numbers is None else numbers
        return _uniforms(f"{self.seed}|{self.combination}|{purpose}", chosen, width)


def _combination_lines(series: _Series, span: _Span) -> _Lines:
    discount, no_stock = _discount(series), _no_stock(series)
    demand = _weekly_pieces(series)[:, None] * _day_shares(series) * np.where(no_stock, 0.0, _on_sale(series))
    sold = np.floor(demand + series.uniforms("rounding", 7))  # right on average, also for a piece a week
    quantity, present = _split(series, sold, no_stock)
    present &= ((series.days >= span.first) & (series.days <= span.last))[:, :, None]
    day = np.broadcast_to(series.days[:, :, None], present.shape)[present]
    promoted = np.where((quantity > 0) & (discount > 0)[:, :, None], discount[:, :, None], np.nan)
    return _Lines(
        arrives=day,
        day=day,
        name=_spelling(series)[present] + _number(series.combination) * _SPELLINGS,
        quantity=quantity[present],
        discount=promoted[present],
        stock=_stock(series, sold, no_stock)[present],
    )


def _weekly_pieces(series: _Series) -> Floats:
    """Return the demand per week: the linear recursion of the module's docstring, times `level`."""
    truth = series.truth
    past = replace(series, weeks=range(series.weeks.start - _MEMORY_WEEKS, series.weeks.stop))
    noise_sd = (truth.noise_sd**2 + 1 / series.level) ** 0.5
    new = (
        (1 - truth.phi) * (1 + _drift(past) + _season(past))
        + truth.promo_uplift_per_10pp * _discount(past).mean(axis=1) / 10
        + _holidays(past).mean(axis=1)
        + noise_sd * _noise(past)
    )
    n_weeks = len(series.weeks)
    carried = np.zeros(n_weeks)
    for lag in range(_MEMORY_WEEKS + 1):  # the recursion written out: a week depends on no starting point
        carried += truth.phi**lag * new[_MEMORY_WEEKS - lag :][:n_weeks]
    return series.level * np.maximum(carried, _LEAST_SHARE)


def _drift(series: _Series) -> Floats:
    years = (series.days[:, 6] - series.truth.origin.toordinal()) / 365.25
    return drift_per_year(series.combination) * years


def _season(series: _Series) -> Floats:
    swing, peak = SEASONS[series.combination.channel]
    thursdays = series.dates[:, 3]
    day_of_year = (thursdays - thursdays.astype("datetime64[Y]").astype("datetime64[D]")).astype(np.int64) + 1
    seasonal: Floats = swing * np.cos(2 * np.pi * (day_of_year - peak) / 365.25)
    return seasonal


def _holidays(series: _Series) -> Floats:
    """Return the holiday effect of every day, one row per week."""
    months = series.dates.astype("datetime64[M]")
    month = months.astype(np.int64) % 12 + 1
    day = (series.dates - months.astype("datetime64[D]")).astype(np.int64) + 1
    new_year = np.where((month == 1) & (day <= 8), series.truth.new_year_effect, 0.0)
    return new_year + np.where((month == 5) & (day <= 9), series.truth.may_effect, 0.0)


def _noise(series: _Series) -> Floats:
    """Return one standard normal number for each week (Box-Muller: a fixed count of uniform numbers each)."""
    first, second = series.uniforms("noise", 2).T
    normal: Floats = np.sqrt(-2 * np.log1p(-first)) * np.cos(2 * np.pi * second)
    return normal


def _discount(series: _Series) -> Floats:
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


def _day_shares(series: _Series) -> Floats:
    """Return each day's share of its week's demand; rows add up to 1."""
    effects = 1 + series.truth.promo_uplift_per_10pp * _discount(series) / 10 + _holidays(series)
    weights = np.array(WEEKDAYS[series.combination.channel]) * effects * (0.8 + 0.4 * series.uniforms("days", 7))
    shares: Floats = weights / weights.sum(axis=1, keepdims=True)
    return shares


def _on_sale(series: _Series) -> Floats:
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


def _selling_weeks(series: _Series) -> Flags:
    """Return the weeks in which the intermittent article is sold: a random one of every group of weeks."""
    weeks, every = series.weeks, series.truth.intermittent_every_weeks
    groups = range(weeks.start // every, (weeks.stop - 1) // every + 1)
    chosen = np.floor(series.uniforms("selling week", 1, groups)[:, 0] * every)
    numbers = np.arange(weeks.start, weeks.stop)
    selling: Flags = numbers % every == chosen[numbers // every - groups.start]
    return selling


def _no_stock(series: _Series) -> Flags:
    """Return the days without stock, one row per week."""
    missing = np.zeros(series.days.shape, dtype=np.bool_)
    for combination, first_day, last_day in series.truth.stock_outs:
        if combination == series.combination:
            missing |= (series.days >= first_day.toordinal()) & (series.days <= last_day.toordinal())
    return missing


def _split(series: _Series, sold: Floats, no_stock: Flags) -> tuple[Floats, Flags]:
    """Return each day's pieces as lines, and which lines there are: week x day x (up to three sales, one return).

    Sales lines hold a piece or more and add up to the day; a day without stock has one line of 0 pieces.
    """
    draws = series.uniforms("lines", 7 * (_MAX_LINES + 3)).reshape(-1, 7, _MAX_LINES + 3)
    count, sizes, returned, portion = draws[..., 0], draws[..., 1 : _MAX_LINES + 1], draws[..., -2], draws[..., -1]
    wanted = 1 + (count > _TWO_LINES_ABOVE) + (count > _THREE_LINES_ABOVE)
    n_lines = np.minimum(wanted, sold)[..., None]
    present = np.arange(_MAX_LINES) < n_lines
    weights = np.where(present, 0.2 + sizes, 0.0)
    total = np.maximum(weights.sum(axis=-1, keepdims=True), 1e-9)  # days without lines: no division by 0
    pieces = np.where(present, 1 + np.floor((sold[..., None] - n_lines) * weights / total), 0.0)
    pieces[..., 0] += sold - pieces.sum(axis=-1)
    present[..., 0] |= no_stock
    back = np.where(returned < _RETURN_DAY_SHARE, np.floor(_MOST_RETURNED * sold * portion), 0.0)[..., None]
    return np.concatenate([pieces, -back], axis=-1), np.concatenate([present, back > 0], axis=-1)


def _stock(series: _Series, sold: Floats, no_stock: Flags) -> Floats:
    """Return the stock of each line: known on most days' first line of every fourth combination, else NULL."""
    stock = np.full((*sold.shape, _MAX_LINES + 1), np.nan)
    watched = {stock_out.combination for stock_out in series.truth.stock_outs}
    if _number(series.combination) % 4 == 0 or series.combination in watched:
        known, cover = np.moveaxis(series.uniforms("stock", 14).reshape(-1, 7, 2), -1, 0)
        left = np.where(known < _STOCK_KNOWN_SHARE, 1 + np.floor(sold * (1 + 4 * cover)), np.nan)
        stock[..., 0] = np.where(no_stock, 0.0, left)
    return stock


def _spelling(series: _Series) -> Ints:
    """Return the spelling of each line: 0 as usual, 1 with a trailing space, 2 decomposed (NFD)."""
    shape = (len(series.weeks), 7, _MAX_LINES + 1)
    if series.combination != series.truth.two_spellings:
        return np.zeros(shape, dtype=np.int64)
    draws = series.uniforms("spelling", 7 * (_MAX_LINES + 1)).reshape(shape)
    return (draws < 2 * _ODD_SPELLING_SHARE).astype(np.int64) + (draws < _ODD_SPELLING_SHARE)


# --- Lines of no combination, and corrections -----------------------------------------------------------------------


def _placeholder_lines(span: _Span) -> _Lines:
    """Return one placeholder row on every Sunday: without any key and quantity, or without an article and 0 pieces."""
    sundays = _days(span.weeks)[:, 6]
    sundays = sundays[(sundays >= span.first) & (sundays <= span.last)]
    kind = sundays // 7 % 2
    null = np.full(len(sundays), np.nan)
    name = _N_COMBINATIONS * _SPELLINGS + kind
    return _Lines(sundays, sundays, name, np.where(kind == 0, np.nan, 0.0), null, null)


def _restated_lines(restatements: Sequence[Restatement]) -> _Lines:
    null = np.full(len(restatements), np.nan)
    return _Lines(
        arrives=np.array([item.arrives.toordinal() for item in restatements], dtype=np.int64),
        day=np.array([item.day.toordinal() for item in restatements], dtype=np.int64),
        name=np.array([_number(item.combination) * _SPELLINGS for item in restatements], dtype=np.int64),
        quantity=np.array([item.quantity for item in restatements], dtype=np.float64),
        discount=null,
        stock=null,
    )


# --- Random numbers -------------------------------------------------------------------------------------------------


def _uniforms(key: str, numbers: range, width: int) -> Floats:
    """Return `width` uniform numbers for each of the numbers (of weeks, or of slots).

    They depend on the key and the week's number alone: the key's stream is fast-forwarded to the first week, and each
    uniform number takes one step of it. That makes any split of the days give the same lines.
    """
    bits = np.random.PCG64(int.from_bytes(hashlib.sha256(key.encode()).digest()[:16], "big"))
    bits.advance(numbers.start * width)
    return np.random.Generator(bits).random((len(numbers), width))

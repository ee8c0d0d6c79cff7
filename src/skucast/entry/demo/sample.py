"""The sample distributor: made-up sales lines with known, planted effects, delivered day by day. Pure and seeded.

Every number is a function of (seed, combination, day) and of `origin`, the day on which the demo's history ends, never
of where a delivery starts or ends. Sales of a week, in shares of the combination's level, follow

    z = phi * z_lag1 + (1 - phi) * (1 + drift + season) + promo + holidays + noise

so a linear model with last week's sales as a regressor recovers each coefficient. The week's pieces are spread over its
days by a weekday profile and over one to three lines a day. What is planted stands in `planted.py`, the formula in
`demand.py`, the lines in `lines.py`; here is what arrives when.
"""

from __future__ import annotations

import itertools
from datetime import date, timedelta

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty
from skucast.core.weeks import WEEK
from skucast.entry.demo.demand import PROMO_DAYS, Series, discounts
from skucast.entry.demo.lines import Span, combination_lines, frame_of, placeholder_lines, restated_lines
from skucast.entry.demo.planted import DAY, Truth, combinations

SEED = 442521
HISTORY_WEEKS = 130
"""Two and a half years."""


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
    first = start if previous is None else max(start, previous + DAY)
    return _lines(first, today - DAY, Truth(origin), seed)


def promotions(first_day: date, last_day: date, *, origin: date, seed: int = SEED) -> pd.DataFrame:
    """Return the promotions that run on any of these days: KEY, `starts_on`, `ends_on` (whole, cut at no end of them).

    One row per promotion, the discount as `discount_perc` (percent); what `delivery` then sells with it.
    """
    weeks = Span(first_day.toordinal() - PROMO_DAYS[1], last_day.toordinal() + PROMO_DAYS[1]).weeks
    found = [row for each in combinations() for row in _promotions(Series(each, Truth(origin), seed, weeks))]
    rows = pd.DataFrame(found, columns=[*KEY, "starts_on", "ends_on", "discount_perc"])
    inside = (rows["ends_on"] >= pd.Timestamp(first_day)) & (rows["starts_on"] <= pd.Timestamp(last_day))
    return rows[inside].reset_index(drop=True)


def history_start(origin: date, weeks: int = HISTORY_WEEKS) -> date:
    """Return the Monday on which a history of so many weeks begins, the week of `origin` included."""
    return origin - timedelta(days=origin.weekday()) - (weeks - 1) * WEEK


def _promotions(series: Series) -> list[tuple[object, ...]]:
    """The runs of days with one discount."""
    percent = discounts(series).ravel()
    edges = np.flatnonzero(np.diff(percent, prepend=-1.0, append=-1.0))
    days = pd.to_datetime(series.dates.ravel())
    return [
        (*series.combination.parts, days[first], days[end - 1], percent[first])
        for first, end in itertools.pairwise(edges.tolist())
        if percent[first] > 0
    ]


def _lines(first: date, last: date, truth: Truth, seed: int) -> pd.DataFrame:
    if first > last:
        return empty(SALES)
    span = Span(first.toordinal(), last.toordinal())
    blocks = [combination_lines(Series(c, truth, seed, span.weeks), span) for c in combinations()]
    blocks += [restated_lines(truth.restatements(first, last)), placeholder_lines(span)]
    return frame_of(blocks)

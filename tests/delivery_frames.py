"""Frames of weekly sales from pieces by week and day, without a warehouse, and what is found of their deliveries."""

from __future__ import annotations

from datetime import date

import numpy as np
import numpy.typing as npt
import pandas as pd
from builders import CUTOFF

from skucast.core.combination import KEY
from skucast.core.weeks import WeekClock
from skucast.sales.deliveries import Deliveries, judge_deliveries

Pieces = npt.NDArray[np.float64]
"""Shape (weeks, 7), from the first day of the week on."""

Name = tuple[str, str, str]


def weekly_frame(sold: dict[Name, Pieces], last: date = CUTOFF) -> pd.DataFrame:
    """Return what `Warehouse.weekly_sales` makes of pieces by week and day, the newest week last; 0 = no line."""
    names, weeks, there, quantity = [], [], [], []
    for name, pieces in sold.items():
        known = np.flatnonzero(pieces.any(axis=1))
        names += [name] * len(known)
        weeks.append(len(pieces) - 1 - known)
        there.append(pieces[known] > 0)
        quantity.append(pieces[known].sum(axis=1))
    is_sold = np.concatenate(there)
    ds = np.datetime64(last, "us") - np.concatenate(weeks) * np.timedelta64(7, "D")
    rows = {
        "ds": ds,
        "quantity": np.concatenate(quantity),
        "selling_weekdays": is_sold @ (1 << np.arange(7)),
        "n_lines": is_sold.sum(axis=1),
        "first_date": ds + (is_sold.argmax(axis=1) - 6) * np.timedelta64(1, "D"),
        "last_date": ds - is_sold[:, ::-1].argmax(axis=1) * np.timedelta64(1, "D"),
    }
    return pd.DataFrame(names, columns=KEY).assign(**rows, stock_weekdays=0, promo_weekdays=0)


def judged(sold: dict[Name, Pieces], last: date = CUTOFF, **options: object) -> Deliveries:
    """Return what is found of these sales."""
    return judge_deliveries(weekly_frame(sold, last), WeekClock(), last, **options)


def without(pieces: Pieces, week: int, days: slice = slice(None)) -> Pieces:
    """Return the pieces without one week, or days of it."""
    left = pieces.copy()
    left[week, days] = 0
    return left


def said(found: Deliveries) -> list[str]:
    """Return all that is said, as short as it goes."""
    return [*map(str, found.late), *found.unit_gaps, *(f"nothing in {ds.date()}" for ds in found.feed_gaps)]


def units(*names: str, pieces: Pieces) -> dict[Name, Pieces]:
    """Return one article in one channel of each unit."""
    return {(name, "KA", "A1"): pieces for name in names}

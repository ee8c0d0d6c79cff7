"""Frames of weekly sales from pieces by week and day, without a warehouse, and what is found of their deliveries."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd
from builders import CUTOFF

from skucast.core.weeks import WeekClock
from skucast.sales.deliveries import Deliveries, judge_deliveries

Pieces = npt.NDArray[np.float64]
"""Shape (weeks, 7), from the first day of the week on."""

Name = tuple[str, str, str]


def weekly_frame(sold: dict[Name, Pieces], last: date = CUTOFF) -> pd.DataFrame:
    """Return what `Warehouse.weekly_sales` makes of pieces by week and day, the newest week last; 0 = no line."""
    parts = []
    for (unit, channel, sku), pieces in sold.items():
        weeks = np.flatnonzero(pieces.any(axis=1))
        there = pieces[weeks] > 0
        ds = pd.to_datetime([last - timedelta(weeks=len(pieces) - 1 - int(week)) for week in weeks])
        first_day, last_day = there.argmax(axis=1) - 6, -there[:, ::-1].argmax(axis=1)
        rows = {
            "ds": ds,
            "quantity": pieces[weeks].sum(axis=1),
            "selling_weekdays": there @ (1 << np.arange(7)),
            "n_lines": there.sum(axis=1),
        }
        dates = {
            "first_date": ds + pd.to_timedelta(first_day, unit="D"),
            "last_date": ds + pd.to_timedelta(last_day, unit="D"),
        }
        parts.append(pd.DataFrame({"unit": unit, "channel": channel, "SKU_ID": sku, **rows, **dates}))
    return pd.concat(parts, ignore_index=True).assign(stock_weekdays=0, promo_weekdays=0)


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

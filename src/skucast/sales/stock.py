"""Stock that is not kept as it is read: combinations that sell and count as out of stock."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.weeks import WEEK

RECENT_WEEKS = 26

SUSPICIOUS_SHARE = 0.5
"""Share of the recent weeks out of stock from which on a combination that sells, or the business, is named."""


def suspected_stock(weeks: pd.DataFrame) -> Iterator[str]:
    """Combinations that sell and count as out of stock most of the time, and the business if it does."""
    recent = weeks[weeks["ds"] > weeks["ds"].max() - RECENT_WEEKS * WEEK]
    empty = (recent["is_stockout"] | recent["is_censored"]).groupby([recent[name] for name in KEY]).mean()
    sells = (recent["is_censored"] | (recent["y"] > 0)).groupby([recent[name] for name in KEY]).mean()
    odd = empty.index[(empty > SUSPICIOUS_SHARE) & (sells > SUSPICIOUS_SHARE)]
    if len(odd):
        yield (
            f"stock: {len(odd)} of {len(empty)} combinations sell and count as out of stock in most of the last "
            f"{RECENT_WEEKS} weeks, first {'/'.join(map(str, odd[0]))}: is stock kept as it was in the evening?"
        )

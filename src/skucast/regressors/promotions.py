"""Promotions of weeks to come: what a forecast may assume when no plan says more."""

from __future__ import annotations

import pandas as pd

PROMO_REGRESSORS = ["promo_discount_perc", "promo_days"]
"""Mean discount over the days with a selling line (percent), and days with a discount (0 to 7)."""

EXPECTATION_WEEKS = 26


def expected_promotions(weeks: pd.DataFrame) -> dict[str, float]:
    """Return the value of each promo regressor to assume for any future week: its mean over the last 26 weeks."""
    recent = {name: weeks[name].to_numpy(dtype="float64")[-EXPECTATION_WEEKS:] for name in PROMO_REGRESSORS}
    return {name: float(values.mean()) if len(values) else 0.0 for name, values in recent.items()}


def promo_source(expected: dict[str, float]) -> str:
    """Return how the promotions of a forecast are known: `expected` (trailing mean) or `none` (never any lately)."""
    return "expected" if any(expected.values()) else "none"

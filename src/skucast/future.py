"""Future frames: the weeks to forecast with every regressor as it is known at the cutoff."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import pandas as pd

from skucast.history import carried
from skucast.regressors.promotions import expected_promotions


def future_frame(weeks: pd.DataFrame, targets: Sequence[date]) -> pd.DataFrame:
    """Return one row per target week: `ds` and the promo regressors, from what `weeks` (up to the cutoff) knows."""
    ds = pd.Series(pd.to_datetime(list(targets)).astype("datetime64[us]"), name="ds")
    return pd.DataFrame({"ds": ds}).assign(**expected_promotions(weeks))


def last_known(weeks: pd.DataFrame) -> float:
    """Return the sales that count as the lag of the first week after `weeks`; 0 if none is known."""
    y = carried(weeks["y"])
    return float(y.iloc[-1]) if len(y) and pd.notna(y.iloc[-1]) else 0.0

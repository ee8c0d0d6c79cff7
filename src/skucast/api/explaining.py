"""What a forecast is made of, as rows that add up."""

from __future__ import annotations

import pandas as pd

from skucast.api.frames import PUBLISHED, WHICH, check_frame
from skucast.core.declared import OF_DECLARED
from skucast.core.errors import InputError
from skucast.core.tables.forecasts import COMPONENTS

CLIPPED = "clipped"
"""What was cut off: a forecast is at least 0, and at most three times the largest week of its history."""


def explain(forecasts: pd.DataFrame) -> pd.DataFrame:
    """Return what each forecast is made of: one row per forecast and component, which add up to `skucast`.

    Args:
        forecasts: a long frame of `Forecaster.predict` or `cross_validation`.

    Returns:
        `unique_id, unit, channel, SKU_ID, ds, cutoff, step`, `component` (level, yearly, holidays, promo, weather,
        regressors: declared ones, carry_over: last week's sales; clipped: what was cut off below 0 or above the largest
        plausible week) and `value`, sales per week. Of a blend they are the mean of its components' by their weights.

    Raises:
        InputError: the frame has no components.

    Examples:
        >>> import pandas as pd
        >>> import skucast as sk
        >>> names = {"unique_id": "Perm/KA/Tea", "unit": "Perm", "channel": "KA", "SKU_ID": "Tea"}
        >>> week = {"ds": pd.Timestamp("2026-11-29"), "cutoff": pd.Timestamp("2026-11-22"), "step": 1}
        >>> parts = {"level": 8.0, "yearly": -1.0, "holidays": 0.0, "promo": 4.0, "weather": 0.0, "carry_over": 0.5}
        >>> told = sk.explain(pd.DataFrame([{**names, **week, **parts, "skucast": 11.5}]))
        >>> told.set_index("component")["value"].to_dict()["promo"], float(told["value"].sum())
        (4.0, 11.5)
    """
    check_frame(forecasts, "explain")
    needed = [*WHICH, *(name for name in COMPONENTS if name != OF_DECLARED), PUBLISHED]
    missing = [name for name in needed if name not in forecasts]
    if missing:
        raise InputError(f"explain: no column {', '.join(missing)}; expected a frame of predict or cross_validation")
    parts = forecasts.reindex(columns=list(COMPONENTS)).astype("float64").fillna(0.0)
    whole = forecasts[list(WHICH)].join(parts).assign(**{CLIPPED: forecasts[PUBLISHED] - parts.sum(axis=1)})
    rows = whole.melt(id_vars=list(WHICH), var_name="component", value_name="value", ignore_index=False)
    return rows.sort_index(kind="stable").reset_index(drop=True)

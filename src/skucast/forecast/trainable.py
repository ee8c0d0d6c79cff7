"""Whether a combination gets a model of its own: said without loading what trains one."""

from __future__ import annotations

import pandas as pd

from skucast.sales.history import is_inactive

SHORT_HISTORY = "short history"
"""How the reason begins of a combination that has too few known weeks for a model."""


def skip_reason(weeks: pd.DataFrame, min_history_weeks: int, inactive_after_weeks: int) -> str | None:
    """Return why a combination gets no model, or None if it gets one."""
    known = int(weeks["y"].notna().sum())
    if is_inactive(weeks, inactive_after_weeks):
        return f"inactive: nothing sold for {inactive_after_weeks} weeks"
    if known < min_history_weeks:
        return f"{SHORT_HISTORY}: {known} known weeks, {min_history_weeks} are needed"
    return None

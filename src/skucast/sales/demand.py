"""Kinds of demand: how often an article sells, and how much its sales vary when it does."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

DemandClass = Literal["smooth", "erratic", "intermittent", "lumpy"]

SELDOM_WEEKS = 1.32
VARIED = 0.49
"""Cut-offs of weeks between sales (ADI) and of the squared coefficient of variation of what is sold (CV²): Syntetos,
Boylan and Croston (2005), "On the categorization of demand patterns"."""


def demand_class(y: npt.NDArray[np.float64]) -> DemandClass | None:
    """Return the kind of demand of one combination's weekly sales (NaN = unknown), or None where nothing was sold."""
    known = y[~np.isnan(y)]
    sold = known[known > 0]
    if not len(sold):
        return None
    is_seldom = len(known) / len(sold) >= SELDOM_WEEKS
    is_varied = float(np.var(sold)) >= VARIED * float(np.mean(sold)) ** 2
    if is_seldom:
        return "lumpy" if is_varied else "intermittent"
    return "erratic" if is_varied else "smooth"

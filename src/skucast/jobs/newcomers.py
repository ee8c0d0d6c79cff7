"""What is forecast beside the articles that have a history: those that begin now, and those that are announced."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from skucast.core.combination import Combination
from skucast.forecast.forecasting import Peers
from skucast.forecast.launches import launches_of
from skucast.sales.demand import is_new
from skucast.sales.history import History
from skucast.sales.seasons import level_changes


def peers_of(history: History, weeks: Mapping[Combination, pd.DataFrame]) -> dict[Combination, Peers]:
    """Return what the others tell of these combinations, by their weeks: changes of level, and how articles begin."""
    first_week = history.weeks["ds"].min().date()
    changes = level_changes(history.weeks)
    new = {each for each, mine in weeks.items() if is_new(mine, first_week)}
    launches = launches_of(history.weeks, first_week) if new else None
    return {
        each: Peers(changes.of(each), launches.of(each) if launches is not None and each in new else None)
        for each in weeks
    }

"""BigQuery's own forecasters on our rows: asked at the origins of stored forecasts, scored as the scorecard scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, LOOKED_AT
from skucast.core.tables.rivals import RIVAL_WEEKS
from skucast.core.weeks import WEEK
from skucast.jobs.inputs import read_history
from skucast.jobs.known_ahead import archives
from skucast.regressors.future import ahead_at
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.runtime.groups.forecast import MAX_HORIZON_WEEKS
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.scorecard.monitoring import match
from skucast.scorecard.rivals import side_by_side
from skucast.scorecard.spellings import in_the_names_of_the_sales


class Rivals(Protocol):
    """Forecasters of the warehouse's own."""

    names: tuple[str, ...]

    def sql(self, name: str, origin: date, data_cutoff: date, horizon: int) -> list[str]:
        """Return the statements that ask one of them, the query last."""

    def give(self, weeks: pd.DataFrame) -> None:
        """Load the weeks that all of them are asked with."""

    def forecast(self, name: str, origin: date, data_cutoff: date, horizon: int) -> pd.DataFrame:
        """Return KEY, `ds`, `yhat`, `yhat_lower` and `yhat_upper` of one of them."""

    def forget(self) -> None:
        """Drop what was made."""


@dataclass(frozen=True)
class Origin:
    """A stored forecast that is scored: its cutoff, the newest sales that it knew, and weeks from there to its last."""

    cutoff: date
    data_cutoff: date
    horizon: int


def scored_origins(
    settings: Settings, warehouse: Warehouse, run: Run, n_origins: int
) -> tuple[History, pd.DataFrame, list[Origin]]:
    """Return the history, our scored rows of the newest origins, and these.

    Raises:
        InputError: nothing of what was published has sales yet.
    """
    history = read_history(settings, warehouse, run)
    oldest = history.data_cutoff - (n_origins + MAX_HORIZON_WEEKS) * WEEK
    stored = warehouse.read(FORECASTS, LOOKED_AT, since={"cutoff": oldest}, until={"cutoff": history.data_cutoff})
    forecasts = in_the_names_of_the_sales(stored, history.names)
    if len(forecasts):
        scored = match(forecasts, history.weeks, oldest, history.data_cutoff, history.first_sales)
        scored = scored[scored["y"].notna()]
    if not len(forecasts) or not len(scored):
        raise InputError("no stored forecast has sales yet: forecast, and compare when its weeks are over")
    newest = sorted(scored["cutoff"].unique())[-n_origins:]
    scored = scored[scored["cutoff"].isin(newest)].reset_index(drop=True)
    origins = []
    for _, rows in scored.groupby("cutoff"):
        cutoff, known, last = (pd.Timestamp(rows[name].max()) for name in ("cutoff", "data_cutoff", "ds"))
        origins.append(Origin(cutoff.date(), known.date(), (last - known).days // 7))
    return history, scored, origins


def weeks_for(
    settings: Settings, warehouse: Warehouse, run: Run, history: History, origins: Sequence[Origin]
) -> pd.DataFrame:
    """Return `RIVAL_WEEKS`: the history, and of each origin the promotions of the weeks to come as it knew them."""
    columns = RIVAL_WEEKS.column_names
    parts = [history.weeks.assign(origin=pd.Series(pd.NaT, index=history.weeks.index))[columns]]
    longest = max(origin.horizon for origin in origins)
    days = [origin.data_cutoff for origin in origins]
    known = archives(settings, warehouse, run, history, history.combinations, days, longest, None)
    for key, weeks in history.weeks.groupby(KEY, sort=False):
        for origin in origins:
            past = weeks[weeks["ds"] <= pd.Timestamp(origin.data_cutoff)]
            coming = weeks[weeks["ds"] > pd.Timestamp(origin.data_cutoff)].head(origin.horizon)
            if not len(past) or not len(coming):
                continue
            ahead, _ = ahead_at(past, coming, known[Combination(*map(str, key))])
            promotions = {name: ahead.regressors[name] for name in PROMO_REGRESSORS}
            rows = coming.assign(origin=pd.Timestamp(origin.cutoff), y=float("nan"), **promotions)
            parts.append(rows[columns])
    return pd.concat(parts, ignore_index=True).astype({"promo_days": "float64", "origin": "datetime64[us]"})


def compare_bigquery(
    settings: Settings, warehouse: Warehouse, rivals: Rivals, run: Run, n_origins: int
) -> tuple[pd.DataFrame, list[Origin]]:
    """Return the scores side by side, and the origins that they are of."""
    history, scored, origins = scored_origins(settings, warehouse, run, n_origins)
    rivals.give(weeks_for(settings, warehouse, run, history, origins))
    found: dict[str, list[pd.DataFrame]] = {name: [] for name in rivals.names}
    try:
        for name in rivals.names:
            for origin in origins:
                rows = rivals.forecast(name, origin.cutoff, origin.data_cutoff, origin.horizon)
                found[name].append(rows.assign(cutoff=pd.Timestamp(origin.cutoff)))
    finally:
        rivals.forget()
    return side_by_side(scored, {name: pd.concat(parts, ignore_index=True) for name, parts in found.items()}), origins

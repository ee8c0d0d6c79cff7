"""Totals of the forecasts that are about to be published, with intervals from joint simulation."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.totals import TOTALS
from skucast.forecast.joint.correlations import DEFAULT, Correlations
from skucast.forecast.joint.marginals import rows_of
from skucast.forecast.joint.sums import totals_of
from skucast.jobs.panel_files import load_blend
from skucast.runtime.settings import Settings

NEEDED = ["cutoff", *KEY, "step", "yhat", "yhat_mean", "yhat_lower", "yhat_upper", "quantiles", "final"]


def write_totals(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    rows: pd.DataFrame,
    only: Sequence[Combination] | None,
) -> None:
    """Replace the totals of this cutoff by those of the rows, of a targeted run together with what is published.

    `only` are the combinations whose rows are replaced, None = all.
    """
    whole = with_published(warehouse, run, rows, only)
    if not len(whole):
        return
    correlations = correlations_of(settings, store, run)
    totals = totals_of(rows_of(whole), correlations)
    made = totals.assign(
        correlation_source="backtests" if correlations.n_origins else "default",
        run_id=run.run_id,
        created_at=run.run_at,
    )
    warehouse.replace(TOTALS, made, run.cutoff, run=run)


def correlations_of(settings: Settings, store: ModelStore, run: Run) -> Correlations:
    """Return how errors go together, as training has found it; a default where it has found nothing."""
    blend = None if settings.forecaster == "prophet" else load_blend(store, run.cutoff)
    return DEFAULT if blend is None else blend.joint.get(settings.forecaster, DEFAULT)


def with_published(
    warehouse: Warehouse, run: Run, rows: pd.DataFrame, only: Sequence[Combination] | None
) -> pd.DataFrame:
    """Return the rows, of a targeted run with those of all others as they are published for this cutoff."""
    if only is None:
        return rows[NEEDED]
    week = {"cutoff": run.cutoff}
    published = warehouse.read(FORECASTS, since=week, until=week)
    others = published[~is_about(published, only)]
    return pd.concat([others[NEEDED], rows[NEEDED]], ignore_index=True) if len(others) else rows[NEEDED]

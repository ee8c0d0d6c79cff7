"""Totals of forecasts: made of what is about to be published, by joint simulation; scored when their weeks are over."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date

import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import Superseded
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.orders import ORDERS_METRICS
from skucast.core.tables.totals import TOTALS, TOTALS_METRICS
from skucast.forecast.joint.correlations import DEFAULT, Correlations
from skucast.forecast.joint.marginals import rows_of
from skucast.forecast.joint.sums import totals_of
from skucast.jobs.orders import protection_of, write_orders
from skucast.jobs.panel_files import load_blend
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.scorecard.aggregates import SCORED_COLUMNS, metrics_of_totals, sums_of_totals

NEEDED = ["cutoff", *KEY, "step", "yhat", "yhat_mean", "yhat_lower", "yhat_upper", "quantiles", "final", "override_id"]


READ_AT_ONCE = 300_000
"""Totals that are in memory at once, about: their quantiles are long texts."""

TOTALS_PER_COMBINATION = 5


def write_totals(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    history: History,
    rows: pd.DataFrame,
    only: Sequence[Combination] | None,
    report: RunReport,
) -> None:
    """Replace the totals of this cutoff, and what to order, by those of the rows.

    Those of a targeted run are made together with what is published: sums are of all. `only` are the combinations whose
    rows are replaced, None = all. What fails here, such as a table that the account may not make yet, is a warning: no
    forecast fails for it.
    """
    try:
        _write(settings, warehouse, store, run, history, rows, only, report)
    except Superseded:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, forecasts are published without it
        log.debug("totals failed", exc_info=True)
        report.warn(f"totals and orders of this forecast are not there: {type(error).__name__}: {error}")


def _write(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    history: History,
    rows: pd.DataFrame,
    only: Sequence[Combination] | None,
    report: RunReport,
) -> None:
    whole = with_published(warehouse, run, rows, only)
    if not len(whole):
        return
    correlations = correlations_of(settings, store, run)
    joint = rows_of(whole)
    protection = protection_of(settings, warehouse, history, joint, report)
    totals = totals_of(joint, correlations, None if protection is None else protection.take)
    made = totals.assign(
        correlation_source="backtests" if correlations.n_origins else "default",
        run_id=run.run_id,
        created_at=run.run_at,
    )
    warehouse.replace(TOTALS, made, run.cutoff, run=run)
    if protection is not None:
        write_orders(warehouse, run, history, protection, report)


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
    published = warehouse.read(FORECASTS, NEEDED, since=week, until=week)
    others = published[~is_about(published, only)]
    return pd.concat([others[NEEDED], rows[NEEDED]], ignore_index=True) if len(others) else rows[NEEDED]


def scored_totals(
    warehouse: Warehouse, run: Run, history: History, forecasts: pd.DataFrame, since: date
) -> pd.DataFrame:
    """Return the rows of `tables.TOTALS_METRICS` of the weeks from `since` on, by the stored forecasts of them."""
    window = pd.Timestamp(since), pd.Timestamp(history.data_cutoff)
    weeks = history.weeks[history.weeks["ds"].between(*window)]
    sums = [
        sums_of_totals(
            warehouse.read(TOTALS, SCORED_COLUMNS, since={"cutoff": first}, until={"cutoff": last}), mine, weeks, window
        )
        for first, last, mine in _blocks(forecasts[forecasts["ds"] <= window[1]])
    ]
    return metrics_of_totals(sums, window).assign(
        actuals_through=pd.Timestamp(history.newest_day), run_id=run.run_id, created_at=run.run_at
    )


def write_scores(
    warehouse: Warehouse, run: Run, window_end: date, totals: pd.DataFrame, orders: pd.DataFrame, report: RunReport
) -> None:
    """Replace the scores of totals and of orders; what fails is a warning, and the rest of the scorecard goes on."""
    for table, rows in ((TOTALS_METRICS, totals), (ORDERS_METRICS, orders)):
        try:
            warehouse.replace(table, rows, window_end, run=run)
        except Superseded:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, the scorecard is written without it
            log.debug("scores of sums failed", exc_info=True)
            report.warn(f"{table.label} are not written: {type(error).__name__}: {error}")


def _blocks(forecasts: pd.DataFrame) -> Iterator[tuple[date, date, pd.DataFrame]]:
    """The forecasts by cutoff, as many together as there is room for their totals, with the first and the last."""
    cutoffs = sorted(forecasts["cutoff"].unique())
    per_cutoff = TOTALS_PER_COMBINATION * len(forecasts) / max(len(cutoffs), 1)
    size = max(1, int(READ_AT_ONCE / max(per_cutoff, 1)))
    for start in range(0, len(cutoffs), size):
        first, last = cutoffs[start], cutoffs[min(start + size, len(cutoffs)) - 1]
        yield first.date(), last.date(), forecasts[forecasts["cutoff"].between(first, last)]

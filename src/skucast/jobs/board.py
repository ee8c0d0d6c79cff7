"""The board of a monitoring run: what the dashboard shows beside the scores, read from the tables."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from types import MappingProxyType

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.changes import CHANGES
from skucast.core.tables.contract import Table
from skucast.core.tables.orders import ORDERS, ORDERS_METRICS
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.totals import TOTALS, TOTALS_METRICS
from skucast.core.tables.validation import empty
from skucast.core.weeks import WEEK
from skucast.dashboard.board import Board, Due
from skucast.dashboard.data import MAX_DETAILED, MODELS_SHOWN, RUN_COLUMNS_SHOWN
from skucast.dashboard.totals import TOTALS_SHOWN
from skucast.jobs.backtests import backtest_errors
from skucast.jobs.calendars import calendars_of
from skucast.jobs.known_ahead import plan_of
from skucast.jobs.overrides import shown_overrides
from skucast.jobs.promotion_board import promotions_seen
from skucast.jobs.refusals import refused_lately
from skucast.jobs.registry import by_age
from skucast.jobs.stored_revisions import revisions_of
from skucast.runtime.settings import Settings
from skucast.sales.demand import life_classes
from skucast.sales.history import History
from skucast.scorecard.alert_texts import OPEN, gcloud_command, retrain_command

HISTORY_SHOWN_WEEKS = 104
SCORES_SHOWN_WEEKS = 4
"""Scores of sums and orders that are older are not shown."""

RUNS_SHOWN = timedelta(weeks=6)
"""How far back the page shows runs."""


def make_board(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    history: History,
    metrics: pd.DataFrame,
    scored: pd.DataFrame,
    forecasts: pd.DataFrame,
    alerts: pd.DataFrame,
    scorecard: date | None,
    work: pd.DataFrame,
    read_now: Mapping[str, str | None] = MappingProxyType({}),
) -> Board:
    """Return what the dashboard shows: the newest metrics, scores and forecasts given, and what the tables know beside.

    `scorecard` is the cutoff of the scorecard that metrics, scores and alerts are of, `work` the work list. `read_now`
    says what was refused of the planners' files that this run itself has read.

    Scores and forecasts of weeks before DASHBOARD_WEEKS are left out.
    """
    since = pd.Timestamp(history.data_cutoff - (settings.dashboard_weeks - 1) * WEEK)
    first_shown = history.data_cutoff - (HISTORY_SHOWN_WEEKS - 1) * WEEK
    newest = forecasts[forecasts["cutoff"] == forecasts["cutoff"].max()]
    shown = _shown(history.weeks[history.weeks["ds"] >= pd.Timestamp(first_shown)])
    shown_ones = _one_by_one(shown, alerts)
    weeks_ahead = sorted(set(newest["ds"].dt.date))
    return Board(
        run=run,
        actuals_through=history.newest_day,
        metrics=metrics[metrics["window"] == "rolling"],
        scored=scored[scored["y"].notna() & (scored["ds"] >= since)],
        forecasts=forecasts[forecasts["ds"] >= since],
        history=shown,
        plan=_planned(settings, warehouse, run, history, shown_ones, weeks_ahead),
        holidays=_holidays(settings, warehouse, history, first_shown, max([run.cutoff, *weeks_ahead])),
        models=_models(warehouse, newest),
        alerts=alerts[alerts["state"] != "resolved"],
        runs=warehouse.read(RUNS, RUN_COLUMNS_SHOWN, since={"run_at": run.run_at - RUNS_SHOWN}),
        refused=tuple(refused_lately(warehouse, run, read_now)),
        kinds=_kinds(settings, history, shown_ones),
        totals=_of_newest(warehouse, TOTALS, newest, TOTALS_SHOWN),
        changes=_of_newest(warehouse, CHANGES, newest),
        revisions=revisions_of(warehouse, newest),
        orders=_of_newest(warehouse, ORDERS, newest),
        totals_metrics=_newest_scores(warehouse, TOTALS_METRICS, history),
        orders_metrics=_newest_scores(warehouse, ORDERS_METRICS, history),
        backtests=backtest_errors(settings, warehouse, run.cutoff),
        due=Due(scorecard, settings.forecast_due_days, settings.scorecard_due_days, settings.business_tz),
        overrides=shown_overrides(settings, warehouse, run, history, newest),
        retrain=(retrain_command(OPEN), gcloud_command(OPEN, settings.retrain_job)),
        locale=settings.locale,
        promotions=promotions_seen(settings, warehouse, run, history, forecasts, shown_ones),
        work=work,
        work_lines=settings.work_list_lines,
    )


def _one_by_one(weeks: pd.DataFrame, alerts: pd.DataFrame) -> list[Combination]:
    """Those that the page may show one by one: what is said of each alone is not made for the others."""
    volume = weeks.groupby(KEY)["y"].sum().sort_values(ascending=False, kind="stable")
    chosen = {*volume.index[:MAX_DETAILED], *alerts[KEY].itertuples(index=False, name=None)} & {*volume.index}
    return sorted(Combination(*parts) for parts in chosen)


def _shown(weeks: pd.DataFrame) -> pd.DataFrame:
    """The weeks with the discount that their days of promotion had: 0 without one, NaN where it is not known."""
    return weeks.assign(promo_discount_perc=weeks["promo_depth"].where(weeks["is_promo"], 0.0))


def _holidays(settings: Settings, warehouse: Warehouse, history: History, first: date, last: date) -> pd.DataFrame:
    """The holidays and local events that training would know; those of some units alone with their names."""
    units = sorted(history.weeks["unit"].unique())
    calendars = calendars_of(settings, warehouse, units)
    return calendars.holidays_shown(units, first, last, settings.clock)


def _kinds(settings: Settings, history: History, wanted: list[Combination]) -> pd.DataFrame:
    """The class of demand of each of these combinations: KEY, demand_class."""
    kinds = life_classes(history.weeks, settings.horizon_weeks, settings.inactive_after_weeks)
    return kinds[is_about(kinds, wanted)].reset_index(drop=True)


def _planned(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    history: History,
    wanted: list[Combination],
    weeks: list[date],
) -> pd.DataFrame:
    """The promotions of weeks to come as planned now: KEY, ds, promo_discount_perc as typed (NaN = not known), days."""
    columns = [*KEY, "ds", "promo_discount_perc", "promo_days"]
    if not weeks:
        return pd.DataFrame(columns=columns)
    plan = plan_of(settings, warehouse, history, wanted)
    found = plan.as_of(settings.clock.end_of(run.today), weeks)
    rows = [
        (*combination.parts, pd.Timestamp(ds), float(depth), float(days))
        for combination, planned in found.items()
        if planned.as_typed is not None
        for ds, depth, days, counted in zip(weeks, *planned.as_typed, planned.days, strict=True)
        if counted > 0
    ]
    return pd.DataFrame(rows, columns=columns)


def _of_newest(
    warehouse: Warehouse, table: Table, newest: pd.DataFrame, columns: Sequence[str] | None = None
) -> pd.DataFrame:
    """What a table holds of the newest forecast; no rows where it was not stored."""
    if newest.empty:
        return empty(table)
    cutoff = newest["cutoff"].max().date()
    return warehouse.read(table, columns, since={"cutoff": cutoff}, until={"cutoff": cutoff})


def _newest_scores(warehouse: Warehouse, table: Table, history: History) -> pd.DataFrame:
    """The newest scores of sums or orders, no older than a scorecard may be."""
    since = history.data_cutoff - SCORES_SHOWN_WEEKS * WEEK
    rows = warehouse.read(table, since={"window_end": since}, until={"window_end": history.data_cutoff})
    newest: pd.DataFrame = rows[rows["window_end"] == rows["window_end"].max()]
    return newest


def _models(warehouse: Warehouse, newest: pd.DataFrame) -> pd.DataFrame:
    """The registry's newest row about the model behind each of these forecasts."""
    behind = newest.loc[newest["model_version"].notna(), [*KEY, "model_version", "model_cutoff"]].drop_duplicates(KEY)
    if behind.empty:
        return pd.DataFrame()
    since = {"cutoff": behind["model_cutoff"].min().date()}
    registry = warehouse.read(REGISTRY, {*MODELS_SHOWN, "created_at", "run_id"}, since=since)
    rows = registry.merge(behind[[*KEY, "model_version"]], on=[*KEY, "model_version"])
    return by_age(rows).drop_duplicates(KEY, keep="last")

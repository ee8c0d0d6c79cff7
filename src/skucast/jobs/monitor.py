"""Monitor: score what was forecast against what was sold, store the metrics, write the dashboard."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from functools import partial

import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.errors import InputError, NoRoom, RunFailed
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.forecasts import FORECASTS, LOOKED_AT
from skucast.core.tables.scorecard import LEFT_OUT, METRICS, POOLED_STEP, SCORED
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WEEK
from skucast.dashboard.board import Board
from skucast.jobs.alerting import announce, deliver, judge, stored_alerts, system_facts
from skucast.jobs.board import make_board
from skucast.jobs.inputs import Inputs, read_inputs, warn_of_lateness
from skucast.jobs.loop import close_the_loop, stored_requests
from skucast.jobs.missing import OF_ONE_ACTUAL, missing_from_sales, without_lost
from skucast.jobs.orders import scored_orders
from skucast.jobs.override_value import value_of_overrides, write_override_value
from skucast.jobs.page import Made, newest_published, write_page
from skucast.jobs.page_files import PageFiles, files_of, put
from skucast.jobs.shards import drop_shards, is_published, rows_of_all_tasks
from skucast.jobs.totals import scored_totals, write_scores
from skucast.jobs.work_list import work_list
from skucast.jobs.work_words import ingest_words
from skucast.runtime.groups.forecast import MAX_HORIZON_WEEKS
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.scorecard.monitoring import Scorecard, match, unpublished
from skucast.scorecard.spellings import in_the_names_of_the_sales

COMPARED_ROWS = 100_000
"""Stored metrics that are read at a time, of as many whole weeks as that may be: those of all may fill the memory."""


def monitor(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport) -> None:
    """Score the last `lookback_weeks` delivered weeks, replace their metrics, judge the alerts, write the dashboard.

    With RETRAIN_ALERTS what stays open is then trained anew.

    Restated actuals count: the whole window is scored anew in every run. Nothing to score yet is not a failure.
    """
    inputs, lost = without_lost(settings, warehouse, run, read_inputs(settings, warehouse, store, run, report), report)
    history = inputs.history
    warn_of_lateness(run, history)
    window_end = history.data_cutoff
    if is_published(warehouse, ALERTS, run.cutoff, run, report, shards=SCORED):
        with report.timed("dashboard"):
            report.notes.append(f"dashboard: {_newest_page(settings, warehouse, run, history, report)}")
        close_the_loop(
            settings, warehouse, store, run, history, report
        )  # an attempt before may have been stopped in between
        return
    since = window_end - (max(2 * settings.lookback_weeks - 1, settings.dashboard_weeks) - 1) * WEEK
    with report.timed("read"):
        before = newest_published(settings, warehouse)
        forecasts = in_the_names_of_the_sales(_forecasts(warehouse, since, run), history.names)
        first = _first_actuals(warehouse, since, window_end)

    def match_these(_: object) -> pd.DataFrame:
        return _matched(forecasts, inputs, run, since, window_end)

    with report.timed("score"):
        scored = rows_of_all_tasks(warehouse, SCORED, run, report, inputs.wanted, match_these)
    if scored is None:
        return
    with report.timed("score"):
        scorecard = Scorecard(scored, history.weeks, first, window_end, settings.lookback_weeks)
        newest = _metric_rows(scorecard, [pd.Timestamp(window_end)], history, run)
    with report.timed("totals"):
        of_totals = scored_totals(warehouse, run, history, forecasts, since)
        of_orders = scored_orders(warehouse, run, history, since)
        of_overrides = value_of_overrides(warehouse, scored, forecasts, window_end, run)
    with report.timed("alerts"):
        missing = missing_from_sales(settings, warehouse, store, run, history, lost)
        facts = system_facts(settings, warehouse, run, history, forecasts, missing)
        asked = stored_requests(settings, warehouse, run)
        alerts = judge(settings, run, history, scored, newest, facts, stored_alerts(warehouse, run.cutoff), asked)
        if run.is_about_today(settings.clock):
            ingest_words(settings, warehouse, run, report)
        work = work_list(settings, warehouse, run, alerts, forecasts, report.plan_files)
    with report.timed("dashboard"):  # before the metrics: where it cannot be written, nothing is
        shown = newest, scored, forecasts, alerts, run.cutoff, work
        board = partial(make_board, settings, warehouse, run, history, *shown, report.plan_files)
        files = page_of_scorecard(board, of_totals, of_orders, of_overrides)
        try:
            put(settings, f"dashboard/{run.cutoff}.html", files)
        except NoRoom as full:  # at the end the run fails for it, once the scorecard and its alerts are there
            log.warning("the scorecard goes on without its page: %s", full)
    with report.timed("write"):
        report.n_rows = _write_metrics(warehouse, scorecard, newest, history, run)
        write_scores(warehouse, run, window_end, of_totals, of_orders, report)
        write_override_value(warehouse, of_overrides, window_end, run, report)
        digest = announce(settings, run, alerts, newest, facts, work)
        warehouse.replace(ALERTS, alerts, run.cutoff, run=run)  # last: whoever finds it written need do nothing
        drop_shards(warehouse, SCORED, run)
        deliver(settings, digest)
    with report.timed("dashboard"):
        path = _newest_page(settings, warehouse, run, history, report, Made(files, run, before))
    _summarise(newest, forecasts, run, path, report)
    close_the_loop(settings, warehouse, store, run, history, report)


def _forecasts(warehouse: Warehouse, since: date, run: Run) -> pd.DataFrame:
    """The stored forecasts of weeks from `since` on; the bound on the cutoff lets the warehouse scan no older ones."""
    oldest = since - MAX_HORIZON_WEEKS * WEEK
    return warehouse.read(FORECASTS, LOOKED_AT, since={"cutoff": oldest, "ds": since}, until={"cutoff": run.cutoff})


def _first_actuals(warehouse: Warehouse, since: date, window_end: date) -> pd.DataFrame:
    """The actuals as they were first scored: KEY, `ds`, `actual_first`."""
    limits = {"window_end": since, **OF_ONE_ACTUAL}, {"window_end": window_end, **OF_ONE_ACTUAL}
    rows = warehouse.read(METRICS, [*KEY, "window_end", "actual_first"], since=limits[0], until=limits[1])
    return rows[rows["actual_first"].notna()].rename(columns={"window_end": "ds"})


def _matched(forecasts: pd.DataFrame, inputs: Inputs, run: Run, since: date, until: date) -> pd.DataFrame:
    """What this task scores: forecasts of its combinations, and, in the first task, of those no longer sold."""
    weeks = inputs.history.weeks
    mine = is_about(forecasts, inputs.wanted)
    if run.task_index == 0:
        mine |= ~is_about(forecasts, weeks)
    missing = unpublished(forecasts, weeks[is_about(weeks, inputs.wanted)], since, until)
    parts = [
        rows for rows in (match(forecasts[mine], weeks, since, until, inputs.history.first_sales), missing) if len(rows)
    ]
    rows = pd.concat(parts, ignore_index=True) if parts else empty(SCORED)
    return validate(SCORED, rows).sort_values(["cutoff", *KEY, "ds"], ignore_index=True)


def _metric_rows(scorecard: Scorecard, ends: Sequence[pd.Timestamp], history: History, run: Run) -> pd.DataFrame:
    return scorecard.of(*ends).assign(
        actuals_through=pd.Timestamp(history.newest_day),
        run_id=run.run_id,
        created_at=run.run_at,
    )


def page_of_scorecard(
    made: Callable[[], Board], of_totals: pd.DataFrame, of_orders: pd.DataFrame, of_overrides: pd.DataFrame | None
) -> PageFiles:
    """Return the page of the scorecard, its sums, orders and overrides: what no table has yet."""
    board = replace(made(), totals_metrics=of_totals, orders_metrics=of_orders)
    if board.overrides is not None and of_overrides is not None:
        board = replace(board, overrides=replace(board.overrides, value=of_overrides))
    return files_of(board)


def _newest_page(
    settings: Settings, warehouse: Warehouse, run: Run, history: History, report: RunReport, made: Made | None = None
) -> str:
    """Write the page of what is newest and return where it is.

    Raises:
        RunFailed: it cannot be written; the scorecard is published all the same.
    """
    try:
        return write_page(settings, warehouse, run, history, report, made)
    except InputError as error:
        raise RunFailed(f"the scorecard is published, its page is not: {error}") from None


def _write_metrics(warehouse: Warehouse, scorecard: Scorecard, newest: pd.DataFrame, history: History, run: Run) -> int:
    """Replace the partitions that have changed, the newest one in any case and last; return the rows written."""
    n_rows, before = 0, sorted(scorecard.ends)[:-1]
    n_weeks = max(COMPARED_ROWS // max(len(newest), 1), 1)
    for ends in (before[at : at + n_weeks] for at in range(0, len(before), n_weeks)):
        first, last = ({"window_end": end.date()} for end in (ends[0], ends[-1]))
        stored = warehouse.read(METRICS, since=first, until=last)
        of_week = dict(iter(_metric_rows(scorecard, ends, history, run).groupby("window_end")))
        changed = {
            end.date(): of_week[end]
            for end in ends
            if end in of_week and not _is_stored(of_week[end], stored[stored["window_end"] == end])
        }
        n_rows += warehouse.replace_each(METRICS, changed, run=run)
    return n_rows + warehouse.replace(METRICS, newest, history.data_cutoff, run=run)


def _is_stored(rows: pd.DataFrame, stored: pd.DataFrame) -> bool:
    """Whether the same is stored already, whoever wrote it and whatever had been delivered then."""
    if len(rows) != len(stored):
        return False
    both = [
        frame.drop(columns=["run_id", "created_at", "actuals_through"]).sort_values(
            list(METRICS.key), ignore_index=True
        )
        for frame in (validate(METRICS, rows), stored)
    ]
    return both[0].equals(both[1])


def _summarise(metrics: pd.DataFrame, forecasts: pd.DataFrame, run: Run, path: str, report: RunReport) -> None:
    report.notes.append(f"dashboard: {path}")
    total = metrics[(metrics["window"] == "rolling") & (metrics["level"] == "total") & (metrics["step"] == POOLED_STEP)]
    if not len(total) or not int(total["n"].iloc[0]):
        report.notes.append("nothing to score yet: no stored forecast is about a delivered week of the window")
        return
    row = total.iloc[0]
    counted = ["n", "n_left_out", *(f"n_{reason}" for reason in LEFT_OUT), "n_unpublished", "n_restated_weeks"]
    waiting = forecasts["ds"].between(row["window_end"], pd.Timestamp(run.cutoff), inclusive="right")
    names = {"n": "scored"}
    report.counts = Counter({names.get(name, name.removeprefix("n_")): int(row[name]) for name in counted})
    report.counts["not_delivered_yet"] = int(waiting.sum())
    shown = ("wape", "wape_last_year", "wape_mean_4", "fva_last_year", "bias_ratio", "coverage", "mase", "churn")
    said_as = {"fva_last_year": "fva"}
    figures = {said_as.get(name, name): round(float(row[name]), 3) for name in shown}
    window = f"{row['window_start'].date()} to {row['window_end'].date()}"
    report.notes.append(f"accuracy {window}: {json.dumps(figures)}")

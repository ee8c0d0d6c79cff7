"""Monitor: score what was forecast against what was sold, store the metrics, write the dashboard."""

from __future__ import annotations

import json
from collections import Counter
from datetime import date

import pandas as pd

from skucast.combination import KEY
from skucast.dashboard import render
from skucast.files import write_text
from skucast.history import History
from skucast.jobs.board import make_board
from skucast.jobs.inputs import Inputs, read_inputs
from skucast.jobs.shards import drop_shards, is_published, rows_of_all_tasks
from skucast.monitoring import match, score
from skucast.outcome import RunReport
from skucast.run import Run
from skucast.settings import MAX_HORIZON_WEEKS, Settings
from skucast.store import ModelStore
from skucast.tables import FORECASTS, METRICS, POOLED_STEP, SCORED
from skucast.warehouse import Warehouse
from skucast.weeks import WEEK

DASHBOARD = "dashboard/index.html"


def monitor(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport) -> None:
    """Score the last `lookback_weeks` delivered weeks, replace their metrics, and write the dashboard.

    Restated actuals count: the whole window is scored anew in every run. Nothing to score yet is not a failure.
    """
    inputs = read_inputs(settings, warehouse, run, report)
    history = inputs.history
    window_end = history.data_cutoff
    window_start = window_end - (settings.lookback_weeks - 1) * WEEK
    shown_start = window_end - (settings.dashboard_weeks - 1) * WEEK
    if is_published(warehouse, METRICS, window_end, run, report, shards=SCORED):
        return
    since = min(window_start, shown_start)
    with report.timed("read"):
        forecasts = _forecasts(warehouse, since, run)

    def match_these(_: object) -> pd.DataFrame:
        return match(_mine(forecasts, inputs, run), history.weeks, since, window_end)

    with report.timed("score"):
        scored = rows_of_all_tasks(warehouse, SCORED, run, report, inputs.wanted, match_these)
    if scored is None:
        return
    with report.timed("score"):
        inside = scored[scored["ds"] >= pd.Timestamp(window_start)]
        metrics = _metric_rows(inside, window_start, window_end, history, run)
    with report.timed("dashboard"):  # before the metrics: where it cannot be written, nothing is
        board = make_board(settings, warehouse, run, history, metrics, scored, forecasts, pd.DataFrame())
        path = _write_dashboard(settings, render(board), window_end)
    with report.timed("write"):
        report.n_rows = warehouse.replace(METRICS, metrics, window_end, run=run)
        drop_shards(warehouse, SCORED, run)
    _summarise(metrics, window_start, window_end, path, report)


def _forecasts(warehouse: Warehouse, since: date, run: Run) -> pd.DataFrame:
    """The stored forecasts of weeks from `since` on; the bound on the cutoff lets the warehouse scan no older ones."""
    oldest = since - MAX_HORIZON_WEEKS * WEEK
    return warehouse.read(FORECASTS, since={"cutoff": oldest, "ds": since}, until={"cutoff": run.cutoff})


def _mine(forecasts: pd.DataFrame, inputs: Inputs, run: Run) -> pd.DataFrame:
    """The forecasts that this task matches: of its combinations, and, in the first task, of those no longer sold."""
    names = pd.MultiIndex.from_frame(forecasts[KEY])
    mine = names.isin([combination.parts for combination in inputs.wanted])
    if run.task_index == 0:
        mine |= ~names.isin([combination.parts for combination in inputs.history.combinations])
    return forecasts[mine]


def _metric_rows(
    scored: pd.DataFrame, window_start: date, window_end: date, history: History, run: Run
) -> pd.DataFrame:
    return score(scored).assign(
        window_start=pd.Timestamp(window_start),
        window_end=pd.Timestamp(window_end),
        actuals_through=pd.Timestamp(history.newest_day),
        run_id=run.run_id,
        created_at=run.run_at,
    )


def _write_dashboard(settings: Settings, page: str, window_end: date) -> str:
    """Write the page as that of its week, which stays, and as the newest one; return where the newest is."""
    write_text(settings.staging, f"dashboard/{window_end}.html", page, settings.endpoints)
    return write_text(settings.staging, DASHBOARD, page, settings.endpoints)


def _summarise(metrics: pd.DataFrame, window_start: date, window_end: date, path: str, report: RunReport) -> None:
    report.notes.append(f"dashboard: {path}")
    total = metrics[(metrics["level"] == "total") & (metrics["step"] == POOLED_STEP)]
    if not len(total) or not int(total["n"].iloc[0]):
        report.notes.append(
            f"nothing to score yet: no stored forecast is about a delivered week from {window_start} on"
        )
        return
    row = total.iloc[0]
    report.counts = Counter({"scored": int(row["n"]), "left_out": int(row["n_left_out"])})
    figures = {
        name: round(float(row[name]), 3) for name in ("wape", "wape_last_year", "wape_mean_4", "bias_ratio", "coverage")
    }
    report.notes.append(f"accuracy {window_start} to {window_end}: {json.dumps(figures)}")

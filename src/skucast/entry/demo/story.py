"""The demo: a made-up distributor, trained, forecast, played four weeks forward, scored, mended by the real scripts."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from pathlib import Path

import pandas as pd
from rich.console import Console
from rich.table import Table as Grid

from skucast.backends.files import write_text
from skucast.backends.store.opening import open_store
from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError, SkucastError
from skucast.core.model_files import VERSIONS
from skucast.core.run import BAD_INPUT, DONE, FAILED
from skucast.core.tables.contract import ALL
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import LOADS, SAMPLE_SOURCE
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.core.tables.scorecard import METRICS, POOLED_STEP
from skucast.core.weeks import WEEK
from skucast.entry.app import start_run
from skucast.jobs.page_files import DASHBOARD
from skucast.jobs.promotions import INBOX, ingest_inbox, known_names
from skucast.runtime.outcome import RunReport
from skucast.runtime.reading import environment_of, only_for
from skucast.runtime.settings import Settings, local_path

WEEKS_FORWARD = 4
PLANNED_WEEKS = 6
KNOWN_AHEAD = timedelta(weeks=8)
ROOT = Path(__file__).resolve().parents[4]


def demo(settings: Settings) -> int:
    """Run the whole chain in the local warehouse and show its result; return the exit code, that of a step that fails.

    The demo and its scripts have the settings of its own flags; all others are at their defaults.
    """
    ours = only_for("demo", settings).model_copy(update={"target_combinations": "*/*/*"})
    try:
        _play(ours)
    except subprocess.CalledProcessError as failed:
        print(f"the demo stopped: {Path(failed.cmd[1]).name} ended with exit code {failed.returncode}", file=sys.stderr)
        return int(failed.returncode)
    except SkucastError as error:
        print(error, file=sys.stderr)
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    return DONE


def _play(settings: Settings) -> None:
    """The history ends four weeks before today; each later week brings new sales and a new forecast."""
    started = time.perf_counter()
    today = start_run("demo", settings).today
    days = [today - (WEEKS_FORWARD - week) * WEEK for week in range(WEEKS_FORWARD + 1)]
    warehouse = open_warehouse(settings)
    _start_afresh(settings, warehouse)
    n_lines = _deliver(settings, warehouse, days[0], None, days)
    n_promotions = _archive(settings, warehouse, days)
    _say(
        f"1. A sample distributor: {n_lines} sales lines up to {days[0]} in {settings.warehouse}, and the "
        f"{n_promotions} promotions behind them"
    )
    _say("2. Train a model per combination (run_all_skus.py)")
    _script(settings, "run_all_skus.py", days[0])
    _say("3. The planner sends the plan of promotions; forecast the next weeks (predict_weekly.py)")
    _send_plan(settings, warehouse, days[0], days)
    _script(settings, "predict_weekly.py", days[0])
    _say(f"4. Play {WEEKS_FORWARD} weeks forward: new sales, a new plan of promotions, a new forecast each week")
    for previous, day in pairwise(days):
        _deliver(settings, warehouse, day, previous, days)
        _send_plan(settings, warehouse, day, days)
        _script(settings, "predict_weekly.py", day)
    _say("5. Score the forecasts against what was sold (monitor_performance.py)")
    _script(settings, "monitor_performance.py", today)
    worst = _worst(warehouse)
    before = _next_weeks(warehouse, worst)
    _say(f"6. Train the worst combination anew, {worst}, and forecast again (retrain_models.py)")
    _script(settings, "retrain_models.py", today, "--target", str(worst))
    _script(settings, "predict_weekly.py", today, "--target-combinations", str(worst))
    _script(settings, "monitor_performance.py", today)
    _show_result(settings, warehouse, worst, before, time.perf_counter() - started)


def _start_afresh(settings: Settings, warehouse: Warehouse) -> None:
    """Remove an earlier demo, and nothing else; a warehouse without sales is used as it is.

    Raises:
        InputError: the warehouse holds sales that the demo did not make.
    """
    if any("://" in place for place in (settings.warehouse, settings.model_store, settings.staging)):
        raise InputError(
            "the demo runs on this machine only: unset WAREHOUSE, MODEL_STORE and STAGING, or name local ones"
        )
    path = local_path(settings.warehouse)
    if not path.exists():
        return
    loads = warehouse.read(LOADS)
    made_up = loads[loads["source"].str.startswith(SAMPLE_SOURCE)]
    n_rows = made_up.groupby("table_name")["n_rows"].sum()
    tables = {settings.sales_table: SALES, settings.promotions_table: PROMOTIONS}
    is_ours = all(int(n_rows.get(name, 0)) == len(warehouse.read(table)) for name, table in tables.items())
    if len(made_up) < len(loads) or not is_ours:
        raise InputError(f"{path} holds data of your own; move it away, or set WAREHOUSE=duckdb:FILE for the demo")
    if len(made_up):
        path.unlink()
        _remove_models(settings)


def _remove_models(settings: Settings) -> None:
    """Remove the stored models and their versions, and no other file of the folder."""
    root = local_path(settings.model_store)
    for combination in open_store(settings).stored():
        (root / combination.path).unlink()
    if (root / VERSIONS).is_dir():
        shutil.rmtree(root / VERSIONS)


def _deliver(settings: Settings, warehouse: Warehouse, day: date, previous: date | None, days: list[date]) -> int:
    """Append the sales lines that arrive by the morning of `day`."""
    from skucast.entry.demo.sample import delivery

    origin = settings.clock.cutoff(days[0])
    last_delivered = None if previous is None else previous - timedelta(days=1)
    lines = delivery(day, last_delivered, origin=origin)
    run = start_run("demo", settings)
    return warehouse.append_once(SALES, lines, batch_id=f"{SAMPLE_SOURCE} {day}", source=SAMPLE_SOURCE, run=run)


def _archive(settings: Settings, warehouse: Warehouse, days: list[date]) -> int:
    """Append the plan of all promotions up to the first forecast, as if it had been kept from the beginning."""
    from skucast.entry.demo.sample import history_start, promotions

    origin = settings.clock.cutoff(days[0])
    first = history_start(origin)
    planned = promotions(first, days[0], origin=origin)
    known_from = planned["starts_on"] - KNOWN_AHEAD
    rows = planned.assign(known_from=known_from, plan_id="sample " + planned["starts_on"].astype("str"))
    complete = {**dict.fromkeys(KEY, ALL), "starts_on": first, "ends_on": days[0], "plan_id": "sample"}
    rows = pd.concat([rows, pd.DataFrame([{**complete, "known_from": pd.Timestamp(first) - KNOWN_AHEAD}])])
    run = start_run("demo", settings)
    warehouse.append_once(PROMOTIONS, rows, batch_id=f"{SAMPLE_SOURCE} plan", source=SAMPLE_SOURCE, run=run)
    return len(planned)


def _send_plan(settings: Settings, warehouse: Warehouse, day: date, days: list[date]) -> None:
    """Put the planner's file of that day into the inbox, and take it in as on that day.

    It has what is planned for the next weeks, and says that this is all.
    """
    from skucast.entry.demo.sample import promotions

    through = day + PLANNED_WEEKS * WEEK
    planned = promotions(day, through, origin=settings.clock.cutoff(days[0]))
    planned["ends_on"] = planned["ends_on"].where(planned["ends_on"] <= pd.Timestamp(through), pd.Timestamp(through))
    and_no_others = pd.DataFrame([dict.fromkeys(KEY, ALL)])
    rows = pd.concat([planned, and_no_others]).assign(covers_through=through)
    text = rows.to_csv(index=False, date_format="%Y-%m-%d")
    write_text(settings.staging, f"{INBOX}/{SAMPLE_SOURCE} {day}.csv", text, settings.endpoints)
    on_that_day = settings.model_copy(update={"as_of": day})
    run = start_run("demo", on_that_day)
    run = replace(run, run_at=settings.clock.end_of(day - timedelta(days=1)))
    report = RunReport()
    ingest_inbox(on_that_day, warehouse, run, report, *known_names(on_that_day, warehouse, run))


def _script(settings: Settings, name: str, day: date, *flags: str) -> None:
    command = [sys.executable, str(ROOT / name), "--as-of", str(day), *flags]
    subprocess.run(command, check=True, env=environment_of(settings), cwd=Path.cwd())


def _worst(warehouse: Warehouse) -> Combination:
    """The combination that lost the largest volume of sales to wrong forecasts."""
    metrics = _newest_metrics(warehouse, "combination")
    row = metrics[metrics["step"] == POOLED_STEP].sort_values("sum_abs_error").iloc[-1]
    return Combination(*(str(row[name]) for name in KEY))


def _newest_metrics(warehouse: Warehouse, level: str) -> pd.DataFrame:
    metrics = warehouse.read(METRICS)
    newest: pd.DataFrame = metrics[metrics["window_end"] == metrics["window_end"].max()]
    return newest[(newest["window"] == "rolling") & (newest["level"] == level)]


def _next_weeks(warehouse: Warehouse, combination: Combination) -> pd.DataFrame:
    forecasts = warehouse.read(FORECASTS)
    newest: pd.DataFrame = forecasts[forecasts["cutoff"] == forecasts["cutoff"].max()]
    return newest[(newest[KEY] == list(combination.parts)).all(axis=1)]


def _show_result(
    settings: Settings, warehouse: Warehouse, worst: Combination, before: pd.DataFrame, seconds: float
) -> None:
    console = Console()
    console.print()
    console.print(_accuracy(warehouse))
    console.print(_mended(settings, warehouse, worst, before))
    console.print(f"Done in {seconds:.0f} s. Open the dashboard in a browser:")
    page = (local_path(settings.staging) / DASHBOARD).resolve()
    console.print(f"  {page}", soft_wrap=True, highlight=False)


def _accuracy(warehouse: Warehouse) -> Grid:
    grid = Grid(title="Accuracy of the last weeks (WAPE: share of sales forecast wrongly)", title_justify="left")
    for heading in (
        "step",
        "forecasts",
        "WAPE",
        "same week last year",
        "mean of 4 weeks",
        "last week",
        "80 % interval",
    ):
        grid.add_column(heading, justify="right")
    for row in _newest_metrics(warehouse, "total").sort_values("step").to_dict("records"):
        shares = [row[name] for name in ("wape", "wape_last_year", "wape_mean_4", "wape_last_week", "coverage")]
        step = "all" if row["step"] == POOLED_STEP else str(row["step"])
        grid.add_row(step, str(row["n"]), *(f"{share:.1%}" for share in shares))
    return grid


def _mended(settings: Settings, warehouse: Warehouse, worst: Combination, before: pd.DataFrame) -> Grid:
    sold = _recent_sales(settings, warehouse, worst)
    title = f"{worst}: sold {', '.join(f'{value:,.0f}' for value in sold)} in the last weeks; the next ones"
    grid = Grid(title=title, title_justify="left")
    for heading in ("week", "before retraining", "after", "80 % interval after"):
        grid.add_column(heading, justify="right")
    after = _next_weeks(warehouse, worst)
    for old, new in zip(before.to_dict("records"), after.to_dict("records"), strict=True):
        interval = f"{new['yhat_lower']:,.0f} to {new['yhat_upper']:,.0f}"
        grid.add_row(str(new["ds"].date()), f"{old['yhat']:,.0f}", f"{new['yhat']:,.0f}", interval)
    return grid


def _recent_sales(settings: Settings, warehouse: Warehouse, combination: Combination) -> list[float]:
    from skucast.jobs.inputs import read_history

    history = read_history(settings, warehouse, start_run("demo", settings))
    weeks = dict(history.split([combination]))[combination]
    return [float(value) for value in weeks["y"].iloc[-WEEKS_FORWARD:]]


def _say(text: str) -> None:
    Console(stderr=True).print(f"\n[bold]{text}[/bold]", highlight=False)

"""The last look before publishing: totals that jump for no known cause are listed, and beyond MAX_JUMP stop the run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import date

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.backends.webhook import WebhookError, post
from skucast.core.combination import KEY
from skucast.core.errors import RunFailed
from skucast.core.kept_json import kept_object
from skucast.core.quoting import listed
from skucast.core.rows import is_about
from skucast.core.run import DONE, Run
from skucast.core.tables.forecasts import FORECASTS, LOOKED_AT
from skucast.core.tables.records import RUNS
from skucast.core.targets import matching
from skucast.core.weeks import WEEK
from skucast.core.words import counted
from skucast.jobs.calendars import calendars_of
from skucast.jobs.inputs import Inputs
from skucast.jobs.shards import combinations_of
from skucast.jobs.targets import accepted_missing
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.sales.names import Names
from skucast.scorecard.gate import Evidence, Jump, jumps_of
from skucast.scorecard.gate_sides import known_totals, without_missing
from skucast.scorecard.spellings import in_the_names_of_the_sales

SHOWN = 10
"""Totals that the error, the run's row and the message name; the log has all."""

SEARCHED_WEEKS = 13
"""How far back the last run is looked for."""

ALIKE = 1.1
"""A total that jumps this many times as far as it does in what is published jumps as it did."""

SATURDAY, CLOSED_DAYS = 5, 3
"""Public holidays among a week's five working days from which on it is no usual week."""

KNOWN_TOTALS, JUMPS = "known_totals", "jumps"
"""Where a run's data report keeps what it knew of recent sales, for the next run to compare, and what jumped."""


def last_look(
    settings: Settings, warehouse: Warehouse, run: Run, inputs: Inputs, rows: pd.DataFrame, report: RunReport
) -> None:
    """Compare what is about to be published with the last run, recent sales and last year; list what jumps.

    `rows` are those of all tasks. A targeted run is judged with the rest of the week as it is published.

    Raises:
        RunFailed: a total jumps beyond MAX_JUMP, no known cause explains it, and ACCEPT_JUMP is not set.
    """
    if not settings.max_jump:
        return
    evidence = evidence_of(settings, warehouse, run.cutoff, inputs.history)
    if inputs.only is None:
        jumps = jumps_of(replace(evidence, rows=rows), settings.max_jump)
    else:
        jumps = _jumps_of_part(evidence, rows, settings.max_jump)
    for jump in jumps:
        log.warning("a total jumps: %s", jump, extra={"fields": {"event": "forecast_jump", "stops": jump.stops}})
    stopping = [jump for jump in jumps if jump.stops]
    report.data_report = {**(report.data_report or {}), JUMPS: [str(jump) for jump in jumps[:SHOWN]]}
    if stopping and not settings.accept_jump:
        refusal = _refusal(settings, run, stopping)
        _tell(settings, run, refusal)
        raise RunFailed(refusal)
    if stopping:
        report.notes.append(f"--accept-jump: {_beyond(settings, stopping)} published as asked")
    if inputs.only is None:
        report.data_report[KNOWN_TOTALS] = _kept(inputs.history)


def evidence_of(settings: Settings, warehouse: Warehouse, cutoff: date, history: History) -> Evidence:
    """Return what forecasts of this cutoff are judged by; its rows are those that are published already."""
    earlier = _newest_rows(warehouse, cutoff, settings.horizon_weeks, history.names)
    newest = history.weeks[history.weeks["ds"] == pd.Timestamp(history.data_cutoff)]
    gone = earlier[~is_about(earlier, newest)]
    accepted = matching(accepted_missing(settings), combinations_of(gone))
    known_then = without_missing(_known_then(warehouse, cutoff, history.names), gone, earlier)
    earlier = earlier[~is_about(earlier, accepted)]
    return Evidence(
        earlier[earlier["cutoff"] == pd.Timestamp(cutoff)],
        earlier,
        history.weeks,
        history.data_cutoff,
        known_then,
        [(each.unit, each.channel) for each in history.late],
        list(_closed_weeks(settings, warehouse, history, cutoff)),
    )


def _newest_rows(warehouse: Warehouse, cutoff: date, horizon_weeks: int, names: Names) -> pd.DataFrame:
    """The newest row of each combination and week that was forecast, up to this cutoff."""
    for n_weeks in (horizon_weeks, SEARCHED_WEEKS):
        since = {"cutoff": cutoff - n_weeks * WEEK}
        found = warehouse.read(FORECASTS, LOOKED_AT, since=since, until={"cutoff": cutoff})
        if len(found):
            break
    found = in_the_names_of_the_sales(found, names)
    return found.sort_values("cutoff", kind="stable").drop_duplicates([*KEY, "ds"], keep="last", ignore_index=True)


def _jumps_of_part(evidence: Evidence, rows: pd.DataFrame, max_jump: float) -> list[Jump]:
    """What jumps once these rows stand among those that are published, and is not published already as it is."""
    others = evidence.rows[~is_about(evidence.rows, rows)]
    merged = pd.concat([others, rows], ignore_index=True)
    weeks = evidence.weeks[is_about(evidence.weeks, merged)]
    is_whole = len(weeks) == len(evidence.weeks)
    earlier = evidence.earlier[is_about(evidence.earlier, merged)]
    part = replace(evidence, earlier=earlier, weeks=weeks, known_then=evidence.known_then if is_whole else None)
    before = {(jump.kind, jump.group): jump.share for jump in jumps_of(part, max_jump)} if len(others) else {}
    found = jumps_of(replace(part, rows=merged), max_jump)
    return [jump for jump in found if jump.share > ALIKE * before.get((jump.kind, jump.group), 0.0)]


def _closed_weeks(settings: Settings, warehouse: Warehouse, history: History, cutoff: date) -> Iterator[pd.Timestamp]:
    """The weeks of which most working days are public holidays, from the newest known one to the last forecast."""
    first, units = history.data_cutoff, history.weeks["unit"].unique()
    labels = settings.clock.range(first, cutoff + settings.horizon_weeks * WEEK)
    calendars = calendars_of(settings, warehouse, units)
    off = calendars.all_days_off(units, settings.clock.start(first), labels[-1].date())
    n_off = Counter(settings.clock.label(day) for day in off if day.weekday() < SATURDAY)
    return (label for label in labels if n_off[label.date()] >= CLOSED_DAYS)


def _kept(history: History) -> list[list[object]]:
    totals = known_totals(history.weeks, history.data_cutoff)
    labels = totals["ds"].dt.strftime("%Y-%m-%d")
    rows = zip(totals["unit"], totals["channel"], labels, totals["y"].round(3), strict=True)
    return [list(row) for row in rows]


def _known_then(warehouse: Warehouse, cutoff: date, names: Names) -> pd.DataFrame | None:
    """What the newest run that was published for all knew of recent sales; None if none has kept it."""
    runs = warehouse.read(RUNS, since={"cutoff": cutoff - SEARCHED_WEEKS * WEEK}, until={"cutoff": cutoff})
    done = runs[(runs["job"] == "predict") & (runs["exit_code"] == DONE) & runs["data_report"].notna()]
    newest_first = done.sort_values(["cutoff", "run_at"], ascending=False, kind="stable")
    for text in newest_first["data_report"]:
        if kept := kept_object(text).get(KNOWN_TOTALS):
            totals = pd.DataFrame(kept, columns=["unit", "channel", "ds", "y"])
            by_name = names.renamed(totals).groupby(["unit", "channel", "ds"])["y"]
            totals = by_name.sum(min_count=1).reset_index()
            return totals.assign(ds=pd.to_datetime(totals["ds"]).astype("datetime64[us]"))
    return None


# --- How it is said --------------------------------------------------------------------------------------------------


def _beyond(settings: Settings, stopping: list[Jump]) -> str:
    return f"{counted(len(stopping), 'total')} beyond MAX_JUMP={settings.max_jump:g}"


def _refusal(settings: Settings, run: Run, stopping: list[Jump]) -> str:
    named = listed([jump.brief for jump in stopping], SHOWN, "; ")
    more = ", see the log" if len(stopping) > SHOWN else ""
    return (
        f"{_beyond(settings, stopping)}, nothing is published for {run.cutoff}: {named}{more}; "
        "see `python -m skucast doctor --data`, correct the input and run again, or publish it as it is with "
        "--accept-jump (ACCEPT_JUMP=true)"
    )


def _tell(settings: Settings, run: Run, refusal: str) -> None:
    """Say it to the webhook, if there is one."""
    if settings.alert_webhook_url is None:
        return
    try:
        post(settings.alert_webhook_url.get_secret_value(), f"skucast {run.job} was stopped: {refusal}")
    except WebhookError as error:
        log.warning("%s", error)

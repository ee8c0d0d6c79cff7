"""The loop closes itself: combinations whose alert stays open are trained anew, within bounds that the tables keep."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from skucast.backends.cloud_run import CloudJob, MaybeStarted, NotStarted, start_execution
from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import AlreadyLoaded, InputError, SkucastError
from skucast.core.quoting import listed
from skucast.core.run import BAD_INPUT, DONE, FAILED, Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.records import RETRAININGS, RUNS
from skucast.core.targets import as_targets
from skucast.core.weeks import WEEK
from skucast.core.words import counted
from skucast.forecast.trainable import skip_reason
from skucast.jobs.runs import run_row
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.runtime.stopping import stop_goes_through
from skucast.sales.history import History
from skucast.scorecard.retraining import Bounds, Due, due

REMEMBERED_WEEKS = 104
"""How far back requests are looked for: as long as a cool-down may be."""

MAX_TARGETS_BYTES = 24_000
"""Cloud Run's variables end at 32 KB together."""

SHOWN = 5
"""Combinations that a note names."""


def close_the_loop(
    settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, history: History, report: RunReport
) -> None:
    """Have the combinations trained anew whose alert has been open for RETRAIN_ALERTS weeks; once for a week.

    The alerts are those that are stored, so that a run that was stopped before can still do it. What is asked for is
    written down first, under a name that only one run of a week can take; whoever is stopped in between asks for
    nothing twice. What goes wrong is one line: the scorecard is published.
    """
    if not settings.retrain_alerts:
        return
    with report.timed("retrain"):
        try:
            _close(settings, warehouse, store, run, history, report)
        except SkucastError as error:
            _say(f"RETRAIN_ALERTS: {error}", report)


def stored_requests(settings: Settings, warehouse: Warehouse, run: Run) -> pd.DataFrame:
    """Return what was asked for up to the run's week; nothing where RETRAIN_ALERTS is off."""
    first = run.cutoff - REMEMBERED_WEEKS * WEEK if settings.retrain_alerts else run.cutoff + WEEK
    return warehouse.read(RETRAININGS, since={"cutoff": first}, until={"cutoff": run.cutoff})


def _close(
    settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, history: History, report: RunReport
) -> None:
    if len(warehouse.read(ALERTS, since={"cutoff": run.cutoff + WEEK})):
        report.notes.append(f"RETRAIN_ALERTS: a later week than {run.cutoff} has been monitored; nothing is trained")
        return
    asked = stored_requests(settings, warehouse, run)
    of_this_week = asked[asked["cutoff"] == pd.Timestamp(run.cutoff)]
    if len(of_this_week[of_this_week["state"] != "refused"]):
        _note_asked(of_this_week, report)
        return
    alerts = warehouse.read(ALERTS, since={"cutoff": run.cutoff}, until={"cutoff": run.cutoff})
    bounds = Bounds(settings.retrain_alerts, settings.retrain_limit, settings.retrain_cool_down_weeks)
    found = due(alerts, asked, run.cutoff, run.today, bounds, _trainable(settings, history, alerts))
    _note_others(found, bounds, report)
    wanted = _that_fit(found.wanted)
    if not wanted:
        return
    attempt = int(of_this_week["attempt"].max()) + 1 if len(of_this_week) else 1
    rows = _rows(wanted, attempt, run)
    try:
        batch = f"retraining for week {run.cutoff}, attempt {attempt}"
        warehouse.append_once(RETRAININGS, rows, batch_id=batch, source=run.run_id, run=run)
    except AlreadyLoaded:
        report.notes.append(f"RETRAIN_ALERTS: another run has asked for the retraining of week {run.cutoff}")
        return
    names = [str(combination) for combination, _, _ in wanted]
    start = _on_cloud_run if settings.on_cloud_run else _here
    outcome = start(settings, warehouse, store, run, names)
    done = rows.assign(**outcome)
    warehouse.replace(RETRAININGS, pd.concat([of_this_week, done], ignore_index=True), run.cutoff, run=run)
    _note_outcome(names, outcome, bounds, report)


Outcome = dict[str, str | None]
"""State, execution and reason, as in the table."""


def _trainable(settings: Settings, history: History, alerts: pd.DataFrame) -> set[Combination]:
    """Those with an alert that training makes a model of; one name that is not in the sales would stop it for all."""
    names = {Combination(*map(str, each)) for each in alerts[KEY].itertuples(index=False, name=None)}
    limits = settings.min_history_weeks, settings.inactive_after_weeks
    return {each for each, weeks in history.split(sorted(names)) if skip_reason(weeks, *limits) is None}


def _on_cloud_run(settings: Settings, _: Warehouse, __: ModelStore, ___: Run, names: Sequence[str]) -> Outcome:
    variables = {"TARGET_COMBINATIONS": as_targets(names)}
    if settings.as_of is not None:
        variables["AS_OF"] = str(settings.as_of)
    try:
        job = CloudJob.of(settings.retrain_job)
        name = start_execution(job, variables, settings.cloud_run_endpoint)
    except NotStarted as error:
        return {"state": "refused", "execution": None, "reason": str(error)}
    except MaybeStarted as error:
        return {"state": "asked", "execution": None, "reason": f"{error}; it may have been started: see its executions"}
    return {"state": "started", "execution": name or None, "reason": None}


def _here(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, names: Sequence[str]) -> Outcome:
    """Train in this process, as retrain_models.py would, with a row of its own in the runs table."""
    from skucast.jobs.train import retrain

    mine = settings.model_copy(update={"target_combinations": as_targets(names)})
    run_id = f"retrain-{run.run_id.removeprefix(f'{run.job}-')}"
    training = replace(run, job="retrain", run_id=run_id, task_index=0, task_count=1)
    report, exit_code, error = RunReport(), DONE, None
    try:
        with report.timed("all"), stop_goes_through():
            retrain(mine, warehouse, store, training, report)
    except SkucastError as failed:
        exit_code, error = BAD_INPUT if isinstance(failed, InputError) else FAILED, str(failed)
    except Exception as bug:  # noqa: BLE001 - the scorecard is published, whatever happens here
        exit_code, error = FAILED, f"{type(bug).__name__}: {bug}"
        log.exception("the retraining failed unexpectedly")
    for note in report.unsaid():
        log.info("retraining: %s", note)
    warehouse.replace(RUNS, run_row(mine, training, report, exit_code, error), training.task_id, run=training)
    outcome: Outcome = {"state": "failed" if error else "done", "execution": run_id, "reason": error}
    return outcome


def _rows(wanted: Sequence[tuple[Combination, str, int]], attempt: int, run: Run) -> pd.DataFrame:
    rows = [
        {
            "cutoff": pd.Timestamp(run.cutoff),
            "attempt": attempt,
            **dict(zip(KEY, combination.parts, strict=True)),
            "alert_id": alert_id,
            "n_open_weeks": n_open_weeks,
            "state": "asked",
            "execution": None,
            "reason": None,
            "run_id": run.run_id,
            "created_at": run.run_at,
        }
        for combination, alert_id, n_open_weeks in wanted
    ]
    return pd.DataFrame(rows)


def _that_fit(wanted: list[tuple[Combination, str, int]]) -> list[tuple[Combination, str, int]]:
    """As many as one variable holds."""
    while len(as_targets([str(each) for each, _, _ in wanted]).encode()) > MAX_TARGETS_BYTES:
        wanted = wanted[:-1]
    return wanted


# --- What is said ---------------------------------------------------------------------------------------------------


def _note_asked(rows: pd.DataFrame, report: RunReport) -> None:
    """Say that this week's retraining was asked for before, and if nobody knows what became of it."""
    names = listed([Combination(*each) for each in rows[KEY].itertuples(index=False, name=None)], SHOWN)
    unknown = rows[rows["state"] == "asked"]
    if len(unknown):
        _say(f"RETRAIN_ALERTS: nobody knows whether the retraining of {names} has begun; see the registry", report)
    else:
        report.notes.append(f"RETRAIN_ALERTS: asked for this week already: {names}")


def _note_others(found: Due, bounds: Bounds, report: RunReport) -> None:
    if found.given_up:
        names = listed(found.given_up, SHOWN)
        _say(
            f"RETRAIN_ALERTS: training does not mend the alerts of {names}: not trained anew again; "
            "look at their sales and their plan, or acknowledge them",
            report,
        )
    if found.untrainable:
        names = listed(found.untrainable, SHOWN)
        report.notes.append(f"RETRAIN_ALERTS: not in the sales, or too short for a model, so not trained: {names}")
    if found.resting:
        report.notes.append(
            f"RETRAIN_ALERTS: trained anew less than {counted(bounds.cool_down_weeks, 'week')} ago: "
            f"{listed(found.resting, SHOWN)}"
        )
    if found.later:
        report.notes.append(
            f"RETRAIN_ALERTS: {counted(len(found.later), 'combination')} more than RETRAIN_LIMIT={bounds.per_week} "
            "wait for the next week"
        )


def _note_outcome(names: Sequence[str], outcome: Outcome, bounds: Bounds, report: RunReport) -> None:
    what = f"{listed(names, SHOWN)}, whose alert has been open for {counted(bounds.open_weeks, 'week')} or more"
    if outcome["state"] in ("refused", "failed", "asked"):
        word = {"refused": "could not be asked for", "failed": "failed", "asked": "was asked for"}
        _say(f"RETRAIN_ALERTS: the retraining {word[str(outcome['state'])]} of {what}: {outcome['reason']}", report)
        return
    done = "trained anew" if outcome["state"] == "done" else "retraining started"
    fields = {"event": "retraining", "combinations": len(names), "execution": outcome["execution"]}
    log.info("%s: %s", done, what, extra={"fields": fields})
    report.notes.append(f"RETRAIN_ALERTS: {done}: {what}; {outcome['execution'] or 'the execution has no name'}")


def _say(text: str, report: RunReport) -> None:
    report.warn(text)

"""What if: the forecast that another plan of promotions would give, beside the one of the plan as it is."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError
from skucast.core.first_bytes import first_bytes
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.forecasts import COMPONENT_FORECASTS, FORECASTS, REGRESSOR_EFFECTS, SCENARIOS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import empty
from skucast.core.words import counted
from skucast.forecast.newcomers import only_of
from skucast.jobs.declared import declared_plan, values_said
from skucast.jobs.forecast_rows import about, forecast_rows, horizon_of, shared_of
from skucast.jobs.inputs import Inputs, check_lateness, read_inputs
from skucast.jobs.known_ahead import plan_of, warn_of_depth, weather_ahead, weather_outlook
from skucast.jobs.models import load_models
from skucast.jobs.newcomers import looked_at, newcomers_of, rows_with_newcomers
from skucast.jobs.panel_files import load_files
from skucast.jobs.predict import failures_of
from skucast.jobs.refresh import with_fresh
from skucast.jobs.shards import combinations_of, drop_shards, is_published, rows_of_all_tasks
from skucast.regressors.promotion_files import PLAN, read_plan
from skucast.regressors.promotions import PlannedWeeks
from skucast.runtime.outcome import RunReport, check_failed_share
from skucast.runtime.settings import Settings

SHOWN = 5
"""Combinations, and rows of a file, that a message names."""


@dataclass(frozen=True)
class WhatIf:
    """The scenario: its name, and the file whose rows are said last: promotions, or `values` of regressors."""

    name: str
    file: str
    sha256: str
    rows: pd.DataFrame
    values: pd.DataFrame | None = None


def play(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run, report: RunReport) -> None:
    """Forecast as if the file of promotions had been sent now, and replace this scenario's rows of this cutoff.

    The plan, the forecasts and the models stay as they are.

    Raises:
        InputError: no sales, unknown target, or a row of the file that is not usable.
        RunFailed: sales too late, or more than MAX_FAILED_SHARE failed; nothing is written.
    """
    inputs = read_inputs(settings, warehouse, store, run, report)
    check_lateness(settings, run, inputs.history, report)
    what_if = _what_if(settings, run, inputs)
    scenario_id = f"{what_if.name}/{run.cutoff}"
    if is_published(warehouse, SCENARIOS, scenario_id, run, report, shards=SCENARIOS):
        return

    def forecast(wanted: Sequence[Combination]) -> pd.DataFrame:
        mine = replace(inputs, wanted=list(wanted))
        return _rows(settings, warehouse, store, run, mine, what_if, report).assign(scenario_id=scenario_id)

    rows = rows_of_all_tasks(warehouse, SCENARIOS, run, report, inputs.wanted, forecast, failures_of)
    if rows is None:
        return
    check_failed_share(failures_of(rows), len(combinations_of(rows)), settings.max_failed_share)
    with report.timed("write"):
        report.n_rows = warehouse.replace(SCENARIOS, rows, scenario_id, run=run, combinations=inputs.only)
        drop_shards(warehouse, SCENARIOS, run)
    _note_difference(rows, report)
    _note_published(rows, warehouse, run, report)


def _what_if(settings: Settings, run: Run, inputs: Inputs) -> WhatIf:
    path = Path(str(settings.promotions))
    said_at = min(run.run_at, settings.clock.end_of(run.today))
    try:
        content = first_bytes(path, PLAN.n_bytes)
    except OSError as error:
        raise InputError(f"PROMOTIONS: {path} cannot be read ({error.strerror})") from None
    history, said_last = inputs.history, settings.clock.end_of(run.today)
    named = str(settings.scenario), path.name, hashlib.sha256(content).hexdigest()
    values = values_said(path, settings, history, said_last) if settings.regressors else None
    if values is not None:
        return WhatIf(*named, empty(PROMOTIONS), values)
    found = read_plan(path.name, content, history.combinations, said_at, settings.clock, history.names.aliases)
    if len(found.rejected):
        reasons = [f"row {row['line']}: {row['reason']}" for row in found.rejected.to_dict("records")]
        wrong = listed(reasons, SHOWN, "; ")
        raise InputError(f"PROMOTIONS: {path}: {wrong}; correct the file, nothing was forecast")
    return WhatIf(*named, found.rows.assign(known_from=pd.Timestamp(said_last)))


def _rows(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    inputs: Inputs,
    what_if: WhatIf,
    report: RunReport,
) -> pd.DataFrame:
    """Both forecasts of the same models: that of the scenario, and beside it the number of the plan as it is."""
    horizon, wanted = horizon_of(settings, run, inputs), inputs.wanted
    newcomers = newcomers_of(settings, warehouse, run, inputs.history)
    inputs = replace(inputs, wanted=looked_at(newcomers, wanted, inputs.history))
    known_at = settings.clock.end_of(run.today)
    with report.timed("load models"):
        models = load_models(store, inputs.wanted, run.cutoff)
        files = None if settings.forecaster == "prophet" else load_files(store, run.cutoff, report)
    with report.timed("forecast"):
        combinations = about(inputs, files)
        plan = plan_of(settings, warehouse, inputs.history, combinations)
        other = plan.and_these(
            what_if.rows, declared_plan(settings, warehouse, inputs.history, combinations, what_if.values)
        )
        weeks = horizon.weeks_after_data
        warn_of_depth(other, known_at, weeks)
        outlook = weather_outlook(settings, warehouse, run, report, inputs.history)
        weather = weather_ahead(outlook, settings.clock, weeks, inputs.wanted)
        models = with_fresh(settings, warehouse, inputs.history, models, outlook, weeks[-1], report)

        def forecast(planned: Mapping[Combination, PlannedWeeks]) -> pd.DataFrame:
            shared = shared_of(settings, warehouse, inputs.history, files, planned, horizon)
            found = forecast_rows(inputs, models, planned, weather, horizon, report, shared)
            return only_of(rows_with_newcomers(found, newcomers, inputs.history, inputs.wanted, horizon), wanted)

        baseline = forecast(plan.as_of(known_at, weeks))
        rows = forecast(other.as_of(known_at, weeks))
    report.counts.update(rows.loc[rows["step"] == 1, "status"])
    return rows.drop(
        columns=[
            *("is_open_week", "data_cutoff", "model_cutoff", REGRESSOR_EFFECTS, "yhat_others"),
            *(each.name for each in COMPONENT_FORECASTS),
        ]
    ).assign(
        scenario=what_if.name,
        plan_file=what_if.file,
        plan_sha256=what_if.sha256,
        baseline_yhat=baseline["yhat"],
        baseline_promo_source=baseline["promo_source"],
        difference=rows["yhat"] - baseline["yhat"],
        run_id=run.run_id,
        created_at=run.run_at,
    )


def _note_difference(rows: pd.DataFrame, report: RunReport) -> None:
    """Say what the scenario changes in all, and where most."""
    total, change = float(rows["baseline_yhat"].sum()), float(rows["difference"].sum())
    share = f" ({change / total:+.1%})" if total else ""
    by_combination = rows.groupby(KEY)["difference"].sum()
    changed = by_combination[by_combination != 0]
    report.notes.append(
        f"scenario {rows['scenario'].iloc[0]}: {total + change:,.0f} instead of {total:,.0f}{share}, "
        f"{counted(len(changed), 'combination')} changed"
    )
    for names in changed.abs().nlargest(SHOWN).index:
        report.notes.append(f"  {Combination(*names)}: {changed[names]:+,.0f}")


def _note_published(rows: pd.DataFrame, warehouse: Warehouse, run: Run, report: RunReport) -> None:
    """Say where the baseline is no longer what was published: other models, or another plan, since."""
    week = {"cutoff": run.cutoff}
    published = warehouse.read(FORECASTS, [*KEY, "ds", "yhat"], since=week, until=week)
    both = rows[[*KEY, "ds", "baseline_yhat"]].merge(published, on=[*KEY, "ds"])
    moved = both[(both["baseline_yhat"] - both["yhat"]).abs() > 1e-6 * (1 + both["yhat"].abs())]
    if len(moved):
        n = counted(len(moved.drop_duplicates(KEY)), "combination")
        report.notes.append(
            f"the published forecasts of {n} differ from the baseline, which has today's models and plan; "
            "run predict_weekly.py to publish it"
        )

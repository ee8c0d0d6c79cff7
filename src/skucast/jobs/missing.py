"""The universe of a run: what ledger and model store know to be sold, beside what the sales have."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from datetime import date

import pandas as pd

from skucast.backends.store.protocol import Live, ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError, RunFailed
from skucast.core.kept_json import kept_object
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, NOT_SOLD, SALES_MISSING
from skucast.core.tables.records import RUNS
from skucast.core.tables.scorecard import METRICS, POOLED_STEP
from skucast.core.targets import matching
from skucast.core.weeks import WEEK
from skucast.forecast.artifact import StoredModel
from skucast.jobs.inputs import Inputs
from skucast.jobs.stored_models import model_in
from skucast.jobs.targets import accepted_missing
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History, active_combinations
from skucast.scorecard.missing import WAY_OUT, Missing, carried, lost_of, missing_of, newest_status
from skucast.scorecard.spellings import in_the_names_of_the_sales

SHRUNKEN = 0.5
"""Share of the lines of earlier runs below which the sales have lost most of themselves."""

OF_ONE_ACTUAL = {"window": "week", "level": "combination", "step": POOLED_STEP}
"""The rows of metrics that keep the actual of a week as it was first scored."""


def without_lost(
    settings: Settings, warehouse: Warehouse, run: Run, inputs: Inputs, report: RunReport
) -> tuple[Inputs, tuple[Combination, ...]]:
    """Return the inputs without what has lost its newest weeks since earlier runs, as if it were not there, and that.

    So nothing is trained on, forecast from or scored by weeks that only seem to have sold nothing. What ACCEPT_MISSING
    names has lost nothing.

    Raises:
        RunFailed: the run was asked for one of them by name or pattern.
    """
    history = inputs.history
    ledger = _first_steps(settings, warehouse, run)
    scored = warehouse.read(
        METRICS,
        [*KEY, "window_end", "actual_first"],
        since={"window_end": _since(settings, run), **OF_ONE_ACTUAL},
        until={"window_end": run.cutoff, **OF_ONE_ACTUAL},
    )
    scored = history.names.renamed(scored[scored["actual_first"].notna()].rename(columns={"window_end": "ds"}))
    known = in_the_names_of_the_sales(ledger, history.names)
    found = lost_of(history.weeks, known, scored, history.data_cutoff, settings.inactive_after_weeks)
    accepted = set(matching(accepted_missing(settings), found))
    lost = tuple(each for each in found if each not in accepted)
    if not lost:
        return inputs, ()
    asked = [each for each in lost if each in (inputs.only or ()) and each not in inputs.by_word]
    if asked:
        raise RunFailed(f"{missing_of(asked, (), lost=asked)}; {WAY_OUT}")
    weeks = history.weeks[~is_about(history.weeks, lost)].reset_index(drop=True)
    wanted = [each for each in inputs.wanted if each not in set(lost)]
    report.n_combinations -= len(inputs.wanted) - len(wanted)
    only = inputs.only
    if only is not None:  # a word has named some of them: what is published of them stays
        gone = {name for each in lost for name in (each, *history.names.other_spellings(each))}
        only = [each for each in only if each not in gone]
    return replace(inputs, history=replace(history, weeks=weeks), wanted=wanted, only=only), lost


def missing_from_sales(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    history: History,
    lost: Collection[Combination] = (),
) -> Missing:
    """Return what was active within INACTIVE_AFTER_WEEKS, by ledger or model store, and is not in the sales.

    `lost` is what the history is without (`without_lost`). What ACCEPT_MISSING names is not missed.
    """
    status = newest_status(_first_steps(settings, warehouse, run))
    active = {each for each, why in status.items() if why not in NOT_SOLD and not history.names.is_left_out(each)}
    aliases = history.names.aliases
    known = [*history.combinations, *history.opened]
    met = {*known, *status}
    orphans = [each for each in store.stored() if each not in met]
    active |= _trained(store, missing_of(orphans, known, aliases), _since(settings, run), run.cutoff)
    active = {each for each in active if not history.names.is_left_out(each)}
    active -= set(matching(accepted_missing(settings), sorted(active)))
    return missing_of({*active, *lost}, known, aliases, lost)


def check_missing(
    settings: Settings, run: Run, history: History, missing: Missing, report: RunReport, what_stays: str
) -> None:
    """Record what is missing, in one task, and stop if it is a larger share of what is active than may fail.

    Raises:
        RunFailed: naming it, and what stays as it is.
    """
    if not missing.combinations:
        return
    if run.task_index == 0:
        for combination in missing.combinations:
            what = "with weeks that earlier runs knew" if combination in missing.lost else "at all"
            report.fail(combination, f"not in the sales {what}, although it was active lately")
        report.n_combinations += len(missing.combinations)
    n_active = len(active_combinations(history.weeks, settings.inactive_after_weeks)) + len(missing.combinations)
    if len(missing.combinations) > settings.max_failed_share * n_active:
        raise RunFailed(
            f"{missing}; that is more of {n_active} active ones than MAX_FAILED_SHARE={settings.max_failed_share:g} "
            f"allows: {WAY_OUT}; {what_stays}"
        )
    log.warning("%s; %s", missing, WAY_OUT)


def rows_of_missing(
    settings: Settings, warehouse: Warehouse, run: Run, rows: pd.DataFrame, missing: Missing, report: RunReport
) -> pd.DataFrame:
    """Return the rows that this cutoff keeps of what is missing: as they are published, else the forecast before.

    `rows` are those of the others: they say which weeks are forecast.
    """
    if not missing.combinations or not len(rows):
        return rows.head(0)
    ledger = warehouse.read(FORECASTS, since={"cutoff": _since(settings, run)}, until={"cutoff": run.cutoff})
    ledger = ledger[is_about(ledger, missing.combinations)]
    published = ledger[ledger["cutoff"] == pd.Timestamp(run.cutoff)]
    earlier = ledger[~is_about(ledger, published)]
    made = carried(earlier, missing, rows).assign(run_id=run.run_id, created_at=run.run_at)
    report.counts[SALES_MISSING] = len(missing.combinations)
    parts = [part for part in (published, made) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else rows.head(0)


def shrunken(settings: Settings, warehouse: Warehouse, run: Run, history: History) -> str:
    """Say that the sales have far fewer lines than a run of the last weeks has found in them; empty if they have not.

    What was sold lately may all be there: a table that was replaced by its newest weeks lacks what models learn from.
    """
    since, until = {"cutoff": _since(settings, run)}, {"cutoff": run.cutoff}
    runs = warehouse.read(RUNS, ["data_report"], since=since, until=until)
    found = [int(kept_object(text).get("n_lines", 0)) for text in runs["data_report"].dropna()]
    before, now = max(found, default=0), history.report.n_lines
    if now >= SHRUNKEN * before:
        return ""
    return f"the sales have {now:,} lines, and a run of the last weeks found {before:,} in them: most of them are gone"


def warn_of_shrinking(settings: Settings, warehouse: Warehouse, run: Run, history: History) -> None:
    """Say so in the log."""
    text = shrunken(settings, warehouse, run, history)
    if text:
        log.warning("%s", text)


def _first_steps(settings: Settings, warehouse: Warehouse, run: Run) -> pd.DataFrame:
    """The first week of each forecast of the last INACTIVE_AFTER_WEEKS weeks."""
    first = {"cutoff": _since(settings, run), "step": 1}
    columns = ["cutoff", *KEY, "ds", "yhat", "status", "data_cutoff"]
    return warehouse.read(FORECASTS, columns, since=first, until={"cutoff": run.cutoff, "step": 1})


def _since(settings: Settings, run: Run) -> date:
    since: date = run.cutoff - settings.inactive_after_weeks * WEEK
    return since


def _trained(store: ModelStore, orphans: Missing, since: date, until: date) -> set[Combination]:
    """Those whose model was trained within these weeks: then they were sold."""
    found = store.load_many(orphans.combinations) if orphans.combinations else {}
    cutoffs = {each: _cutoff_of(each, live) for each, live in found.items()}
    return {each for each, cutoff in cutoffs.items() if cutoff is not None and since <= cutoff <= until}


def _cutoff_of(combination: Combination, live: Live | ModelError) -> date | None:
    found = model_in(combination, live)
    return found.card.cutoff_date if isinstance(found, StoredModel) else None

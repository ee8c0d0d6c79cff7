"""Why forecasts changed: the bridge from the last run's numbers to this one's, stored beside the forecasts."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.errors import Superseded
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.changes import CHANGES, REVISIONS
from skucast.core.tables.contract import Table
from skucast.jobs.compared import WHOLE, Compared, expected
from skucast.jobs.forecast_rows import Known
from skucast.jobs.inputs import Inputs
from skucast.jobs.revisions import revision_of
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.scorecard.bridge import EXPECTED, ROW, expected_of, rolled_up
from skucast.scorecard.bridge_texts import why_of


def write_changes(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    inputs: Inputs,
    made: Known | None,
    rows: pd.DataFrame,
    report: RunReport,
) -> None:
    """Store why the rows, which are about to be published, are not what the last run published.

    And, where this cutoff is published already, what they change of that.

    `made` is what this task's forecasts were made of; None where it has made none, but found them staged.

    A bridge that fails is a warning, and there is none: no forecast fails for it.
    """
    compared = Compared(settings, warehouse, store, run, inputs, made, rows)
    with report.timed("changes"):
        _write(CHANGES, compared, _bridge, report, "why forecasts changed")
        _write(REVISIONS, compared, lambda each: revision_of(each, report), report, "what this run changed")


def _write(
    table: Table, compared: Compared, tell: Callable[[Compared], pd.DataFrame | None], report: RunReport, what: str
) -> None:
    """Store what is told, but for what a task of this run has told already that has published meanwhile."""
    try:
        found = None if compared.is_published else tell(compared)
        if found is not None:
            compared.warehouse.replace(table, found, compared.run.cutoff, run=compared.run)
    except Superseded:
        raise
    except Exception as error:  # noqa: BLE001 - whatever it is, forecasts are published without it
        log.debug("the bridge failed", exc_info=True)
        report.warn(f"{what} is not told: {type(error).__name__}: {error}")


def _bridge(compared: Compared) -> pd.DataFrame | None:
    """The rows of the table for this cutoff; None where no earlier run has forecast any of these weeks."""
    run, rows, published, inputs = compared.run, compared.rows, compared.published, compared.inputs
    all_before = last_run(compared.ledger[compared.ledger["cutoff"] < pd.Timestamp(run.cutoff)])
    kept = pd.DataFrame()
    after = all_after = compared.all_after
    before = all_before
    if inputs.only is not None:
        kept = _kept(compared.warehouse, run, rows, compared.others)
        after = all_after[~is_about(all_after, kept)] if len(kept) else all_after
        before = all_before[is_about(all_before, after)]
    if before.empty or not set(before["ds"]) & set(after["ds"]):
        return None
    changes = _with_facts(compared.changes(before, after), before, published, inputs)
    if len(kept):
        changes = pd.concat([changes, kept[changes.columns]], ignore_index=True)
    sides = dict(zip(EXPECTED[:3], (all_before, all_after, published), strict=True))
    found_of = {name: expected(changes, side) for name, side in sides.items()}
    changes = changes.assign(**found_of).fillna({"expected_before": 0.0, "expected": 0.0})
    changes["expected_surprise"] = _surprises(all_before, expected_of(all_before), inputs.history.weeks, changes)
    all_rows = rolled_up(changes).assign(cutoff=pd.Timestamp(run.cutoff))
    weeks = (all_rows["cutoff"] - all_rows["previous_cutoff"]).dt.days // 7
    all_rows["why"] = why_of(all_rows.assign(n_weeks=weeks))
    return all_rows.assign(run_id=run.run_id, created_at=run.run_at)[CHANGES.column_names]


def last_run(earlier: pd.DataFrame) -> pd.DataFrame:
    """Return of each combination the rows of the newest of these cutoffs that forecast it, back to the last whole run.

    A cutoff of which only some combinations were forecast, as a targeted run does, is the last one of these alone.
    """
    if earlier.empty:
        return earlier
    counts = earlier.drop_duplicates(["cutoff", *KEY]).groupby("cutoff").size().sort_index()
    whole: object = counts.index[counts >= WHOLE * counts.max()].max()
    recent = earlier[(earlier["cutoff"] >= whole).to_numpy()]
    newest = recent.groupby(KEY)["cutoff"].transform("max")
    return recent[(recent["cutoff"] == newest).to_numpy()].reset_index(drop=True)


def _kept(warehouse: Warehouse, run: Run, rows: pd.DataFrame, others: pd.DataFrame) -> pd.DataFrame:
    """What is stored of this cutoff about combinations that a targeted run, of these rows, leaves as they are."""
    stored = warehouse.read(CHANGES, since={"cutoff": run.cutoff}, until={"cutoff": run.cutoff})
    stored = stored[(stored["level"] == "combination") & ~is_about(stored, rows)].fillna({"regressors": 0.0})
    is_gone = (stored["gone_articles"] != 0).to_numpy()
    return stored[is_about(stored, others) | is_gone] if len(stored) else stored


def _with_facts(changes: pd.DataFrame, before: pd.DataFrame, published: pd.DataFrame, inputs: Inputs) -> pd.DataFrame:
    """The changes with what is told beside the parts."""
    number = before["final"].fillna(before["yhat"]).to_numpy(dtype="float64")
    replaced = published.set_index(ROW)
    final = replaced["final"].fillna(replaced["yhat"])
    return changes.assign(
        sales_surprise=_surprises(before, number, inputs.history.weeks, changes),
        replaced=final.reindex(pd.MultiIndex.from_frame(changes[ROW])).to_numpy(),
    )


def _surprises(
    before: pd.DataFrame, number: npt.NDArray[np.float64], weeks: pd.DataFrame, changes: pd.DataFrame
) -> npt.NDArray[np.float64]:
    """How far sales of each change's combination lay above this number of the last run, in the weeks known since."""
    past = before[ROW].assign(_number=number)[before["ds"] <= weeks["ds"].max()]
    sold = weeks.loc[weeks["ds"].isin(past["ds"].unique()) & weeks["y"].notna(), [*ROW, "y"]]
    both = past.merge(sold, on=ROW)
    surprises = (both["y"] - both["_number"]).groupby([both[name] for name in KEY]).sum()
    found: npt.NDArray[np.float64] = surprises.reindex(pd.MultiIndex.from_frame(changes[KEY])).to_numpy("float64")
    return found

"""Why forecasts changed: the bridge from the last run's numbers to this one's, stored beside the forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.changes import CHANGES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.weeks import WEEK
from skucast.core.words import counted
from skucast.jobs.between import Found, Quiet, Remade
from skucast.jobs.forecast_rows import Known, known_of
from skucast.jobs.inputs import Inputs
from skucast.jobs.panel_files import load_files
from skucast.jobs.shards import combinations_of
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.scorecard.bridge import EXPECTED, ROW, changes_of, expected_of, rolled_up
from skucast.scorecard.bridge_texts import signed, why_of
from skucast.scorecard.spellings import in_the_names_of_the_sales

WHOLE = 0.5
"""A cutoff with fewer than this share of the combinations was forecast for some of them alone."""

SAME = 1e-6
"""Numbers of one cutoff that differ by less than this share are the same ones, published again."""


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

    `made` is what this task's forecasts were made of; None where it has made none, but found them staged.

    A bridge that fails is a warning, and there is none: no forecast fails for it.
    """
    with report.timed("changes"):
        try:
            found = _changes(settings, warehouse, store, run, inputs, made, rows, report)
            if found is not None:
                warehouse.replace(CHANGES, found, run.cutoff, run=run)
        except Exception as error:  # noqa: BLE001 - whatever it is, forecasts are published without it
            log.debug("the bridge failed", exc_info=True)
            report.warn(f"why forecasts changed is not told: {type(error).__name__}: {error}")


def _changes(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    inputs: Inputs,
    made: Known | None,
    rows: pd.DataFrame,
    report: RunReport,
) -> pd.DataFrame | None:
    """The rows of the table for this cutoff; None where no earlier run has forecast any of these weeks."""
    ledger = _ledger(settings, warehouse, run, inputs, rows)
    is_now = ledger["cutoff"] == pd.Timestamp(run.cutoff)
    published, earlier = ledger[is_now], ledger[~is_now]
    kept = pd.DataFrame()
    after = rows
    all_before, all_after = last_run(earlier), rows
    if inputs.only is not None:
        others = published[~is_about(published, rows)]
        kept = _kept(warehouse, run, rows, others)
        all_after = pd.concat([others, rows], ignore_index=True)
        after = all_after[~is_about(all_after, kept)] if len(kept) else all_after
    before = all_before if inputs.only is None else all_before[is_about(all_before, after)]
    if before.empty or not set(before["ds"]) & set(after["ds"]):
        return None
    had_panel = before["panel_version"].notna().any()  # which looks at what is promoted beside an article too
    about = inputs.history.combinations if had_panel else combinations_of(after)
    known = _known(settings, warehouse, store, run, inputs, made, about)
    remade = Remade(settings, warehouse, store, run, inputs, known)
    found = remade.between(before, after)
    changes = _with_facts(changes_of(before, after, found.between), found, before, published, inputs)
    _note_replaced(changes, published, rows, report)
    if len(kept):
        changes = pd.concat([changes, kept[changes.columns]], ignore_index=True)
    sides = dict(zip(EXPECTED[:3], (all_before, all_after, published), strict=True))
    found_of = {name: _expected(changes, side) for name, side in sides.items()}
    changes = changes.assign(**found_of).fillna({"expected_before": 0.0, "expected": 0.0})
    changes["expected_surprise"] = _surprises(all_before, expected_of(all_before), inputs.history.weeks, changes)
    all_rows = rolled_up(changes).assign(cutoff=pd.Timestamp(run.cutoff))
    weeks = (all_rows["cutoff"] - all_rows["previous_cutoff"]).dt.days // 7
    all_rows["why"] = why_of(all_rows.assign(n_weeks=weeks))
    return all_rows.assign(run_id=run.run_id, created_at=run.run_at)[CHANGES.column_names]


def _known(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    inputs: Inputs,
    made: Known | None,
    combinations: Sequence[Combination],
) -> Known:
    """What this run's forecasts are made of: as this task has it, or read once more where others have made some."""
    wanted = sorted(set(inputs.history.combinations).intersection(combinations))
    if made is not None and set(wanted) <= set(made.planned):
        return made
    report = Quiet()
    files = None
    if settings.forecaster != "prophet":
        files = made.files if made is not None else load_files(store, run.cutoff, report)
    return known_of(settings, warehouse, run, replace(inputs, wanted=wanted), {}, files, report)


def _ledger(settings: Settings, warehouse: Warehouse, run: Run, inputs: Inputs, rows: pd.DataFrame) -> pd.DataFrame:
    """What is published of this cutoff and of the last ones, under today's names: of one week before if that has most.

    Of a table of many weeks no more is read than is asked for.
    """
    n_wanted = len(rows[KEY].drop_duplicates())
    for n_weeks in (1, settings.horizon_weeks):
        found = warehouse.read(FORECASTS, since={"cutoff": run.cutoff - n_weeks * WEEK}, until={"cutoff": run.cutoff})
        n_before = (~found.loc[found["cutoff"] < pd.Timestamp(run.cutoff), KEY].duplicated()).sum()
        if inputs.only is None and n_before >= WHOLE * n_wanted:
            break
    return in_the_names_of_the_sales(found, inputs.history.names)


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
    stored = stored[(stored["level"] == "combination") & ~is_about(stored, rows)]
    is_gone = (stored["gone_articles"] != 0).to_numpy()
    return stored[is_about(stored, others) | is_gone] if len(stored) else stored


def _with_facts(
    changes: pd.DataFrame, found: Found, before: pd.DataFrame, published: pd.DataFrame, inputs: Inputs
) -> pd.DataFrame:
    """The changes with what is told beside the parts."""
    index = pd.MultiIndex.from_frame(changes[ROW])
    number = before["final"].fillna(before["yhat"]).to_numpy(dtype="float64")
    plans = pd.Series(
        list(found.plans.values()),
        index=pd.MultiIndex.from_tuples(
            [(*each.parts, pd.Timestamp(ds)) for each, ds in found.plans] or [("", "", "", pd.NaT)], names=ROW
        )[: len(found.plans)],
        dtype="object",
    )
    replaced = published.set_index(ROW)
    final = replaced["final"].fillna(replaced["yhat"])
    return changes.assign(
        sales_surprise=_surprises(before, number, inputs.history.weeks, changes),
        plan_change=plans.reindex(index).to_numpy(),
        replaced=final.reindex(index).to_numpy(),
    )


def _expected(changes: pd.DataFrame, side: pd.DataFrame) -> npt.NDArray[np.float64]:
    """What each change adds to a sum, on one side of it; NaN where that has no row."""
    if side.empty:
        return np.full(len(changes), np.nan)
    place = pd.MultiIndex.from_frame(side[ROW]).get_indexer(pd.MultiIndex.from_frame(changes[ROW]))
    return np.where(place >= 0, expected_of(side)[place], np.nan)


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


def _note_replaced(changes: pd.DataFrame, published: pd.DataFrame, rows: pd.DataFrame, report: RunReport) -> None:
    """Say that this cutoff was published before with other numbers, and what that makes in all."""
    mine = published[is_about(published, rows)]
    both = mine[[*ROW, "yhat", "final"]].merge(rows[[*ROW, "yhat", "final"]], on=ROW, suffixes=("_before", ""))
    old, new = (
        both[f"final{suffix}"].fillna(both[f"yhat{suffix}"]).to_numpy(dtype="float64") for suffix in ("_before", "")
    )
    moved = np.abs(new - old) > SAME * (1 + np.abs(old))
    if moved.any():
        n = len(both.loc[moved, KEY].drop_duplicates())
        report.notes.append(
            f"this cutoff was published before with other numbers: {counted(n, 'combination')} changed, "
            f"{signed(float((new - old).sum()))} in all; the bridge is from the cutoff before"
        )

"""A cutoff that is forecast again: what this run changes of the forecast that it replaces, kept run by run."""

from __future__ import annotations

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.rows import is_about
from skucast.core.tables.changes import REVISIONS
from skucast.core.words import counted
from skucast.jobs.compared import WHOLE, Compared, expected
from skucast.runtime.outcome import RunReport
from skucast.scorecard.bridge import rolled_up
from skucast.scorecard.bridge_texts import signed, why_of
from skucast.scorecard.revisions import chain_of, newest_run, only_changed, settled


def revision_of(compared: Compared, report: RunReport) -> pd.DataFrame | None:
    """Return the rows of the table for this cutoff, those of earlier runs first; None where nothing is replaced.

    What a run has told that never published it is left out.
    """
    if compared.published.empty:
        return None
    rows = _revised(compared)
    _note(rows, report)
    week = {"cutoff": compared.run.cutoff}
    stored = compared.warehouse.read(REVISIONS, since=week, until=week)
    before = chain_of(stored, compared.published)
    return pd.concat([before, rows], ignore_index=True) if len(before) else rows


def _revised(compared: Compared) -> pd.DataFrame:
    """What this run changes, of each combination that it does change, and in sums."""
    run, before = compared.run, compared.published
    mine, after = compared.rows, compared.all_after
    if len(before[KEY].drop_duplicates()) < WHOLE * len(after[KEY].drop_duplicates()):
        mine, after = (each[is_about(each, before)] for each in (mine, after))  # what came first was a targeted run
    changes = compared.changes(before, after, about=mine)
    changes = changes.assign(
        sales_surprise=np.nan,
        replaced=np.nan,
        new_weeks=changes["new_weeks"].mask(changes["new_weeks"] == 0),
        expected_before=expected(changes, before),
        expected=expected(changes, after),
        expected_replaced=np.nan,
        expected_surprise=np.nan,
    ).fillna({"expected_before": 0.0, "expected": 0.0})
    rows = rolled_up(settled(changes))
    rows["why"] = why_of(rows.assign(n_weeks=0))
    replaced_run_id, replaced_at = newest_run(before)
    told = only_changed(rows).assign(
        cutoff=pd.Timestamp(run.cutoff),
        replaced_run_id=replaced_run_id,
        replaced_at=replaced_at,
        run_id=run.run_id,
        created_at=run.run_at,
    )
    return told[REVISIONS.column_names]


def _note(rows: pd.DataFrame, report: RunReport) -> None:
    """Say that this cutoff was published before, and what this run makes of it in all."""
    changed = rows.loc[(rows["level"] == "combination") & (rows["change"] != 0)]
    if changed.empty:
        report.notes.append("this cutoff was published before, with the same numbers")
        return
    n = len(changed.drop_duplicates(KEY))
    report.notes.append(
        f"this cutoff was published before with other numbers: {counted(n, 'combination')} changed, "
        f"{signed(float(changed['change'].sum()))} in all; {REVISIONS.label} say why"
    )

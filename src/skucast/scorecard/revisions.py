"""What a further run of one cutoff changed of the forecast that it replaced, and which runs have replaced which."""

from __future__ import annotations

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.changes import PARTS

SAME = 1e-6
"""Numbers of one cutoff that differ by less than this share are the same ones, published again."""

LEFT_OUT = ("SKU_ID", "combination")
"""Levels whose rows are left out where a run changed nothing of them; the sums of units and channels are few."""


def newest_run(published: pd.DataFrame) -> tuple[str, pd.Timestamp]:
    """Return the newest run that has made any of these forecasts, and when it did."""
    newest = published.sort_values("created_at", kind="stable").iloc[-1]
    return str(newest["run_id"]), newest["created_at"]


def chain_of(stored: pd.DataFrame, published: pd.DataFrame) -> pd.DataFrame:
    """Return the revisions that led to what is published, run by run; what was never published is left out.

    A run that has told what it changes, and failed before it published, is in no chain.
    """
    replaced = dict(zip(stored["run_id"], stored["replaced_run_id"], strict=True))
    newest = published["created_at"] == published["created_at"].max()
    waiting = sorted(set(published.loc[newest, "run_id"]))
    found: set[str] = set()
    while waiting:
        run_id = waiting.pop()
        if run_id in replaced and run_id not in found:
            found.add(run_id)
            waiting.append(replaced[run_id])
    return stored[stored["run_id"].isin(found)]


def settled(changes: pd.DataFrame) -> pd.DataFrame:
    """Return the changes of combinations; where no more has changed than floats lose, nothing has.

    `changes` are those of `bridge.changes_of` with `bridge.EXPECTED`.
    """
    middle, expected = ["final_before", "final"], ["expected_before", "expected"]
    least = SAME * (1 + changes[[*middle, *expected]].abs().max(axis=1))
    in_sums = (changes["expected"] - changes["expected_before"]).abs()
    is_same = (changes[["change", *PARTS]].abs().max(axis=1) <= least) & (in_sums <= least)
    found = changes.assign(final=changes["final"].mask(is_same, changes["final_before"]))
    found["expected"] = found["expected"].mask(is_same, found["expected_before"])
    zeros = ["change", *PARTS]
    found[zeros] = found[zeros].where(~is_same, 0.0)
    return found


def only_changed(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a revision that are stored: what it changed in any week, and sums of units and channels."""
    names = ["level", *KEY]
    has_changed = (rows[["change", *PARTS]] != 0).any(axis=1).groupby([rows[name] for name in names]).transform("any")
    found: pd.DataFrame = rows[~rows["level"].isin(LEFT_OUT) | has_changed]
    return found.reset_index(drop=True)

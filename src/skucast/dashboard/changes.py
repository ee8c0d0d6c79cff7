"""Why the newest forecast is not what the run before said: parts of each sum and combination, with reasons."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.core.tables.changes import PARTS
from skucast.dashboard.columns import coded, iso, only
from skucast.scorecard.bridge_texts import clauses_of, facts_of

if TYPE_CHECKING:
    from pandas import DataFrame, Series

    from skucast.dashboard.board import Board

ALL_WEEKS = -1
"""Stands for the week of a row that sums all."""

_NUMBERS = ["final_before", "final", "change"]
_CELL = ["unit", "channel"]
_FIRST = [
    "sales_surprise",
    "model_change",
    "method",
    "method_before",
    "status",
    "status_before",
    "level",
    "n_weeks",
    "new_weeks",
]
"""What is the same in all weeks of a combination."""


MAX_REVISIONS = 3
"""Runs of one cutoff whose changes are on the page: the newest."""


def changes_data(board: Board, names: DataFrame) -> dict[str, Any] | None:
    """Return the changes of the weeks that both runs forecast; None where nothing is stored.

    `weeks` are these, `parts` the names of those that are anywhere. `cells` has a row per unit, channel and week,
    `combinations` one per combination of `names` and week, and one with `ALL_WEEKS` for their sum: the combination by
    its names, and `reasons`, a list of [number of a text in `texts`, what stands in its places].
    """
    rows = board.changes
    if rows is None or rows.empty:
        return None
    rows = rows.assign(n_weeks=(rows["cutoff"] - rows["previous_cutoff"]).dt.days // 7)
    total = rows[rows["level"] == "total"]
    ends = {"previous": iso(total["previous_cutoff"])[0], "cutoff": iso(total["cutoff"])[0]}
    return {**ends, "on_replaced": _on_replaced(total), **_bridge(rows, names)}


def revisions_data(board: Board, names: DataFrame) -> list[dict[str, Any]]:
    """Return what each further run of the newest cutoff changed of what it replaced, the newest first.

    As the changes, with `made_at` and `replaced_at`; a combination that a run left as it was has no row.
    """
    rows = board.revisions
    if rows is None or rows.empty:
        return []
    rows = rows.assign(n_weeks=0, sales_surprise=float("nan"))
    runs = rows.drop_duplicates("run_id").sort_values("created_at", ascending=False, kind="stable")
    return [
        {
            "made_at": f"{run['created_at'].isoformat()}Z",
            "replaced_at": f"{run['replaced_at'].isoformat()}Z",
            **_bridge(rows[rows["run_id"] == run["run_id"]], names),
        }
        for run in runs.head(MAX_REVISIONS).to_dict("records")
    ]


def _bridge(rows: DataFrame, names: DataFrame) -> dict[str, Any]:
    weeks = sorted(rows["ds"].unique())
    rows = rows.assign(_week=rows["ds"].map({week: number for number, week in enumerate(weeks)}))
    parts = [name for name in PARTS if (rows[name].abs() >= _LEAST).any()]
    cells = rows[rows["level"] == "unit_channel"].sort_values([*_CELL, "ds"])
    total = rows[rows["level"] == "total"]
    mine = only(rows[rows["level"] == "combination"], names)
    told, texts = _told(_with_sums(mine) if len(mine) else mine)
    return {
        "weeks": iso(total.sort_values("ds")["ds"]),
        "parts": parts,
        "texts": texts,
        "cells": {**{name: coded(cells[name]) for name in _CELL}, **_columns(cells, parts)},
        "combinations": {
            **{name: coded(told[name]) for name in KEY},
            **_columns(told, parts),
            "reasons": told["_reasons"].tolist(),
        },
    }


def _on_replaced(total: DataFrame) -> float | None:
    """How far this run lies from what an earlier one of the same cutoff had published; None where none had."""
    return float((total["final"] - total["replaced"]).sum()) if total["replaced"].notna().all() else None


_LEAST = 0.005
"""A part that is less in every row is not on the page."""


def _columns(rows: DataFrame, parts: list[str]) -> dict[str, Any]:
    return {
        "week": rows["_week"].astype("int64").tolist(),
        **{name: _rounded(rows[name]) for name in [*_NUMBERS, *parts]},
    }


def _rounded(values: Series) -> list[float]:
    """Numbers with three decimals, which is more than is shown."""
    return [int(value) if value.is_integer() else value for value in values.astype("float64").round(3).tolist()]


def _with_sums(rows: DataFrame) -> DataFrame:
    """The rows and, of each combination, one that sums its weeks; of what its plan changed each promotion once."""
    import pandas as pd

    groups = rows.groupby(KEY, sort=False, as_index=False)
    sums = groups[[*_NUMBERS, *PARTS]].sum()
    first = groups[[*_FIRST, *(name for name in ["blend_change"] if name in rows)]].first()
    plans = groups["plan_change"].agg(_joined)
    of_all = sums.merge(first, on=KEY).merge(plans, on=KEY).assign(_week=ALL_WEEKS)
    return pd.concat([rows, of_all], ignore_index=True).sort_values([*KEY, "_week"], ignore_index=True)


def _joined(texts: Series) -> str | None:
    found = {json.dumps(each): each for text in texts.dropna() for each in json.loads(text)}
    return json.dumps(list(found.values())) if found else None


def _told(rows: DataFrame) -> tuple[DataFrame, list[str]]:
    """The rows with their reasons, and the texts that these are made of."""
    import pandas as pd

    texts: dict[str, int] = {}
    reasons = [
        [[texts.setdefault(clause.text, len(texts)), clause.values] for clause in clauses_of(row)]
        for row in facts_of(rows)
    ]
    return rows.assign(_reasons=pd.Series(reasons, index=rows.index, dtype="object")), list(texts)

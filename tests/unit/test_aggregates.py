"""Totals against what was sold in sum: hit or missed, and what happens where something is not known."""

import itertools

import numpy as np
import pandas as pd
import pytest

from skucast.core.combination import KEY
from skucast.core.tables.totals import TOTALS_METRICS
from skucast.core.tables.validation import validate
from skucast.jobs import totals as totals_job
from skucast.scorecard.aggregates import metrics_of_totals, sums_of_totals

CUTOFF = pd.Timestamp("2026-11-01")
WINDOW = CUTOFF + pd.Timedelta(weeks=1), CUTOFF + pd.Timedelta(weeks=2)
COMBINATIONS = [("u", "c", "a"), ("u", "c", "b"), ("v", "c", "a")]


def cells(**columns: object) -> pd.DataFrame:
    """Return two weeks of three combinations."""
    at = pd.DataFrame(COMBINATIONS, columns=KEY).merge(pd.DataFrame({"step": [1, 2]}), how="cross")
    return at.assign(cutoff=CUTOFF, ds=CUTOFF + pd.to_timedelta(7 * at["step"], unit="D"), **columns)


FORECASTS = cells(yhat=90.0, yhat_mean=[100.0, 100.0, 96.0, 96.0, 4.0, np.nan]).assign(
    yhat=lambda x: x["yhat"].where(x["yhat_mean"].notna(), 4.0)
)
SOLD = cells(y=[110.0, 90.0, 100.0, 120.0, 5.0, 6.0])[[*KEY, "ds", "y"]]


def total(level: str, step: int, lower: float, upper: float, **key: str) -> dict[str, object]:
    """Return one row of the totals, its number in the middle of its interval."""
    weeks = (1, 2) if step == 0 else (step, step)
    days = {name: CUTOFF + pd.Timedelta(weeks=week) for name, week in zip(("ds_from", "ds"), weeks, strict=True)}
    named = {name: key.get(name, "*") for name in KEY}
    numbers = {"yhat": (lower + upper) / 2, "yhat_lower": lower, "yhat_upper": upper}
    return {"cutoff": CUTOFF, "level": level, **named, "step": step, **days, **numbers}


TOTALS = pd.DataFrame(
    [
        total("total", 1, 180, 220),
        total("total", 2, 180, 210),
        total("total", 0, 370, 450),
        total("unit", 1, 200, 220, unit="u"),
        total("unit", 1, 0, 4, unit="v"),
        total("combination", 0, 150, 250, unit="u", channel="c", SKU_ID="a"),
        total("combination", 0, 0, 8, unit="v", channel="c", SKU_ID="a"),
    ]
)


def scored(sold: pd.DataFrame = SOLD, totals: pd.DataFrame = TOTALS) -> pd.DataFrame:
    """Return the metrics by level, unit and step."""
    rows = metrics_of_totals([sums_of_totals(totals, FORECASTS, sold, WINDOW)], WINDOW)
    stamp = {"actuals_through": WINDOW[1], "run_id": "r", "created_at": pd.Timestamp.now("UTC")}
    return validate(TOTALS_METRICS, rows.assign(**stamp)).set_index(["level", "unit", "step"])


def test_a_total_is_hit_or_missed_as_one_number() -> None:
    """215 of 180 to 220 is inside, 216 of 180 to 210 is not; both weeks together are 431 of 370 to 450."""
    rows = scored()
    assert rows.loc[("total", "*", 1), ["sum_actual", "n", "coverage"]].tolist() == [215.0, 1, 1.0]
    assert rows.loc[("total", "*", 2), ["sum_actual", "n", "coverage"]].tolist() == [216.0, 1, 0.0]
    assert rows.loc[("total", "*", 0), ["sum_actual", "coverage", "mean_width"]].tolist() == [431.0, 1.0, 80.0]
    assert rows.loc[("total", "*", 2), "wape"] == pytest.approx(21 / 216)
    assert rows.loc[("total", "*", 2), "bias_ratio"] == pytest.approx(-21 / 216)


def test_the_totals_of_a_level_are_pooled_and_those_of_combinations_only_so() -> None:
    """Unit u was hit, unit v was not: together 1 of 2; no row for each combination."""
    rows = scored()
    assert [rows.loc[("unit", unit, 1), "n_covered"] for unit in ("u", "v", "*")] == [1, 0, 1]
    assert rows.loc[("unit", "*", 1), "n"] == 2
    assert [(index[1], row["n"], row["n_covered"]) for index, row in rows.loc[["combination"]].iterrows()] == [
        ("*", 2, 1)
    ]


def test_what_is_not_known_never_counts_as_nothing_sold() -> None:
    """A small part counts as it was forecast and is counted; where more is not known the total is not scored."""
    sold = SOLD.assign(y=SOLD["y"].where((SOLD["unit"] != "v") | (SOLD["ds"] != WINDOW[0])))
    rows = scored(sold)
    assert rows.loc[("total", "*", 1), ["sum_actual", "n", "n_partly"]].tolist() == [214.0, 1, 1]
    assert rows.loc[("unit", "v", 1), ["n", "n_left_out"]].tolist() == [0, 1]
    assert pd.isna(rows.loc[("unit", "v", 1), "coverage"])
    rows = scored(SOLD[SOLD["SKU_ID"] != "b"])
    assert rows.loc[("total", "*", 1), ["n", "n_left_out", "sum_actual"]].tolist() == [0, 1, 0.0]


def test_totals_that_begin_before_the_window_or_are_of_other_names_are_not_scored() -> None:
    """A sum whose first week is too old is not there; one of a unit that is called otherwise by now is left out."""
    older = TOTALS.assign(ds_from=TOTALS["ds_from"].where(TOTALS["step"] > 0, CUTOFF))
    renamed = older.assign(unit=older["unit"].replace("v", "w"))
    rows = scored(totals=renamed)
    assert ("total", "*", 0) not in rows.index
    assert rows.loc[("unit", "w", 1), ["n", "n_left_out"]].tolist() == [0, 1]


def test_nothing_to_score_is_no_row() -> None:
    """Before any total is stored the table stays empty."""
    assert len(metrics_of_totals([sums_of_totals(TOTALS.head(0), FORECASTS, SOLD, WINDOW)], WINDOW)) == 0


@pytest.mark.parametrize("room", [1, 12, 10_000])
def test_totals_are_read_cutoff_by_cutoff_where_they_are_many(monkeypatch: pytest.MonkeyPatch, room: int) -> None:
    """However many are read at once: every cutoff in one block, blocks that follow each other."""
    cutoffs = [CUTOFF + pd.Timedelta(weeks=n) for n in range(5)]
    forecasts = pd.DataFrame({"cutoff": cutoffs, "n": range(5)})
    monkeypatch.setattr(totals_job, "READ_AT_ONCE", room)
    blocks = list(totals_job._blocks(forecasts))
    assert pd.concat([mine for _, _, mine in blocks])["n"].tolist() == [0, 1, 2, 3, 4]
    assert [first for first, _, _ in blocks] == sorted({first for first, _, _ in blocks})
    assert all(before < after for (_, before, _), (after, _, _) in itertools.pairwise(blocks))
    assert len(blocks) == {1: 5, 12: 3, 10_000: 1}[room]

"""What a further run of one cutoff changed: which runs led to what is published, and what of it is stored."""

from __future__ import annotations

import pandas as pd
import pytest
from test_bridge import frame, row

from skucast.core.tables.changes import PARTS
from skucast.scorecard.bridge import changes_of, rolled_up
from skucast.scorecard.revisions import chain_of, newest_run, only_changed, settled


def published(*runs: str) -> pd.DataFrame:
    """Return forecasts that these runs have made, an hour after each other."""
    first = pd.Timestamp("2026-11-26 08:00")
    made = [first + pd.Timedelta(hours=number) for number in range(len(runs))]
    return pd.DataFrame({"run_id": list(runs), "created_at": made})


def stored(**replaced: str) -> pd.DataFrame:
    """Return a row for each run that has told what it changed of another."""
    return pd.DataFrame({"run_id": list(replaced), "replaced_run_id": list(replaced.values())})


def test_the_runs_that_led_to_what_is_published_are_a_chain():
    """One that was never published, or told nothing, is not in it, nor what was before a gap."""
    told = stored(b="a", lost="b", c="b", d="c")
    assert chain_of(told, published("d"))["run_id"].tolist() == ["b", "c", "d"]
    assert chain_of(told, published("a")).empty
    assert chain_of(told, published("silent")).empty
    assert chain_of(told.iloc[:0], published("d")).empty


def test_the_newest_of_several_runs_counts():
    """A targeted run leaves rows of the one before it beside its own."""
    assert newest_run(published("a", "b")) == ("b", pd.Timestamp("2026-11-26 09:00"))
    assert chain_of(stored(b="a"), published("a", "b"))["run_id"].tolist() == ["b"]


def revision(before: pd.DataFrame, after: pd.DataFrame) -> pd.DataFrame:
    """Return what is stored of a run that replaces these forecasts."""
    changes = changes_of(before, after)
    expected = {"expected_before": changes["final_before"], "expected": changes["final"]}
    nothing = dict.fromkeys(["expected_replaced", "expected_surprise", "sales_surprise", "replaced"], float("nan"))
    return only_changed(rolled_up(settled(changes.assign(**expected, **nothing))))


def test_what_was_left_as_it_was_has_no_row():
    """But for the sums of units and channels, which are of all: an override of one article of two."""
    rows = revision(frame(row(), row(sku="B")), frame(row(final=130.0), row(sku="B")))
    one = rows[rows["level"].isin(["combination", "SKU_ID"])]
    assert set(one["SKU_ID"]) == {"A"}
    assert one["override"].tolist() == pytest.approx([30.0, 30.0])
    total = rows[rows["level"] == "total"].iloc[0]
    assert total[["final_before", "final", "n_combinations"]].tolist() == [200.0, 230.0, 2]


def test_the_last_digits_of_floats_are_no_change():
    """Then there are sums alone, with parts that are exactly 0."""
    rows = revision(frame(row()), frame(row(level=100.0 + 1e-9)))
    assert set(rows["level"]) == {"total", "unit", "channel", "unit_channel"}
    assert (rows[["change", *PARTS]] == 0).all(axis=None)


def test_parts_that_cancel_each_other_are_kept():
    """A number that is as it was for two reasons is told."""
    rows = revision(frame(row()), frame(row(level=90.0, carry_over=10.0)))
    one = rows[rows["level"] == "combination"].iloc[0]
    assert one[["change", "level_and_trend", "new_sales"]].tolist() == pytest.approx([0.0, -10.0, 10.0])


def test_a_model_that_both_runs_fitted_to_the_same_weeks_is_the_same():
    """A promotion's change is not taken for another model's, and nothing became of the model."""
    before, after = frame(row(status="refreshed")), frame(row(status="refreshed", promo=5.0))
    found = changes_of(before, after).iloc[0]
    assert found["promotions"] == pytest.approx(5.0)
    assert found["model_and_data"] == 0
    assert found["model_change"] is None
    later = frame(row(status="refreshed", data_cutoff=pd.Timestamp("2026-11-15")))
    assert changes_of(later, after).iloc[0]["model_change"] == "refreshed"

"""One cutoff forecast again: what that run changed of the forecast it replaced is stored, run by run, and adds up."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, line
from business import Business, Task
from test_changes import A1, AS_OF, B2, forecast_and_sell_a_week, of, sell_a_week

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY
from skucast.core.errors import WarehouseError
from skucast.core.tables.changes import CHANGES, PARTS, REVISIONS
from skucast.core.tables.contract import Table
from skucast.core.tables.forecasts import FORECASTS
from skucast.jobs.stored_revisions import revisions_of

TOTAL = ("*", "*", "*")


@pytest.fixture
def published(business: Business) -> Business:
    """Return a business that has forecast two weeks, the second of them once."""
    business.once("a week forecast, the next one sold", forecast_and_sell_a_week)
    business.already("predict", *AS_OF)
    return business


def newest(business: Business) -> pd.DataFrame:
    """Return what is published of the newest cutoff, with the run that made it."""
    rows = business.warehouse.read(FORECASTS)
    rows = rows[rows["cutoff"] == rows["cutoff"].max()]
    return rows.assign(final=rows["final"].fillna(rows["yhat"])).sort_values([*KEY, "ds"], ignore_index=True)


def again(business: Business, *flags: str) -> pd.DataFrame:
    """Forecast the newest week once more; return what that has changed, after a look at what holds of all of it."""
    before, told_before = newest(business), set(business.warehouse.read(REVISIONS)["run_id"])
    assert business("predict", *AS_OF, *flags) == 0
    after, stored = newest(business), business.warehouse.read(REVISIONS)
    rows = stored[~stored["run_id"].isin(told_before)]
    assert rows["run_id"].nunique() == 1
    adds_up(rows)
    one = rows[rows["level"] == "combination"].set_index([*KEY, "ds"])["change"]
    both = before.merge(after, on=[*KEY, "ds"], suffixes=("_before", ""))
    told = both.set_index([*KEY, "ds"])
    moved = told["final"] - told["final_before"]
    assert one.to_dict() == pytest.approx(moved[moved.index.isin(one.index)].to_dict(), abs=1e-9)
    assert moved[~moved.index.isin(one.index)].abs().max() < 1e-6
    assert set(rows["replaced_at"]) == {before["created_at"].max()}
    return rows


def adds_up(rows: pd.DataFrame) -> None:
    """The parts of every row are its change, and what combinations change is what each sum changes."""
    assert (rows[list(PARTS)].sum(axis=1) - rows["change"]).abs().max() < 1e-6
    one = rows[rows["level"] == "combination"]
    for level, names in (
        ("total", []),
        ("unit", ["unit"]),
        ("unit_channel", ["unit", "channel"]),
        ("SKU_ID", ["SKU_ID"]),
    ):
        sums = rows[rows["level"] == level].set_index([*names, "ds"])[["change", *PARTS]]
        parts = one.groupby([*names, "ds"])[["change", *PARTS]].sum().reindex(sums.index).fillna(0.0)
        pd.testing.assert_frame_equal(sums, parts, check_names=False, atol=1e-6)


def correct_sales(business: Business, batch: str, quantity: float = 700.0) -> None:
    """Deliver a week again that the runs knew."""
    more = pd.DataFrame([line(CUTOFF + timedelta(weeks=1), quantity, promo=None, **dict(zip(KEY, B2, strict=True)))])
    business.sell(more.astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"}), batch)


def test_a_first_run_replaces_nothing(published: Business) -> None:
    """There is no row of it."""
    assert published.rows(REVISIONS).empty


def test_the_same_again_changes_nothing_and_says_so(published: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Sums with parts that are all 0, and no row of a combination; the week's bridge is as it was."""
    week = published.rows(CHANGES)
    rows = again(published)
    assert set(rows["level"]) == {"total", "unit", "channel", "unit_channel"}
    assert rows[["change", *PARTS]].abs().max(axis=None) == 0
    assert set(rows["why"]) == {"0: nothing has changed"}
    assert "this cutoff was published before, with the same numbers" in capsys.readouterr().err
    told = ["level", *KEY, "ds", "change", *PARTS, "why"]
    pd.testing.assert_frame_equal(published.rows(CHANGES)[told], week[told])


def test_each_run_tells_what_it_changed_of_the_one_before(published: Business) -> None:
    """A correction of sales, then nothing, then another: all three are kept, and lead from the first to the last."""
    first = newest(published)
    correct_sales(published, "once")
    rows = of(again(published), B2)
    assert rows["data_restated"].abs().max() > 1
    assert rows["data_restated"].tolist() == pytest.approx(rows["change"].tolist())
    assert "sales of earlier weeks were corrected" in rows["why"].iloc[0]
    assert again(published)["change"].abs().max() == 0
    correct_sales(published, "twice", -300.0)
    again(published)
    chain = revisions_of(published.warehouse, newest(published))
    assert chain["run_id"].nunique() == 3
    total = chain[chain["level"] == "total"]
    moved = newest(published)["final"].sum() - first["final"].sum()
    assert total["change"].sum() == pytest.approx(moved, abs=1e-6)


def test_late_sales_are_told_as_the_weeks_are(business: Business) -> None:
    """A week's sales that come after its forecast: through the lag, and as level and season."""
    assert business("predict") == 0
    assert business("predict", *AS_OF) == 0
    sell_a_week(business)
    rows = of(again(business), A1)
    assert set(rows["new_weeks"]) == {1}
    assert abs(rows["new_sales"].iloc[0]) > 1
    assert rows[["model", "plan", "data_restated", "override", "other_method"]].abs().max(axis=None) == 0


def test_a_targeted_run_changes_its_own_alone(published: Business) -> None:
    """Sums are of all combinations, the others' as they stay."""
    correct_sales(published, "once")
    rows = again(published, "--target-combinations", "/".join(B2))
    assert set(rows.loc[rows["level"] == "combination", "SKU_ID"]) == {"B2"}
    total = of(rows, TOTAL, "total")
    assert total["n_combinations"].tolist() == [6] * len(total)
    assert total["final"].sum() == pytest.approx(newest(published)["final"].sum(), rel=1e-6)


def test_a_whole_run_after_a_targeted_one_has_no_new_articles(business: Business) -> None:
    """What was not forecast before, because nobody had asked for it, is not told as new."""
    assert business("predict", "--target-combinations", "/".join(B2)) == 0
    assert business("predict") == 0
    rows = business.rows(REVISIONS)
    assert rows["new_articles"].abs().max() == 0
    assert set(rows["n_combinations"]) == {1}


def test_what_was_never_published_is_in_no_chain(published: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that fails after it has told what it changes: the next one compares with what is there, and drops it."""
    correct_sales(published, "once")

    replace = DuckDBWarehouse.replace

    def fails(self: DuckDBWarehouse, table: Table, *given: Any, **named: Any) -> int:
        if table is FORECASTS:
            raise WarehouseError("the machine is gone")
        return replace(self, table, *given, **named)

    with monkeypatch.context() as broken:
        broken.setattr(DuckDBWarehouse, "replace", fails)
        assert published("predict", *AS_OF) != 0
    assert not published.rows(REVISIONS).empty
    assert revisions_of(published.warehouse, newest(published)).empty
    rows = of(again(published), B2)
    assert rows["data_restated"].abs().max() > 1
    assert published.warehouse.read(REVISIONS)["run_id"].nunique() == 1


def test_two_tasks_tell_what_one_tells(published: Business, task: Task) -> None:
    """The task that publishes tells it of all."""
    correct_sales(published, "once")
    alone = again(published)
    correct_sales(published, "back", -700.0)
    again(published)
    correct_sales(published, "once more")
    assert [task("predict", index, 2, *AS_OF) for index in range(2)] == [0, 0]
    stored = published.warehouse.read(REVISIONS)
    together = stored[stored["run_id"] == newest(published)["run_id"].iloc[0]]
    told = ["level", *KEY, "ds", "change", *PARTS, "why"]
    by_place = ["level", *KEY, "ds"]
    pd.testing.assert_frame_equal(
        together[told].sort_values(by_place, ignore_index=True), alone[told].sort_values(by_place, ignore_index=True)
    )

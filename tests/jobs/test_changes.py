"""Why a forecast changed: the bridge is stored with every week, adds up, and never stops a forecast."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY, line
from business import NEW, TRAINED, Business, Task

from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.core.tables.changes import CHANGES, PARTS
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.sales import PROMOTIONS
from skucast.jobs import compared as compared_job

NEXT = WEDNESDAY + timedelta(weeks=1)
AS_OF = ("--as-of", str(NEXT))
A1, B2 = TRAINED[0], TRAINED[2]
FAR_BELOW = 30.0
"""What the first article sells in the week between the runs; it has been about 100."""


def sell_a_week(business: Business, number_of_week: int = 1) -> None:
    """Deliver a week after the tests' cutoff: the first article sells far below its forecast."""
    lines = []
    for number, parts in enumerate((*TRAINED, NEW)):
        quantity = FAR_BELOW if parts == A1 else 100.0 * (number + 1)
        names = dict(zip(KEY, parts, strict=True))
        days = [CUTOFF + timedelta(days=7 * number_of_week - day) for day in range(7)]
        lines += [line(day, quantity / 7, promo=None, **names) for day in days]
    frame = pd.DataFrame(lines).astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"})
    business.sell(frame, f"week {number_of_week}")


def plan(business: Business, name: str, known_on: str, **other: Any) -> None:
    """Say a promotion of the third article in the week after next, as the plan knows it from that day on."""
    row = {
        **dict(zip(KEY, B2, strict=True)),
        "starts_on": pd.Timestamp(CUTOFF + timedelta(days=8)),
        "ends_on": pd.Timestamp(CUTOFF + timedelta(days=14)),
        "discount_perc": 20.0,
        "known_from": pd.Timestamp(f"{known_on}T10:00"),
        "plan_id": "one",
        **other,
    }
    stamp = Run("test", "test", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)
    business.steps = None
    business.warehouse.append_once(PROMOTIONS, pd.DataFrame([row]), batch_id=name, source="test", run=stamp)


def checked_parts(business: Business) -> pd.DataFrame:
    """Return the newest changes, after a look at what holds of all: they add up, and are the ledger's difference."""
    rows = business.rows(CHANGES)
    rows = rows[rows["cutoff"] == rows["cutoff"].max()]
    assert (rows[list(PARTS)].sum(axis=1) - rows["change"]).abs().max() < 0.005
    ledger = business.rows(FORECASTS).assign(final=lambda all_rows: all_rows["final"].fillna(all_rows["yhat"]))
    by_cutoff = ledger.pivot(index=[*KEY, "ds"], columns="cutoff", values="final")
    one = rows[rows["level"] == "combination"].set_index([*KEY, "ds"])
    then = by_cutoff[one["previous_cutoff"].iloc[0]].reindex(one.index).fillna(0)
    now = by_cutoff[rows["cutoff"].iloc[0]].reindex(one.index).fillna(0)
    pd.testing.assert_series_equal(one["change"], now - then, check_names=False)
    return rows


def checked(business: Business) -> pd.DataFrame:
    """Return the same of Prophet alone, where a sum is that of the published numbers: there is no mean beside them."""
    rows = checked_parts(business)
    by_week = rows[rows["level"] == "combination"].groupby("ds")["change"].sum()
    total = rows[rows["level"] == "total"].set_index("ds")["change"]
    pd.testing.assert_series_equal(total, by_week, check_names=False)
    return rows


def of(rows: pd.DataFrame, parts: tuple[str, ...], level: str = "combination") -> pd.DataFrame:
    """Return the rows about one combination, or a sum, by week."""
    found = rows[(rows["level"] == level) & (rows[KEY] == list(parts)).all(axis=1)]
    return found.set_index("ds").sort_index()


@pytest.fixture
def twice(business: Business) -> Business:
    """Return a business that has forecast a week, with a promotion planned, and has sold the next one."""
    business.once("a week forecast, the next one sold", forecast_and_sell_a_week)
    return business


def forecast_and_sell_a_week(business: Business) -> None:
    """Forecast a week, with a promotion planned, and sell the next one."""
    plan(business, "early", "2026-11-20")
    assert business("predict") == 0
    sell_a_week(business)


def test_the_first_run_has_nothing_to_compare(business: Business) -> None:
    """No row, and no warning."""
    business.already("predict")
    assert business.rows(CHANGES).empty


def test_a_week_later_every_change_is_told(twice: Business, shown: Callable[[], str]) -> None:
    """Sales far below the forecast, and a promotion that was withdrawn since: each in its article, and in the sums."""
    plan(twice, "late", "2026-12-01", discount_perc=None, cancelled=True)
    assert twice("predict", *AS_OF) == 0
    assert "why forecasts changed" not in shown()
    rows = checked(twice)
    assert sorted(rows["ds"].dt.date.unique()) == [CUTOFF + timedelta(weeks=step) for step in (2, 3, 4)]
    assert set(rows["previous_cutoff"].dt.date) == {CUTOFF}
    first = of(rows, A1)
    assert (first["sales_surprise"] < -40).all()
    assert "last week's sales" in first["why"].iloc[0]
    promoted = of(rows, B2)
    assert promoted["plan"].iloc[0] < -10
    assert json.loads(promoted["plan_change"].iloc[0])[0]["kind"] == "withdrawn"
    assert "the promotion of 20 % from 30 November to 6 December was withdrawn" in promoted["why"].iloc[0]
    assert promoted["model"].abs().max() == promoted["data_restated"].abs().max() == 0
    total = of(rows, ("*", "*", "*"), "total")
    assert total["n_combinations"].tolist() == [6, 6, 6]
    assert total["plan"].iloc[0] == pytest.approx(promoted["plan"].iloc[0])


def test_the_same_week_again_is_compared_with_the_week_before(
    twice: Business, capsys: pytest.CaptureFixture[str]
) -> None:
    """And it is said that this cutoff had been published with other numbers, and which."""
    assert twice("predict", *AS_OF) == 0
    first = checked(twice)
    assert first["replaced"].isna().all()
    plan(twice, "late", "2026-12-01", discount_perc=10.0)
    assert twice("predict", *AS_OF) == 0
    again = checked(twice)
    assert "this cutoff was published before with other numbers: 1 combination changed" in capsys.readouterr().err
    assert set(again["previous_cutoff"].dt.date) == {CUTOFF}
    replaced = of(again, B2)["replaced"]
    assert replaced.tolist() == of(first, B2)["final"].tolist()
    assert json.loads(of(again, B2)["plan_change"].iloc[0])[0]["kind"] == "shallower"


def test_a_targeted_run_leaves_the_others_as_they_are(twice: Business) -> None:
    """Its own changes are made anew, and the sums with them; those of the rest are kept."""
    assert twice("predict", *AS_OF) == 0
    first = checked(twice)
    plan(twice, "late", "2026-12-01", discount_perc=None, cancelled=True)
    assert twice("predict", *AS_OF, "--target-combinations", "/".join(B2)) == 0
    again = checked(twice)
    assert of(again, A1)["why"].tolist() == of(first, A1)["why"].tolist()
    assert of(again, B2)["plan"].iloc[0] < -10
    assert of(first, B2)["plan"].abs().max() == 0


def test_a_skipped_week_compares_what_both_runs_forecast(twice: Business) -> None:
    """Two weeks later two weeks are common."""
    assert twice("predict", "--as-of", str(NEXT + timedelta(weeks=1))) == 0
    rows = checked(twice)
    assert sorted(rows["ds"].dt.date.unique()) == [CUTOFF + timedelta(weeks=step) for step in (3, 4)]


def test_late_sales_are_no_reason(business: Business) -> None:
    """A week without its sales: nothing is new, and that is said."""
    assert business("predict") == 0
    assert business("predict", *AS_OF) == 0
    rows = of(checked(business), A1)
    assert rows["new_weeks"].tolist() == [0, 0, 0]
    assert rows["new_sales"].abs().max() < 1e-6
    assert set(rows["why"]) == {"0: no newer sales have been delivered"}


def test_an_article_that_begins_is_a_part_of_the_total(twice: Business) -> None:
    """What it is forecast is the change of its own row, and a part of every sum that it is in."""
    days = [CUTOFF + timedelta(days=day) for day in range(1, 8)]
    lines = pd.DataFrame([line(day, 20.0, promo=None, SKU_ID="FRESH") for day in days])
    twice.sell(lines.astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"}), "fresh")
    assert twice("predict", *AS_OF) == 0
    rows = checked(twice)
    fresh = of(rows, ("Пермь", "KA", "FRESH"))
    assert fresh["final_before"].tolist() == [0, 0, 0]
    assert fresh["new_articles"].tolist() == fresh["final"].tolist()
    assert (fresh["final"] > 0).all()
    total = of(rows, ("*", "*", "*"), "total")
    assert total["new_articles"].tolist() == pytest.approx(fresh["final"].tolist())
    assert all("the last run did not forecast it" in text for text in fresh["why"])


def test_sales_that_were_corrected_are_a_part_of_their_own(twice: Business) -> None:
    """A week that the last run knew is delivered again, with twice as much."""
    more = pd.DataFrame([line(CUTOFF, 700.0, promo=None, **dict(zip(KEY, B2, strict=True)))])
    more = more.astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"})
    twice.sell(more, "correction")
    assert twice("predict", *AS_OF) == 0
    rows = checked(twice)
    assert of(rows, B2)["data_restated"].abs().max() > 1
    assert of(rows, A1)["data_restated"].abs().max() == 0


@pytest.mark.slow
def test_a_retrained_model_is_told_from_the_sales(twice: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the old model makes of the new sales is what a run without the training gives, to the last digit.

    Without the old version the two are one part.
    """
    monkeypatch.setenv("TUNE", "off")
    other = Business(twice.folder.with_name("other"))
    shutil.copytree(twice.folder, other.folder)
    assert other("predict", *AS_OF) == 0
    untrained = checked(other)
    assert twice("train", *AS_OF, "--force") == 0
    assert twice("predict", *AS_OF) == 0
    trained = checked(twice)
    row, same = of(trained, A1), of(untrained, A1)
    assert row["model"].abs().max() > 0.1
    assert set(row["model_change"]) == {"retrained"}
    assert (row["final"] - row["model"]).tolist() == pytest.approx(same["final"].tolist(), abs=1e-6)
    assert row["new_sales"].tolist() == pytest.approx(same["new_sales"].tolist(), abs=1e-6)
    for path in (twice.models / "_versions").glob("*/*/*/*.pkl"):
        if path.name.startswith(str(CUTOFF)):
            path.unlink()
    assert twice("predict", *AS_OF) == 0
    rows = of(checked(twice), A1)
    assert rows["model_and_data"].tolist() == pytest.approx(rows["change"].tolist())
    assert "the version before is kept no more" in rows["why"].iloc[0]


@pytest.mark.slow
def test_models_that_are_fitted_anew_each_week_are_told_from_the_sales(
    twice: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was fitted anew for the last run is fitted so again, and forecasts from the new sales."""
    monkeypatch.setenv("REFRESH_AFTER_WEEKS", "1")
    for number in (2, 3):
        sell_a_week(twice, number)
        assert twice("predict", "--as-of", str(WEDNESDAY + timedelta(weeks=number))) == 0
    ledger = twice.rows(FORECASTS)
    assert set(ledger.loc[(ledger["cutoff"] > str(CUTOFF)) & (ledger["SKU_ID"] == "A1"), "status"]) == {"refreshed"}
    row = of(checked(twice), A1)
    assert set(row["model_change"]) == {"refreshed"}
    assert (row["model"].abs() > 0.01).all()
    assert (row["new_sales"].abs() > 0.1).any()


def test_a_bridge_that_fails_stops_no_forecast(
    twice: Business, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """One warning, the forecasts are published, and no half of a bridge is stored."""

    def fails(*_: object) -> None:
        raise ValueError("broken")

    monkeypatch.setattr(compared_job, "changes_of", fails)
    assert twice("predict", *AS_OF) == 0
    assert "why forecasts changed is not told: ValueError: broken" in shown()
    assert twice.rows(CHANGES).empty
    assert (twice.rows(FORECASTS)["cutoff"] > str(CUTOFF)).any()


def test_two_tasks_tell_what_one_tells(twice: Business, task: Task) -> None:
    """The task that publishes knows the plan of the others' articles too."""
    plan(twice, "late", "2026-12-01", discount_perc=None, cancelled=True)
    assert twice("predict", *AS_OF) == 0
    alone = checked(twice)
    assert [task("predict", index, 2, *AS_OF) for index in range(2)] == [0, 0]
    together = checked(twice)
    told = [*KEY, "ds", *PARTS, "why"]
    pd.testing.assert_frame_equal(together[told], alone[told])

"""Forecasts and alerts under names that are another by now."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from builders import deliver, sunday, week
from pandas.testing import assert_frame_equal

from skucast.backends.store.local import LocalStore
from skucast.core.combination import KEY, Combination
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS, LOOKED_AT
from skucast.core.tables.validation import validate
from skucast.jobs.gate import evidence_of
from skucast.jobs.inputs import read_history
from skucast.jobs.names import decide
from skucast.jobs.stored_models import stored_as
from skucast.runtime.outcome import RunReport
from skucast.sales.names import NO_NAMES, Names
from skucast.scorecard.spellings import in_the_names_of_the_sales

MERGED = Names(spellings={"SKU_ID": {"75": "0075"}}, by_column={"SKU_ID": frozenset({"0075", "B2"})})


def forecast(sku_id: str, yhat: float, cutoff: int = 1, **other: Any) -> dict[str, Any]:
    """Return one row of the ledger."""
    return {
        "cutoff": sunday(cutoff),
        "unit": "Пермь",
        "channel": "KA",
        "SKU_ID": sku_id,
        "ds": sunday(cutoff - 1),
        "step": 1,
        "is_open_week": True,
        "yhat": yhat,
        "yhat_lower": yhat / 2,
        "yhat_upper": yhat * 2,
        **dict.fromkeys(COMPONENTS, yhat / len(COMPONENTS)),
        "method": "prophet",
        "status": "ok",
        "promo_source": "none",
        "weather_source": "none",
        "data_cutoff": sunday(cutoff),
        "run_id": "run",
        "created_at": pd.Timestamp("2026-11-25"),
        **dict.fromkeys(("yhat_prophet", "yhat_panel", "yhat_panel_log", "yhat_mean"), yhat),
        "quantiles": "{}",
        **other,
    }


def ledger(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return these rows as the warehouse gives them."""
    return validate(FORECASTS, pd.DataFrame(rows))


@pytest.mark.parametrize("columns", [LOOKED_AT, ("cutoff", *KEY, "ds", "yhat", "status", "data_cutoff")])
def test_of_some_columns_the_same_is_added(columns: tuple[str, ...]) -> None:
    """What a read of some columns gives under today's names are these columns of what a read of all gives."""
    rows = ledger(forecast("0075", 1.0, method="zero"), forecast("75", 100.0, final=90.0), forecast("B2", 7.0))
    whole = in_the_names_of_the_sales(rows, MERGED)
    named = [name for name in FORECASTS.column_names if name in columns]
    assert_frame_equal(in_the_names_of_the_sales(rows[named], MERGED), whole[named])


def test_what_was_forecast_of_both_spellings_is_added() -> None:
    """0 of the one that had ended and 100 of the one that went on are 100, as the larger one was made."""
    rows = ledger(
        forecast("0075", 0.0, status="inactive", method="zero"),
        forecast("75", 100.0),
        forecast("B2", 7.0),
        forecast("75", 50.0, cutoff=2),
    )
    found = in_the_names_of_the_sales(rows, MERGED)
    shown = found.sort_values(["cutoff", "SKU_ID"])[["SKU_ID", "yhat", "yhat_upper", "status"]]
    assert shown.to_numpy().tolist() == [
        ["0075", 50.0, 100.0, "ok"],
        ["0075", 100.0, 200.0, "ok"],
        ["B2", 7.0, 14.0, "ok"],
    ]
    assert found["yhat"].sum() == pytest.approx(rows["yhat"].sum())
    assert found[list(COMPONENTS)].sum(axis=1).tolist() == pytest.approx(found["yhat"].tolist())
    validate(FORECASTS, found)


def test_numbers_that_count_are_added_too() -> None:
    """Where one spelling has an override, the other's number is the model's."""
    said = {"final": 90.0, "final_lower": 45.0, "final_upper": 180.0, "override_id": "x", "override_effect": 20.0}
    (row,) = in_the_names_of_the_sales(ledger(forecast("0075", 100.0), forecast("75", 70.0, **said)), MERGED).to_dict(
        "records"
    )
    assert (row["yhat"], row["final"], row["override_id"], row["override_effect"]) == (170.0, 190.0, "x", 20.0)


def test_a_component_that_one_spelling_lacks_has_no_sum() -> None:
    """Of two spellings, one without a panel: their forecasts are added, the panel's are not; nor are quantiles."""
    nothing = float("nan")
    rows = ledger(forecast("0075", 5.0, yhat_panel=nothing, yhat_mean=nothing), forecast("75", 10.0))
    joined = in_the_names_of_the_sales(rows, MERGED).iloc[0]
    assert joined["yhat"] == joined["yhat_prophet"] == joined["yhat_mean"] == 15.0
    assert pd.isna(joined["yhat_panel"])
    assert pd.isna(joined["quantiles"])


def test_forecasts_under_their_own_names_stay_as_they_are() -> None:
    """Without other spellings there is nothing to do, and names that the sales do not have are kept."""
    rows = ledger(forecast("75", 100.0), forecast("gone", 1.0))
    pd.testing.assert_frame_equal(in_the_names_of_the_sales(rows, NO_NAMES), rows)
    assert in_the_names_of_the_sales(rows, MERGED)["SKU_ID"].tolist() == ["0075", "gone"]


def test_a_model_is_rolled_back_by_any_spelling(tmp_path: Path) -> None:
    """As it is written where it is stored so; else as the one that is stored and differs in the spelling only."""
    store, stored = LocalStore(str(tmp_path)), Combination("Север", "KA", "АРТ00101")
    store.save(stored, b"model", "2026-11-22-a", expected=None)
    assert stored_as(store, "Север/KA/АРТ00101") == stored
    assert stored_as(store, "север/КА/AРT00101") == stored
    assert stored_as(store, "Север/KA/АРТ101") == Combination("Север", "KA", "АРТ101")


@pytest.mark.slow
def test_the_last_look_compares_under_todays_names(warehouse, run, settings) -> None:
    """What the last run forecast of two spellings is one row beside the new one: no total vanishes, none doubles."""
    spelt = [week(sunday(n), 10.0, SKU_ID="75" if n < 2 else "0075") for n in range(6)]
    deliver(warehouse, [line for lines in spelt for line in lines], run)
    decide(settings(), warehouse, run, RunReport(), "merge", "75", "0075", None)
    rows = ledger(forecast("0075", 4.0), forecast("75", 6.0))
    warehouse.replace(FORECASTS, rows, sunday(1), run=run)
    history = read_history(settings(), warehouse, run)
    earlier = evidence_of(settings(), warehouse, run.cutoff, history).earlier
    assert earlier[["SKU_ID", "yhat"]].to_numpy().tolist() == [["0075", 10.0]]

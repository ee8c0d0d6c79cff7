"""Models beside ours in the library and in the jobs: their numbers, and what a failure costs."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from business import TRAINED, business_lines, sold
from sklearn.ensemble import HistGradientBoostingRegressor

import skucast as sk
from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.tables.forecasts import FORECASTS

QUICK = {"tune": "off", "workers": 1}

needs_statsforecast = pytest.mark.skipif(
    importlib.util.find_spec("statsforecast") is None, reason="StatsForecast is not installed: requirements/models.txt"
)


class LastMonth:
    """A model of one's own: the mean of the last four weeks."""

    name = "last_month"

    def fit(self, history: pd.DataFrame) -> LastMonth:
        self.level = history.groupby("unique_id")["y"].apply(lambda y: y.tail(4).mean())
        return self

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        return known.assign(last_month=known["unique_id"].map(self.level))


class Broken(LastMonth):
    """One that fails wherever it is asked."""

    name = "broken"

    def fit(self, history: pd.DataFrame) -> Broken:
        raise RuntimeError("no licence")


@pytest.fixture(scope="module")
def backtest() -> tuple[pd.DataFrame, list[str]]:
    """Return a backtest with three models beside Prophet, one of which fails, and its notes."""
    lags = sk.on_lags(HistGradientBoostingRegressor(max_iter=20), lags=[1, 2, 4], name="boosted")
    forecaster = sk.Forecaster(models=["prophet", lags, LastMonth(), Broken()], **QUICK).fit(business_lines())
    return forecaster.cross_validation(n_windows=2, h=2, step_size=3), forecaster.notes


def test_models_of_ones_own_are_ranked_beside_ours(backtest: tuple[pd.DataFrame, list[str]]) -> None:
    """By `evaluate` and `compare`; the mean of the last month is exactly what the scorecard's naive one is."""
    frame, _ = backtest
    names = ["skucast", "boosted", "last_month"]
    told = sk.evaluate(frame, ["wape"]).set_index("metric").loc["wape"]
    assert (told[names] < 0.3).all()
    assert set(sk.compare(frame, names)["model"]) == set(names)
    known = frame.dropna(subset=["last_month", "mean_4"])
    np.testing.assert_allclose(known["last_month"], known["mean_4"], rtol=1e-5)
    assert len(known) == frame["last_month"].notna().sum()


def test_a_model_that_fails_is_named_and_costs_itself(backtest: tuple[pd.DataFrame, list[str]]) -> None:
    """Its column is there without a number; what went wrong is said once."""
    frame, notes = backtest
    assert frame["broken"].isna().all()
    assert [note for note in notes if "broken" in note] == ["broken: no numbers, it failed: RuntimeError: no licence"]
    assert frame["skucast"].notna().all()


def test_a_model_beside_ours_changes_nothing_of_ours(backtest: tuple[pd.DataFrame, list[str]]) -> None:
    """Published numbers and intervals are the same to the last bit, and so it knows no more than it should."""
    alone = sk.Forecaster(forecaster="prophet", **QUICK).fit(business_lines())
    found = alone.cross_validation(n_windows=2, h=2, step_size=3)
    pd.testing.assert_frame_equal(backtest[0][found.columns], found)


class WhatIsKnown(LastMonth):
    """Forecasts the discount that is known ahead, in percent."""

    name = "discount"

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        return known.assign(discount=known["promo_discount_perc"])


def test_a_model_is_told_the_plan() -> None:
    """The promotions of the weeks to come, series by series."""
    plan = pd.DataFrame(
        {"unit": ["Пермь"], "starts_on": ["2026-11-30"], "ends_on": ["2026-12-06"], "discount_perc": [20.0]}
    )
    forecaster = sk.Forecaster(models=["prophet", WhatIsKnown()], **QUICK).fit(business_lines())
    found = forecaster.predict(h=2, known=plan)
    planned = (found["unit"] == "Пермь") & (found["step"] == 2) & (found["status"] == "ok")
    assert planned.any()
    assert found.loc[planned, "discount"].tolist() == [20.0] * planned.sum()


def test_of_a_late_unit_the_weeks_between_are_asked_too() -> None:
    """So that the weeks of the forecast are those of all others; its history ends where its deliveries do."""
    lines = business_lines()
    is_late = (lines["unit"] == "Чайковский") & (pd.to_datetime(lines["date"]) > "2026-11-08")
    forecaster = sk.Forecaster(models=["prophet", Ahead()], **QUICK).fit(lines[~is_late])
    found = forecaster.predict(h=2)
    steps = found[found["step"] == 1].groupby("unit")["ahead"].unique()
    assert steps["Чайковский"].tolist() == [3]
    assert steps["Пермь"].tolist() == [1]


class Ahead(LastMonth):
    """Forecasts how many weeks a week lies behind the last one that is known."""

    name = "ahead"

    def fit(self, history: pd.DataFrame) -> Ahead:
        self.last = history.groupby("unique_id")["ds"].max()
        return self

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        return known.assign(ahead=(known["ds"] - known["unique_id"].map(self.last)).dt.days // 7)


@needs_statsforecast
def test_the_jobs_keep_the_numbers_of_named_models(kept: Path, tmp_path: Path) -> None:
    """In one column, as the library gives them; without models that is empty."""
    business = sold(tmp_path / "business", kept)
    business.already("train")
    assert business("predict") == 0
    assert business.warehouse.read(FORECASTS)["yhat_others"].isna().all()
    assert business("predict", "--models", "ets,sba") == 0
    rows = business.warehouse.read(FORECASTS).sort_values([*KEY, "ds"], ignore_index=True)
    said = [json.loads(text) for text in rows["yhat_others"]]
    assert set(said[0]) == {"ets", "ets-lo-80", "ets-hi-80", "sba"}
    sales = sk.read_sales(f"duckdb:{business.warehouse.path}")
    forecaster = sk.Forecaster(models=["prophet", "ets", "sba"], workers=1).fit(sales, as_of="2026-11-25")
    found = forecaster.predict().sort_values([*KEY, "ds"], ignore_index=True)
    np.testing.assert_array_equal(found["ets"], [each.get("ets", np.nan) for each in said])
    np.testing.assert_array_equal(found["ets-hi-80"], [each.get("ets-hi-80", np.nan) for each in said])
    steady = found["unique_id"] == "/".join(TRAINED[0])
    assert (found.loc[steady, "ets"] / found.loc[steady, "skucast"]).between(0.7, 1.4).all()


WRONG = {
    "no such name": ({"models": ["lstm"]}, "no model lstm; there are prophet, panel, ets"),
    "ours against each other": ({"models": ["prophet"], "forecaster": "panel"}, "FORECASTER=panel makes panel"),
    "no model": ({"models": [3]}, "found 3: expected a name such as 'ets', or an object"),
    "a taken name": ({"models": [LastMonth(), LastMonth()]}, "has the name 'last_month': expected .* no other column"),
}


@pytest.mark.parametrize(("given", "said"), WRONG.values(), ids=WRONG)
def test_wrong_models_are_one_clear_line(given: dict[str, object], said: str) -> None:
    """Before anything is fitted."""
    with pytest.raises(InputError, match=said):
        sk.Forecaster(**given)  # type: ignore[arg-type]

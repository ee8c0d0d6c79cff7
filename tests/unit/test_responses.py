"""What promotions have done: shrunk to those of more series, known as of an origin, bounded by what was seen."""

from __future__ import annotations

import dataclasses
import hashlib
import itertools
import json
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from models import NO_HOLIDAYS, generated
from stubs import card, plan, stub_model

from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError
from skucast.core.weeks import WeekClock
from skucast.forecast.artifact import dumps, loads
from skucast.forecast.prophet.fit import fit, with_response
from skucast.forecast.prophet.model import Regressor
from skucast.forecast.prophet.rollout import roll_forward
from skucast.forecast.prophet.spec import RESPONSE_PRIOR_SCALE, ModelSpec
from skucast.forecast.training import Material, folds_of, make_recipe, train
from skucast.regressors.future import Archive, ahead, ahead_at
from skucast.regressors.responses import (
    DEPTHS,
    RESPONSE_REGRESSORS,
    Response,
    lift_curves,
    responded,
    responses_ahead,
    responses_at,
)

FACTORS = Response((0.1, 0.2, 0.4, 0.6, 0.7, 0.8))
"""Logs at 0, 5, 15, 25, 37 and 50 %."""


def sold(sku: str, promotions: dict[int, tuple[float, float]], unit: str = "Пермь", n_weeks: int = 80) -> pd.DataFrame:
    """Return weeks of 100, but where a week's number has a depth and the factor that it sold by."""
    y, depth = np.full(n_weeks, 100.0), np.zeros(n_weeks)
    for week, (percent, factor) in promotions.items():
        depth[week], y[week] = percent, 100.0 * factor
    ds = pd.date_range(end=CUTOFF, periods=n_weeks, freq="W-SUN").astype("datetime64[us]")
    names = dict(zip(KEY, (unit, "KA", sku), strict=True))
    return pd.DataFrame({**names, "ds": ds, "y": y, "promo_discount_perc": depth, "promo_days": 7.0 * (depth > 0)})


def known(parts: Sequence[pd.DataFrame], sku: str, unit: str = "Пермь", back: int = 0) -> Response:
    """Return one combination's response as it was known so many weeks ago."""
    return responses_at(pd.concat(parts, ignore_index=True), [sunday(back)])[Combination(unit, "KA", sku)][sunday(back)]


def factor(response: Response, percent: float) -> float:
    """Return what a week's promotion multiplies sales by."""
    return float(np.exp(response.to(np.array([percent]), np.array([7.0]))[0]))


def every(weeks: int, percent: float, by: float, start: int = 5) -> dict[int, tuple[float, float]]:
    """Return promotions every so many weeks, of one depth and factor."""
    return dict.fromkeys(range(start, 80, weeks), (percent, by))


# --- What a response is ---------------------------------------------------------------------------------------------


def test_a_response_saturates() -> None:
    """Linear between the depths, beyond 50 % as there; a display without a discount has one, no promotion has none."""
    depth, days = np.array([0.0, 0.0, 2.5, 20.0, 50.0, 90.0]), np.array([0.0, 7.0, 7.0, 2.0, 7.0, 7.0])
    assert FACTORS.to(depth, days).tolist() == pytest.approx([0.0, 0.1, 0.15, 0.5, 0.8, 0.8])


def test_many_promotions_speak_for_themselves() -> None:
    """Fifteen promotions that doubled sales, of an article sold nowhere else: nearly 2, whatever others show."""
    others = [sold(f"B{number}", every(5, 25.0, 1.2)) for number in range(5)]
    assert factor(known([sold("A1", every(5, 25.0, 2.0)), *others], "A1"), 25.0) == pytest.approx(1.92, abs=0.05)


def test_one_wild_promotion_does_not_run_away() -> None:
    """Sales of 15 times the usual in one week: the article elsewhere has 1.5, and that is what is expected."""
    elsewhere = [sold("A1", every(5, 40.0, 1.5), unit) for unit in ("Омск", "Уфа", "Тюмень")]
    assert factor(known([sold("A1", {40: (40.0, 15.0)}), *elsewhere], "A1"), 40.0) == pytest.approx(1.6, abs=0.25)


def test_a_depth_never_had_works_as_elsewhere() -> None:
    """Only 10 % until now; 40 % does what it does for the article in other units, not four times as much."""
    elsewhere = [sold("A1", every(5, 40.0, 1.8), unit) for unit in ("Омск", "Уфа")]
    response = known([sold("A1", every(6, 10.0, 1.5)), *elsewhere], "A1")
    assert factor(response, 40.0) == pytest.approx(1.8, abs=0.15)


def test_a_business_without_promotions_has_no_response() -> None:
    """Nothing seen, nothing expected."""
    assert known([sold("A1", {}), sold("B2", {})], "A1").logs == (0.0,) * len(DEPTHS)


def test_an_origin_knows_nothing_of_later_weeks() -> None:
    """Whatever is sold after it, by anybody."""
    parts = [sold("A1", every(5, 25.0, 2.0)), sold("B2", every(7, 25.0, 1.5))]
    later = [each.assign(y=each["y"].where(each["ds"] <= pd.Timestamp(sunday(20)), 9999.0)) for each in parts]
    assert known(later, "A1", back=20) == known(parts, "A1", back=20)
    assert known(later, "A1") != known(parts, "A1")


def test_unknown_weeks_and_an_early_origin() -> None:
    """A week out of stock tells nothing; before the first week nothing is told at all."""
    weeks = sold("A1", every(5, 25.0, 2.0))
    gaps = weeks.assign(y=weeks["y"].mask(weeks["promo_days"] > 0))
    assert known([gaps], "A1").logs == (0.0,) * len(DEPTHS)
    assert responses_at(weeks, [sunday(200)]) == {Combination("Пермь", "KA", "A1"): {}}


# --- What a forecast knows ------------------------------------------------------------------------------------------


def test_the_week_before_is_told_beside_the_week() -> None:
    """In history, and ahead: the first week's one is the last known week."""
    past = sold("A1", {78: (15.0, 2.0), 79: (50.0, 2.0)})
    assert {name: found[-2:].tolist() for name, found in responded(past, FACTORS).items()} == {
        "promo_response": [0.4, 0.8],
        "promo_response_before": [0.0, 0.4],
    }
    promotions = {"promo_discount_perc": np.array([0.0, 25.0, 0.0]), "promo_days": np.array([0.0, 7.0, 0.0])}
    found = responses_ahead(past, promotions, np.array(["none", "planned", "none"], dtype=object), FACTORS)
    assert [found[name].tolist() for name in RESPONSE_REGRESSORS] == [[0.0, 0.6, 0.0], [0.8, 0.0, 0.6]]


def test_what_nobody_planned_is_the_mean_response() -> None:
    """Half of 26 weeks at 50 %: half of its response, not that to 25 %."""
    past = sold("A1", dict.fromkeys(range(54, 80, 2), (50.0, 2.0)))
    found = ahead(past, None, 2, response=FACTORS).regressors
    assert found["promo_response"].tolist() == pytest.approx([0.4, 0.4])
    assert ahead(past, None, 2).regressors["promo_response"].tolist() == [0.0, 0.0]


def test_an_origin_of_the_backtest_has_the_response_of_then() -> None:
    """The archive's, by the last week known; where none is told, depth and days are what promotions enter by."""
    weeks = sold("A1", {78: (50.0, 2.0)})
    archive = Archive(has_plan=True, responses={sunday(4): FACTORS})
    then, _ = ahead_at(weeks.iloc[:-4], weeks.iloc[-4:], archive)
    assert then.regressors["promo_response"].tolist() == [0.0, 0.0, 0.8, 0.0]
    recipe = make_recipe(plan(tune="fast"), WeekClock(), weeks["ds"].iloc[0].date(), CUTOFF)
    names = [fold.known.names for fold in folds_of(Material(weeks, archive), recipe) if fold.known]
    assert set(names[:-1]) == {("promo_discount_perc", "promo_days", "y_lag1")}
    assert names[-1] == (*RESPONSE_REGRESSORS, "y_lag1")


# --- What a model makes of it ---------------------------------------------------------------------------------------


def forecast_of(percent: float, **archive: Any) -> float:
    """Return the first week's forecast with a promotion planned, by a model of sales that 10 % lift by half."""
    random = np.random.default_rng(1)
    weeks = sold("A1", every(6, 10.0, 1.5))
    weeks["y"] *= random.lognormal(0, 0.05, len(weeks))
    spec = ModelSpec(target="log1p", promo_prior_scale=RESPONSE_PRIOR_SCALE)
    recipe = make_recipe(plan(spec=spec), WeekClock(), weeks["ds"].iloc[0].date(), CUTOFF)
    material = Material(weeks.drop(columns=KEY).assign(returns_quantity=0.0), Archive(has_plan=True, **archive))
    [model] = loads(train(Combination("Пермь", "KA", "A1"), material, recipe).stored.payload).models
    response = Response(model.promo_response) if model.promo_response else None
    promotions = {"promo_discount_perc": np.array([percent]), "promo_days": np.array([7.0])}
    coming = {**promotions, **responses_ahead(weeks, promotions, np.array(["planned"], dtype=object), response)}
    ds = pd.to_datetime([sunday(-1)]).astype("datetime64[us]")
    frame = pd.DataFrame({"ds": ds, **coming})
    return float(roll_forward(model, frame, 100.0, seed=1, n_paths=0)["yhat"].iloc[0])


@pytest.mark.slow
def test_a_deeper_discount_than_ever_is_bounded_by_what_was_seen() -> None:
    """10 % gave 1.5 times; 50 % was never tried: as much as the responses say, not 1.5 to the fifth."""
    weeks = sold("A1", every(6, 10.0, 1.5))
    origins = [sunday(back) for back in (0, 4, 8, 12)]
    responses = responses_at(weeks, origins)[Combination("Пермь", "KA", "A1")]
    assert forecast_of(10.0, responses=responses) == pytest.approx(150.0, rel=0.1)
    assert forecast_of(50.0, responses=responses) < 200.0


def test_a_model_keeps_its_response_in_its_file() -> None:
    """It comes back equal; one without the field, as earlier versions wrote it, is read as one of depth and days."""
    model = with_response(stub_model(), FACTORS)
    assert loads(dumps([model], card()).payload).models == (model,)
    file = pickle.loads(dumps([stub_model()], card()).payload)
    content = json.loads(file["content"])
    for name in ("promo_response", "interval_growth"):
        del content["models"][0][name]
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    sealed = {**file, "content": text, "sha256": hashlib.sha256(text.encode()).hexdigest()}
    assert loads(pickle.dumps(sealed)).models == (stub_model(),)


@pytest.mark.parametrize("logs", [(), (0.1, 0.2)], ids=["none", "of other depths"])
def test_a_model_that_misses_its_response_is_refused(logs: tuple[float, ...]) -> None:
    """Else its promotions would count as nothing, silently."""
    promo = Regressor("promo_response", 0.1, mu=0.0, std=1.0)
    model = dataclasses.replace(stub_model(), regressors=(promo,), promo_response=logs)
    with pytest.raises(ModelError, match="response"):
        loads(dumps([model], card()).payload)


@pytest.mark.slow
def test_the_response_is_a_regressor_that_prophet_can_be_given() -> None:
    """The same model as a real Prophet, given both columns, forecasts the same."""
    from skucast.forecast.prophet.prophet_object import to_prophet

    weeks = generated(100).assign(promo_days=lambda rows: 7.0 * (rows["promo_discount_perc"] > 0))
    weeks = weeks.assign(**responded(weeks, FACTORS))
    model = fit(weeks, RESPONSE_REGRESSORS, NO_HOLIDAYS, ModelSpec())
    ds = pd.to_datetime([sunday(-1)]).astype("datetime64[us]")
    for value, before in itertools.product((0.0, 0.6), (0.0, 0.8)):
        coming = pd.DataFrame({"ds": ds, "promo_response": value, "promo_response_before": before})
        ours = roll_forward(model, coming, 300.0, seed=1, n_paths=0)["yhat"]
        theirs = to_prophet(model).prophet.predict(coming.assign(y_lag1=300.0))["yhat"]
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_lift_curves_say_how_much_more_is_sold_by_depth_and_from_how_many_weeks() -> None:
    """Twice as much at 25 % in eight weeks of one article, half more at 15 % in five of another."""
    weeks = pd.concat([sold("A1", every(10, 25.0, 2.0)), sold("B2", every(15, 15.0, 1.5))], ignore_index=True)
    found = lift_curves(weeks.assign(promo_depth=weeks["promo_discount_perc"]), {"all": None, "SKU_ID": "SKU_ID"})
    rows = {(row["by"], row["name"], row["depth"]): (row["n"], row["lift"]) for row in found.to_dict("records")}
    assert {key: n for key, (n, _) in rows.items()} == {
        ("all", "", 15.0): 5,
        ("all", "", 25.0): 8,
        ("SKU_ID", "A1", 25.0): 8,
        ("SKU_ID", "B2", 15.0): 5,
    }
    of_all = np.log(201 / 101) * 8 / 10  # drawn towards no response by two promotions
    assert rows["all", "", 25.0][1] == pytest.approx(np.exp(of_all))
    assert rows["SKU_ID", "A1", 25.0][1] == pytest.approx(np.exp((np.log(201 / 101) * 8 + 4 * of_all) / 12))
    assert lift_curves(sold("A1", {}).assign(promo_depth=np.nan), {"all": None, "unit": "unit"}).empty

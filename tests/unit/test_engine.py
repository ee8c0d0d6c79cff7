"""The engine: Prophet's own numbers without Prophet, its own predictions as lag."""

from __future__ import annotations

import dataclasses
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday
from models import NO_HOLIDAYS, coming, generated, holidays_of
from pandas.testing import assert_frame_equal
from stubs import card, stub_model

from skucast.core.combination import Combination
from skucast.core.errors import FitError, ModelError
from skucast.core.tables.forecasts import COMPONENTS
from skucast.forecast.artifact import dumps, loads
from skucast.forecast.prophet import paths
from skucast.forecast.prophet.design import MIN_WEEKS
from skucast.forecast.prophet.fit import fit
from skucast.forecast.prophet.model import FittedModel, Regressor
from skucast.forecast.prophet.prophet_object import to_prophet
from skucast.forecast.prophet.rollout import ROLLOUT_COLUMNS, roll_forward, roll_forward_all, roll_forward_mean, seed_of
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.regressors.promotions import PROMO_REGRESSORS

CASES: dict[str, tuple[ModelSpec, int, str]] = {
    "additive, yearly, holidays": (ModelSpec(), 160, "RU"),
    "multiplicative, yearly, holidays": (ModelSpec(seasonality_mode="multiplicative"), 160, "RU"),
    "additive, short": (ModelSpec(), 40, ""),
    "multiplicative, short": (ModelSpec(seasonality_mode="multiplicative"), 40, ""),
}


@pytest.fixture(scope="module", params=CASES)
def fitted(request: pytest.FixtureRequest) -> tuple[FittedModel, pd.DataFrame]:
    """Return a model and the weeks it was fitted on; `promo_days` is constant there."""
    spec, n_weeks, country = CASES[request.param]
    weeks = generated(n_weeks)
    holidays = holidays_of(weeks) if country else NO_HOLIDAYS
    return fit(weeks, PROMO_REGRESSORS, holidays, spec), weeks


def prophet_loop(model: FittedModel, future: pd.DataFrame, last_y: float) -> pd.DataFrame:
    """Return `Prophet.predict` week by week, each yhat (at least 0) the lag of the next."""
    prophet = to_prophet(model).prophet
    prophet.uncertainty_samples = 0
    rows = []
    for week in range(len(future)):
        row = prophet.predict(future.iloc[[week]].assign(**{LAG: last_y}))
        last_y = max(0.0, row["yhat"].iloc[0])
        rows.append(row)
    return pd.concat(rows, ignore_index=True)


# --- The same numbers as Prophet ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_roll_forward_is_prophet_fed_with_its_own_predictions(fitted: tuple[FittedModel, pd.DataFrame]) -> None:
    """30 weeks, over New Year and May, with promotions: equal to 1e-9, total and parts."""
    model, weeks = fitted
    future = coming(30, promo_discount_perc=np.arange(30) % 4 * 10.0)
    rows = roll_forward(model, future, weeks["y"].iloc[-1], seed=1, n_paths=0)
    expected = prophet_loop(model, future, weeks["y"].iloc[-1])
    scale = expected["trend"] if model.spec.seasonality_mode == "multiplicative" else 1.0

    np.testing.assert_allclose(rows["yhat"], expected["yhat"].clip(lower=0), rtol=1e-9)
    np.testing.assert_allclose(rows["level"], expected["trend"], rtol=1e-9)
    parts = {"promo": "promo_discount_perc", "carry_over": LAG, "yearly": "yearly", "holidays": "holidays"}
    for ours, theirs in parts.items():
        value = expected[theirs] * scale if theirs in expected else 0.0 * expected["yhat"]
        np.testing.assert_allclose(rows[ours], value, rtol=1e-9, atol=1e-6)


def test_a_stored_model_forecasts_the_same(fitted: tuple[FittedModel, pd.DataFrame]) -> None:
    """After the way through its file, intervals included; `to_prophet` still works."""
    model, weeks = fitted
    again = loads(dumps([model], card()).payload).models[0]
    assert_frame_equal(
        roll_forward(model, coming(8), 300.0, seed=1, n_paths=50),
        roll_forward(again, coming(8), 300.0, seed=1, n_paths=50),
    )
    assert len(to_prophet(again).history) == model.n_weeks == len(weeks) - 1


def test_components_add_up(fitted: tuple[FittedModel, pd.DataFrame]) -> None:
    """The six parts are the forecast; every part is there, whatever the model has."""
    model, weeks = fitted
    rows = roll_forward(model, coming(20, promo_discount_perc=20.0), weeks["y"].iloc[-1], seed=1, n_paths=0)
    assert list(rows) == ROLLOUT_COLUMNS
    np.testing.assert_allclose(rows[list(COMPONENTS)].sum(axis=1), rows["yhat"], rtol=1e-12)
    assert not rows["is_capped"].any()


def test_a_season_needs_a_year_and_constants_are_dropped(fitted: tuple[FittedModel, pd.DataFrame]) -> None:
    """A year of weeks with a lag is needed for the season; `promo_days`, always 7, is remembered as dropped."""
    model, weeks = fitted
    assert bool(model.yearly) == (len(weeks) > 53)
    assert model.dropped_regressors == ("promo_days",)
    assert [regressor.name for regressor in model.regressors] == ["promo_discount_perc", LAG]
    changed = coming(4).assign(promo_days=3.0)
    assert_frame_equal(
        roll_forward(model, changed, 300.0, seed=1, n_paths=9), roll_forward(model, coming(4), 300.0, seed=1, n_paths=9)
    )


@pytest.mark.slow
def test_the_interval_without_a_lag_is_prophets_own() -> None:
    """20 weeks after a restless trend, never near 0: both ends within 4 % of the width, what two simulations differ."""
    bends = 20.0 * np.abs(np.arange(120) % 40 - 20)
    weeks = generated(120).assign(y=lambda rows: 3 * rows["y"] + bends, **{LAG: 1.0})
    model = fit(weeks, ["promo_discount_perc"], NO_HOLIDAYS, ModelSpec(changepoint_prior_scale=0.5))
    assert model.lag is None
    rows = roll_forward(model, coming(20), 0.0, seed=1, n_paths=20_000)
    np.random.seed(1)  # noqa: NPY002 - what Prophet draws from
    prophet = to_prophet(model).prophet
    prophet.uncertainty_samples = 20_000
    expected = prophet.predict(coming(20))
    width = expected["yhat_upper"] - expected["yhat_lower"]

    assert width.iloc[-1] > 1.5 * width.iloc[0]
    assert ((rows["yhat_lower"] - expected["yhat_lower"]).abs() < 0.04 * width).all()
    assert ((rows["yhat_upper"] - expected["yhat_upper"]).abs() < 0.04 * width).all()


# --- Roll-forward by hand -------------------------------------------------------------------------------------------


def rolled(model: FittedModel, last_y: float, n_weeks: int = 4, n_paths: int = 0, seed: int = 1) -> pd.DataFrame:
    """Return the forecast of the weeks after the cutoff."""
    return roll_forward(model, coming(n_weeks), last_y, seed=seed, n_paths=n_paths)


def test_each_prediction_is_the_next_lag() -> None:
    """100 + half of what last week had over 100: from 140 follow 120, 110, 105, 102.5."""
    rows = rolled(stub_model(), 140.0)
    assert rows["yhat"].tolist() == [120.0, 110.0, 105.0, 102.5]
    assert rows["level"].tolist() == [100.0] * 4
    assert rows["carry_over"].tolist() == [20.0, 10.0, 5.0, 2.5]


def test_a_negative_forecast_is_0_also_as_lag() -> None:
    """40 less half of what last week had over 100: -60 after 300 becomes 0; from 0 (not -60) follow 90, 45, 67.5."""
    rows = rolled(stub_model(40.0, -0.5), 300.0)
    assert rows["yhat"].tolist() == [0.0, 90.0, 45.0, 67.5]
    assert rows[list(COMPONENTS)].sum(axis=1).tolist() == [-60.0, 90.0, 45.0, 67.5]
    assert not rows["is_capped"].any()


def test_an_exploding_carry_over_is_damped_and_flagged() -> None:
    """1.5 times last week would grow without end; 0.98 of it comes back to 100."""
    rows = rolled(stub_model(carry_over=1.5), 200.0, n_weeks=3)
    assert rows["yhat"].tolist() == pytest.approx([198.0, 196.04, 194.1192])
    assert rows["is_capped"].all()
    assert not rolled(stub_model(carry_over=0.98), 200.0)["is_capped"].any()


def test_a_forecast_beyond_history_is_capped_and_flagged() -> None:
    """At most 3 times the largest week, 100: 300, from the week on that would be more."""
    rows = rolled(stub_model(280.0, y_max=100.0), 120.0)
    assert rows["yhat"].tolist() == [290.0, 300.0, 300.0, 300.0]
    assert rows["is_capped"].tolist() == [False, True, True, True]
    assert rows[list(COMPONENTS)].sum(axis=1).tolist() == [290.0, 375.0, 380.0, 380.0]


@pytest.mark.parametrize("level", [-50.0, 0.0, 5.0, 100.0, 2999.0, 5000.0])
def test_the_interval_holds_the_forecast(level: float) -> None:
    """0 <= lower <= yhat <= upper, however near to 0 or to the cap."""
    rows = rolled(stub_model(level), 100.0, n_weeks=8, n_paths=50)
    assert (rows["yhat_lower"] >= 0).all()
    assert (rows["yhat_lower"] <= rows["yhat"]).all()
    assert (rows["yhat"] <= rows["yhat_upper"]).all()


def test_uncertainty_carries_over() -> None:
    """Noise of 10: +-12.8 around the first week; with a carry-over of 0.5 the variance grows by 1/4, then 1/16."""
    rows = rolled(stub_model(1000.0, y_max=10_000.0), 1000.0 + 900.0, n_weeks=3, n_paths=40_000)
    half_width = (rows["yhat_upper"] - rows["yhat_lower"]) / 2
    expected = 12.816 * np.sqrt([1.0, 1 + 1 / 4, 1 + 1 / 4 + 1 / 16])
    assert half_width.tolist() == pytest.approx(expected.tolist(), rel=0.03)


def test_the_interval_is_scaled_around_the_forecast() -> None:
    """A factor of 2 doubles the distance of both ends, but not below 0."""
    narrow, wide = (rolled(stub_model(interval_scale=scale), 100.0, n_paths=99) for scale in (1.0, 2.0))
    for end in ("yhat_lower", "yhat_upper"):
        np.testing.assert_allclose(wide[end] - wide["yhat"], 2 * (narrow[end] - narrow["yhat"]))
    far = rolled(stub_model(interval_scale=20.0), 100.0, n_paths=99)
    assert far["yhat_lower"].tolist() == [0.0] * 4


def test_the_interval_widens_with_the_step() -> None:
    """A growth of 0.5: at step 4 twice as far from the forecast as the paths alone say, at step 1 as far."""
    plain, grown = (rolled(stub_model(1000.0, interval_growth=growth), 1000.0, n_paths=99) for growth in (0.0, 0.5))
    for end in ("yhat_lower", "yhat_upper"):
        ratios = (grown[end] - grown["yhat"]) / (plain[end] - plain["yhat"])
        assert ratios.tolist() == pytest.approx(np.sqrt([1.0, 2.0, 3.0, 4.0]).tolist())


def test_the_same_seed_gives_the_same_numbers() -> None:
    """Another seed moves the interval, and only that; no paths, no interval."""
    first, again, other = (rolled(stub_model(), 100.0, n_paths=99, seed=seed) for seed in (1, 1, 2))
    assert_frame_equal(first, again)
    assert first["yhat"].tolist() == other["yhat"].tolist()
    assert (first["yhat_lower"] != other["yhat_lower"]).all()
    alone = rolled(stub_model(), 100.0)
    assert alone["yhat_lower"].tolist() == alone["yhat"].tolist() == alone["yhat_upper"].tolist()


def test_the_seed_is_that_of_combination_and_cutoff() -> None:
    """A fixed number on every machine; another combination or cutoff has another."""
    combination = Combination("Пермь", "ON TRADE", "ЦУП00009752")
    assert seed_of(combination, CUTOFF) == 17726760269589249489
    assert seed_of(combination, sunday(1)) != seed_of(combination, CUTOFF)
    assert seed_of(Combination("Пермь", "KA", "ЦУП00009752"), CUTOFF) != seed_of(combination, CUTOFF)


def test_a_missing_regressor_is_not_guessed() -> None:
    """The future frame has to hold every regressor of the model."""
    model = dataclasses.replace(stub_model(), regressors=(Regressor("weather_rain", 1.0, 0.0, 1.0),))
    with pytest.raises(KeyError, match="weather_rain"):
        rolled(model, 100.0)


def test_a_forecast_that_is_not_finite_is_a_model_error() -> None:
    """Numbers of a model that are finite can still overflow."""
    with pytest.raises(ModelError, match="not a finite number"), np.errstate(all="ignore"):
        rolled(stub_model(1e308, mean_lag=-1e308, carry_over=0.9), 1e308)


def test_components_that_are_not_finite_are_told() -> None:
    """A log that explodes is capped in the forecast; its parts are no numbers, so the model is not usable."""
    model = stub_model(0.0, None, spec=ModelSpec(target="log1p"), y_scale=1.0, m=1000.0)
    with pytest.raises(ModelError, match="not a finite number"), np.errstate(all="ignore"):
        rolled(model, 100.0)


# --- Fitting --------------------------------------------------------------------------------------------------------


def test_too_few_weeks_cannot_be_fitted() -> None:
    """The first week has no lag and unknown weeks are skipped: 11 known ones are left of 13, 12 are needed."""
    weeks = generated(MIN_WEEKS + 1)
    weeks.loc[5, "y"] = np.nan
    with pytest.raises(FitError, match="11 known weeks with a lag, at least 12"):
        fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())


@pytest.mark.parametrize(("column", "value"), [("y", np.inf), ("promo_discount_perc", np.nan), (LAG, -np.inf)])
def test_values_that_are_not_finite_are_named(column: str, value: float) -> None:
    """By the label of their week."""
    weeks = generated(20)
    weeks.loc[weeks.index[-2], column] = value
    with pytest.raises(FitError, match=r"not finite in week 2026-11-15;"):
        fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())


def test_unknown_weeks_are_skipped() -> None:
    """A week out of stock teaches nothing: the model is that of the other weeks, whatever stands in its regressors."""
    weeks = generated(40)
    weeks.loc[20, "y"] = np.nan
    model = fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())
    assert model.n_weeks == 38
    assert model == fit(weeks.drop(index=20), PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())


def test_a_fit_twice_is_the_same_model_and_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Same weeks, same numbers, same file; nothing is left in the folder of temporary files, nothing is printed."""
    import cmdstanpy

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    before = sorted(Path(cmdstanpy._TMPDIR).iterdir())
    first, again = (fit(generated(30), PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec()) for _ in range(2))
    assert dumps([first], card()) == dumps([again], card())
    assert list(tmp_path.iterdir()) == []
    assert sorted(Path(cmdstanpy._TMPDIR).iterdir()) == before
    assert capfd.readouterr() == ("", "")


def test_weeks_that_are_all_alike_can_be_fitted() -> None:
    """Everything constant: no regressor is left, the forecast is that constant."""
    weeks = generated(30).assign(y=50.0, promo_discount_perc=0.0, **{LAG: 50.0})
    model = fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())
    assert model.dropped_regressors == (*PROMO_REGRESSORS, LAG)
    assert rolled(model, 50.0)["yhat"].tolist() == pytest.approx([50.0] * 4, rel=1e-3)


def test_a_week_without_any_sale_in_history_is_forecast_as_0() -> None:
    """All zeros are fitted and stay 0."""
    weeks = generated(30).assign(y=0.0, **{LAG: 0.0})
    model = fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, ModelSpec())
    rows = rolled(model, 0.0, n_paths=50)
    assert rows[["yhat", "yhat_lower", "yhat_upper"]].to_numpy().max() == pytest.approx(0.0, abs=1e-6)


# --- All models of a job at once ------------------------------------------------------------------------------------


def test_together_models_forecast_what_they_forecast_alone() -> None:
    """Additive, multiplicative and log1p, with season and without, short and long: equal to the last bit, bands too."""
    specs = [ModelSpec(), ModelSpec(seasonality_mode="multiplicative"), ModelSpec(target="log1p")]
    models = [
        fit(weeks, PROMO_REGRESSORS, holidays_of(weeks), spec)
        for spec in specs
        for weeks in (generated(40), generated(130, 2))
    ]
    future, last_y, seeds = coming(6, promo_discount_perc=10.0), np.linspace(100, 600, 6), list(range(6))
    regressors = {name: np.tile(future[name].to_numpy(), (6, 1)) for name in PROMO_REGRESSORS}
    ds = future["ds"].to_numpy().astype("datetime64[D]")
    together = roll_forward_all(models, ds, regressors, last_y, seeds, 100)
    for row, model in enumerate(models):
        alone = roll_forward(model, future, last_y[row], seed=seeds[row], n_paths=100)
        found = {"yhat": together.yhat, "yhat_lower": together.yhat_lower, "yhat_upper": together.yhat_upper}
        for name, values in (found | together.components).items():
            np.testing.assert_array_equal(values[row], alone[name])


def test_many_paths_are_drawn_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    """However few fit into memory at a time, the intervals are the same."""
    models = [stub_model(100.0 + number) for number in range(7)]
    ds = coming(4)["ds"].to_numpy().astype("datetime64[D]")
    given = (models, ds, {}, np.full(7, 100.0), list(range(7)), 50)
    whole = roll_forward_all(*given)
    monkeypatch.setattr(paths, "DRAWS_AT_ONCE", 2 * 50 * 4)
    np.testing.assert_array_equal(roll_forward_all(*given).yhat_upper, whole.yhat_upper)


def test_a_mean_of_models_is_the_mean_of_their_forecasts() -> None:
    """100, 110 and 150 make 120; each feeds on its own predictions; capped if one of them is."""
    models = [stub_model(level, None) for level in (100.0, 110.0, 150.0)]
    rows = roll_forward_mean(models, coming(4), 100.0, seed=1, n_paths=0)
    assert rows["yhat"].tolist() == pytest.approx([120.0] * 4)
    assert rows["level"].tolist() == pytest.approx([120.0] * 4)
    assert not rows["is_capped"].any()
    capped = roll_forward_mean([*models, stub_model(500.0, None, y_max=100.0)], coming(4), 100.0, seed=1, n_paths=0)
    assert capped["is_capped"].all()


def test_a_model_of_logs_forecasts_sales() -> None:
    """log(1 + 99) and half of what last week's log had over it: from 399 (twice its log 2 up) follow 199, 140.4..."""
    lag = Regressor(LAG, 0.5, mu=np.log(100.0), std=1.0)
    spec = ModelSpec(target="log1p")
    model = stub_model(0.0, spec=spec, y_scale=1.0, m=np.log(100.0), regressors=(lag,), sigma_obs=0.05)
    rows = rolled(model, 399.0, n_paths=200)
    assert rows["yhat"].tolist()[:2] == pytest.approx([199.0, 100 * 2**0.5 - 1])
    assert rows[list(COMPONENTS)].sum(axis=1).tolist() == pytest.approx(rows["yhat"].tolist())
    assert rows["level"].tolist() == pytest.approx([99.0] * 4)
    assert (rows["yhat_upper"] - rows["yhat"] > rows["yhat"] - rows["yhat_lower"]).all()

"""What `to_prophet` gives: the published number in sales, and real Prophets on the scale that they name."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from models import CLOCK, NO_HOLIDAYS, coming, generated, holidays_of
from stubs import card, stub_model

from skucast.core.combination import Combination
from skucast.core.tables.forecasts import COMPONENTS
from skucast.forecast.artifact import StoredModel, dumps, loads
from skucast.forecast.forecasting import Horizon, Start, forecast_all, start
from skucast.forecast.prophet.as_published import MeanOfProphets, SalesProphet
from skucast.forecast.prophet.fit import fit, with_interval_scale, with_response
from skucast.forecast.prophet.model import FittedModel, Regressor
from skucast.forecast.prophet.prophet_object import to_prophet
from skucast.forecast.prophet.rollout import ROLLOUT_COLUMNS
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.regressors.responses import RESPONSE_REGRESSORS, Response, responded

ARTICLE = Combination("Пермь", "KA", "A1")
FACTORS = Response((0.0, 0.1, 0.3, 0.5, 0.6, 0.7))
HORIZON = Horizon(CLOCK, CUTOFF, CUTOFF, CUTOFF, 8, 26, 13, 100)
SPECS = {
    "additive": ModelSpec(),
    "multiplicative": ModelSpec(seasonality_mode="multiplicative"),
    "log1p": ModelSpec(target="log1p"),
    "log1p, multiplicative": ModelSpec(target="log1p", seasonality_mode="multiplicative"),
}


def trained(weeks: pd.DataFrame, *specs: ModelSpec, by_response: bool = False) -> StoredModel:
    """Return models of these settings as a file holds them: with holidays, and an interval that the backtest scaled."""
    names = RESPONSE_REGRESSORS if by_response else PROMO_REGRESSORS
    known = weeks.assign(**responded(weeks, FACTORS)) if by_response else weeks
    models = [
        with_response(fit(known, names, holidays_of(weeks), spec), FACTORS if by_response else None) for spec in specs
    ]
    return loads(dumps([with_interval_scale(model, 1.7, 0.1) for model in models], card(str(ARTICLE))).payload)


def published(stored: StoredModel, weeks: pd.DataFrame) -> tuple[pd.DataFrame, Start]:
    """Return what a prediction publishes of the weeks after the cutoff, and what it began with."""
    begun = start(ARTICLE, weeks.assign(is_stockout=False), stored, HORIZON)
    return forecast_all([begun], HORIZON, lambda _: begun), begun


def known_ahead(begun: Start, names: Sequence[str]) -> pd.DataFrame:
    """Return the weeks to come as the prediction knew them."""
    weeks = pd.DataFrame({"ds": pd.to_datetime(HORIZON.weeks_after_data)})
    return weeks.assign(**{name: begun.ahead.regressors[name] for name in names})


def names_of(stored: StoredModel) -> list[str]:
    return [each.name for each in stored.models[0].regressors if each.name != LAG]


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("by_response", [False, True], ids=["by depth", "by response"])
def test_one_model_predicts_the_published_number(spec: str, by_response: bool) -> None:
    """Sales per week with interval and parts, whatever the scale of the model, over New Year and with promotions."""
    weeks = generated(130)
    stored = trained(weeks, SPECS[spec], by_response=by_response)
    rows, begun = published(stored, weeks)
    ours = to_prophet(stored)

    assert isinstance(ours, SalesProphet)
    assert ours.scale == stored.models[0].spec.target
    found = ours.predict(known_ahead(begun, names_of(stored)), n_paths=HORIZON.n_paths)
    assert list(found) == ROLLOUT_COLUMNS
    for name in ("yhat", "yhat_lower", "yhat_upper", *COMPONENTS):
        np.testing.assert_allclose(found[name], rows[name], rtol=1e-9, atol=1e-9, err_msg=name)
    assert (rows["holidays"] != 0).any()


@pytest.mark.slow
def test_the_mean_of_three_is_the_published_number_and_each_is_reachable() -> None:
    """Models of both scales, each fed with its own predictions: no single one of them says what is published."""
    weeks = generated(130)
    stored = trained(weeks, SPECS["additive"], SPECS["log1p"], SPECS["multiplicative"])
    rows, begun = published(stored, weeks)
    future = known_ahead(begun, names_of(stored))
    ours = to_prophet(stored)

    assert isinstance(ours, MeanOfProphets)
    assert (len(ours), ours.scales) == (3, ("sales", "log1p", "sales"))
    assert "3 models, on the scales sales, log1p, sales" in repr(ours)
    found = ours.predict(future, n_paths=HORIZON.n_paths)
    for name in ("yhat", "yhat_lower", "yhat_upper", *COMPONENTS):
        np.testing.assert_allclose(found[name], rows[name], rtol=1e-9, atol=1e-9, err_msg=name)
    each = [member.predict(future, n_paths=0)["yhat"] for member in ours.members]
    np.testing.assert_allclose(np.mean(each, axis=0), rows["yhat"], rtol=1e-9)
    assert all((yhat - rows["yhat"]).abs().max() > 0.1 for yhat in each)
    with pytest.raises(AttributeError, match=r"`\.members` has each"):
        _ = ours.prophet


@pytest.mark.slow
@pytest.mark.parametrize("spec", SPECS)
def test_the_real_prophet_on_its_own_scale_says_the_same(spec: str) -> None:
    """Fed week by week with what it said of the week before, in its own measure: the same sales to 1e-9."""
    model = fit(generated(130), PROMO_REGRESSORS, holidays_of(generated(130)), SPECS[spec])
    ours, future = to_prophet(model), coming(8, promo_discount_perc=np.arange(8) % 3 * 10.0)
    to_own, to_sales = (np.log1p, np.expm1) if ours.scale == "log1p" else (float, float)
    ours.prophet.uncertainty_samples = 0
    said, last = [], float(ours.history["y"].iloc[-1])
    for week in range(len(future)):
        own = ours.prophet.predict(future.iloc[[week]].assign(**{LAG: to_own(last)}))["yhat"].iloc[0]
        last = max(0.0, float(to_sales(own)))
        said.append(last)
    np.testing.assert_allclose(ours.predict(future, n_paths=0)["yhat"], said, rtol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("spec", ["additive", "log1p"])
def test_the_real_prophet_draws_on_its_own_scale(spec: str) -> None:
    """`predict`, `plot` and `plot_components`; its history is in its own measure, ours in sales."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    weeks = generated(130)
    ours = to_prophet(fit(weeks, PROMO_REGRESSORS, NO_HOLIDAYS, SPECS[spec]))
    np.testing.assert_allclose(ours.history["y"], weeks["y"].iloc[1:])
    np.testing.assert_allclose(ours.history[LAG], weeks["y"].iloc[:-1])
    own = ours.prophet.history
    np.testing.assert_allclose(own["y"], np.log1p(weeks["y"].iloc[1:]) if spec == "log1p" else weeks["y"].iloc[1:])
    forecast = ours.prophet.predict(own)
    for figure in (ours.prophet.plot(forecast), ours.prophet.plot_components(forecast)):
        assert figure.axes
        plt.close(figure)


def lagged_model(target: Any = "sales") -> FittedModel:
    """Return a model that forecasts half of last week's sales; history ends with the stub's last week."""
    import dataclasses

    lag = Regressor(LAG, 0.5, mu=0.0, std=1.0)
    spec = dataclasses.replace(stub_model().spec, target=target)
    return dataclasses.replace(
        stub_model(), spec=spec, k=0.0, m=0.0, y_scale=1.0, y_max=1000.0, yearly=(), holidays=(), regressors=(lag,),
        history='{"ds": ["2026-11-15", "2026-11-22"], "y": [40.0, 80.0], "y_lag1": [20.0, 40.0]}',
    )  # fmt: skip


def test_the_lag_is_fed_back_unless_it_is_given() -> None:
    """From the last week of the history on, or from `last_y`; a week with a value in `y_lag1` begins anew."""
    ours, future = to_prophet(lagged_model()), coming(4)[["ds"]]

    def said(weeks: pd.DataFrame, **more: Any) -> list[float]:
        return ours.predict(weeks, n_paths=0, **more)["yhat"].tolist()

    assert said(future) == [40.0, 20.0, 10.0, 5.0]
    assert said(future, last_y=8.0) == [4.0, 2.0, 1.0, 0.5]
    assert said(future.assign(y_lag1=[10.0, 10.0, 10.0, 10.0])) == [5.0] * 4
    assert said(future.assign(y_lag1=[np.nan, np.nan, 100.0, np.nan])) == [40.0, 20.0, 50.0, 25.0]
    assert ours.predict(n_paths=0)["yhat"].tolist() == [10.0, 20.0]
    assert ours.predict(future.iloc[:0]).empty


def test_the_lag_of_a_model_on_logarithms_is_in_sales() -> None:
    """Given 99, it is the logarithm of 100 that the model takes: 10 less 1 come out."""
    found = to_prophet(lagged_model("log1p")).predict(coming(1)[["ds"]].assign(y_lag1=99.0), n_paths=0)
    assert found["yhat"].tolist() == pytest.approx([9.0])


def test_weeks_that_do_not_follow_are_refused() -> None:
    """A week that takes the forecast before it needs that week; one whose lag is given does not."""
    ours, gap = to_prophet(lagged_model()), coming(4)[["ds"]].iloc[[0, 1, 3]]
    with pytest.raises(ValueError, match=r"the week before 2026-12-20 is not the row before it"):
        ours.predict(gap)
    assert len(ours.predict(gap.assign(y_lag1=[1.0, np.nan, 1.0]))) == 3


def test_promotions_may_be_given_as_they_are_planned() -> None:
    """The response of a week, and of the one before it, also where that is the last of the history."""
    import dataclasses

    promos = tuple(Regressor(name, 1.0, mu=0.0, std=1.0) for name in RESPONSE_REGRESSORS)
    told = (
        '{"ds": ["2026-11-22"], "y": [80.0], "y_lag1": [20.0], "promo_response": [0.3], "promo_response_before": [0.0]}'
    )
    model = dataclasses.replace(
        lagged_model(), m=10.0, regressors=promos, history=told, promo_response=FACTORS.logs
    )  # fmt: skip
    planned = coming(3).assign(promo_discount_perc=[0.0, 15.0, 0.0], promo_days=[0.0, 7.0, 0.0])
    found = to_prophet(model).predict(planned, n_paths=0)
    assert found["yhat"].tolist() == pytest.approx([10.3, 10.3, 10.3])
    later = planned.iloc[1:]
    with pytest.raises(ValueError, match=r"promo_response_before must be a number in every week.*2026-12-06"):
        to_prophet(model).predict(later)
    with pytest.raises(ValueError, match="asks for the columns promo_response, promo_response_before"):
        to_prophet(model).predict(planned[["ds"]])


def test_what_is_made_can_be_copied_and_stored() -> None:
    """A copy and a pickle predict the same; what only a Prophet has is told where to find."""
    ours = to_prophet([lagged_model()])
    for again in (copy.deepcopy(ours), pickle.loads(pickle.dumps(ours))):
        assert again.predict(coming(2)[["ds"]], n_paths=0)["yhat"].tolist() == [40.0, 20.0]
    with pytest.raises(AttributeError, match=r"`\.prophet` is the real Prophet"):
        _ = ours.plot_components
    with pytest.raises(ValueError, match="no model"):
        to_prophet([])


def test_what_is_shown_of_a_model_is_a_line_that_says_its_scale() -> None:
    """Not the hundreds of numbers that it holds."""
    stored = StoredModel((stub_model(),), card(), "2026-11-22-abc")
    shown = [repr(stored), repr(to_prophet(stored))]
    assert shown[0].startswith(f"StoredModel of {stored.card.combination}, version 2026-11-22-abc, 1 model, ")
    assert f"SalesProphet of {stored.card.combination}, on the scale sales, fitted to " in shown[1]
    assert max(map(len, shown)) < 200

"""Declared regressors in a combination's own model: kept where they pay, shown among the components, as-of correct."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY, sunday
from stubs import plan, weeks_of

from skucast.core.combination import Combination
from skucast.core.declared import Regressor, as_text
from skucast.core.errors import ModelError
from skucast.core.tables.forecasts import COMPONENTS
from skucast.core.weeks import WeekClock
from skucast.forecast.artifact import StoredModel, loads
from skucast.forecast.forecasting import Horizon, forecast_all, start
from skucast.forecast.published import rows_without_panel
from skucast.forecast.refreshing import Newest, refreshed
from skucast.forecast.training import Material, Recipe, backtest_origins, make_recipe, train
from skucast.regressors.declared import declared_of
from skucast.regressors.declared_values import DeclaredWeeks
from skucast.regressors.future import NO_ARCHIVE, Archive, ahead_at
from skucast.regressors.promotions import PlannedWeeks

ARTICLE = Combination("U", "KA", "A1")
N = 110
[PRICE] = declared_of('[[regressor]]\nname = "price"\nkind = "price"\n')
HORIZON = Horizon(WeekClock(), WEDNESDAY, CUTOFF, CUTOFF, 4, 26, 13, 20)


def weeks(effect: float = 60.0) -> pd.DataFrame:
    """Return weeks around 200 that sell so much less at a price of 12 than at 10, in spells of three weeks."""
    random = np.random.default_rng(3)
    price = np.where(np.repeat(random.random(N // 3 + 1) < 0.5, 3)[:N], 12.0, 10.0)
    y = 200 - effect * (price - 10) / 2 + random.normal(0, 5, N)
    return weeks_of(y).assign(declared_price=price)


def known(price: list[float], *, said: bool = True) -> PlannedWeeks:
    """Return what a plan says of four weeks: no promotions, and these prices."""
    names = frozenset({"price"} if said else ())
    declared = DeclaredWeeks((PRICE,), {"price": np.array(price)}, names)
    return PlannedWeeks(np.zeros(4), np.zeros(4), np.ones(4, dtype=bool), is_known=True, declared=declared)


def recipe_of(declared: tuple[Regressor, ...] = (PRICE,)) -> Recipe:
    """Return the recipe of a training with what is declared."""
    made = make_recipe(plan(regressors=as_text(declared)), WeekClock(), weeks()["ds"].iloc[0].date(), CUTOFF)
    return replace(made, declared=declared)


def archive() -> Archive:
    """Return an archive in which nothing was ever said ahead, though prices are known now."""
    plans = {origin: known([np.nan] * 4, said=False) for origin in backtest_origins(recipe_of())}
    return Archive(plans, has_plan=True, declared_now=frozenset({"price"}))


def trained(history: pd.DataFrame) -> StoredModel:
    """Return the model of these weeks."""
    return loads(train(ARTICLE, Material(history, archive()), recipe_of()).stored.payload)


def forecast(model: StoredModel, price: list[float], history: pd.DataFrame | None = None) -> pd.DataFrame:
    """Return the forecast with these prices ahead, as it is published without a panel."""
    begun = start(ARTICLE, weeks() if history is None else history, model, HORIZON, known(price))
    return rows_without_panel(forecast_all([begun], HORIZON, lambda _: begun))


@pytest.fixture(scope="module")
def model() -> StoredModel:
    """Return a model of weeks that follow their price."""
    return trained(weeks())


@pytest.mark.slow
def test_a_regressor_is_added_in_a_few_lines() -> None:
    """Declared, given a column of values and some ahead: the model follows it, and says what it adds."""
    [listing] = declared_of('[[regressor]]\nname = "listed"\nkind = "distribution"\n')
    listed = np.where(np.arange(N) % 10 < 5, 40.0, 20.0)
    history = weeks_of(5 * listed + np.random.default_rng(1).normal(0, 3, N)).assign(declared_listed=listed)
    recipe = replace(recipe_of(), declared=(listing,))
    stored = loads(train(ARTICLE, Material(history), recipe).stored.payload)
    declared = DeclaredWeeks((listing,), {"listed": np.array([40.0, 40.0, 20.0, 20.0])})
    planned = replace(known([np.nan] * 4), declared=declared)
    begun = start(ARTICLE, history, stored, HORIZON, planned)
    rows = rows_without_panel(forecast_all([begun], HORIZON, lambda _: begun))
    assert rows["yhat"].tolist() == pytest.approx([200, 200, 100, 100], rel=0.15)
    assert [*json.loads(rows["regressor_effects"].iloc[0])] == ["listed"]


@pytest.mark.slow
def test_what_pays_is_kept_and_what_does_not_is_not(model: StoredModel) -> None:
    """The card says what the backtest was with and without it, and that prices that came to pass stood in."""
    told = model.card.backtest["regressors"]["price"]
    assert (told["outcome"], told["is_perfect"]) == ("kept", True)
    assert told["with"] < 0.5 * told["without"]
    [idle] = {each["outcome"] for each in trained(weeks(effect=0.0)).card.backtest["regressors"].values()}
    assert idle == "dropped"


def test_a_known_price_moves_the_forecast_and_is_shown(model: StoredModel) -> None:
    """Dearer weeks sell less by about 60; components add up, and the one of the regressors is the price's."""
    dear, cheap = forecast(model, [12.0] * 4), forecast(model, [10.0] * 4)
    assert (cheap["yhat"] - dear["yhat"]).iloc[0] == pytest.approx(60, abs=15)
    for rows in (dear, cheap):
        assert rows[list(COMPONENTS)].sum(axis=1).tolist() == pytest.approx(rows["yhat"].tolist())
        effects = [json.loads(text)["price"] for text in rows["regressor_effects"]]
        assert effects == pytest.approx(rows["regressors"].tolist(), abs=1e-5)


def test_an_unknown_price_counts_as_the_last_one(model: StoredModel) -> None:
    """As it is declared."""
    last = weeks()["declared_price"].iloc[-1]
    assert forecast(model, [np.nan] * 4)["yhat"].tolist() == forecast(model, [last] * 4)["yhat"].tolist()


@pytest.mark.slow
def test_effects_add_up_on_the_scale_of_logarithms_too() -> None:
    """A model of log(1 + sales): what each regressor adds is in sales, and they make up their component."""
    recipe = recipe_of()
    recipe = replace(recipe, plan=replace(recipe.plan, spec=replace(recipe.plan.spec, target="log1p")))
    rows = forecast(
        loads(train(ARTICLE, Material(weeks(), archive()), recipe).stored.payload), [12.0, 10.0, 12.0, 11.0]
    )
    assert rows["regressors"].abs().max() > 1
    assert rows[list(COMPONENTS)].sum(axis=1).tolist() == pytest.approx(rows["yhat"].tolist())
    effects = [json.loads(text)["price"] for text in rows["regressor_effects"]]
    assert effects == pytest.approx(rows["regressors"].tolist(), abs=1e-5)


@pytest.mark.slow
def test_nothing_declared_leaves_models_as_they_were() -> None:
    """Equal numbers with and without the column; the card says nothing, and rows have no effects."""
    recipe = make_recipe(plan(), WeekClock(), weeks()["ds"].iloc[0].date(), CUTOFF)
    with_column, without = (
        train(ARTICLE, Material(history), recipe).stored
        for history in (weeks(), weeks().drop(columns="declared_price"))
    )
    assert with_column.version == without.version
    assert "regressors" not in loads(without.payload).card.recipe
    begun = start(ARTICLE, weeks(), loads(without.payload), HORIZON)
    rows = rows_without_panel(forecast_all([begun], HORIZON, lambda _: begun))
    assert rows["regressor_effects"].isna().all()
    assert (rows["regressors"] == 0).all()


def test_another_declaration_is_another_plan() -> None:
    """A model trained before it is not current; one of before there were any is, while nothing is declared."""
    card = loads(train(ARTICLE, Material(weeks()), recipe_of(())).stored.payload).card
    assert plan().made(card)
    assert not plan(regressors=as_text((PRICE,))).made(card)


def test_an_origin_knows_what_had_been_said_by_then(model: StoredModel) -> None:
    """Said: that. Not said though known now: what came to pass. Never known: the stand-in."""
    history = weeks().assign(declared_price=[10.0] * (N - 4) + [12.0] * 4)
    past, coming, origin = history.iloc[:-4], history.iloc[-4:], sunday(4)

    def prices(archive: Archive) -> list[float]:
        return ahead_at(past, coming, archive)[0].regressors["declared_price"].tolist()

    said = Archive({origin: known([11.0, np.nan, np.nan, np.nan])}, declared_now=frozenset({"price"}))
    assert prices(said) == [11.0] * 4
    silent = Archive({origin: known([np.nan] * 4, said=False)}, declared_now=frozenset({"price"}))
    assert prices(silent) == [12.0] * 4
    assert prices(replace(silent, declared_now=frozenset())) == [10.0] * 4
    assert "declared_price" not in ahead_at(past, coming, NO_ARCHIVE)[0].regressors


@pytest.mark.slow
def test_the_future_moves_no_backtest_that_did_not_know_it() -> None:
    """Prices of the last four weeks deleted: where nobody knows prices ahead, earlier origins score as before."""
    blind = replace(archive(), declared_now=frozenset())
    recipe = recipe_of()
    changed = weeks()
    changed.loc[N - 4 :, "declared_price"] = np.nan
    cards = [loads(train(ARTICLE, Material(each, blind), recipe).stored.payload).card for each in (weeks(), changed)]
    assert cards[0].backtest == cards[1].backtest


def test_a_model_is_refreshed_with_what_it_knows(model: StoredModel) -> None:
    """Fitted anew with the price; without the declaration it cannot be, nor does it forecast."""
    newest = Newest(weeks(), None, recipe_of().grid, "day", (PRICE,))
    names = {each.name for each in refreshed(model, newest).models[0].regressors}
    assert {"declared_price", "declared_price_change_13"} <= names
    with pytest.raises(ModelError, match=r"needs what is not known"):
        refreshed(model, replace(newest, declared=()))
    undeclared = replace(known([10.0] * 4), declared=DeclaredWeeks())
    with pytest.raises(ModelError, match=r"declared_price.* not known"):
        start(ARTICLE, weeks(), model, HORIZON, undeclared)

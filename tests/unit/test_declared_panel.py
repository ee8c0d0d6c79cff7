"""Declared regressors in the panel: features that know nothing later, parts that add up, another recipe."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from skucast.core.combination import Combination
from skucast.core.declared import Regressor, Source
from skucast.core.weeks import WeekClock
from skucast.forecast.panel.features import PARTS, feature_names, features_at, levels
from skucast.forecast.panel.grid import Grid
from skucast.forecast.panel.known import KnownAhead, PromotionsAhead
from skucast.forecast.panel.training import panel_of, recipe_of, rows_of, tasks, train_forests
from skucast.forecast.prophet.design import Floats
from skucast.regressors.declared_plan import DeclaredPlan
from skucast.regressors.promotions import Plan

PRICE = Regressor("price", "price", Source("sales", "P"), Source("table"))
FAIR = Regressor("fair", "event", Source("sales", "F"), Source("table"), "max", "zero")
S, W, H = 12, 120, 4
FIRST = date(2024, 1, 7)


def grid(seed: int = 1) -> Grid:
    """Return twelve combinations that sell 100 at a price of 10, and 40 at 12; fairs do nothing."""
    random = np.random.default_rng(seed)
    price = np.where(random.random((S, W)) < 0.5, 10.0, 12.0)
    y = np.where(price > 11, 40.0, 100.0) * random.normal(1, 0.05, (S, W))
    names = tuple(Combination("U", "KA", f"A{number:02}") for number in range(S))
    codes = np.stack([np.zeros(S), np.zeros(S), np.arange(S)], axis=1).astype("int64")
    zeros = np.zeros((S, W))
    fair = (random.random((S, W)) < 0.1).astype("float64")
    calendars = np.zeros((1, W + H + 1, 4))
    more = ((PRICE, price), (FAIR, fair))
    return Grid(FIRST, names, y, zeros, zeros, codes, calendars, np.zeros(S, dtype="int64"), more)


def declared_after(found: Grid, end: int) -> list[Floats]:
    """Return the values of the weeks after the first `end`."""
    return [values[:, end : end + H] for _, values in found.declared]


def test_features_know_the_weeks_before_and_what_is_known_ahead() -> None:
    """Later weeks of the grid changed or deleted move none; another price ahead moves the price's alone."""
    found, end, none = grid(), 100, np.zeros((S, H))
    ahead = declared_after(found, end)
    known, names = features_at(found, end, none, none, ahead)
    assert tuple(names) == feature_names((PRICE, FAIR))
    assert names[-4:] == ["declared_price", "declared_price_change_13", "declared_fair", "declared_fair_change_13"]
    for later in (np.nan, 99.0):
        more = tuple((each, np.where(np.arange(W) < end, values, later)) for each, values in found.declared)
        assert np.array_equal(
            features_at(replace(found, declared=more), end, none, none, ahead)[0], known, equal_nan=True
        )
    other = features_at(found, end, none, none, [ahead[0] + 1, ahead[1]])[0]
    moved = {name for name, was, now in zip(names, known.T, other.T, strict=True) if not np.array_equal(was, now, True)}
    assert moved == {"declared_price", "declared_price_change_13"}


def test_a_price_is_on_the_scale_of_its_own_year_and_an_event_is_what_it_is() -> None:
    """Twice all prices give equal features; a fair is 0 or 1. Who never had a price is told nothing."""
    found, none = grid(), np.zeros((S, H))
    ahead = declared_after(found, 100)
    known, names = features_at(found, 100, none, none, ahead)
    price, fair = found.declared[0][1].copy(), found.declared[1]
    twice = replace(found, declared=((PRICE, 2 * price), fair))
    assert features_at(twice, 100, none, none, [2 * ahead[0], ahead[1]])[0] == pytest.approx(known, nan_ok=True)
    assert set(np.unique(known[..., names.index("declared_fair")])) <= {0.0, 1.0}
    price[0] = np.nan
    unknown = features_at(replace(found, declared=((PRICE, price), fair)), 100, none, none, ahead)[0]
    assert np.isnan(unknown[0, :, names.index("declared_price")]).all()


def test_another_declaration_is_another_recipe() -> None:
    """Names and rules; nothing declared is as ever."""
    assert recipe_of(4) == recipe_of(4, ())
    assert "declared" not in recipe_of(4)
    assert recipe_of(4, [PRICE]) != recipe_of(4, [replace(PRICE, week="max")])


def test_past_origins_know_what_had_been_said_by_then() -> None:
    """Known now and not then: what came to pass. Known then: that. Never known: nothing."""
    found, clock = grid(), WeekClock()
    origin = found.label(100)
    nobody = pd.DataFrame(columns=["unit", "channel", "SKU_ID", "promo_type", "known_from", "plan_id"])
    rows = pd.DataFrame(
        {
            "unit": ["*"],
            "channel": ["*"],
            "SKU_ID": ["A00"],
            "value": [11.0],
            "starts_on": [pd.Timestamp(origin)],
            "ends_on": [pd.Timestamp(origin) + pd.Timedelta(days=28)],
            "known_from": [pd.Timestamp(origin) - pd.Timedelta(days=7)],
        }
    )
    plan = Plan(nobody, found.combinations, declared=DeclaredPlan([PRICE, FAIR], {"price": rows}, found.combinations))
    now = [frozenset({"price"})] * 2 + [frozenset()] * (S - 2)
    price, fair = KnownAhead(found, plan, clock, np.zeros(S, dtype=bool), now)(100, H).declared
    assert price[0].tolist() == [11.0] * H
    assert price[1].tolist() == found.declared[0][1][1, 100:104].tolist()
    assert np.isnan(price[2:]).all()
    assert np.isnan(fair).all()


@pytest.mark.slow
def test_the_panel_follows_a_price_and_its_parts_add_up() -> None:
    """Trained where the price decides, a dear week sells less; each regressor has a part, and so have all."""
    found = grid()

    def known(end: int, n_weeks: int) -> PromotionsAhead:
        none = np.zeros((S, n_weeks))
        return PromotionsAhead(
            none, none, none > 0, tuple(values[:, end : end + n_weeks] for _, values in found.declared)
        )

    rows = rows_of(found, H, known, W)
    wanted = list(tasks((1,)))
    forests = zip(wanted, train_forests(wanted, rows), strict=True)
    panel = panel_of(found.label(W), recipe_of(H, (PRICE, FAIR)), rows, forests)
    none, level = np.zeros((S, H)), levels(found, W)
    ahead = [np.tile([10.0, 12.0, 10.0, 12.0], (S, 1)), none]
    features, _ = features_at(found, W, none, none, ahead)
    said, *made = panel.explained(features, features, level)
    assert (said.absolute[:, 1] < 0.6 * said.absolute[:, 0]).all()
    for number, parts in zip((said.absolute, said.log), made, strict=True):
        assert sum(parts[name] for name in (*PARTS, "regressors")) == pytest.approx(number)
        assert parts["declared_price"] + parts["declared_fair"] == pytest.approx(parts["regressors"])
        assert (parts["declared_price"][:, 1] < parts["declared_price"][:, 0]).all()

"""The panel's features: each is known at its origin, and those that can be told in a sentence are what it says."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skucast.core.combination import Combination
from skucast.forecast.panel.features import features_at, levels
from skucast.forecast.panel.grid import Grid
from skucast.forecast.panel.known import PromotionsAhead
from skucast.forecast.panel.training import rows_of

H = 4


def grid_of(seed: int = 0, n_series: int = 6, n_weeks: int = 80) -> Grid:
    """Return combinations with promotions, unknown weeks, and some that begin late."""
    chance = np.random.default_rng(seed)
    y = chance.poisson(6, (n_series, n_weeks)).astype("float64")
    y[chance.random(y.shape) < 0.05] = np.nan
    y[0, : n_weeks // 2] = np.nan
    days = np.where(chance.random((n_series, n_weeks)) < 0.2, 7.0, 0.0)
    depth = np.where(days > 0, chance.uniform(1, 60, days.shape), 0.0)
    codes = np.stack([np.arange(n_series) % k for k in (2, 3, 4)], axis=1)
    calendar = chance.integers(0, 3, (n_weeks + H, 4)).astype("float64")
    names = tuple(Combination(*map(str, parts)) for parts in np.column_stack([codes[:, :2], np.arange(n_series)]))
    return Grid(date(2024, 1, 7), names, y, depth, days, codes, calendar[None], np.zeros(n_series, dtype="int64"))


def plan(grid: Grid, end: int) -> tuple[np.ndarray, np.ndarray]:
    chance = np.random.default_rng(end)
    days = np.where(chance.random((len(grid.y), H)) < 0.5, 7.0, 0.0)
    return np.where(days > 0, 25.0, 0.0), days


@given(seed=st.integers(0, 1000), end=st.integers(1, 79))
@settings(max_examples=30, deadline=None)
def test_nothing_after_the_origin_moves_a_feature(seed: int, end: int) -> None:
    """Other sales and promotions after it, or none at all: the same features to the last bit."""
    grid = grid_of(seed)
    known, names = features_at(grid, end, *plan(grid, end))
    chance = np.random.default_rng(seed + 1)
    later = np.arange(grid.y.shape[1]) >= end
    other = replace(
        grid,
        y=np.where(later, chance.poisson(900, grid.y.shape), grid.y),
        depth=np.where(later, 99.0, grid.depth),
        days=np.where(later, 1.0, grid.days),
    )
    past = {name: getattr(grid, name)[:, :end] for name in ("y", "depth", "days")}
    for changed in (other, replace(grid, **past)):
        assert np.array_equal(features_at(changed, end, *plan(grid, end))[0], known, equal_nan=True)
    assert known.shape == (len(grid.y), H, len(names))


def test_features_that_can_be_told_in_a_sentence() -> None:
    """One article, 10 a week and 30 in each fourth week, which has a promotion of 20 %; level 15."""
    weeks = np.arange(60)
    days = np.where(weeks % 4 == 3, 7.0, 0.0)[None, :]
    y = np.where(days > 0, 30.0, 10.0)
    names = (Combination("A", "B", "C"),)
    depth, codes = np.where(days > 0, 20.0, 0.0), np.zeros((1, 3), dtype="int64")
    grid = Grid(date(2024, 1, 7), names, y, depth, days, codes, np.zeros((1, 64, 4)), np.zeros(1, dtype="int64"))
    ahead = np.array([[0.0, 0.0, 0.0, 20.0]]), np.array([[0.0, 0.0, 0.0, 7.0]])
    found, names = features_at(grid, 60, *ahead)
    at = {name: found[0, :, number] for number, name in enumerate(names)}
    (level,) = levels(grid, 60)
    assert level == pytest.approx(0.8 * (10 * 9 + 30 * 4) / 13 + 0.2 * 15)
    assert at["y_0"] * level == pytest.approx([30.0] * H)
    assert at["y_1"] * level == pytest.approx([10.0] * H)
    assert at["mean_4"] * level == pytest.approx([15.0] * H)
    assert at["plain_13"] * level == pytest.approx([10.0] * H)
    assert at["depth"].tolist() == [0.0, 0.0, 0.0, 20.0]
    assert at["depth_before_1"].tolist() == [20.0, 0.0, 0.0, 0.0]
    assert at["weeks_since"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert at["weeks_in_a_row"].tolist() == [1.0, 0.0, 0.0, 0.0]
    assert at["year_ago"] * level == pytest.approx([10.0, 10.0, 10.0, 30.0])
    assert at["response"][3] == pytest.approx(3.0, rel=0.1)
    assert at["step"].tolist() == [1.0, 2.0, 3.0, 4.0]
    assert np.isnan(at["unit_promoted"]).all()


def test_scale_changes_no_share() -> None:
    """An article that sells a hundred times as much has the same features, but for its level."""
    grid = grid_of()
    of_all = ("all_", "unit_", "channel_", "sku_")
    (small, names), (large, _) = (features_at(replace(grid, y=grid.y * by), 70, *plan(grid, 70)) for by in (1, 100))
    shares = [number for number, name in enumerate(names) if name != "log_level"]
    np.testing.assert_allclose(small[..., shares], large[..., shares], rtol=1e-9)
    assert any(name.startswith(of_all) for name in names)


def test_a_week_that_one_has_not_delivered_is_no_loss_to_its_groups() -> None:
    """Two articles that sell 10 a week in two units, the second unit late: the groups go on as they were."""
    y = np.full((2, 60), 10.0)
    names = (Combination("North", "KA", "A"), Combination("South", "KA", "A"))
    codes = np.array([[0, 0, 0], [1, 0, 0]])
    nothing = np.zeros((2, 60)), np.zeros((2, 60)), codes, np.zeros((1, 64, 4)), np.zeros(2, dtype="int64")
    none = np.zeros((2, H))
    for late in (1, 4):
        y[1, -late:] = np.nan
        found, features = features_at(Grid(date(2024, 1, 7), names, y, *nothing), 60, none, none)
        for name in ("sku_y_0", "channel_y_0", "all_y_0", "sku_mean_4", "all_mean_4"):
            assert found[0, :, features.index(name)] == pytest.approx([1.0] * H), (name, late)
    assert np.isnan(found[1, :, features.index("unit_y_0")]).all()


def test_what_teaches_is_the_same_however_many_origins_are_asked_for() -> None:
    """The panel of a cutoff is one panel: with evidence of earlier origins beside it or kept, made then or later."""
    grid = grid_of(n_weeks=130)

    def known(end: int, n_weeks: int) -> PromotionsAhead:
        depth, days = plan(grid, end)
        return PromotionsAhead(depth[:, :n_weeks], days[:, :n_weeks], days[:, :n_weeks] > 0)

    past = {name: getattr(grid, name)[:, :125] for name in ("y", "depth", "days")}
    then = rows_of(replace(grid, **past), H, known, 125).until(125)
    alone, beside, later = rows_of(grid, H, known, 130), rows_of(grid, H, known, 110), rows_of(grid, H, known, 125)
    assert len(alone.shares) > 500
    for one, other in ((alone.until(130), beside.until(130)), (then, later.until(125))):
        for name in ("features", "shares", "levels", "weeks"):
            assert np.array_equal(getattr(one, name), getattr(other, name), equal_nan=True)


def test_what_a_grid_has_let_go_it_works_out_again() -> None:
    """Nothing of it stays in memory, and the features are the same."""
    grid, end = grid_of(), 70
    before = features_at(grid, end, *plan(grid, end))[0]
    assert {"sold", "sold_plain", "response", "classes"} <= set(vars(grid))
    grid.let_go()
    assert set(vars(grid)) == {each.name for each in fields(grid)}
    np.testing.assert_array_equal(features_at(grid, end, *plan(grid, end))[0], before)

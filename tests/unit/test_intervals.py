"""Intervals from the errors of past origins, by step, volume and promotion."""

from __future__ import annotations

import json

import numpy as np
import pytest

from skucast.forecast.intervals import LEAST_ERRORS, PROBABILITIES, Spread, as_texts, groups_of, scale_of, thirds_of

H = 4


def errors(n: int, seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Return skewed errors that grow with the step, with promotions and with the scale: error, scale, third, promo."""
    chance = np.random.default_rng(seed)
    thirds, is_promo = chance.integers(0, 3, n), chance.random((n, H)) < 0.3
    scale = chance.uniform(1, 10, (n, H)) * (1 + thirds[:, None])
    spread = scale * (1 + 0.3 * np.arange(H)) * np.where(is_promo, 3.0, 1.0)
    return spread * (chance.gamma(2, 1, (n, H)) - 2), scale, thirds, is_promo


@pytest.mark.parametrize("level", [50, 80, 95])
def test_each_group_is_covered_as_asked(level: int) -> None:
    """Errors of the same kind that nobody had seen: each step, volume and promotion within 5 points."""
    spread = Spread.of(groups_of(*errors(20_000, seed=1)))
    assert spread is not None
    error, scale, thirds, is_promo = errors(20_000, seed=2)
    yhat = np.full(error.shape, 1000.0)
    where = scale, thirds, is_promo
    lower, upper = (spread.quantile((100 + side * level) / 200, yhat, *where) for side in (-1, 1))
    is_covered = (yhat + error >= lower) & (yhat + error <= upper)
    assert is_covered.mean() == pytest.approx(level / 100, abs=0.015)
    for step in range(H):
        for promo in (False, True):
            for third in range(3):
                rows = (thirds == third) & (is_promo[:, step] == promo)
                assert is_covered[rows, step].mean() == pytest.approx(level / 100, abs=0.05)


def test_a_promotion_makes_no_week_surer() -> None:
    """Promotions whose few errors happened to be small have the interval of other weeks; large ones have their own."""
    error, scale, thirds, is_promo = errors(2000, seed=5)
    small = np.where(is_promo, 0.1 * error, error)
    spread = Spread.of(groups_of(small, scale, thirds, is_promo))
    own = Spread.of(groups_of(error, scale, thirds, is_promo))
    assert spread is not None
    assert own is not None
    yhat, nobody = np.full(error.shape, 1000.0), np.zeros_like(is_promo)
    for probability, side in ((0.1, -1), (0.9, 1)):
        promoted = spread.quantile(probability, yhat, scale, thirds, is_promo)
        assert promoted == pytest.approx(spread.quantile(probability, yhat, scale, thirds, nobody))
        wider = own.quantile(probability, yhat, scale, thirds, is_promo) - promoted
        assert (side * wider[is_promo] > 0).all()


def test_the_expected_value_is_right_in_sum() -> None:
    """Errors whose mean is not 0: what is expected differs from what is sold by a hundredth of the scale."""
    error, scale, thirds, is_promo = errors(4000, seed=3)
    spread = Spread.of(groups_of(error + 0.5 * scale, scale, thirds, is_promo))
    assert spread is not None
    yhat = np.full(error.shape, 1000.0)
    expected = spread.expected(yhat, scale, thirds, is_promo)
    assert (yhat + error + 0.5 * scale - expected).sum() == pytest.approx(0, abs=1e-6 * scale.sum())


def test_few_errors_are_judged_with_their_neighbours() -> None:
    """One promotion in all: its groups are those of all weeks; thirty at each step: those of promotions at any step."""
    error, scale, thirds, is_promo = errors(3 * LEAST_ERRORS, seed=4)
    is_promo[:] = False
    is_promo[0] = True
    groups = groups_of(error, scale, thirds, is_promo)
    assert len(groups) == H * 3 * 2
    sizes = {int((thirds == third).sum()) for third in range(3)} | {len(thirds)}
    assert {group.n for group in groups if group.is_promo} <= sizes
    is_promo[:30] = True
    assert {group.n for group in groups_of(error, scale, thirds, is_promo) if group.is_promo} == {30 * H}


def test_nothing_told_is_no_spread() -> None:
    """Unknown sales, or a scale of 0, tell nothing."""
    error, scale, thirds, is_promo = errors(100, seed=5)
    assert Spread.of(groups_of(np.full_like(error, np.nan), scale, thirds, is_promo)) is None
    assert Spread.of(groups_of(error, np.zeros_like(scale), thirds, is_promo)) is None


def test_no_sale_is_below_zero() -> None:
    """A quantile of what may be sold ends at 0; later steps than there were have the last one's."""
    error, scale, thirds, is_promo = errors(500, seed=6)
    spread = Spread.of(groups_of(error, scale, thirds, is_promo))
    assert spread is not None
    more = np.concatenate([is_promo, is_promo], axis=1)
    lowest = spread.quantile(
        PROBABILITIES[0], np.zeros(more.shape), np.concatenate([scale, scale], axis=1), thirds, more
    )
    assert lowest.min() == 0.0


def test_who_is_late_has_the_errors_of_later_steps() -> None:
    """Two weeks are not known: the first week ahead is as uncertain as the third of those who know them."""
    error, scale, thirds, is_promo = errors(4000, seed=7)
    spread = Spread.of(groups_of(error, scale, thirds, is_promo))
    assert spread is not None
    same = np.full((2, H), 1000.0), np.ones((2, H)), np.zeros(2, dtype="int64"), np.zeros((2, H), dtype=bool)
    upper = spread.quantile(0.9, *same, steps=np.arange(1, H + 1) + np.array([[0], [2]]))
    assert upper[1].tolist() == [upper[0, 2], upper[0, 3], upper[0, 3], upper[0, 3]]
    assert (spread.quantile(0.9, *same)[1] == upper[0]).all()


def test_scale_and_thirds() -> None:
    """The width and a tenth of the mean; thirds of those that sell, whatever the others are."""
    assert scale_of(np.array([[2.0, 5.0]]), np.array([[4.0, 4.0]]), np.array([10.0])).tolist() == [[3.0, 2.0]]
    level = np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.1])
    assert thirds_of(level, level > 0.5).tolist() == [0, 0, 1, 1, 2, 2, 0]


def test_quantiles_are_kept_as_json() -> None:
    """Each row by probability, with three decimals, as any reader of JSON takes it."""
    (text,) = as_texts([0.1, 0.975], np.array([[1.23456, 2e9]]))
    assert json.loads(text) == {"0.1": 1.235, "0.975": 2000000000.0}

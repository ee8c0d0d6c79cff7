"""The blend: weights by evidence, half the mix and half the median, of the components that there are."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from skucast.forecast.blend import blended, mixes, shares_of, weights_of, weights_where_told

K, S, N = 3, 40, 24


def evidence(seed: int = 0, noise: tuple[float, ...] = (30.0, 10.0, 10.0)) -> tuple[np.ndarray, np.ndarray]:
    """Return forecasts of three components that miss by so much, and what was sold."""
    chance = np.random.default_rng(seed)
    actual = chance.uniform(50, 150, (S, N))
    return np.stack([actual + chance.normal(0, each, actual.shape) for each in noise]), actual


def test_the_mixes_are_the_simplex_in_tenths() -> None:
    """66 of three components, each adding up to 1, the pure ones among them."""
    found = mixes(3)
    assert found.shape == (66, 3)
    np.testing.assert_allclose(found.sum(axis=1), 1)
    assert [1.0, 0.0, 0.0] in found.tolist()


def test_what_was_three_times_worse_has_little_weight() -> None:
    """In each combination, whatever chance did to one of them."""
    weights = weights_of(*evidence())
    assert weights.shape == (S, K)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert weights[:, 0].max() < 0.2
    assert weights[:, 1:].min() > 0.2


def test_one_combination_differs_from_all_by_its_own_evidence() -> None:
    """Where Prophet turns out twice as good as the others it weighs more than it did, but not everything."""
    forecasts, actual = evidence(noise=(12.0, 10.0, 10.0))
    before = weights_of(forecasts, actual)[0, 0]
    forecasts[0, 0] = actual[0] + (forecasts[1, 0] - actual[0]) / 2
    assert 1.2 * before < weights_of(forecasts, actual)[0, 0] < 0.95


def test_who_has_no_evidence_has_the_weights_of_all() -> None:
    """Nothing sold, nothing known, or a component that was not there."""
    forecasts, actual = evidence()
    actual[0], actual[1], forecasts[0, 2] = np.nan, 0.0, np.nan
    weights = weights_of(forecasts, actual)
    np.testing.assert_allclose(weights[0], weights[2])
    assert np.isfinite(weights).all()
    np.testing.assert_allclose(weights[3:].mean(axis=0), weights[0], atol=0.05)


def test_half_is_the_mix_and_half_the_median() -> None:
    """Of 10, 20 and 90 by weights .5, .25, .25: (5 + 5 + 22.5 + 20) / 2."""
    forecasts, weights = np.array([[[10.0]], [[20.0]], [[90.0]]]), np.array([[0.5, 0.25, 0.25]])
    assert blended(forecasts, weights)[0, 0] == pytest.approx((32.5 + 20) / 2)
    assert blended(forecasts, None)[0, 0] == 20.0


def test_components_that_are_not_there_are_left_out() -> None:
    """Of two the median is the mean; of one it is that; of none there is no number."""
    weights = np.array([[0.5, 0.25, 0.25]])
    two = np.array([[[np.nan]], [[20.0]], [[90.0]]])
    assert blended(two, weights)[0, 0] == pytest.approx(55.0)
    assert blended(np.array([[[7.0]], [[np.nan]], [[np.nan]]]), weights)[0, 0] == 7.0
    assert np.isnan(blended(np.full((3, 1, 1), np.nan), weights)[0, 0])


@given(
    forecasts=arrays("float64", (3, 2, 2), elements=st.floats(0, 1000) | st.just(float("nan"))),
    weights=arrays("float64", (2, 3), elements=st.floats(0.01, 1)),
)
def test_the_blend_lies_between_its_components(forecasts: np.ndarray, weights: np.ndarray) -> None:
    """And its shares add up to 1, wherever there is one."""
    weights = weights / weights.sum(axis=1, keepdims=True)
    there = ~np.isnan(forecasts).all(axis=0)
    shares, found = shares_of(forecasts, weights), blended(forecasts, weights)
    np.testing.assert_allclose(shares.sum(axis=0)[there], 1)
    lowest = np.nanmin(np.where(np.isnan(forecasts), np.inf, forecasts), axis=0)
    highest = np.nanmax(np.where(np.isnan(forecasts), -np.inf, forecasts), axis=0)
    assert (found[there] >= lowest[there] - 1e-9).all()
    assert (found[there] <= highest[there] + 1e-9).all()


def test_a_component_that_has_broken_costs_its_share_of_half() -> None:
    """A thousand times too high after a good past: the number rises by half of its weight, and the median holds."""
    weights = weights_of(*evidence(noise=(10.0, 10.0, 10.0)))[:1]
    sound = blended(np.full((3, 1, 1), 100.0), weights)[0, 0]
    broken = blended(np.array([[[100_000.0]], [[100.0]], [[100.0]]]), weights)[0, 0]
    assert sound == pytest.approx(100.0)
    assert broken == pytest.approx(100 + weights[0, 0] / 2 * 99_900)


def test_a_component_that_says_nothing_of_a_combination_has_no_weight_in_it() -> None:
    """Of two others one never speaks of the first ten: they have the weights of those that do."""
    forecasts, actual = evidence(noise=(30.0, 10.0, 10.0, 5.0, 5.0))
    forecasts[4, :10] = np.nan
    weights = weights_where_told(forecasts, actual)
    np.testing.assert_allclose(weights.sum(axis=1), 1)
    assert (weights[:10, 4] == 0).all()
    assert (weights[10:, 4] > 0.15).all()
    np.testing.assert_allclose(weights[:10, :4], weights_of(forecasts[:4], actual)[:10])
    np.testing.assert_allclose(weights[10:], weights_of(forecasts, actual)[10:])


def test_of_ours_alone_the_weights_are_what_they_were() -> None:
    """To the last bit, also of combinations that nothing is known of."""
    forecasts, actual = evidence()
    actual[0], forecasts[0, 2] = np.nan, np.nan
    assert (weights_where_told(forecasts, actual) == weights_of(forecasts, actual)).all()


def test_who_is_new_has_the_weights_of_all_components() -> None:
    """Nothing is known of it yet, and nobody says that the others will be silent."""
    forecasts, actual = evidence(noise=(30.0, 10.0, 10.0, 5.0))
    actual[0] = np.nan
    assert weights_where_told(forecasts, actual)[0, 3] > 0.3


def test_many_components_are_mixed_in_fifths() -> None:
    """Four in tenths, 286; six in fifths, 252."""
    assert len(mixes(4)) == 286
    assert len(mixes(6)) == 252
    np.testing.assert_allclose(mixes(6).sum(axis=1), 1)

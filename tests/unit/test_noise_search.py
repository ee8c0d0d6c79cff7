"""The search for the noise: few factorisations, and where it ends the optimum."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from models import generated, holidays_of

from skucast.forecast.prophet.design import Design, design, week_grid, window
from skucast.forecast.prophet.noise_loops import best_v, step_of
from skucast.forecast.prophet.solver import log_posterior, solve, solve_grid
from skucast.forecast.prophet.spec import ModelSpec
from skucast.regressors.promotions import PROMO_REGRESSORS


def problem(n_weeks: int, seed: int) -> Design:
    """Return the design of generated weeks."""
    weeks = generated(n_weeks, seed)
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 500, "D"), holidays_of(weeks))
    return design(window(weeks, PROMO_REGRESSORS, grid), grid, ModelSpec())


@pytest.mark.slow
def test_a_fit_ends_at_the_optimum_after_few_factorisations() -> None:
    """Carried to where v agrees with its residuals: the gradients are those of an optimum, after three factorisations.

    Of k, m, beta they are 0, of a bend the weight of its sign, of all others less than it, in units of sales per week.
    """
    steps = []
    for seed in range(30):
        ours = problem(80 + 50 * (seed % 2), seed)
        found = solve(ours, ModelSpec())
        params, v, p = (
            np.concatenate([[found.k, found.m], found.beta, found.delta]),
            found.sigma**2,
            2 + len(found.beta),
        )
        hinges = np.maximum(0.0, ours.t[:, None] - ours.changepoints)
        columns = np.column_stack([ours.t, np.ones_like(ours.t), ours.X, hinges])
        residuals = ours.y - columns @ params
        precisions = np.concatenate([[0.04, 0.04], ours.prior_scales(ModelSpec()) ** -2])
        pulls = columns.T @ residuals
        weight = v / ModelSpec().changepoint_prior_scale
        np.testing.assert_allclose(pulls[:p], v * precisions * params[:p], atol=1e-6)
        bends = found.delta != 0.0
        np.testing.assert_allclose(pulls[p:][bends], weight * np.sign(found.delta[bends]), atol=1e-6)
        assert (np.abs(pulls[p:][~bends]) <= weight + 1e-6).all()
        n, rss = len(ours.y), float(residuals @ residuals)
        assert v == pytest.approx((np.sqrt(n**2 + 16 * rss) - n) / 8, rel=2e-6)
        assert found.is_converged
        steps.append(found.n_steps)
    assert np.mean(steps) < 3.5  # 4.3 by Newton's method alone


def test_settings_that_are_near_each_other_take_a_factorisation_or_two() -> None:
    """Each starts from the noise before it; none ends below the posterior that it reaches alone."""
    ours = problem(130, 1)
    scales = [0.1 * 1.02**step for step in range(20)]
    specs = [dataclasses.replace(ModelSpec(), seasonality_prior_scale=scale) for scale in scales]
    together = solve_grid(ours, specs)
    assert together.n_steps[1:].max() <= 2
    for row, spec in enumerate(specs):
        value = log_posterior(ours, spec, together.params[row], float(together.v[row]))
        assert value == pytest.approx(solve(ours, spec).log_posterior, abs=1e-8)


def test_the_step_is_exact_where_the_ridge_has_one_eigenvalue() -> None:
    """A column of length 1 and y = 3 beside it, 40 weeks: the step ends where v agrees with the residuals, by hand.

    beta = 3 / (1 + v s), RSS = 2 + 9 - 6 beta + beta^2; q = s beta, H = 1 + v s.
    """
    n_weeks, s, v = 40, 50.0, 0.02

    def residuals(at: float) -> float:
        beta = 3.0 / (1.0 + at * s)
        return 2.0 + (3.0 - beta) ** 2

    beta = 3.0 / (1.0 + v * s)
    first = (s * beta) ** 2 / (1.0 + v * s)
    second = s * first / (1.0 + v * s)
    found = v * np.exp(step_of(residuals(v), first, second, v, n_weeks, 20))
    assert best_v(residuals(found), n_weeks) == pytest.approx(found, rel=1e-9)
    newton = v * np.exp(step_of(residuals(v), first, second, v, n_weeks, 1))
    assert newton != pytest.approx(found, rel=1e-2)

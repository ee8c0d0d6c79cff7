"""The search for the noise: few factorisations, and where it ends the optimum."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from models import generated, holidays_of

from skucast.forecast.prophet.design import Design, Floats, design, week_grid, window
from skucast.forecast.prophet.noise_loops import best_v, step_of
from skucast.forecast.prophet.solver import log_posterior, solve, solve_grid
from skucast.forecast.prophet.spec import ModelSpec, Target
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import with_lag

TARGETS: tuple[Target, ...] = ("sales", "log1p")


def problem(n_weeks: int, seed: int, sales: Floats | None = None, target: Target = "sales") -> Design:
    """Return the design of generated weeks, or of these sales without promotions."""
    weeks = generated(n_weeks, seed)
    if sales is not None:
        weeks = with_lag(weeks.assign(y=sales, promo_discount_perc=0.0, promo_days=0.0))
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, first + np.timedelta64(7 * 500, "D"), holidays_of(weeks))
    return design(window(weeks, PROMO_REGRESSORS, grid), grid, ModelSpec(target=target))


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


@pytest.mark.slow
def test_histories_with_hardly_any_noise_have_an_answer() -> None:
    """Decays that are their own lag, rare sales, one jump: every search ends, at a v that its residuals agree with."""
    random = np.random.default_rng(7)
    for _ in range(60):
        n = int(random.integers(14, 140))
        decay = 100 * random.uniform(0.5, 0.99) ** np.arange(n)
        rare = np.where(random.random(n) < random.uniform(0.02, 0.4), random.gamma(1, 20, n), 0.0)
        jump = np.where(np.arange(n) < random.integers(2, n), 1.0, random.uniform(2, 1e4))
        for y in (decay, rare, jump):
            for target in TARGETS:
                ours = problem(n, 1, y, target)
                found = solve(ours, ModelSpec(target=target))
                assert found.is_converged or found.sigma < 1e-5
                fit = np.concatenate([[found.k, found.m], found.beta, found.delta])
                hinges = np.maximum(0.0, ours.t[:, None] - ours.changepoints)
                residuals = ours.y - np.column_stack([ours.t, np.ones_like(ours.t), ours.X, hinges]) @ fit
                if found.sigma > 1e-3:
                    assert best_v(float(residuals @ residuals), len(ours.y)) == pytest.approx(found.sigma**2, rel=1e-5)


def test_two_moments_are_exact_where_the_ridge_has_one_eigenvalue() -> None:
    """A column of length 1 and y = 3 beside it, 40 weeks: the rounds end where v agrees with the residuals, by hand.

    beta = 3 / (1 + v s), RSS = 2 + (3 - beta)^2; q = s beta, H = 1 + v s.
    """
    n_weeks, s, v = 40, 50.0, 0.02

    def residuals(at: float) -> float:
        return 2.0 + (3.0 - 3.0 / (1.0 + at * s)) ** 2

    first = (s * 3.0 / (1.0 + v * s)) ** 2 / (1.0 + v * s)
    second = s * first / (1.0 + v * s)
    found = v * np.exp(step_of(residuals(v), first, second, v, n_weeks, 30)[0])
    assert best_v(residuals(found), n_weeks) == pytest.approx(found, rel=1e-9)


@pytest.mark.parametrize(("first", "second"), [(0.0, 0.0), (0.0, 1e-9), (1e-30, 1.0), (1e-9, 1e9)])
def test_moments_that_rounding_has_made_are_borne(first: float, second: float) -> None:
    """A ridge's eigenvalue of more than 1 / v there cannot be: the step is the finite one of the largest there can."""
    step, slope = step_of(1e-9, first, second, 0.01, 40, 20)
    assert -3.0 <= step <= 3.0
    assert np.isfinite(slope)

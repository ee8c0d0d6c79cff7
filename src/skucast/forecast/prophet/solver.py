"""Prophet's maximum a posteriori fit, solved directly: what is minimised, and the way in.

Minimised is the negative log posterior that Prophet hands to Stan (prophet.stan of Prophet 1.x, linear growth;
constants left out), with T weeks, y and mu scaled, v = sigma^2:

    T log(sigma) + |y - mu|^2 / (2 v) + k^2/50 + m^2/50 + sum beta_j^2 / (2 s_j^2) + sum |delta_i| / tau + 2 v
    mu = (k t + m + sum delta_i (t - t_i)+) (1 + X beta)     multiplicative
    mu =  k t + m + sum delta_i (t - t_i)+  + X beta         additive

How it is solved, ridge and lasso in closed steps without a general optimiser: `solver_loops`.
May import `design`, `spec` and the loops.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from skucast.forecast.prophet.design import Design, Floats, scales_by_group
from skucast.forecast.prophet.ridge_loops import Flags, Ints
from skucast.forecast.prophet.solver_loops import TREND_PRECISION, additive_grid, multiplicative_grid
from skucast.forecast.prophet.spec import Mode, ModelSpec


@dataclass(frozen=True)
class Solution:
    """The fitted parameters of one design, scaled as there.

    `n_steps` counts factorisations; `is_converged` is False where a bound on them was met.
    """

    k: float
    m: float
    beta: Floats
    delta: Floats
    sigma: float
    n_steps: int
    is_converged: bool
    problem: Design
    spec: ModelSpec

    @property
    def log_posterior(self) -> float:
        """Without constants; see `log_posterior`."""
        params = np.concatenate([[self.k, self.m], self.beta, self.delta])
        return log_posterior(self.problem, self.spec, params, self.sigma**2)


@dataclass(frozen=True)
class Solutions:
    """The fits of one design under G settings: `params` (G, 2 + K + S) = k, m, beta, delta; `v` (G,) = sigma^2."""

    params: Floats
    v: Floats
    n_steps: Ints
    is_converged: Flags


def solve(problem: Design, spec: ModelSpec) -> Solution:
    """Return the maximum a posteriori parameters of the design under the spec's prior scales."""
    found = solve_grid(problem, _priors_alone(spec))
    k_features = len(problem.groups)
    params = found.params[0]
    return Solution(
        k=float(params[0]),
        m=float(params[1]),
        beta=params[2 : 2 + k_features],
        delta=params[2 + k_features :],
        sigma=math.sqrt(found.v[0]),
        n_steps=int(found.n_steps[0]),
        is_converged=bool(found.is_converged[0]),
        problem=problem,
        spec=spec,
    )


@dataclass(frozen=True)
class Priors:
    """Of G settings that share design and mode: the precisions of each group, (G, groups), and of bends, (G,)."""

    mode: Mode
    precisions: Floats
    weights: Floats


def priors_of(specs: Sequence[ModelSpec]) -> Priors:
    """Return the priors of settings.

    Raises:
        ValueError: the specs do not share what a design is made with.
    """
    first = specs[0]
    if any(spec.shape != first.shape for spec in specs):
        raise ValueError("specs of one grid differ in prior scales only")
    precisions = np.array([1.0 / scales_by_group(spec) ** 2 for spec in specs])
    return Priors(first.seasonality_mode, precisions, np.array([1.0 / spec.changepoint_prior_scale for spec in specs]))


@functools.lru_cache(maxsize=1024)
def _priors_alone(spec: ModelSpec) -> Priors:
    return priors_of([spec])


def solve_grid(problem: Design, specs: Sequence[ModelSpec] | Priors) -> Solutions:
    """Return the fits of one design under several prior scales; each starts from the one before it.

    Raises:
        ValueError: the specs do not share what the design was made with.
    """
    priors = specs if isinstance(specs, Priors) else priors_of(specs)
    prior = problem.groups, priors.precisions, priors.weights
    if priors.mode == "additive":
        found = additive_grid(problem.weeks.rows, problem.weeks.products, problem.own, *prior)
    else:
        found = multiplicative_grid(problem.t, problem.features, problem.hinges, problem.y, *prior)
    return Solutions(*found)


def log_posterior(problem: Design, spec: ModelSpec, params: Floats, v: float) -> float:
    """Return the log posterior of k, m, beta, delta at sigma^2 = v, without constants."""
    k_features = problem.X.shape[1]
    beta, delta = params[2 : 2 + k_features], params[2 + k_features :]
    trend = params[0] * problem.t + params[1] + np.maximum(0.0, problem.t[:, None] - problem.changepoints) @ delta
    effect = problem.X @ beta
    mu = trend + effect if spec.seasonality_mode == "additive" else trend * (1.0 + effect)
    rss = float(((problem.y - mu) ** 2).sum())
    penalty = (
        TREND_PRECISION * (params[0] ** 2 + params[1] ** 2) / 2
        + float((beta**2 / (2 * problem.prior_scales(spec) ** 2)).sum())
        + float(np.abs(delta).sum()) / spec.changepoint_prior_scale
    )
    value: float = -(len(problem.y) * math.log(v) / 2 + rss / (2 * v) + penalty + 2 * v)
    return value


def warm_up() -> None:
    """Compile every loop and keep the result on disk, as the build of an image does; a later start finds it there."""
    t, y = np.linspace(0.0, 1.0, 20), np.linspace(0.5, 1.0, 20) ** 2
    features, hinges = np.cos(9 * t)[None], np.maximum(0.0, t - 0.5)[None]
    shared = np.vstack([t, np.ones_like(t), features, hinges])
    prior = np.zeros(1, dtype=np.int64), np.full((1, 1), 100.0), np.array([10.0])
    additive_grid(shared, np.dot(shared, shared.T), y[None], *prior)
    multiplicative_grid(t, features, hinges, y, *prior)

"""Fit one history: by our direct solver, or by Prophet's own optimiser as the reference; both give a `FittedModel`.

May import `design`, `solver`, `model` and `spec`; real Prophet objects only where the reference is asked.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from skucast.core.errors import FitError
from skucast.forecast.prophet.design import (
    Design,
    Floats,
    HolidayColumn,
    WeekGrid,
    Window,
    design,
    holiday_values,
    week_grid,
    window,
)
from skucast.forecast.prophet.model import FittedModel, Holiday, Regressor
from skucast.forecast.prophet.solver import solve
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.regressors.responses import Response

Engine = Literal["map", "cmdstan"]


def fit(
    weeks: pd.DataFrame, regressors: Sequence[str], holidays: pd.DataFrame, spec: ModelSpec, engine: Engine = "map"
) -> FittedModel:
    """Return the maximum a posteriori model of one combination.

    Args:
        weeks: one row per week: `ds`, `y` (NaN = unknown, skipped), `y_lag1` and the regressors (finite).
        regressors: names beside the lag; those constant in history are dropped and remembered.
        holidays: `holiday`, `ds` (a week's label), `share` of the week, future weeks too; those that history has seen
            twice have an effect of their own, the others one together.
        spec: the model's settings.
        engine: `map` solves it directly, `cmdstan` asks Prophet's optimiser.

    Raises:
        FitError: fewer than 12 known weeks, or values that are not finite; the weeks are named.
    """
    days = weeks["ds"].to_numpy(dtype="datetime64[D]")
    last = max([days[-1], *holidays["ds"].to_numpy(dtype="datetime64[D]")])
    grid = week_grid(days[0], days[0] + (last - days[0]) // 7 * 7, holidays)
    return fit_window(window(weeks, regressors, grid), grid, spec, engine)


def fit_window(
    known: Window, grid: WeekGrid, spec: ModelSpec, engine: Engine = "map", *, with_history: bool = True
) -> FittedModel:
    """Return the model of one window of known weeks on a grid that other combinations share.

    What is forecast by and thrown away needs no `history`, the text of the fitted weeks.
    """
    problem = design(known, grid, spec)
    if engine == "map":
        found = solve(problem, spec)
        params = np.concatenate([[found.k, found.m], found.beta, found.delta])
        text = _history(problem, known, grid) if with_history else ""
        return as_model(problem, known, grid, spec, params, found.sigma, found.is_converged, text)
    try:
        from skucast.forecast.prophet.prophet_object import optimise
    except ModuleNotFoundError as error:
        raise FitError(f"its engine is Prophet's own optimiser, and {error.name} is not installed here") from None

    blank = as_model(problem, known, grid, spec, np.zeros(2 + len(problem.groups) + len(problem.changepoints)), 1.0)
    params, sigma = optimise(blank)
    return as_model(problem, known, grid, spec, params, sigma)


def as_model(
    problem: Design,
    known: Window,
    grid: WeekGrid,
    spec: ModelSpec,
    params: Floats,
    sigma: float,
    is_converged: bool = True,  # noqa: FBT001, FBT002 - said once, by the solver
    history: str | None = None,
) -> FittedModel:
    """Return parameters (k, m, beta, delta as in `Solutions.params`) as a model."""
    k_features, weeks = len(problem.groups), problem.weeks
    beta = params[2 : 2 + k_features].tolist()
    n_yearly, n_holidays = 2 * weeks.yearly_order, len(weeks.holiday_columns)
    return FittedModel(
        spec=spec,
        start=str(weeks.start),
        t_scale_days=weeks.t_scale_days,
        y_scale=problem.y_scale,
        y_max=problem.y_max,
        k=float(params[0]),
        m=float(params[1]),
        delta=tuple(params[2 + k_features :].tolist()),
        changepoints=tuple(problem.changepoints.tolist()),
        sigma_obs=sigma,
        yearly=tuple(beta[:n_yearly]),
        holidays=tuple(
            Holiday(column.name, weight, _weeks_of(grid, column, known.span[0]))
            for column, weight in zip(weeks.holiday_columns, beta[n_yearly : n_yearly + n_holidays], strict=True)
        ),
        regressors=tuple(
            Regressor(column.name, weight, column.mu, column.std)
            for column, weight in zip(problem.columns, beta[n_yearly + n_holidays :], strict=True)
        ),
        dropped_regressors=problem.dropped,
        n_weeks=len(problem.y),
        is_converged=is_converged,
        history=_history(problem, known, grid) if history is None else history,
    )


def with_interval_scale(model: FittedModel, scale: float, growth: float = 0.0) -> FittedModel:
    """Return the model with its interval widened (or narrowed) by that factor, at step h by h ** growth more."""
    return dataclasses.replace(model, interval_scale=scale, interval_growth=growth)


def with_response(model: FittedModel, response: Response | None) -> FittedModel:
    """Return the model with the response by which promotions have entered it; None = by depth and days."""
    return model if response is None else dataclasses.replace(model, promo_response=response.logs)


def _weeks_of(grid: WeekGrid, column: HolidayColumn, first: int) -> str:
    """A holiday's weeks from the first week of the history on, as `Holiday` wants them."""
    weeks = grid.said.get(column.members)
    if weeks is None:
        [shares] = holiday_values(grid, np.arange(len(grid.ds)), [column]).T
        each = zip(grid.ds.astype("str").tolist(), shares.tolist(), strict=True)
        texts = [label if share == 1.0 else f"{label}*{round(share * 7)}" if share else "" for label, share in each]
        weeks = grid.said[column.members] = [(row, text) for row, text in enumerate(texts) if text]
    return " ".join(text for row, text in weeks if row >= first)


def _history(problem: Design, known: Window, grid: WeekGrid) -> str:
    """The fitted weeks, JSON: ds, y and the used regressors, in the measure of the target."""
    is_log = problem.target == "log1p"
    key = is_log, *(column.name for column in problem.columns)
    if key in known.said:  # by another setting
        return known.said[key]
    used = {column.name: known.regressors[:, column.index] for column in problem.columns}
    if is_log and LAG in used:
        used[LAG] = np.log1p(used[LAG])
    y = np.log1p(known.y) if is_log else known.y
    columns = {"ds": grid.ds[known.rows].astype("str"), "y": y, **used}
    known.said[key] = json.dumps({name: values.tolist() for name, values in columns.items()})
    return known.said[key]

"""A fitted model as plain numbers: what Prophet learned, without Prophet.

May import `spec` and what the regressors are called: whoever reads model files needs no more.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from datetime import date
from typing import Any

from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.regressors.responses import DEPTHS, RESPONSE_REGRESSORS

_HOLIDAY_WEEKS = re.compile(r"((?:^| )\d{4}-\d\d-\d\d(\*-?[1-7])?)*")


@dataclass(frozen=True, slots=True)
class Holiday:
    """A holiday's weight and its weeks, future ones included: text with blanks between them.

    A week is its label, `2026-01-11`, where the holiday counts 1, or `2026-01-11*4` where it takes 4 of the 7 days.
    Where days were moved, `2026-01-11*-2` is a week of two working days fewer.
    """

    name: str
    beta: float
    weeks: str

    @property
    def shares(self) -> dict[str, float]:
        """The holiday's value in each of its weeks, by label."""
        parts = [week.partition("*") for week in self.weeks.split()]
        return {label: int(days) / 7 if days else 1.0 for label, _, days in parts}


@dataclass(frozen=True, slots=True)
class Regressor:
    """A regressor's weight; its values enter as (value - mu) / std."""

    name: str
    beta: float
    mu: float
    std: float


@dataclass(frozen=True, slots=True)
class FittedModel:
    """One fitted model. Time is t = (ds - start) / t_scale_days; k, m, delta, sigma are in units of `y_scale`.

    Trend, as Prophet's linear growth: g(t) = k t + m + sum_j delta_j max(0, t - changepoints_j). With the effects
    E = yearly + holidays + regressors, z = y_scale * (g + E), or y_scale * g * (1 + E) if multiplicative, and yhat = z,
    or exp(z) - 1 if the target is log1p. `yearly` holds the weights of sine and cosine of each order in turn, empty
    without a season. `history` is the fitted weeks, JSON, for `to_prophet`. `is_converged` is False where the solver
    met a bound on its steps. `interval_scale` widens (or narrows) the simulated interval around yhat to what the
    backtest's errors asked for, at step h by h ** `interval_growth` more. `promo_response` is what turns a discount
    into the regressor of that name (`Response.logs`), empty where promotions enter by depth and days.
    """

    spec: ModelSpec
    start: str
    t_scale_days: float
    y_scale: float
    y_max: float
    k: float
    m: float
    delta: tuple[float, ...]
    changepoints: tuple[float, ...]
    sigma_obs: float
    yearly: tuple[float, ...]
    holidays: tuple[Holiday, ...]
    regressors: tuple[Regressor, ...]
    dropped_regressors: tuple[str, ...]
    n_weeks: int
    history: str
    is_converged: bool = True
    interval_scale: float = 1.0
    interval_growth: float = 0.0
    promo_response: tuple[float, ...] = ()

    @property
    def lag(self) -> Regressor | None:
        """The regressor of last week's sales, unless it was constant in history."""
        return next((regressor for regressor in self.regressors if regressor.name == LAG), None)

    def largest(self, regressor: str) -> float:
        """Return the largest value of a regressor that the model has seen, infinity where the history lacks it."""
        return max(map(float, json.loads(self.history).get(regressor) or [float("inf")]))

    def as_dict(self) -> dict[str, Any]:
        """Return the model as plain builtins."""
        return dataclasses.asdict(self)

    def check(self) -> None:
        """Refuse parts that do not fit each other; their types are checked by whoever reads them.

        Raises:
            ValueError: a scale, the changepoints, the season, a date or a holiday's weeks.
        """
        date.fromisoformat(self.start)
        if not (self.t_scale_days > 0 and self.y_scale > 0 and len(self.delta) == len(self.changepoints)):
            raise ValueError("scales are not positive, or changepoints and deltas differ in number")
        if len(self.yearly) % 2:
            raise ValueError("the season has a sine without its cosine")
        by_response = any(each.name in RESPONSE_REGRESSORS for each in self.regressors)
        if len(self.promo_response) not in ({len(DEPTHS)} if by_response else {0, len(DEPTHS)}):
            raise ValueError("the response to promotions is missing, or of other depths")
        if not all(_HOLIDAY_WEEKS.fullmatch(holiday.weeks) for holiday in self.holidays):
            raise ValueError("a holiday's weeks are no dates")

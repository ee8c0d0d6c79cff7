"""A fitted model as plain numbers: what Prophet learned, without Prophet.

May import `spec`, bounds of what is read and what the regressors are called: whoever reads model files needs no more.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass
from typing import Any

from skucast.core.bounds import MOST_SALES, check_day, check_length, check_names, check_number, check_numbers, said
from skucast.core.errors import ModelError
from skucast.forecast.prophet.spec import LAG, ModelSpec
from skucast.regressors.responses import DEPTHS, RESPONSE_REGRESSORS

_HOLIDAY_WEEKS = re.compile(r"(?:(?:^| )(?:19|20|21)\d\d-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])(?:\*-?[1-7])?)*")

MOST_WEIGHT = 1e9
"""Largest weight, in units of the model's scale."""

LEAST_SCALE = 1e-9
MOST_NAMED = 1_000
MOST_HOLIDAY = 20_000
"""Characters of a holiday's weeks."""

MOST_HISTORY = 512 * 1024
"""Characters of the fitted weeks: seventy times those of three years."""


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
        return shares_of(self.weeks)


def shares_of(weeks: str) -> dict[str, float]:
    """Return the value of a holiday in each of its weeks, by label."""
    parts = [week.partition("*") for week in weeks.split()]
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
        """Return the largest value of a regressor that the model has seen, infinity where the history lacks it.

        Raises:
            ModelError: the history is none.
        """
        return max((float(value) for value in self.weeks().get(regressor, [])), default=float("inf"))

    def weeks(self) -> dict[str, list[Any]]:
        """Return the fitted weeks by column.

        Raises:
            ModelError: they are not what a fit leaves; they are read here alone, not with every model.
        """
        try:
            found: dict[str, list[Any]] = json.loads(self.history)
            if len({len(values) for values in found.values()}) > 1:
                raise ValueError("columns of different lengths")
            for name, values in found.items():
                if name != "ds":
                    check_numbers(values, "the history", MOST_SALES)
            for day in found.get("ds", []):
                check_day(day, "a week of the history")
        except (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError) as error:
            raise ModelError(f"its fitted weeks are damaged ({said(str(error))}); retrain this combination") from None
        return found

    def as_dict(self) -> dict[str, Any]:
        """Return the model as plain builtins; `dataclasses.asdict` would copy each number."""
        parts = {name: tuple(map(_fields_of, getattr(self, name))) for name in ("holidays", "regressors")}
        return _fields_of(self) | {"spec": self.spec.as_dict(), **parts}

    def check(self) -> None:
        """Refuse parts that do not fit each other, or are beyond what any fit gives; their types the reader checks.

        Raises:
            ValueError: saying which.
        """
        check_day(self.start, "the start")
        self.spec.check()
        if len(self.delta) != len(self.changepoints):
            raise ValueError("changepoints and deltas differ in number")
        if len(self.yearly) % 2:
            raise ValueError("the season has a sine without its cosine")
        for what, least, most in _RANGES:
            check_number(getattr(self, what), what, least, most)
        for what, n, most in _LISTS:
            values = getattr(self, what)
            check_length(values, what, n)
            check_numbers(values, what, most)
        by_response = any(each.name in RESPONSE_REGRESSORS for each in self.regressors)
        if len(self.promo_response) not in ({len(DEPTHS)} if by_response else {0, len(DEPTHS)}):
            raise ValueError("the response to promotions is missing, or of other depths")
        check_length(self.history, "the history", MOST_HISTORY)
        self._check_named()

    def _check_named(self) -> None:
        """Refuse holidays and regressors that are no such thing.

        Raises:
            ValueError: saying which.
        """
        check_names(self.dropped_regressors, "what was dropped", MOST_NAMED)
        check_names([each.name for each in self.regressors], "regressors", MOST_NAMED)
        check_names([each.name for each in self.holidays], "holidays", MOST_NAMED)
        check_numbers([each.beta for each in self.holidays], "a holiday's effect", MOST_WEIGHT)
        check_numbers([each.beta for each in self.regressors], "a regressor's effect", MOST_WEIGHT)
        for each in self.regressors:
            check_number(each.std, "a regressor's scale", LEAST_SCALE, MOST_SALES)
        for holiday in self.holidays:
            check_length(holiday.weeks, "a holiday's weeks", MOST_HOLIDAY)
            if not _HOLIDAY_WEEKS.fullmatch(holiday.weeks):
                raise ValueError("a holiday's weeks are no dates")


def _fields_of(value: FittedModel | Holiday | Regressor) -> dict[str, Any]:
    return {each.name: getattr(value, each.name) for each in dataclasses.fields(value)}


_RANGES = (
    ("t_scale_days", 1.0, 100_000.0),
    ("y_scale", LEAST_SCALE, MOST_SALES),
    ("y_max", 0.0, MOST_SALES),
    ("sigma_obs", 0.0, MOST_WEIGHT),
    ("n_weeks", 0, 10_000),
    ("interval_scale", 0.0, 1_000.0),
    ("interval_growth", -3.0, 3.0),
)
_LISTS = (
    ("delta", 1_000, MOST_WEIGHT),
    ("changepoints", 1_000, 10.0),
    ("yearly", 200, MOST_WEIGHT),
    ("promo_response", 100, 100.0),
)
"""What numbers may be: the least and the most of one, how many there are and how far from 0 of several.

Of others, finite as they are, it is judged what a forecast makes of them.
"""

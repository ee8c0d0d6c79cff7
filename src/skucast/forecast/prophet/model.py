"""A fitted model as plain numbers: what Prophet learned, without Prophet; and the check of such numbers when read.

May import `spec` and the standard library: whoever reads model files needs no more.
"""

from __future__ import annotations

import dataclasses
import functools
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal, get_args, get_origin, get_type_hints

from skucast.forecast.prophet.spec import LAG, ModelSpec

_HOLIDAY_WEEKS = re.compile(r"((?:^| )\d{4}-\d\d-\d\d(\*[1-7])?)*")


@dataclass(frozen=True, slots=True)
class Holiday:
    """A holiday's weight and its weeks, future ones included: text with blanks between them.

    A week is its label, `2026-01-11`, where the holiday counts 1, or `2026-01-11*4` where it takes 4 of the 7 days.
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
    backtest's errors asked for.
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

    @property
    def lag(self) -> Regressor | None:
        """The regressor of last week's sales, unless it was constant in history."""
        return next((regressor for regressor in self.regressors if regressor.name == LAG), None)

    def as_dict(self) -> dict[str, Any]:
        """Return the model as plain builtins."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> FittedModel:
        """Return the model of `as_dict`.

        Raises:
            KeyError, TypeError, ValueError: a part is missing, unknown, of another type or not finite.
        """
        model: FittedModel = build(cls, values)
        date.fromisoformat(model.start)
        if not (model.t_scale_days > 0 and model.y_scale > 0 and len(model.delta) == len(model.changepoints)):
            raise ValueError("scales are not positive, or changepoints and deltas differ in number")
        if len(model.yearly) % 2:
            raise ValueError("the season has a sine without its cosine")
        if not all(_HOLIDAY_WEEKS.fullmatch(holiday.weeks) for holiday in model.holidays):
            raise ValueError("a holiday's weeks are no dates")
        return model


def build(kind: Any, value: Any, name: str = "content") -> Any:
    """Return plain builtins as the dataclass they were made of, each part checked against its annotation.

    Raises:
        KeyError, TypeError, ValueError: a part is missing, unknown, of another type or not finite.
    """
    return _builder(kind)(value, name)


@functools.cache
def _builder(kind: Any) -> Callable[[Any, str], Any]:
    """The function that checks and makes values of one annotation; thousands of files are read with few of them."""
    if isinstance(kind, type) and dataclasses.is_dataclass(kind):
        return _dataclass_builder(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if type(None) in arguments:
        inner = _builder(arguments[0])
        return lambda value, name: None if value is None else inner(value, name)
    if origin in (tuple, list):
        return _sequence_builder(origin, arguments[0])
    if origin is dict:
        inner = _builder(arguments[1])
        return lambda value, name: {key: inner(item, name) for key, item in _of(dict, value, name).items()}
    if origin is Literal:
        return lambda value, name: _one_of(arguments, value, name)
    if kind is float:
        return _finite
    return (lambda value, _: value) if kind is Any else lambda value, name: _of(kind, value, name)


def _dataclass_builder(kind: Any) -> Callable[[Any, str], Any]:
    parts = {part: _builder(hint) for part, hint in get_type_hints(kind).items()}
    return lambda value, name: kind(**{part: parts[part](item, part) for part, item in _of(dict, value, name).items()})


def _sequence_builder(sequence: Any, kind: Any) -> Callable[[Any, str], Any]:
    inner = _builder(kind)
    return lambda value, name: sequence([inner(item, name) for item in _of(list, value, name)])


def _one_of(allowed: tuple[Any, ...], value: Any, name: str) -> Any:
    if value not in allowed:
        raise ValueError(f"{name} is none of {', '.join(allowed)}")
    return value


def _finite(value: Any, name: str) -> Any:
    if type(value) is int:
        return value
    if not math.isfinite(_of(float, value, name)):
        raise ValueError(f"{name} is not finite")
    return value


def _of(kind: type, value: Any, name: str) -> Any:
    if type(value) is not kind:
        raise TypeError(f"{name} is {type(value).__name__}, expected {kind.__name__}")
    return value

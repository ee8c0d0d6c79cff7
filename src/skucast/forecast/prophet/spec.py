"""Settings of one model, and what its parts are called. May import bounds of what is read."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Literal

from skucast.core.bounds import check_number

Mode = Literal["additive", "multiplicative"]
Target = Literal["sales", "log1p"]
"""What is fitted: sales per week, or log(1 + sales), in which effects multiply; the lag is in the same measure."""

LAG = "y_lag1"

RESPONSE_PRIOR_SCALE = 0.15
"""Prior scale of promotions that enter by their response: so small a one that a few cannot say how others work."""


DECLARED_PRIOR_SCALE = 0.1
"""Prior scale of declared regressors, as that of the weather: they must earn what they add."""


@dataclass(frozen=True, slots=True)
class ModelSpec:
    """Settings of one model. Prior scales are Prophet's: larger lets the data speak more freely.

    `seasonality_mode` is that of all terms beside the trend: season, holidays, regressors and lag.
    """

    target: Target = "sales"
    seasonality_mode: Mode = "additive"
    changepoint_prior_scale: float = 0.1
    n_changepoints: int = 25
    changepoint_range: float = 0.8
    yearly_order: int = 10
    yearly_min_weeks: int = 53
    seasonality_prior_scale: float = 0.02
    holidays_prior_scale: float = 0.1
    promo_prior_scale: float = 10.0
    weather_prior_scale: float = 0.1
    lag_prior_scale: float = 10.0

    def as_dict(self) -> dict[str, Any]:
        """Return the settings as plain builtins."""
        return {each.name: getattr(self, each.name) for each in dataclasses.fields(self)}

    def check(self) -> None:
        """Refuse settings that nobody would fit a model by: counts and scales beyond all that is tried.

        Raises:
            ValueError: saying which.
        """
        for name, least, most in _RANGES:
            check_number(getattr(self, name), name, least, most)

    @property
    def shape(self) -> tuple[object, ...]:
        """Everything but the prior scales: specs of one shape share columns and Gram matrices."""
        return (self.seasonality_mode, *self.columns)

    @property
    def columns(self) -> tuple[object, ...]:
        """What a design depends on."""
        return (
            self.target,
            self.n_changepoints,
            self.changepoint_range,
            self.yearly_order,
            self.yearly_min_weeks,
        )


_SCALES = tuple(each.name for each in dataclasses.fields(ModelSpec) if each.name.endswith("_prior_scale"))
_RANGES = (
    ("n_changepoints", 0, 1_000),
    ("changepoint_range", 0.0, 1.0),
    ("yearly_order", 0, 100),
    ("yearly_min_weeks", 0, 1_000_000),
    *((name, 1e-9, 1e9) for name in _SCALES),
)
"""The least and the most of each setting."""

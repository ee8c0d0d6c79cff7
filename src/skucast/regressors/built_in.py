"""Regressors that are always declared, promotions and weather, and the families that all regressors enter models in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from skucast.core.declared import OF_DECLARED, PREFIX, USES, Regressor, Use
from skucast.regressors.declarations import Form, read_declarations

DECLARED = """
[[regressor]]
name = "promo_discount_perc"
kind = "promotion"
history = "sales:Promo_discount_perc"
ahead = "table:distributor_promotions.discount_perc"
week = "mean"
unknown = "recent"

[[regressor]]
name = "promo_days"
kind = "promotion"
history = "sales:is_promo"
ahead = "table:distributor_promotions.is_promo"
week = "sum"
unknown = "recent"

[[regressor]]
name = "weather_temperature"
kind = "weather"
history = "table:distributor_weather_daily.temperature_2m_max+temperature_2m_min"
ahead = "table:distributor_weather_daily.temperature_2m_max+temperature_2m_min"
week = "mean"
unknown = "climate"

[[regressor]]
name = "weather_precipitation"
kind = "weather"
history = "table:distributor_weather_daily.precipitation_sum"
ahead = "table:distributor_weather_daily.precipitation_sum"
week = "sum"
unknown = "climate"

[[regressor]]
name = "weather_snowfall"
kind = "weather"
history = "table:distributor_weather_daily.snowfall_sum"
ahead = "table:distributor_weather_daily.snowfall_sum"
week = "sum"
unknown = "climate"
"""
"""As docs/regressors.md has them; tables are named as they are called unless a setting says otherwise."""

BUILT_IN = read_declarations(DECLARED, "built in", Path(), Form(kinds=tuple(USES), is_ours=True))

PROMOTIONS, WEATHER = (tuple(each for each in BUILT_IN if each.kind == kind) for kind in ("promotion", "weather"))


@dataclass(frozen=True)
class Family:
    """Regressors that enter a model together, as one component of the forecast, or not at all."""

    name: str
    regressors: tuple[Regressor, ...]

    @property
    def use(self) -> Use:
        """What becomes of them."""
        return self.regressors[0].use

    @property
    def is_built_in(self) -> bool:
        """Whether nobody has declared it."""
        return self.use.family is not None

    @property
    def values(self) -> tuple[str, ...]:
        """The columns that a history has of it."""
        return tuple(name for each in self.regressors for name in each.columns)

    @property
    def columns(self) -> tuple[str, ...]:
        """All that it may be in a model."""
        return (*self.values, *self.use.made)


def families_of(declared: Sequence[Regressor], built_in: Sequence[Regressor] = BUILT_IN) -> tuple[Family, ...]:
    """Return all families of regressors that there may be: promotions, weather, what is declared."""
    members: dict[str, list[Regressor]] = {}
    for each in (*built_in, *declared):
        members.setdefault(each.use.family or each.name, []).append(each)
    return tuple(Family(name, tuple(found)) for name, found in members.items())


ALWAYS = tuple(name for family in families_of(()) if not family.use.by_evidence for name in family.values)
"""The columns that every model is offered, whatever a backtest says."""

REGRESSORS = tuple(name for family in families_of(()) for name in family.columns)
"""All that a model may know of a week beside the calendar and the week before, if nothing is declared."""


_COMPONENTS = {name: family.use.component for family in families_of(()) for name in family.columns}


def component_of(column: str) -> str:
    """Return the component of the forecasts that a regressor adds to; of one that is not declared its first word."""
    return OF_DECLARED if column.startswith(PREFIX) else _COMPONENTS.get(column, column.partition("_")[0])

"""What a forecast may know of the weeks to come, now and at the origins of a backtest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from skucast.core.declared import Regressor
from skucast.regressors.built_in import Family
from skucast.regressors.declared_values import NOTHING_DECLARED, DeclaredWeeks, declared_ahead
from skucast.regressors.promotions import PROMO_REGRESSORS, PlannedWeeks, promotions_ahead
from skucast.regressors.responses import Response, responses_ahead
from skucast.regressors.weather import WEATHER_REGRESSORS
from skucast.sales.columns import Weeks, carried_on, last_day, numbers

Floats = npt.NDArray[np.float64]

PromotionsFrom = Literal["plan", "perfect_plan", "expected"]
"""What stood in for the promotions of an origin's weeks: the plan as it was known then, those that came to pass, or
the recent average."""


@dataclass(frozen=True)
class WeatherWeeks:
    """The weather of H weeks of one unit: `anomalies` by regressor and their source, shape (H,).

    `is_perfect` tells whether what was observed stands in for a forecast that nobody kept.
    """

    anomalies: dict[str, Floats]
    source: npt.NDArray[Any]
    is_perfect: bool = False

    def first(self, n_weeks: int) -> WeatherWeeks:
        """Return the first weeks."""
        return self._part(slice(n_weeks))

    def last(self, n_weeks: int) -> WeatherWeeks:
        """Return the last weeks."""
        return self._part(slice(len(self.source) - n_weeks, None))

    def _part(self, part: slice) -> WeatherWeeks:
        anomalies = {name: values[part] for name, values in self.anomalies.items()}
        return WeatherWeeks(anomalies, self.source[part], self.is_perfect)


def no_weather(n_weeks: int) -> WeatherWeeks:
    """Return weeks of which nothing is known: usual ones."""
    return WeatherWeeks(
        {name: np.zeros(n_weeks) for name in WEATHER_REGRESSORS}, np.full(n_weeks, "none", dtype=object)
    )


@dataclass(frozen=True)
class Ahead:
    """What is known of the H weeks after a history: regressors by name and where promotions and weather are from, (H,).

    These are those that are built in and those that are declared.
    """

    regressors: dict[str, Floats]
    promo_source: npt.NDArray[Any]
    weather_source: npt.NDArray[Any]


@dataclass(frozen=True)
class Archive:
    """What was known of one combination at past origins: by their label, plan and weather of the weeks after each.

    `has_plan` tells whether forecasts made now have a plan of this combination, `declared_now` of which declared
    regressors they know values; `declared` are these. `responses` are those to promotions, by the last week that they
    know.
    """

    plans: Mapping[date, PlannedWeeks] = field(default_factory=dict)
    has_plan: bool = False
    weather: Mapping[date, WeatherWeeks] = field(default_factory=dict)
    responses: Mapping[date, Response] = field(default_factory=dict)
    declared_now: frozenset[str] = frozenset()
    declared: tuple[Regressor, ...] = ()

    def is_perfect(self, family: Family) -> bool:
        """Return whether at an origin what came to pass stood in for what nobody had said of these regressors then."""
        if family.is_built_in:
            return any(each.is_perfect for each in self.weather.values())
        is_untold = any(family.name not in planned.declared.said for planned in self.plans.values())
        return family.name in self.declared_now and is_untold

    def response_after(self, weeks: Weeks) -> Response | None:
        """Return the response as it was known after the last of the weeks; None = not told."""
        return self.responses.get(last_day(weeks)) if self.responses else None


NO_ARCHIVE = Archive()


def ahead(
    weeks: Weeks,
    planned: PlannedWeeks | None,
    n_weeks: int,
    weather: WeatherWeeks | None = None,
    response: Response | None = None,
) -> Ahead:
    """Return what is known of the weeks after a history: what the plan says of them, and the weather of the unit."""
    promotions, source = promotions_ahead(weeks, planned, n_weeks)
    declared = NOTHING_DECLARED if planned is None else planned.declared
    return _ahead(weeks, promotions, source, weather or no_weather(n_weeks), response, declared)


def ahead_at(past: Weeks, coming: Weeks, archive: Archive) -> tuple[Ahead, PromotionsFrom]:
    """Return what a forecast made after `past` could know of the weeks `coming`, and whose promotions these are.

    Where the plan had already said something of the combination then: what it said. Where it had not, but forecasts
    made now have a plan: the promotions that came to pass, as if they had been planned (`perfect_plan`). Each declared
    regressor likewise.
    """
    origin, n_weeks = last_day(past), len(coming)
    planned, weather = archive.plans.get(origin), _weather_at(archive, origin, n_weeks)
    response = archive.response_after(past)
    if planned is None or not planned.is_known:
        if archive.has_plan:
            return perfect_plan(past, coming, archive), "perfect_plan"
        planned = None
    known_of = promotions_ahead(past, planned and planned.first(n_weeks), n_weeks)
    found = _ahead(past, *known_of, weather, response, declared_at(past, coming, archive))
    return found, "expected" if planned is None else "plan"


def declared_at(past: Weeks, coming: Weeks, archive: Archive) -> DeclaredWeeks:
    """Return what a forecast made after `past` could know of declared regressors in the weeks `coming`.

    What had been said then; of one of which nothing had, though forecasts made now know it, what came to pass.
    """
    planned = archive.plans.get(last_day(past))
    if planned is None or not planned.declared.declared:
        nothing = np.full(len(coming), np.nan)
        return DeclaredWeeks(archive.declared, {each.name: nothing for each in archive.declared})
    known = planned.declared.part(slice(len(coming)))
    came_to_pass = {
        each.name: numbers(coming, each.column)
        for each in known.declared
        if each.name in archive.declared_now - known.said and each.column in coming
    }
    return replace(known, values={**known.values, **came_to_pass})


def perfect_plan(past: Weeks, coming: Weeks, archive: Archive) -> Ahead:
    """Return what a forecast made after `past` could know, had all promotions that came to pass been planned."""
    values = {name: numbers(coming, name) for name in PROMO_REGRESSORS}
    source = np.where(values["promo_days"] > 0, "planned", "none").astype(object)
    weather = _weather_at(archive, last_day(past), len(coming))
    return _ahead(past, values, source, weather, archive.response_after(past), declared_at(past, coming, archive))


def last_known(weeks: Weeks) -> float:
    """Return the sales that count as the lag of the first week after `weeks`; 0 if none is known."""
    y = numbers(weeks, "y")
    newest = y[-1:]
    if np.isnan(newest).any():
        newest = carried_on(y)[-1:]
    return float(newest[0]) if len(newest) and not np.isnan(newest[0]) else 0.0


def _ahead(
    weeks: Weeks,
    promotions: Mapping[str, Floats],
    source: npt.NDArray[Any],
    weather: WeatherWeeks,
    response: Response | None,
    declared: DeclaredWeeks,
) -> Ahead:
    responses = responses_ahead(weeks, promotions, source, response)
    regressors = {**promotions, **responses, **weather.anomalies, **declared_ahead(weeks, declared)}
    return Ahead(regressors, source, weather.source)


def _weather_at(archive: Archive, origin: date, n_weeks: int) -> WeatherWeeks:
    found = archive.weather.get(origin)
    return no_weather(n_weeks) if found is None else found.first(n_weeks)

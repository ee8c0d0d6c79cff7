"""Freshness without a schedule: models that have grown old are fitted anew in memory before they forecast."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import Combination
from skucast.core.errors import ModelError
from skucast.core.weeks import weeks_between
from skucast.core.words import counted
from skucast.forecast.artifact import StoredModel, as_stored
from skucast.jobs.calendars import calendars_of
from skucast.jobs.known_ahead import with_weather
from skucast.jobs.models import Models
from skucast.regressors.calendars import Calendar
from skucast.regressors.declared import declared_of
from skucast.regressors.responses import responses_at
from skucast.regressors.weather import WeatherOutlook
from skucast.runtime.outcome import RunReport, run_each
from skucast.runtime.settings import Settings
from skucast.sales.history import History, is_inactive

if TYPE_CHECKING:
    from skucast.forecast.prophet.design import WeekGrid
    from skucast.forecast.refreshing import Newest


def with_fresh(
    settings: Settings,
    warehouse: Warehouse,
    history: History,
    models: Models,
    outlook: WeatherOutlook | None,
    last_week: date,
    report: RunReport,
) -> Models:
    """Return the models, those older than REFRESH_AFTER_WEEKS fitted anew to the newest sales.

    One that cannot be is as it is stored, and is called `stale`; so is one that does not know the holidays up to
    `last_week`, the last one that is forecast.
    """
    old = {
        combination: stored
        for combination, stored in models.items()
        if isinstance(stored, StoredModel)
        and weeks_between(stored.card.cutoff_date, history.data_cutoff) > settings.refresh_after_weeks
    }
    if not old:
        return dict(models)
    from skucast.forecast.refreshing import knows_weather  # here and below: it brings what models are fitted with

    if not settings.refresh:
        return {**models, **_without_holidays(old, last_week, report)}
    with report.timed("refresh"):
        if any(knows_weather(stored.card) for stored in old.values()):
            history = with_weather(history, outlook, settings.clock)
        newest = _newest(settings, warehouse, history, list(old))
        items = [(each, (old[each], weeks)) for each, weeks in newest.items()]
        found = {
            each.combination: each.value or str(each.error) for each in run_each(items, _refreshed, what="refresh")
        }
    fresh = {each: model for each, model in found.items() if isinstance(model, StoredModel)}
    failed = {each: why for each, why in sorted(found.items()) if isinstance(why, str)}
    _note(settings, history.data_cutoff, len(fresh), failed, report)
    return {**models, **fresh, **{each: as_stored(old[each]) for each in failed}}


def _refreshed(_: Combination, item: tuple[StoredModel, Newest]) -> StoredModel | str:
    """The model, or in words why it stays as it is: of many one line is said, not one of each."""
    from skucast.forecast.refreshing import refreshed

    try:
        return refreshed(*item)
    except ModelError as error:
        return str(error)


def _newest(
    settings: Settings, warehouse: Warehouse, history: History, wanted: Sequence[Combination]
) -> dict[Combination, Newest]:
    """What each of these that still sells is fitted to, as a training of today would be."""
    from skucast.forecast.refreshing import Newest
    from skucast.forecast.training import grid_of

    cutoff, first = history.data_cutoff, history.weeks["ds"].min().date()
    calendars = calendars_of(settings, warehouse, sorted(history.weeks["unit"].unique()))
    responses = responses_at(history.weeks, [cutoff])
    grids: dict[Calendar, WeekGrid] = {}
    declared = declared_of(settings.regressors)
    found = {}
    for combination, weeks in history.split(wanted):
        if is_inactive(weeks, settings.inactive_after_weeks):
            continue  # it is forecast 0, whatever its model says
        calendar = calendars.of(combination.unit)
        if calendar not in grids:
            grids[calendar] = grid_of(calendar, settings.clock, first, cutoff)
        response = responses[combination].get(cutoff)
        found[combination] = Newest(weeks, response, grids[calendar], settings.sales_grain, declared)
    return found


def _without_holidays(
    old: Mapping[Combination, StoredModel], last_week: date, report: RunReport
) -> dict[Combination, StoredModel]:
    """Those of the models, as they are stored, that do not know the holidays of all weeks to come."""
    from skucast.forecast.refreshing import holidays_end

    found = {each: as_stored(stored) for each, stored in old.items() if holidays_end(stored.card) < last_week}
    if found:
        first = min(found)
        report.warn(
            f"{counted(len(found), 'model')} without holidays in the weeks to come, first {first}, which knows them up "
            f"to {holidays_end(found[first].card)}: run run_all_skus.py, or set REFRESH=true"
        )
    return found


def _note(settings: Settings, cutoff: date, n_fresh: int, failed: Mapping[Combination, str], report: RunReport) -> None:
    age = counted(settings.refresh_after_weeks, "week")
    if n_fresh:
        report.notes.append(f"{counted(n_fresh, 'model')} older than {age} fitted anew to the sales up to {cutoff}")
    if failed:
        first, why = next(iter(failed.items()))
        report.warn(
            f"{counted(len(failed), 'model')} older than {age} could not be refreshed and forecast as stored, first "
            f"{first}: {why}; run run_all_skus.py"
        )

"""What the jobs know of the weeks to come: the plan, as it is now and as it was at the origins of a backtest."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from datetime import date, datetime

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import Combination
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.forecasts import PROMO_SOURCES, WEATHER_SOURCES
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.weeks import WeekClock
from skucast.jobs.declared import declared_plan
from skucast.regressors.future import Archive, WeatherWeeks
from skucast.regressors.promotions import Plan, usable_rows
from skucast.regressors.weather import WEATHER_REGRESSORS, WeatherOutlook
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History

SHOWN = 5
"""Combinations that a warning names."""


def plan_of(
    settings: Settings,
    warehouse: Warehouse,
    history: History,
    wanted: Sequence[Combination],
) -> Plan:
    """Return all that was ever planned for these combinations.

    Rows that mean nothing are passed over, with a warning that counts them.
    """
    plan, wrong = usable_plan(settings, warehouse, history, wanted)
    if wrong:
        log.warning(
            "rows of the promotions plan that are not used: %s",
            "; ".join(f"{count} ({problem})" for problem, count in wrong.items()),
            extra={"fields": {"event": "promo_rows_not_used", "table": settings.promotions_table}},
        )
    return plan


def usable_plan(
    settings: Settings, warehouse: Warehouse, history: History, wanted: Sequence[Combination]
) -> tuple[Plan, dict[str, int]]:
    """Return all that was ever planned for these combinations, and how many rows mean nothing, by what is wrong."""
    usable, wrong = usable_rows(history.names.renamed(warehouse.read(PROMOTIONS)), history.combinations)
    plan = Plan(
        usable,
        wanted,
        settings.sales_grain,
        history.selling_days,
        history.deepest_discounts,
        {each: history.usual_depths.of(each) for each in wanted},
        sorted(history.weeks["promo_type"].dropna().unique()),
        declared_plan(settings, warehouse, history, wanted),
    )
    return plan, wrong


def warn_of_depth(plan: Plan, known_at: datetime, weeks: Sequence[date]) -> None:
    """Say which discounts of the weeks to come are deeper than their article ever had, or look like flags."""
    found = plan.too_deep(known_at, weeks)
    if found:
        largest = sorted(found.items(), key=lambda item: -item[1][0] / max(item[1][1], 1.0))
        log.warning(
            "discounts planned beyond what their article ever had count as the deepest that it had: %s; "
            "is a price written where the discount belongs?",
            listed(
                [f"{each}: {planned:g}, at most {deepest:g} until now" for each, (planned, deepest) in largest],
                SHOWN,
                "; ",
            ),
            extra={"fields": {"event": "promo_beyond_history", "combinations": len(found)}},
        )
    if flags := plan.like_flags(known_at, weeks):
        log.warning(
            "discounts planned of 1 %% count as that: %s; is 1 a flag, or written for 100 %%? send percent",
            listed([f"{each}, at most {deepest:g} until now" for each, deepest in flags.items()], SHOWN, "; "),
            extra={"fields": {"event": "promo_like_a_flag", "combinations": len(flags)}},
        )


def archives(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    history: History,
    wanted: Sequence[Combination],
    origins: Sequence[date],
    horizon_weeks: int,
    outlook: WeatherOutlook | None,
) -> dict[Combination, Archive]:
    """Return what was known of each combination at past origins (labels): by the end of their last day."""
    clock, promotions = settings.clock, plan_of(settings, warehouse, history, wanted)
    targets = {origin: clock.targets(origin, horizon_weeks) for origin in origins}
    plans = {origin: promotions.as_of(clock.end_of(origin), weeks) for origin, weeks in targets.items()}
    now = promotions.as_of(clock.end_of(run.today), clock.targets(history.data_cutoff, horizon_weeks))
    weather = {
        origin: weather_ahead(outlook, clock, weeks, wanted, clock.end_of(origin)) for origin, weeks in targets.items()
    }
    return {
        combination: Archive(
            {origin: planned[combination] for origin, planned in plans.items()},
            has_plan=bool(now[combination].is_covered.any()),
            declared_now=now[combination].declared.known,
            weather={origin: units[combination.unit] for origin, units in weather.items() if units},
        )
        for combination in wanted
    }


def weather_outlook(
    settings: Settings, warehouse: Warehouse, run: Run, report: RunReport, history: History
) -> WeatherOutlook | None:
    """Return what is known of the weather of all units, the missing days fetched; None = weather is off."""
    if not settings.weather:
        return None
    from skucast.jobs.weather import update_weather  # nothing of it is loaded where weather is off

    first = settings.clock.start(history.weeks["ds"].min().date())
    return update_weather(settings, warehouse, run, report, sorted(history.weeks["unit"].unique()), first)


def weather_ahead(
    outlook: WeatherOutlook | None,
    clock: WeekClock,
    weeks: Sequence[date],
    wanted: Sequence[Combination],
    known_at: datetime | None = None,
) -> dict[str, WeatherWeeks]:
    """Return the weather of the weeks by unit, as it is known now or was at a moment (naive UTC); none if it is off."""
    if outlook is None:
        return {}
    units = sorted({combination.unit for combination in wanted})
    if known_at is None:
        found = outlook.anomalies(clock, weeks, units).assign(is_perfect=False)
    else:
        found = outlook.anomalies_at(clock, weeks, units, known_at)
    return {
        str(unit): WeatherWeeks(
            {name: rows[name].to_numpy(dtype="float64") for name in WEATHER_REGRESSORS},
            rows["weather_source"].to_numpy(dtype=object),
            is_perfect=bool(rows["is_perfect"].any()),
        )
        for unit, rows in found.groupby("unit", sort=False)
    }


def with_weather(history: History, outlook: WeatherOutlook | None, clock: WeekClock) -> History:
    """Return the history with the weather of its weeks as columns; as it is where weather is off."""
    if outlook is None:
        return history
    labels = [ds.date() for ds in sorted(history.weeks["ds"].unique())]
    found = outlook.anomalies(clock, labels, sorted(history.weeks["unit"].unique()))
    weeks = history.weeks.merge(found.drop(columns="weather_source"), on=["unit", "ds"], how="left")
    return dataclasses.replace(history, weeks=weeks)


def note_sources(rows: pd.DataFrame, settings: Settings, report: RunReport, history: History) -> None:
    """Keep the share of each source in the report, and warn where the plan covers too little of the promotions.

    A business that has never had a promotion, and plans none, hears nothing of plans.
    """
    active = rows[rows["status"] != "inactive"]
    if not len(active):
        return
    shares = _shares(active["promo_source"], PROMO_SOURCES)
    report.sources["promotions"] = shares
    if settings.weather:
        weather = _shares(active["weather_source"], WEATHER_SOURCES)
        report.sources["weather"] = weather
        report.notes.append("weather: " + ", ".join(f"{share:.1%} {source}" for source, share in weather.items()))
    if not expects_plan(history, active["promo_source"]):
        return
    report.notes.append("promotions: " + ", ".join(f"{share:.1%} {source}" for source, share in shares.items()))
    plan_share = 1 - shares["expected"]
    if plan_share < settings.min_promo_coverage:
        fields = {
            "event": "promo_coverage_low",
            "coverage": plan_share,
            "min_promo_coverage": settings.min_promo_coverage,
        }
        log.warning(
            "the promotions plan covers %.0f %% of the weeks to come, MIN_PROMO_COVERAGE is %.0f %%: beyond it the "
            "forecast assumes a recent average; send the plan (see docs/promotions.md)",
            100 * plan_share,
            100 * settings.min_promo_coverage,
            extra={"fields": fields},
        )


def expects_plan(history: History, promo_sources: pd.Series) -> bool:
    """Return whether the business has promotions: in its sales, or planned in its newest forecasts."""
    return has_promotions(history) or bool((promo_sources == "planned").any())


def has_promotions(history: History) -> bool:
    """Return whether any week of any combination had a promotion."""
    return bool(history.weeks["is_promo"].any())


def _shares(sources: pd.Series, allowed: Sequence[str]) -> dict[str, float]:
    counts = sources.value_counts()
    return {source: round(int(counts.get(source, 0)) / len(sources), 4) for source in allowed}

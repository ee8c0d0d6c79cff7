"""What the jobs know of the weeks to come: the plan, as it is now and as it was at the origins of a backtest."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skucast.combination import Combination
from skucast.future import Archive
from skucast.logs import log
from skucast.outcome import RunReport
from skucast.regressors.promotions import Plan
from skucast.run import Run
from skucast.settings import Settings
from skucast.tables import PROMO_SOURCES, PROMOTIONS
from skucast.training import Recipe, backtest_origins
from skucast.warehouse import Warehouse


def read_plan(
    settings: Settings,
    warehouse: Warehouse,
    combinations: Sequence[Combination],
    *,
    and_these: pd.DataFrame | None = None,
) -> Plan:
    """Return all that was ever planned for these combinations; `and_these` rows are said beside the warehouse's."""
    rows = warehouse.read(PROMOTIONS)
    if and_these is not None:
        rows = pd.concat([rows, and_these], ignore_index=True) if len(rows) else and_these
    return Plan(rows, combinations, settings.sales_grain)


def archives(
    settings: Settings, warehouse: Warehouse, run: Run, wanted: Sequence[Combination], recipe: Recipe
) -> dict[Combination, Archive]:
    """Return what was known of each combination at the origins that training looks at: by the end of their last day."""
    clock, promotions = settings.clock, read_plan(settings, warehouse, wanted)
    horizon_weeks = recipe.plan.backtest_weeks
    then = {
        origin: promotions.as_of(clock.end_of(origin), clock.targets(origin, horizon_weeks))
        for origin in backtest_origins(recipe)
    }
    now = promotions.as_of(clock.end_of(run.today), clock.targets(recipe.cutoff, horizon_weeks))
    return {
        combination: Archive(
            {origin: planned[combination] for origin, planned in then.items()},
            has_plan=bool(now[combination].is_covered.any()),
        )
        for combination in wanted
    }


def note_sources(rows: pd.DataFrame, settings: Settings, report: RunReport) -> None:
    """Keep the share of each source of promotions in the report, and warn where the plan covers too little of them."""
    counts = rows.loc[rows["status"] != "inactive", "promo_source"].value_counts()
    total = int(counts.sum())
    if not total:
        return
    shares = {source: round(int(counts.get(source, 0)) / total, 4) for source in PROMO_SOURCES}
    report.sources["promotions"] = shares
    report.notes.append("promotions: " + ", ".join(f"{share:.1%} {source}" for source, share in shares.items()))
    covered = 1 - shares["expected"]
    if covered < settings.min_promo_coverage:
        fields = {"event": "promo_coverage_low", "coverage": covered, "min_promo_coverage": settings.min_promo_coverage}
        log.warning(
            "the promotions plan covers %.0f %% of the weeks to come, MIN_PROMO_COVERAGE is %.0f %%: beyond it the "
            "forecast assumes a recent average; send the plan (see docs/promotions.md)",
            100 * covered,
            100 * settings.min_promo_coverage,
            extra={"fields": fields},
        )

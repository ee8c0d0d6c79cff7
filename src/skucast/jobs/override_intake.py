"""The inbox of overrides: files become rows of their table, as those of promotions do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, NO_ALIASES, Aliases, Combination
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.weeks import WEEK, WeekClock
from skucast.core.words import counted
from skucast.jobs.intake import Intake, Known, take_in, take_in_if_there
from skucast.jobs.newcomers import newcomers_of
from skucast.regressors.override_checks import Rules
from skucast.regressors.override_files import FILE, read_overrides
from skucast.regressors.overrides import holding, scope_of, still_said
from skucast.regressors.promotion_files import PlanFile
from skucast.runtime.groups.overrides import reasons_of
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History


def rules_of(settings: Settings) -> Rules:
    """Return what the business asks of an override."""
    return Rules(reasons_of(settings.override_reasons), settings.freeze_weeks)


def known_to_overrides(settings: Settings, warehouse: Warehouse, run: Run, history: History) -> list[Combination]:
    """Return what overrides may be about: what has sales, begins now or is announced, sorted."""
    return sorted({*history.combinations, *newcomers_of(settings, warehouse, run, history).combinations})


def ingest_overrides(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    report: RunReport,
    known: Sequence[Combination],
    aliases: Aliases = NO_ALIASES,
    *,
    by_hand: bool = False,
) -> int:
    """Add the files of the inbox and return how many rows were added; a run that nobody waits for survives no answer.

    One about another day than today takes in none.

    Args:
        settings: folders, reasons and near weeks.
        warehouse: where the table is.
        run: when it is.
        report: what was refused is noted there.
        known: combinations that are forecast: what has no sales yet may have an override.
        aliases: names that were merged into known ones.
        by_hand: somebody waits for these files alone.

    Raises:
        InputError, StoreError, WarehouseError: as `take_in_if_there` and, by hand, `take_in`.
    """
    if not run.is_about_today(settings.clock):
        return 0
    rules = rules_of(settings)

    def read(name: str, content: bytes, given: Known, clock: WeekClock) -> PlanFile:
        held = given.held()
        found = read_overrides(name, content, given.combinations, held, given.at, clock, rules, given.aliases)
        notes = [*found.notes, *_replaced(found.rows, held, given.at, run)]
        if by_hand:  # a forecast that takes the file in itself uses it
            notes += soon_over(found.rows, settings, warehouse, run)
        return replace(found, notes=notes)

    intake = Intake("overrides", OVERRIDES, FILE.n_bytes, read, _added)
    given = intake, settings, warehouse, run, report, known, aliases
    if by_hand:
        return take_in(*given, by_hand=True)
    take_in_if_there(*given, is_awaited=False)
    return 0


def soon_over(rows: pd.DataFrame, settings: Settings, warehouse: Warehouse, run: Run) -> list[str]:
    """Say which of the rows end before the next forecast is due: only one that is run by hand would use them."""
    if rows["expires_on"].isna().all():
        return []
    week = {"cutoff": run.cutoff}
    is_made = len(warehouse.read(FORECASTS, ["cutoff"], since=week, until=week)) > 0
    due = run.cutoff + timedelta(days=settings.forecast_due_days - 1) + (WEEK if is_made else timedelta(0))
    last = pd.to_datetime(rows["expires_on"])
    over = last[last < pd.Timestamp(due)]
    if over.empty or due <= run.today:
        return []
    which = counted(len(over), "override") if len(rows) > 1 else ""
    said = "expires" if len(over) == 1 else "expire"
    return [
        f"{which} {said} on {over.min():%Y-%m-%d}, before the next forecast, that of {due}: only one that is run by "
        "hand until then uses it".strip()
    ]


def _replaced(rows: pd.DataFrame, held: pd.DataFrame, at: datetime, run: Run) -> list[str]:
    """Say which overrides count no longer because the file says something newer of all their names and weeks."""
    both = pd.concat([held, rows], ignore_index=True) if len(held) else rows
    before, after = (still_said(holding(each, at, run.today), run.cutoff) for each in (held, both))
    called_off = rows.loc[rows["cancelled"], "override_id"]
    gone = before[~before["override_id"].isin([*after["override_id"], *called_off])]
    if gone.empty:
        return []
    first = gone.iloc[0]
    what = f"{scope_of(first[KEY])} {first['kind']}{first['value']:g}, said by {first['author']}"
    return [f"{counted(len(gone), 'override')} from before replaced, first {first['override_id']} ({what})"]


def _added(file: PlanFile) -> list[str]:
    if file.says_nothing:
        return ["nothing new"]
    n_off = int(file.rows["cancelled"].sum())
    said = counted(len(file.rows) - n_off, "override")
    return [f"{said} added", *([f"{n_off} called off"] if n_off else [])]

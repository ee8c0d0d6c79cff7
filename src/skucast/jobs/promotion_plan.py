"""The plan of promotions as it holds: listed, as a template, and beside what a file would make of it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.first_bytes import first_bytes
from skucast.core.run import Run
from skucast.core.spelling import by_fold, fold
from skucast.core.tables.contract import ALL
from skucast.core.tables.records import LOADS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.targets import nearest
from skucast.core.texts import Text, wording
from skucast.core.words import counted
from skucast.jobs.inputs import read_history
from skucast.jobs.intake import Known
from skucast.jobs.promotions import PLANS
from skucast.regressors.promotion_calendar import Difference, calendar, difference
from skucast.regressors.promotion_files import PlanFile
from skucast.regressors.promotion_holding import Holding, holding, within
from skucast.regressors.promotion_template import template_rows
from skucast.regressors.promotions import Pattern, usable_rows
from skucast.runtime.settings import Settings
from skucast.sales.history import History

PAST_WEEKS = 13
"""Weeks before the running one whose promotions are shown."""

ADDED_BEFORE = wording(
    "this very file was added before: the inbox would add nothing of it; to say it again, change a note"
)


def wanted_names(own: Mapping[str, object]) -> Pattern:
    """Return the names asked for, `*` = all."""
    unit, channel, sku_id = (str(own.get(name) or ALL) for name in ("unit", "channel", "sku"))
    return unit, channel, sku_id


def template(
    settings: Settings, warehouse: Warehouse, run: Run, wanted: Pattern
) -> tuple[list[dict[str, object]], str]:
    """Return the plan that holds today as rows of a file, and what it is in words.

    Raises:
        InputError: no sales, or unknown names.
    """
    history = read_history(settings, warehouse, run)
    names = _known(wanted, history)
    rows = plan_rows(warehouse, history)
    at, clock = known_at(settings, run, rows), settings.clock
    found = holding(rows, history.combinations, at, clock.start(clock.label(clock.day_of(at))))
    held = Holding(within(found.promotions, names), within(found.coverage, names))
    end = clock.targets(run.cutoff, settings.horizon_weeks)[-1]
    lines = template_rows(held, at, names, history.combinations, clock, end)
    if not len(held.promotions) and not len(held.coverage):
        return lines, "nothing is planned yet: write the plan below its examples, which count for nothing"
    said = f"{counted(len(held.promotions), 'promotion')}, complete for {counted(len(held.coverage), 'set')} of names"
    return lines, f"the plan as it is today, {said}; change what changes: lines that you leave say nothing"


def plan_rows(warehouse: Warehouse, history: History) -> pd.DataFrame:
    """Return the rows of the plan that mean something, with the names of the sales."""
    return usable_rows(history.names.renamed(warehouse.read(PROMOTIONS)), history.combinations)[0]


def known_at(settings: Settings, run: Run, rows: pd.DataFrame) -> datetime:
    """Return the moment of the plan that this run looks at: now or, for a day of the past, its end."""
    end = settings.clock.end_of(run.today)
    newest = rows.loc[rows["known_from"] <= pd.Timestamp(end), "known_from"].max()
    now = run.run_at if pd.isna(newest) else max(run.run_at, newest.to_pydatetime())
    return min(now, end)


def _known(wanted: Pattern, history: History) -> Pattern:
    found = [ALL] * len(KEY)
    for place, (column, name) in enumerate(zip(KEY, wanted, strict=True)):
        names = sorted({each.parts[place] for each in history.combinations})
        if name == ALL:
            continue
        known = name if name in names else by_fold(names).get(fold(name))
        if known is None:
            closest = tuple(nearest(name, names)) or Text("none")
            raise InputError(
                Text(
                    "{column} {name} is unknown (closest: {closest})",
                    column=Text(column),
                    name=repr(name),
                    closest=closest,
                )
            )
        found[place] = known
    unit, channel, sku_id = found
    return unit, channel, sku_id


def listed(settings: Settings, warehouse: Warehouse, run: Run, wanted: Pattern) -> pd.DataFrame:
    """Return the promotions that are over since `PAST_WEEKS`, that run and that come: `CALENDAR`.

    Raises:
        InputError: no sales, or unknown names.
    """
    history = read_history(settings, warehouse, run)
    names = _known(wanted, history)
    rows = plan_rows(warehouse, history)
    at = known_at(settings, run, rows)
    return within(calendar(rows, history.combinations, at, run.today, settings.clock, PAST_WEEKS), names)


@dataclass(frozen=True)
class Checked:
    """What a file would do: how it is read, what it would change, and a remark if it was added before."""

    plan: PlanFile
    difference: Difference
    remark: str


def checked(settings: Settings, warehouse: Warehouse, run: Run, path: Path) -> Checked:
    """Return what a file would do to the plan if it were in the inbox now; nothing is written.

    Raises:
        InputError: no sales, or the file cannot be read at all.
    """
    history = read_history(settings, warehouse, run)
    try:
        content = first_bytes(path, PLANS.n_bytes)
    except OSError as error:
        raise InputError(Text("{name}: cannot be read ({why})", name=str(path), why=str(error.strerror))) from None
    rows = plan_rows(warehouse, history)
    at, clock = known_at(settings, run, rows) + timedelta(microseconds=1), settings.clock
    known = Known(history.combinations, history.names.aliases, at, lambda: rows)
    plan = PLANS.read(path.name, content, known, clock)
    loads = warehouse.read(LOADS)
    is_added = loads["batch_id"].str.startswith(hashlib.sha256(content).hexdigest()).any()
    return Checked(
        plan,
        difference(rows, plan.rows, history.combinations, at, clock.start(clock.label(run.today))),
        ADDED_BEFORE if is_added else "",
    )

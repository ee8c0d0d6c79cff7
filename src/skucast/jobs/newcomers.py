"""What is forecast beside the articles that have a history: those that begin now, and those that are announced."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from zlib import crc32

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.run import Run
from skucast.core.tables.predecessors import LIKE, PREDECESSORS
from skucast.core.weeks import WEEK
from skucast.forecast.forecasting import Horizon, Peers
from skucast.forecast.launches import launches_of
from skucast.forecast.newcomers import Newcomers, with_newcomers
from skucast.regressors.predecessors import Link, links_of, usable_links
from skucast.runtime.logs import log
from skucast.runtime.settings import Settings
from skucast.sales.columns import Columns
from skucast.sales.demand import NEW_WEEKS, is_new
from skucast.sales.history import History, active_combinations
from skucast.sales.names import Names
from skucast.sales.seasons import level_changes

ANNOUNCED_WEEKS = 26
"""What is announced and not sold in so many weeks is forecast no more."""


def newcomers_of(settings: Settings, warehouse: Warehouse, run: Run, history: History) -> Newcomers:
    """Return what begins, by the sales of the week that is not over and by what is known of predecessors today.

    Rows that mean nothing are passed over, with a warning that counts them.
    """
    known = history.combinations
    rows = warehouse.read(PREDECESSORS)
    if not len(rows):
        return Newcomers(sorted(set(history.opened) - set(known)), (), history.opened)
    usable, wrong = usable_links(_renamed(rows, history.names), known)
    if wrong:
        log.warning(
            "rows of %s that are not used: %s",
            settings.predecessors_table,
            "; ".join(f"{count} ({problem})" for problem, count in wrong.items()),
            extra={"fields": {"event": "predecessors_not_used", "table": settings.predecessors_table}},
        )
    active = active_combinations(history.weeks, settings.inactive_after_weeks)
    named = [Combination(*parts) for parts in active.itertuples(index=False, name=None)]
    found = links_of(usable, known, settings.clock.end_of(run.today), named)
    has_sales = {*known, *history.opened}
    links = [link for link in found if _is_still_said(link, run, is_sold=link.successor in has_sales)]
    combinations = sorted({*history.opened, *(link.successor for link in links)} - set(known))
    return Newcomers(combinations, links, history.opened)


def _renamed(rows: pd.DataFrame, names: Names) -> pd.DataFrame:
    """The rows in the names of the sales, also those of the articles that others are like."""
    like = names.renamed(rows[list(LIKE)].rename(columns=dict(zip(LIKE, KEY, strict=True))))
    return names.renamed(rows).assign(**{column: like[name] for name, column in zip(KEY, LIKE, strict=True)})


def _is_still_said(link: Link, run: Run, *, is_sold: bool) -> bool:
    """Whether a link still counts: own sales tell more in time, and what never came is forgotten."""
    said = max(link.known_from.date(), link.phase_out_from or link.known_from.date())
    if link.phase_out_from is not None and link.phase_out_from <= run.cutoff - NEW_WEEKS * WEEK:
        return False
    return is_sold or said > run.cutoff - ANNOUNCED_WEEKS * WEEK


def tasks_newcomers(newcomers: Newcomers, run: Run) -> list[Combination]:
    """Return this task's part of the newcomers: by their names, so that no task need know how many there are."""
    return [each for each in newcomers.combinations if crc32(str(each).encode()) % run.task_count == run.task_index]


def looked_at(newcomers: Newcomers, wanted: Sequence[Combination], history: History) -> list[Combination]:
    """Return the combinations with a history that the forecasts of the wanted ones need: those, and what they are like.

    Sorted.
    """
    return sorted(newcomers.references(wanted).union(wanted) & set(history.combinations))


def rows_with_newcomers(
    rows: pd.DataFrame,
    newcomers: Newcomers,
    history: History,
    wanted: Sequence[Combination],
    horizon: Horizon,
) -> pd.DataFrame:
    """Return the published rows with what `with_newcomers` adds and changes; `wanted` have rows or begin."""
    if not newcomers.combinations and not newcomers.links and not newcomers.opened:
        return rows
    first_week = history.weeks["ds"].min().date()
    known = history.delivered(sorted(set(history.combinations).intersection(wanted)))
    weeks = {each: pd.DataFrame({name: mine[name] for name in ("ds", "y")}) for each, mine in known.items()}
    launches = launches_of(history.weeks, first_week)
    return with_newcomers(rows, newcomers, weeks, launches, horizon, first_week)


def peers_of(history: History, weeks: Mapping[Combination, Columns]) -> dict[Combination, Peers]:
    """Return what the others tell of these combinations, by their weeks: changes of level, and how articles begin."""
    first_week = history.weeks["ds"].min().date()
    changes = level_changes(history.weeks)
    new = {each for each, mine in weeks.items() if is_new(mine, first_week)}
    launches = launches_of(history.weeks, first_week) if new else None
    return {
        each: Peers(changes.of(each), launches.of(each) if launches is not None and each in new else None)
        for each in weeks
    }

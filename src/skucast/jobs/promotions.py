"""Promotions: planners' files from the inbox become rows of the plan."""

from __future__ import annotations

from collections.abc import Sequence

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import NO_ALIASES, Aliases, Combination
from skucast.core.run import Run
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.weeks import WeekClock
from skucast.core.words import counted
from skucast.jobs.inputs import read_history
from skucast.jobs.intake import Intake, Known, n_covering, take_in, take_in_if_there
from skucast.regressors.promotion_edits import Edits
from skucast.regressors.promotion_files import PLAN, PlanFile, read_plan
from skucast.regressors.promotions import is_promotion
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

INBOX, DONE, REJECTED = "promotions/inbox", "promotions/done", "promotions/rejected"
"""Folders below STAGING."""


def ingest(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    report: RunReport,
    known: Sequence[Combination],
    aliases: Aliases = NO_ALIASES,
    *,
    is_awaited: bool = True,
) -> None:
    """Add the files of the inbox to the plan; while Cloud Storage gives no answer, the plan stays as it is known.

    Raises:
        InputError, WarehouseError: as `take_in_if_there`.
    """
    take_in_if_there(PLANS, settings, warehouse, run, report, known, aliases, is_awaited=is_awaited)


def ingest_inbox(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    report: RunReport,
    known: Sequence[Combination],
    aliases: Aliases = NO_ALIASES,
    *,
    by_hand: bool = False,
) -> int:
    """Add the files of the inbox to the plan and return how many rows were added.

    Raises:
        InputError, StoreError, WarehouseError: as `take_in`.
    """
    return take_in(PLANS, settings, warehouse, run, report, known, aliases, by_hand=by_hand)


def known_names(settings: Settings, warehouse: Warehouse, run: Run) -> tuple[list[Combination], Aliases]:
    """Return the combinations that have sales, sorted, and how else their names are written.

    Raises:
        InputError: there are no sales.
    """
    history = read_history(settings, warehouse, run)
    return history.combinations, history.names.aliases


def _added(plan: PlanFile) -> list[str]:
    """What the plan has gained by the file, in words."""
    if plan.says_nothing:
        return ["nothing was changed in it, and the plan stays as it is"]
    if plan.edits is not None:
        return _changed(plan.edits)
    promoted = plan.rows[is_promotion(plan.rows)]
    n_without_depth, n_covered = int(promoted["discount_perc"].isna().sum()), n_covering(plan)
    added = f"{counted(len(promoted), 'promotion')} added"
    if n_covered:
        parts = [f"{added}, complete through {plan.covers_through} for {counted(n_covered, 'set')} of names"]
    else:
        parts = [f"{added}, complete for no names, because rows of the same names are rejected"]
    if n_without_depth:
        parts.append(f"{n_without_depth} without a discount, counted as deep as is usual for the article")
    return parts


def _changed(edits: Edits) -> list[str]:
    """What was changed in a template."""
    found = [f"{counted(edits.n_added, 'promotion')} of the template added or changed, {edits.n_ended:,} ended"]
    if covered := sorted({last for _, _, last in edits.covered}):
        found.append(f"complete through {covered[-1]} for {counted(len(edits.covered), 'set')} of names")
    return [*found, f"{counted(edits.n_unchanged, 'row')} as the template had them, which say nothing"]


def _read_plan(name: str, content: bytes, known: Known, clock: WeekClock) -> PlanFile:
    return read_plan(name, content, known.combinations, known.at, clock, known.aliases, known.held)


PLANS = Intake("promotions", PROMOTIONS, PLAN.n_bytes, _read_plan, _added)

"""Predecessors: files that say what new articles are like become rows of their table, as those of promotions do."""

from __future__ import annotations

from collections.abc import Sequence

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import NO_ALIASES, Aliases, Combination
from skucast.core.run import Run
from skucast.core.tables.predecessors import PREDECESSORS
from skucast.core.words import counted
from skucast.jobs.promotions import Intake, ingest, ingest_inbox
from skucast.regressors.predecessor_files import FILE, read_predecessors
from skucast.regressors.promotion_files import PlanFile
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings


def _added(file: PlanFile) -> list[str]:
    n_leaving = int(file.rows["phase_out_from"].notna().sum())
    leaving = f", {n_leaving} of them with a phase-out" if n_leaving else ""
    return [f"{counted(len(file.rows), 'predecessor')} added{leaving}"]


PREDECESSOR_FILES = Intake("predecessors", PREDECESSORS, FILE.n_bytes, read_predecessors, _added)


def ingest_predecessors(
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

    Raises:
        InputError, StoreError, WarehouseError: as `promotions.ingest` and, by hand, `promotions.ingest_inbox`.
    """
    if by_hand:
        given = known, aliases
        return ingest_inbox(
            settings, warehouse, run, report, *given, by_hand=True, is_awaited=False, intake=PREDECESSOR_FILES
        )
    ingest(settings, warehouse, run, report, known, aliases, is_awaited=False, intake=PREDECESSOR_FILES)
    return 0

"""Predecessors: files that say what new articles are like become rows of their table, as those of promotions do."""

from __future__ import annotations

from collections.abc import Sequence

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import NO_ALIASES, Aliases, Combination
from skucast.core.run import Run
from skucast.core.tables.predecessors import PREDECESSORS
from skucast.core.weeks import WeekClock
from skucast.core.words import counted
from skucast.jobs.intake import Intake, Known, take_in, take_in_if_there
from skucast.regressors.predecessor_files import FILE, read_predecessors
from skucast.regressors.promotion_files import PlanFile
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings


def _added(file: PlanFile) -> list[str]:
    n_leaving = int(file.rows["phase_out_from"].notna().sum())
    leaving = f", {n_leaving} of them with a phase-out" if n_leaving else ""
    return [f"{counted(len(file.rows), 'predecessor')} added{leaving}"]


def _read(name: str, content: bytes, known: Known, clock: WeekClock) -> PlanFile:
    return read_predecessors(name, content, known.combinations, known.at, clock, known.aliases)


PREDECESSOR_FILES = Intake("predecessors", PREDECESSORS, FILE.n_bytes, _read, _added)


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
        InputError, StoreError, WarehouseError: as `take_in_if_there` and, by hand, `take_in`.
    """
    given = settings, warehouse, run, report, known, aliases
    if by_hand:
        return take_in(PREDECESSOR_FILES, *given, by_hand=True, is_awaited=False)
    take_in_if_there(PREDECESSOR_FILES, *given, is_awaited=False)
    return 0

"""The doctor: one line per thing that a run needs, ok or what to fix, before a run finds out."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as Grid

from skucast.errors import InputError, SkucastError
from skucast.history import build_history
from skucast.run import BAD_INPUT, DONE, Run
from skucast.settings import Settings
from skucast.store import ModelStore, open_store
from skucast.tables import FORECASTS, LOADS, METRICS, PUBLISHES, REGISTRY, RUNS, Table
from skucast.warehouse import Warehouse, open_warehouse
from skucast.words import counted


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is fine, what was found."""

    what: str
    is_ok: bool
    text: str


def doctor(settings: Settings, run: Run) -> int:
    """Check everything, show the findings, and return 0 if all are ok, else 2; no table and no warehouse is made."""
    findings = examine(settings, open_warehouse(settings), open_store(settings), run)
    grid = Grid(title=f"{settings.warehouse}, {settings.model_store}", title_justify="left")
    for heading in ("check", "", "found"):
        grid.add_column(heading)
    for finding in findings:
        grid.add_row(finding.what, "ok" if finding.is_ok else "[bold red]fix this[/bold red]", finding.text)
    Console().print(grid)
    return DONE if all(finding.is_ok for finding in findings) else BAD_INPUT


def examine(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run) -> list[Finding]:
    """Return one finding per check; a check that fails stops none of the others."""
    checks: list[tuple[str, Callable[[], str]]] = [
        ("sales", lambda: _sales(settings, warehouse, run)),
        *((f"table {table.label}", lambda table=table: _table(warehouse, table)) for table in _OUTPUTS),
        ("writing to the warehouse", lambda: _warehouse_write(warehouse, run)),
        ("models", lambda: _models(store)),
        ("writing to the model store", lambda: _store_write(store)),
    ]
    settings_ok = Finding("settings", is_ok=True, text=f"business date {run.today}, cutoff {run.cutoff}")
    return [settings_ok, *(_finding(what, check) for what, check in checks)]


_OUTPUTS = (FORECASTS, METRICS, REGISTRY, RUNS, PUBLISHES, LOADS)


def _finding(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, is_ok=True, text=check())
    except SkucastError as error:
        return Finding(what, is_ok=False, text=str(error))


def _sales(settings: Settings, warehouse: Warehouse, run: Run) -> str:
    weekly = warehouse.weekly_sales(settings.clock, run.cutoff)
    found = build_history(weekly, settings.clock, run.cutoff, grain=settings.sales_grain).report
    if found.late_weeks:
        raise InputError(
            f"{counted(found.late_weeks, 'week')} late: complete through {found.data_cutoff}, expected {run.cutoff}"
        )
    combinations = counted(found.n_combinations, "combination")
    return f"{combinations}, {found.first_week} to {found.data_cutoff}, newest day {found.newest_day}"


def _table(warehouse: Warehouse, table: Table) -> str:
    if not warehouse.exists(table):
        return f"{table.name}: not there yet; made by the first run"
    return f"{table.name}: there"


def _warehouse_write(warehouse: Warehouse, run: Run) -> str:
    warehouse.probe(run=run)
    return "possible"


def _models(store: ModelStore) -> str:
    found = len(store.stored())
    if not found:
        raise InputError("no model is stored; run run_all_skus.py")
    return counted(found, "model")


def _store_write(store: ModelStore) -> str:
    store.probe()
    return "a marker was written and removed"

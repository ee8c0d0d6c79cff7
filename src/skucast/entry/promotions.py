"""The plan of promotions on the command line: files taken in or only checked, the template, the list."""

from __future__ import annotations

import math
from collections.abc import Hashable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.words import counted
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

if TYPE_CHECKING:
    import pandas as pd

    from skucast.jobs.promotion_plan import Checked

LOOKED_AT = ("list", "check")
"""Actions that write nothing, not even the run's row."""

SHOWN_REASONS = 20
"""Refused rows that a check names."""


def change_plan(
    own: dict[str, object], settings: Settings, warehouse: Warehouse, _: ModelStore, run: Run, report: RunReport
) -> None:
    """Take the planners' files in, or write their template.

    Raises:
        InputError: files are to be taken in on another day than today, or a name or file is not to be used.
    """
    if own["action"] == "ingest":
        _ingest(settings, warehouse, run, report)
    else:
        _template(own, settings, warehouse, run, report)


def _ingest(settings: Settings, warehouse: Warehouse, run: Run, report: RunReport) -> None:
    from skucast.jobs.predecessors import ingest_predecessors
    from skucast.jobs.promotions import ingest_inbox, known_names

    if not run.is_about_today(settings.clock):
        raise InputError("AS_OF: files are taken in on the day that it is: another one knows other articles; unset it")
    known, aliases = known_names(settings, warehouse, run)
    report.n_rows = ingest_predecessors(settings, warehouse, run, report, known, aliases, by_hand=True)
    report.n_rows += ingest_inbox(settings, warehouse, run, report, known, aliases, by_hand=True)


def _template(own: dict[str, object], settings: Settings, warehouse: Warehouse, run: Run, report: RunReport) -> None:
    from skucast.jobs.promotion_plan import template, wanted_names
    from skucast.regressors.promotion_template import write_template

    path = Path(str(own["output"]))
    rows, said = template(settings, warehouse, run, wanted_names(own))
    write_template(path, rows, language=settings.locale)
    report.notes.append(f"{path}: {said}; put it into promotions/inbox/ below STAGING")


def show_plan(own: dict[str, object], settings: Settings, run: Run) -> None:
    """List the plan as it holds, or show what a file would change in it.

    Raises:
        InputError: no sales, unknown names, a file that cannot be read or written, or of which rows are refused.
    """
    from skucast.backends.warehouse.opening import open_warehouse
    from skucast.jobs.promotion_plan import checked, listed, wanted_names

    warehouse = open_warehouse(settings)
    if own["action"] == "list":
        found = listed(settings, warehouse, run, wanted_names(own))
        if own["output"] is None:
            _print_list(found, run)
        else:
            _write_list(found, Path(str(own["output"])))
        return
    path = Path(str(own["file"]))
    _print_check(checked(settings, warehouse, run, path), path)


def _print_list(found: pd.DataFrame, run: Run) -> None:
    """Show what runs, then what comes, then what is over; on a narrow screen without what planners know themselves."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    console = Console()
    columns = [name for name in _COLUMNS if console.width >= WIDE or name not in _WIDE_ONLY]
    for state in ("running", "coming", "past"):
        some = found[found["state"] == state]
        if some.empty:
            console.print(f"{state}: none")
            continue
        grid = Grid(title=f"{state} on {run.today}: {len(some):,}", title_justify="left", box=None, pad_edge=False)
        for heading in columns:
            grid.add_column(heading, overflow="fold", no_wrap=heading in ("from", "to"))
        for row in some.to_dict("records"):
            cells = _cells(row)
            grid.add_row(*(escape(cells[name]) for name in columns))
        console.print(grid)
    if len(columns) < len(_COLUMNS):
        console.print(f"--output FILE writes all columns, {', '.join(_WIDE_ONLY)} too", soft_wrap=True)


WIDE = 130
"""Characters of a screen that has room for all columns."""

_WIDE_ONLY = ("plan_id", "known from (UTC)")
_COLUMNS = ("unit/channel/SKU_ID", "from", "to", "discount", "type", *_WIDE_ONLY)


def _cells(row: dict[Hashable, Any]) -> dict[str, str]:
    from skucast.regressors.promotion_template import said_by_planner

    return {
        "unit/channel/SKU_ID": "/".join(str(row[name]) for name in KEY),
        "from": f"{row['starts_on']:%Y-%m-%d}",
        "to": f"{row['ends_on']:%Y-%m-%d}",
        "discount": _depth(row["discount_perc"]),
        "type": _text(row["promo_type"]),
        "plan_id": said_by_planner(row["plan_id"]),
        "known from (UTC)": f"{row['known_from']:%Y-%m-%d %H:%M}",
    }


def _depth(percent: float) -> str:
    return "not known" if math.isnan(percent) else f"{percent:g} %"


def _text(given: str | None) -> str:
    return given if isinstance(given, str) else ""


def _write_list(found: pd.DataFrame, path: Path) -> None:
    from skucast.regressors.promotion_template import said_by_planner

    days = {name: found[name].dt.strftime("%Y-%m-%d") for name in ("starts_on", "ends_on")}
    rows = found.assign(**days, plan_id=[said_by_planner(each) for each in found["plan_id"]])
    try:
        with path.open("x", encoding="utf-8-sig", newline="") as file:
            rows.to_csv(file, index=False, sep=";", decimal=",", lineterminator="\r\n")
    except FileExistsError:
        raise InputError(f"{path}: there already; move it away, or name another file with --output") from None
    except OSError as error:
        raise InputError(f"{path}: cannot be written ({error.strerror})") from None


def _print_check(checked: Checked, path: Path) -> None:
    """Show what a file would change, and what of it is refused.

    Raises:
        InputError: rows are refused.
    """
    from rich.console import Console

    plan, found = checked.plan, checked.difference
    lines = [f"{path.name}: as if it were in promotions/inbox/ now; nothing is written"]
    lines += [f"+ {_said(row)}" for row in found.added.to_dict("records")]
    pairs = zip(found.before.to_dict("records"), found.after.to_dict("records"), strict=True)
    lines += [f"~ {_said(before)} -> {_said(after)}" for before, after in pairs]
    lines += [f"- {_said(row)}" for row in found.ended.to_dict("records")]
    lines += [
        f"  complete for {'/'.join(names)} through {after} instead of {'nothing' if before is None else before}"
        for names, before, after in found.coverage
    ]
    n_added, n_changed, n_ended = len(found.added), len(found.after), len(found.ended)
    lines.append(f"{n_added:,} added, {n_changed:,} changed, {n_ended:,} ended, {found.n_unchanged:,} unchanged")
    lines += [*plan.notes, *([checked.remark] if checked.remark else [])]
    refused = plan.rejected[["line", "reason"]].itertuples(index=False, name=None)
    lines += [f"! line {line}: {reason}" for line, reason in list(refused)[:SHOWN_REASONS]]
    Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    if len(plan.rejected):
        raise InputError(f"{path.name}: {len(plan.rejected):,} of {counted(plan.n_lines, 'row')} would be refused")


def _said(row: dict[Hashable, Any]) -> str:
    names = "/".join(str(row[name]) for name in KEY)
    kind = f", {row['promo_type']}" if isinstance(row["promo_type"], str) else ""
    return f"{names} {row['starts_on']:%Y-%m-%d} to {row['ends_on']:%Y-%m-%d}, {_depth(row['discount_perc'])}{kind}"

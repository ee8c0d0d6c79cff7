"""The plan of promotions on the command line: files taken in or only checked, the template, the list."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from datetime import date, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.texts import Count, Percent, Place, Text, said_in, said_place, wording
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
            _print_list(found, run, settings.locale)
        else:
            _write_list(found, Path(str(own["output"])))
        return
    path = Path(str(own["file"]))
    _print_check(checked(settings, warehouse, run, path), path, settings.locale)


def _print_list(found: pd.DataFrame, run: Run, language: str) -> None:
    """Show what runs, then what comes, then what is over; on a narrow screen without what planners know themselves."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table as Grid

    console, say = Console(), partial(said_in, language)
    columns = [name for name in _COLUMNS if console.width >= WIDE or name not in _WIDE_ONLY]
    for state, (title, none) in _STATES.items():
        some = found[found["state"] == state]
        if some.empty:
            console.print(say(Text(none)))
            continue
        of_state = say(Text(title, day=run.today, n=len(some)))
        grid = Grid(title=of_state, title_justify="left", box=None, pad_edge=False)
        for name in columns:
            grid.add_column(say(Text(name)), overflow="fold", no_wrap=name in ("from", "to"))
        for row in some.to_dict("records"):
            cells = _cells(row)
            grid.add_row(*(escape(said_place(language, cells[name])) for name in columns))
        console.print(grid)
    if len(columns) < len(_COLUMNS):
        others = tuple(Text(name) for name in _WIDE_ONLY)
        console.print(say(Text("--output FILE writes all columns, {columns} too", columns=others)), soft_wrap=True)


WIDE = 130
"""Characters of a screen that has room for all columns."""

_STATES = {
    "running": (wording("running on {day}: {n}"), wording("running: none")),
    "coming": (wording("coming on {day}: {n}"), wording("coming: none")),
    "past": (wording("past on {day}: {n}"), wording("past: none")),
}
_WIDE_ONLY = (wording("plan_id"), wording("known from (UTC)"))
_COLUMNS = (
    *(wording("unit/channel/SKU_ID"), wording("from"), wording("to"), wording("discount"), wording("type")),
    *_WIDE_ONLY,
)


def _cells(row: dict[Hashable, Any]) -> dict[str, Place]:
    from skucast.regressors.promotion_template import said_by_planner

    return {
        "unit/channel/SKU_ID": "/".join(str(row[name]) for name in KEY),
        "from": row["starts_on"].date(),
        "to": row["ends_on"].date(),
        "discount": _depth(row["discount_perc"]),
        "type": _text(row["promo_type"]),
        "plan_id": said_by_planner(row["plan_id"]),
        "known from (UTC)": _moment(row["known_from"]),
    }


def _moment(at: datetime) -> Text:
    time = f"{at:%H:%M}"
    return Text("{day} {time}", day=at.date(), time=time)


def _depth(percent: float) -> Place:
    if math.isnan(percent):
        return Text("not known")
    return Percent(percent / 100, len(f"{percent:g}".partition(".")[2]))


def _text(given: str | None) -> str:
    return given if isinstance(given, str) else ""


def _write_list(found: pd.DataFrame, path: Path) -> None:
    from skucast.regressors.promotion_template import said_by_planner
    from skucast.sheets.formulas import without_formula

    days = {name: found[name].dt.strftime("%Y-%m-%d") for name in ("starts_on", "ends_on")}
    rows = found.assign(**days, plan_id=[said_by_planner(each) for each in found["plan_id"]])
    rows = rows.rename(columns=without_formula).map(
        lambda cell: without_formula(cell) if isinstance(cell, str) else cell
    )
    try:
        with path.open("x", encoding="utf-8-sig", newline="") as file:
            rows.to_csv(file, index=False, sep=";", decimal=",", lineterminator="\r\n")
    except FileExistsError:
        raise InputError(
            Text("{name}: there already; move it away, or name another file with --output", name=str(path))
        ) from None
    except OSError as error:
        raise InputError(Text("{name}: cannot be written ({why})", name=str(path), why=str(error.strerror))) from None


def _print_check(checked: Checked, path: Path, language: str) -> None:
    """Show what a file would change, and what of it is refused.

    Raises:
        InputError: rows are refused.
    """
    from rich.console import Console

    plan, found = checked.plan, checked.difference
    say = partial(said_in, language)
    lines = [say(Text("{file}: as if it were in promotions/inbox/ now; nothing is written", file=path.name))]
    lines += [f"+ {say(_said(row))}" for row in found.added.to_dict("records")]
    pairs = zip(found.before.to_dict("records"), found.after.to_dict("records"), strict=True)
    lines += [f"~ {say(_said(before))} -> {say(_said(after))}" for before, after in pairs]
    lines += [f"- {say(_said(row))}" for row in found.ended.to_dict("records")]
    lines += [f"  {say(_covered(*each))}" for each in found.coverage]
    counts = Text(
        "{added} added, {changed} changed, {ended} ended, {same} unchanged",
        added=len(found.added),
        changed=len(found.after),
        ended=len(found.ended),
        same=found.n_unchanged,
    )
    lines += [say(each) for each in (counts, *plan.notes, *([Text(checked.remark)] if checked.remark else []))]
    if plan.unused:
        lines.append(say(Text("not used: {unused}", unused=tuple(f"'{each}'" for each in plan.unused))))
    refused = plan.rejected[["line", "reason"]].itertuples(index=False, name=None)
    shown = list(refused)[:SHOWN_REASONS]
    lines += [f"! {say(Text('line {line}: {reason}', line=line, reason=reason))}" for line, reason in shown]
    Console().print("\n".join(lines), markup=False, highlight=False, soft_wrap=True)
    n_refused = len(plan.rejected)
    if n_refused:
        raise InputError(
            Count(
                "{file}: {refused} of {n} row would be refused",
                "{file}: {refused} of {n} rows would be refused",
                plan.n_lines,
                file=path.name,
                refused=n_refused,
            )
        )


def _covered(names: Sequence[str], before: date | None, after: date) -> Text:
    if before is None:
        return Text("complete for {names} through {day} instead of nothing", names="/".join(names), day=after)
    return Text(
        "complete for {names} through {day} instead of {before}", names="/".join(names), day=after, before=before
    )


def _said(row: dict[Hashable, Any]) -> Text:
    names = "/".join(str(row[name]) for name in KEY)
    first, last, depth = row["starts_on"].date(), row["ends_on"].date(), _depth(row["discount_perc"])
    if not isinstance(row["promo_type"], str):
        return Text("{names} {first} to {last}, {depth}", names=names, first=first, last=last, depth=depth)
    kind = row["promo_type"]
    return Text(
        "{names} {first} to {last}, {depth}, {kind}", names=names, first=first, last=last, depth=depth, kind=kind
    )

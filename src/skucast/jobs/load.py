"""Own sales and locations: files come into the local warehouse, are summed up, can be taken back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Literal

import pandas as pd

from skucast.backends.warehouse.protocol import WEEKLY_SALES_COLUMNS, Meeting, Warehouse
from skucast.backends.warehouse.refusals import overlap_examples
from skucast.core.errors import InputError, LoadsChanged, Overlap
from skucast.core.kept_json import kept_object
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.names import NAMES
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.predecessors import PREDECESSORS
from skucast.core.tables.records import LOADS, RUNS, SAMPLE_SOURCE
from skucast.core.tables.regressors import REGRESSORS
from skucast.core.tables.sales import LOCATIONS, PROMOTIONS, SALES, sales_with
from skucast.core.tables.work_notes import WORK_NOTES
from skucast.core.words import counted
from skucast.regressors.calendars import place_problems
from skucast.regressors.declared import declared_of
from skucast.runtime.column_map import parse_column_map
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.loading import read_delivery, read_file
from skucast.sales.loading_names import Elsewhere, KnownSpellings, Respelt
from skucast.sales.loading_shards import Shards
from skucast.sales.loading_summary import Brought, summary
from skucast.sales.names import no_names

Rule = Literal["add", "refuse", "replace"]

ATTEMPTS = 5
"""How often a file is compared with the sales while others are loaded at the same time."""

MIN_ID = 4
"""So many characters of a load's id are asked for at least."""

_UNDONE = "undone"
"""What a run that took a load back keeps of it, in its report."""

_EVER = date(2099, 12, 31)
"""A day after which no sale is taken."""


def load_locations(
    path: Path, columns: str | None, settings: Settings, warehouse: Warehouse, run: Run, report: RunReport
) -> None:
    """Replace the locations by those of the file.

    Raises:
        InputError: the file cannot be used, or names a country or a part of it that nobody knows.
    """
    refuse_cloud(settings, "locations")
    rows, unused = read_file(path, LOCATIONS, parse_column_map(columns or "", LOCATIONS))
    for problem in place_problems(rows, settings.holiday_country):
        raise InputError(f"{path}: {problem}; nothing was loaded")
    report.n_rows = warehouse.replace(LOCATIONS, rows, ALL, run=run)
    report.notes.append(
        f"{settings.locations_table} in {settings.warehouse} holds {counted(report.n_rows, 'location')} now, those of "
        f"{path.name}"
    )
    note_unused(unused, report)


def load_sales(
    path: Path, columns: str | None, rule: Rule, settings: Settings, warehouse: Warehouse, run: Run, report: RunReport
) -> None:
    """Add the sales lines of the file, or put them in the place of those of its days and combinations.

    Raises:
        AlreadyLoaded: the same content was loaded before.
        Overlap: days and combinations of the file have sales already, or two files of a folder share some, and nothing
            is said of them.
        InputError: the file cannot be used.
    """
    refuse_cloud(settings, "sales")
    for _ in range(ATTEMPTS - 1):
        with suppress(LoadsChanged):  # compared anew with what is there now
            return _load_sales(path, columns, rule, settings, warehouse, run, report)
    return _load_sales(path, columns, rule, settings, warehouse, run, report)


def _load_sales(
    path: Path, columns: str | None, rule: Rule, settings: Settings, warehouse: Warehouse, run: Run, report: RunReport
) -> None:
    earlier = loads(warehouse)
    if (earlier["source"] == SAMPLE_SOURCE).any():
        raise InputError(
            f"{settings.warehouse} holds the demo's sales; move it away, or set WAREHOUSE=duckdb:OTHER_FILE"
        )
    named, brought = settings.sales_columns if columns is None else columns, Brought(run.today)
    declared = {each.name: each.sales_column for each in declared_of(settings.regressors) if each.sales_column}
    sales = sales_with(declared.values())
    before = weeks_of(settings, warehouse)
    decisions = warehouse.read(NAMES)
    known = KnownSpellings(before, decisions)
    by_week = settings.sales_grain == "week"
    shards = Shards(known.key, settings.clock.label_days if by_week else lambda days: days)

    def watch(file: str, piece: pd.DataFrame) -> None:
        renamed = known.renamed(piece)
        brought.add(renamed)
        if rule != "add" and path.is_dir():
            shards.add(file, renamed)

    delivery = read_delivery(path, sales, parse_column_map(named, sales), watch)
    shards.refuse_shared(path.name)
    if brought.first is None:
        raise InputError(f"{path.name}: no line has a day and all names: none of them would count; nothing was loaded")
    rows = Respelt(delivery.rows, known)
    of_sales = frozenset(earlier.loc[earlier["table_name"] == settings.sales_table, "batch_id"])
    meeting = Meeting(rule, settings.clock.end_weekday if by_week else None, of_sales)
    is_again = (earlier["batch_id"] == delivery.digest).any()
    if rule == "replace" or (rule == "refuse" and not is_again):
        others = known.apart(brought.combinations)
        if rule == "replace":  # lines of combinations that the file has by their own names are replaced as any
            others = {
                parts: [each for each in found if each not in brought.combinations] for parts, found in others.items()
            }
        _refuse_elsewhere(path, rows, others, meeting, warehouse, run)
    replaced = _replaced(path, rows, meeting, warehouse, run) if rule == "replace" else None
    report.n_rows = warehouse.append_once(
        sales, rows, batch_id=delivery.digest, source=delivery.source, run=run, meeting=meeting
    )
    report.notes.append(f"{counted(report.n_rows, 'row')} added to {settings.sales_table} in {settings.warehouse}")
    if replaced:
        report.notes.append(replaced)
    if doubt := brought.twice.note():
        log.warning("%s: %s", path.name, doubt)
    report.notes.extend([*delivery.notes, *known.notes()])
    lacking = [f"{column} ({name})" for name, column in declared.items() if column.casefold() not in delivery.used]
    if lacking:
        log.warning("%s: no column %s, from which REGRESSORS takes a regressor", path.name, ", ".join(lacking))
    after = weeks_of(settings, warehouse)
    report.notes.extend(summary(brought, before, after, settings.clock, no_names(after, decisions)))
    note_unused(delivery.unused, report)


def loads(warehouse: Warehouse) -> pd.DataFrame:
    """Return what was loaded, oldest first: the columns of the loads table."""
    return warehouse.read(LOADS).sort_values("loaded_at", kind="stable", ignore_index=True)


def undo_load(wanted: str, settings: Settings, warehouse: Warehouse, run: Run, report: RunReport) -> None:
    """Take back one load, named by its id or the beginning of it.

    Raises:
        InputError: there is no such load, there are several, or it is none that a person brought.
    """
    every = loads(warehouse)
    found = every[every["batch_id"].str.startswith(wanted)] if len(wanted) >= MIN_ID else every.iloc[:0]
    if len(found) != 1:
        why = _not_one(wanted, every, found, warehouse)
        raise InputError(f"{wanted!r}: {why}; nothing was removed; `python -m skucast loads list` shows them")
    load = found.iloc[0]
    brought = (SALES, PROMOTIONS, REGRESSORS, PREDECESSORS, OVERRIDES, WORK_NOTES)
    tables = {settings.table_names[each.label]: each for each in brought}
    if load["table_name"] not in tables:
        raise InputError(f"{wanted}: rows of {load['table_name']} are fetched, not loaded; they stay")
    report.n_rows = warehouse.undo(tables[load["table_name"]], str(load["batch_id"]), run=run)
    report.data_report = {_UNDONE: str(load["batch_id"]), "source": str(load["source"])}
    removed = counted(report.n_rows, "row")
    gone = "" if report.n_rows == load["n_rows"] else f" of {load['n_rows']:,}; the others were replaced since"
    report.notes.append(
        f"{removed}{gone} of {load['source']} removed from {load['table_name']}; what it had replaced is not put back"
    )


def _not_one(wanted: str, every: pd.DataFrame, found: pd.DataFrame, warehouse: Warehouse) -> str:
    """Why this names not one load."""
    if len(found):
        return f"{len(found)} loads begin so: {listed(found['batch_id'])}"
    of_file = every.loc[every["source"] == wanted, "batch_id"]
    if len(of_file):
        return f"a file's name; give the id of its load: {', '.join(of_file.str[:12])}"
    if len(wanted) < MIN_ID:
        return f"too short, at least {MIN_ID} characters of an id are needed"
    runs = warehouse.read(RUNS)
    for row in runs[(runs["job"] == "loads") & runs["data_report"].notna()].itertuples():
        undone = kept_object(row.data_report)
        if str(undone.get(_UNDONE, "")).startswith(wanted):
            return f"the load of {undone['source']} was taken back on {row.run_at:%Y-%m-%d %H:%M} UTC already"
    if not len(every):
        return "nothing is loaded"
    last = every.iloc[-1]
    return f"no such load; the newest of {len(every)} is {last['batch_id'][:12]} ({last['source']})"


def refuse_cloud(settings: Settings, what: str) -> None:
    """Refuse to fill a warehouse in the cloud.

    Raises:
        InputError: it is one.
    """
    if "://" in settings.warehouse:
        raise InputError(
            f"WAREHOUSE: {settings.warehouse}: {what} come there from their own pipeline; load fills a local one"
        )


def _refuse_elsewhere(
    path: Path,
    rows: Respelt,
    others: dict[tuple[str, ...], list[tuple[str, ...]]],
    meeting: Meeting,
    warehouse: Warehouse,
    run: Run,
) -> None:
    """Refuse lines whose days the table has under other names that count as theirs: neither would replace the other.

    Raises:
        Overlap: there are such lines.
    """
    if not any(others.values()):
        return
    found = warehouse.overlap(_lines(Elsewhere(rows, others)), meeting, run=run)
    found = found[found["new_lines"] > 0]
    if not len(found):
        return
    raise Overlap(
        f"{path.name}: {len(found):,} of its days x combinations are there under another name that counts as theirs: "
        f"{overlap_examples(found)}; nothing was loaded: `python -m skucast loads undo` takes back the load that "
        "brought them, --add adds to them"
    )


def _replaced(path: Path, rows: Respelt, meeting: Meeting, warehouse: Warehouse, run: Run) -> str:
    """What the file takes the place of, in words.

    Raises:
        Overlap: most of it is about days and combinations that the file itself has no line for.
    """
    found = warehouse.overlap(_lines(rows), meeting, run=run)
    if not len(found):
        return "nothing was there of its days and combinations"
    lost = found[found["new_lines"] == 0]
    examples = ", ".join(
        f"{row.unit}/{row.channel}/{row.SKU_ID} on {row.date:%Y-%m-%d}" for row in lost[:3].itertuples()
    )
    if 2 * len(lost) > len(found):
        raise Overlap(
            f"{path.name}: --replace would remove {len(lost):,} of {len(found):,} days x combinations for which the "
            f"file has no line ({examples}); nothing was loaded: load each day of it by itself, or --add corrections"
        )
    text = f"{int(found['n_lines'].sum()):,} lines of {len(found):,} days x combinations were replaced"
    return text + (f", {len(lost):,} of them by nothing: the file has no line for {examples}" if len(lost) else "")


def _lines(rows: Iterable[pd.DataFrame]) -> Iterator[pd.DataFrame]:
    """Lines without the columns of regressors: what they are is no matter of days and names."""
    return (piece[SALES.column_names] for piece in rows)


def weeks_of(settings: Settings, warehouse: Warehouse) -> pd.DataFrame:
    """Return the weekly sums of all sales, without rows where there are none."""
    try:
        return warehouse.weekly_sales(settings.clock, _EVER)
    except InputError:
        return pd.DataFrame(columns=list(WEEKLY_SALES_COLUMNS))


def note_unused(unused: list[str], report: RunReport) -> None:
    """Note which columns of a file were not used, if there are any."""
    if unused:
        report.notes.append(f"columns not used: {listed(unused)}")

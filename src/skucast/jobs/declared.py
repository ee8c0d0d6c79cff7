"""Values of declared regressors: loaded from files, put beside the sales, looked up ahead as they were known."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.declared import FILE, TABLE, Regressor, Source
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.contract import Column, Table
from skucast.core.tables.regressors import REGRESSORS
from skucast.core.weeks import WeekClock
from skucast.core.words import counted, percent
from skucast.jobs.load import note_unused, refuse_cloud
from skucast.regressors.declared import declared_of
from skucast.regressors.declared_plan import DeclaredPlan, is_contradicted, meant, usable_values
from skucast.regressors.declared_values import is_far_outside
from skucast.regressors.promotions import PlannedWeeks
from skucast.runtime.column_map import parse_column_map
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.sales.loading import read_delivery
from skucast.sheets.frame import read_cells

LONG_AGO = pd.Timestamp("1990-01-01")
"""Since when a row of a file is known that does not say it."""


def load_values(
    path: Path, columns: str | None, settings: Settings, warehouse: Warehouse, run: Run, report: RunReport
) -> None:
    """Add the values of regressors of the file; what does not say since when it was known is known from now on.

    Raises:
        AlreadyLoaded: the same content was loaded before.
        InputError: the file cannot be used, or has values of what nobody has declared.
    """
    refuse_cloud(settings, "values of regressors")
    rows, unused, digest = read_values(path, columns, settings.clock)
    names = [each.name for each in declared_of(settings.regressors)]
    for row, name in rows["name"].items():
        if name not in names:
            known = ", ".join(names) or "none"
            raise InputError(
                f"{path}: row {row}: name {name!r}: expected a regressor of REGRESSORS ({known})"
                f"{meant(str(name), names)}; nothing was loaded"
            )
    rows = rows.fillna({"known_from": pd.Timestamp(run.run_at)})
    report.n_rows = warehouse.append_once(REGRESSORS, rows, batch_id=digest, source=path.name, run=run)
    report.notes.append(f"{counted(report.n_rows, 'row')} added to {settings.regressors_table} in {settings.warehouse}")
    note_unused(unused, report)
    twice = rows.index[is_contradicted(rows)]
    if len(twice):
        report.warn(
            f"{path}: {counted(len(twice), 'row')} {'says' if len(twice) == 1 else 'say'} another value than a row of "
            f"the same names, days and known_from, first row {twice[0]}: the larger value counts; load what is meant "
            "with a later known_from"
        )


def read_values(path: Path, columns: str | None, clock: WeekClock) -> tuple[pd.DataFrame, list[str], str]:
    """Return the rows of a file of values, the columns that were not used, and the digest of its bytes.

    `known_from` in a file is a day, known from its beginning on.

    Raises:
        InputError: the file cannot be used.
    """
    delivery = read_delivery(path, _BY_DAYS, parse_column_map(columns or "", _BY_DAYS))
    missing = [name for name in ("starts_on", "value") if name not in delivery.used]
    if missing:
        others = f", found {listed(delivery.unused)} beside those that are known" if delivery.unused else ""
        raise InputError(f"{path}: no column {', '.join(missing)}{others}; nothing was loaded")
    rows = pd.concat(delivery.rows)
    wrong = rows[["starts_on", "value"]].isna().all(axis=1) | rows["starts_on"].isna()
    if wrong.any():
        raise InputError(f"{path}: row {rows.index[wrong][0]}: starts_on is empty; nothing was loaded")
    days = {day: clock.end_of((day - timedelta(days=1)).date()) for day in rows["known_from"].dropna().unique()}
    begins = {day: before + timedelta(microseconds=1) for day, before in days.items()}
    known_from = rows["known_from"].map(begins).astype("datetime64[us]")
    return rows.assign(known_from=known_from)[REGRESSORS.column_names], delivery.unused, delivery.digest


def _with_days(table: Table) -> Table:
    """The contract of files: people write days, no instants."""
    columns = tuple(
        Column(each.name, "DATE", "day", each.meaning, nullable=True) if each.name == "known_from" else each
        for each in table.columns
    )
    return dataclasses.replace(table, columns=columns)


_BY_DAYS = _with_days(REGRESSORS)


def with_declared(settings: Settings, warehouse: Warehouse, run: Run, history: History) -> History:
    """Return the history with all declared regressors as columns of its weeks, as they are known on the run's day.

    Raises:
        InputError: a declaration or a file of values cannot be understood.
    """
    declared = declared_of(settings.regressors)
    if not declared:
        return history
    elsewhere = [each for each in declared if each.sales_column is None]
    weeks = history.weeks
    if elsewhere:
        plan = _plan(settings, warehouse, history, history.combinations, {each: each.history for each in elsewhere})
        labels = [ds.date() for ds in pd.date_range(weeks["ds"].min(), weeks["ds"].max(), freq="7D")]
        place = {each.parts: number for number, each in enumerate(history.combinations)}
        each_once = weeks[KEY].drop_duplicates().astype("str").itertuples(index=False, name=None)
        rows = np.array([place[parts] for parts in each_once])[weeks.groupby(KEY, sort=False).ngroup()]
        week = ((weeks["ds"] - weeks["ds"].min()).dt.days // 7).to_numpy()
        now = settings.clock.end_of(run.today)
        found = {each.column: plan.values(each.name, now, labels)[rows, week] for each in elsewhere}
        weeks = weeks.assign(**found)
    for each in declared:
        if each.column not in weeks or weeks[each.column].isna().all():
            weeks = weeks.assign(**{each.column: np.nan})
            log.warning("REGRESSORS: no week has a value of %s (history = %s)", each.name, each.history)
    return replace(history, weeks=weeks)


def values_said(path: Path, settings: Settings, history: History, said_at: datetime) -> pd.DataFrame | None:
    """Return the values of regressors in a file, as if they had been said at a moment; None where it is no such file.

    Raises:
        InputError: a row of it is not usable.
    """
    try:
        columns = {str(name).strip().casefold() for name in read_cells(path)}
    except InputError:
        return None  # whoever reads it as something else says what is wrong
    if not {"name", "value", "starts_on"} <= columns:
        return None
    rows = read_values(path, None, settings.clock)[0].assign(known_from=pd.Timestamp(said_at))
    rows = history.names.renamed(rows)
    wrong = usable_values(rows, declared_of(settings.regressors), history.combinations)[1]
    if wrong:
        said = "; ".join(f"{counted(count, 'row')}: {problem}" for problem, count in wrong.items())
        raise InputError(f"{path}: {said}; correct the file, nothing was forecast")
    return rows


def declared_plan(
    settings: Settings,
    warehouse: Warehouse,
    history: History,
    combinations: Sequence[Combination],
    said: pd.DataFrame | None = None,
) -> DeclaredPlan | None:
    """Return what was known ahead of declared regressors, to be read as of any moment; None where nothing is declared.

    `said` are more rows of values, all of them usable.

    Raises:
        InputError: as `with_declared`.
    """
    declared = declared_of(settings.regressors)
    if not declared:
        return None
    return _plan(settings, warehouse, history, combinations, {each: each.ahead for each in declared}, said)


def note_known(planned: Iterable[PlannedWeeks], report: RunReport) -> None:
    """Say of each declared regressor in how many of the weeks to come its value is known, and what else stands in."""
    known: dict[str, list[float]] = {}
    how: dict[str, str] = {}
    for each in planned:
        for regressor in each.declared.declared:
            known.setdefault(regressor.name, []).append(float((~np.isnan(each.declared.values[regressor.name])).mean()))
            how[regressor.name] = _INSTEAD[regressor.unknown]
    for name, shares in known.items():
        share = float(np.mean(shares))
        instead = "" if share == 1 else f"; elsewhere {how[name]} stands in"
        report.notes.append(f"{name}: known in {percent(share)} of the weeks to come{instead}")


def warn_of_range(history: History, planned: Mapping[Combination, PlannedWeeks]) -> None:
    """Say which values to come lie far outside all that their article had: a model goes on there in a straight line."""
    for regressor in next((each.declared.declared for each in planned.values()), ()):
        had = history.weeks.groupby(KEY)[regressor.column].agg(["min", "max"])
        of_each = dict(zip(had.index, had.to_numpy(), strict=True))
        found = []
        for combination, weeks in planned.items():
            low, high = of_each[combination.parts]
            coming = weeks.declared.values[regressor.name]
            far = [f"{each:g}" for each in coming[is_far_outside(coming, low, high)]]
            if far:
                found.append(f"{combination}: {', '.join(dict.fromkeys(far))}, {low:g} to {high:g} until now")
        if found:
            log.warning(
                "%s: values to come far outside what their article ever had, where no model has learnt anything: %s; "
                "is a digit too many or too few, or another unit meant? correct them, or look at these forecasts",
                regressor.name,
                listed(found, 5, "; "),
                extra={"fields": {"event": "regressor_beyond_history", "combinations": len(found)}},
            )


_INSTEAD = {
    "last": "the last value",
    "climate": "its usual value",
    "zero": "0",
    "average": "its average",
    "recent": "its mean of 26 weeks",
}


def _plan(
    settings: Settings,
    warehouse: Warehouse,
    history: History,
    combinations: Sequence[Combination],
    sources: dict[Regressor, Source],
    said: pd.DataFrame | None = None,
) -> DeclaredPlan:
    """The values of these regressors from where each comes; rows that mean nothing are passed over, and counted."""
    found: dict[str, pd.DataFrame] = {}
    from_table = [each for each, source in sources.items() if source.kind == TABLE]
    if from_table:
        rows = history.names.renamed(warehouse.read(REGRESSORS))
        usable, wrong = usable_values(_own_or_of_nobody(rows, from_table, settings), from_table, history.combinations)
        found |= usable
        _warn(settings.regressors_table, wrong)
    for each, source in sources.items():
        if source.kind == FILE:
            rows, unused, _ = read_values(Path(source.name), None, settings.clock)
            rows = history.names.renamed(rows.fillna({"name": each.name, "known_from": LONG_AGO}))
            usable, wrong = usable_values(_own_or_of_nobody(rows, [each], settings), [each], history.combinations)
            found |= usable
            _warn(source.name, wrong)
            if unused:
                log.warning("%s: columns not used: %s", source.name, listed(unused))
    if said is not None:
        more = usable_values(said, list(sources), history.combinations)[0]
        found |= {name: pd.concat([found[name], rows]) if name in found else rows for name, rows in more.items()}
    return DeclaredPlan(list(sources), found, combinations)


def _own_or_of_nobody(rows: pd.DataFrame, asked: Sequence[Regressor], settings: Settings) -> pd.DataFrame:
    """The rows of these regressors, and those of none that is declared, which are counted."""
    is_of_nobody = ~rows["name"].isin([each.name for each in declared_of(settings.regressors)])
    return rows[rows["name"].isin([each.name for each in asked]) | is_of_nobody]


def _warn(where: str, wrong: dict[str, int]) -> None:
    if wrong:
        log.warning(
            "values of regressors in %s that are not used: %s",
            where,
            "; ".join(f"{count} ({problem})" for problem, count in wrong.items()),
            extra={"fields": {"event": "regressor_rows_not_used"}},
        )

"""The doctor: one line per thing that a run needs, ok or what to fix, before a run finds out."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table as Grid

from skucast.backends.cloud import credentials
from skucast.backends.store.opening import open_store, store_at
from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.backends.weather_api import open_weather, places_of
from skucast.core.combination import KEY
from skucast.core.errors import InputError, SkucastError
from skucast.core.quoting import listed
from skucast.core.run import BAD_INPUT, DONE, Run
from skucast.core.tables.contract import ALL, Table
from skucast.core.tables.every import DELIVERED, TABLES
from skucast.core.tables.sales import LOCATIONS, PROMOTIONS
from skucast.core.words import counted
from skucast.jobs.data_checks import DataFinding, Facts, examine_data
from skucast.jobs.inputs import read_history
from skucast.jobs.known_ahead import has_promotions
from skucast.jobs.refusals import refused_lately
from skucast.regressors.built_in import Family, families_of
from skucast.regressors.declared import declared_of
from skucast.regressors.promotions import UNKNOWN_NAMES, is_promotion, problems_of
from skucast.runtime.settings import Settings
from skucast.sales.history import History


@dataclass(frozen=True)
class Finding:
    """One check: what was looked at, whether it is fine, what was found."""

    what: str
    is_ok: bool
    text: str


def doctor(settings: Settings, run: Run) -> int:
    """Check everything, show the findings, and return 0 if all are ok, else 2; no table and no warehouse is made."""
    findings = examine(settings, open_warehouse(settings), open_store(settings), run)
    return show(findings, f"{settings.warehouse}, {settings.model_store}")


def doctor_of_data(settings: Settings, run: Run) -> int:
    """Check the data, show what was found by unit, and return 0 if nothing would stop a run, else 2.

    Nothing is written.
    """
    try:
        warehouse = open_warehouse(settings)
        found = examine_data(Facts(settings, warehouse, run, read_history(settings, warehouse, run)))
    except SkucastError as error:
        return show([Finding("data", is_ok=False, text=str(error))], settings.warehouse)
    show_data(found, f"{settings.warehouse}, up to {run.cutoff}")
    return BAD_INPUT if any(finding.is_serious for _, finding in found) else DONE


def show_data(found: list[tuple[str, DataFinding]], title: str) -> None:
    """Print the findings as a table, by unit; one line if there are none."""
    if not found:
        Console().print(escape(f"{title}: nothing was found in the data"))
        return
    grid = Grid(title=escape(title), title_justify="left", show_lines=True)
    for heading in ("unit", "check", "", "found"):
        grid.add_column(heading)
    for what, finding in found:
        mark = "[bold red]fix this[/bold red]" if finding.is_serious else "look"
        unit = "all" if finding.unit == ALL else finding.unit
        grid.add_row(
            escape(unit), escape(what), mark, escape("\n".join([finding.text, *map(_bullet, finding.examples)]))
        )
    Console().print(grid)


def _bullet(text: str) -> str:
    return f"- {text}"


def wrong_settings(error: InputError) -> int:
    """Show what is wrong with the settings, without which nothing else can be checked, and return 2."""
    lines = str(error).splitlines()
    return show([Finding("settings", is_ok=False, text=line) for line in lines], "settings")


def show(findings: list[Finding], title: str) -> int:
    """Print the findings as a table and return 0 if all are ok, else 2."""
    grid = Grid(title=escape(title), title_justify="left")
    for heading in ("check", "", "found"):
        grid.add_column(heading)
    for finding in findings:
        mark = "ok" if finding.is_ok else "[bold red]fix this[/bold red]"
        grid.add_row(escape(finding.what), mark, escape(finding.text))
    Console().print(grid)
    return DONE if all(finding.is_ok for finding in findings) else BAD_INPUT


def examine(settings: Settings, warehouse: Warehouse, store: ModelStore, run: Run) -> list[Finding]:
    """Return one finding per check; a check that fails stops none of the others."""
    history = cache(lambda: read_history(settings, warehouse, run))  # all sales: once for all that look at them
    checks: list[tuple[str, Callable[[], str]]] = [
        ("credentials", lambda: _credentials(settings)),
        ("sales", lambda: _sales(settings, run, history())),
        ("names", lambda: _names(history)),
        ("promotion plan", lambda: _promotions(settings, warehouse, run, history)),
        ("weather", lambda: _weather(settings, warehouse, run, history)),
        ("regressors", lambda: _regressors(settings)),
        *((f"table {table.label}", lambda table=table: _table(warehouse, table)) for table in _OUTPUTS),
        ("writing to the warehouse", lambda: _warehouse_write(warehouse, run)),
        ("models", lambda: _models(store)),
        ("writing to the model store", lambda: _store_write(store)),
        ("writing to STAGING", lambda: _store_write(store_at(settings.staging, settings.endpoints))),
    ]
    settings_ok = Finding("settings", is_ok=True, text=f"business date {run.today}, cutoff {run.cutoff}")
    return [settings_ok, *(_finding(what, check) for what, check in checks)]


_DAYS = ("starts_on", "ends_on")

_OUTPUTS = tuple(table for table in TABLES if table not in DELIVERED)


def _finding(what: str, check: Callable[[], str]) -> Finding:
    try:
        return Finding(what, is_ok=True, text=check())
    except SkucastError as error:
        return Finding(what, is_ok=False, text=str(error))
    except Exception as error:  # noqa: BLE001 - what nobody foresaw must not hide the other checks
        return Finding(what, is_ok=False, text=f"{type(error).__name__}: {error}")


def _credentials(settings: Settings) -> str:
    endpoints = settings.endpoints
    stand_ins = {"bigquery://": endpoints.bigquery, "gs://": endpoints.storage}
    places = (settings.warehouse, settings.model_store, settings.staging)
    used = {place.partition("://")[0] + "://" for place in places} & set(stand_ins)
    if not used:
        return "none are needed: everything is on this machine"
    if all(stand_ins[scheme] for scheme in used):
        return "none are needed: the services are stand-ins"
    return f"found: {getattr(credentials(), 'service_account_email', None) or 'of a user'}"


def _sales(settings: Settings, run: Run, history: History) -> str:
    found = history.report
    late = f"{counted(found.late_weeks, 'week')} late: complete through {found.data_cutoff}, expected {run.cutoff}"
    if found.late_weeks > settings.allowed_late_weeks:
        raise InputError(late)
    if found.late_weeks:
        return f"{late}; ALLOWED_LATE_WEEKS={settings.allowed_late_weeks} allows it"
    if found.late_units:
        raise InputError(f"{listed(found.late_units, by='; ')}, others through {found.data_cutoff}: deliver them")
    combinations = counted(found.n_combinations, "combination")
    return f"{combinations}, {found.first_week} to {found.data_cutoff}, newest day {found.newest_day}"


def _names(history: Callable[[], History]) -> str:
    try:
        names = history().names
    except InputError:
        return "not known without sales"
    if names.doubtful:
        raise InputError(listed(names.doubtful, by="; "))
    said = {"in several spellings, joined": names.joined, "left out": names.left_out}
    return "; ".join(f"{what}: {listed(texts)}" for what, texts in said.items() if texts) or "one spelling each"


def _weather(settings: Settings, warehouse: Warehouse, run: Run, history: Callable[[], History]) -> str:
    if not settings.weather:
        return "off; WEATHER=true switches it on"
    units = sorted(history().weeks["unit"].unique())
    places = places_of(warehouse.read(LOCATIONS), units)
    located = f"{len(places)} of {counted(len(units), 'unit')} have a location"
    if not places:
        raise InputError(f"{located}; load them with `python -m skucast load FILE --table locations`")
    open_weather(settings).forecast(places[0], fetched_at=run.run_at)
    return f"{located}; Open-Meteo answers"


def _regressors(settings: Settings) -> str:
    families = families_of(declared_of(settings.regressors))
    return "\n".join(_family(each, settings) for each in families)


def _family(family: Family, settings: Settings) -> str:
    """What is declared of a family: when it is in a model, and by which rules."""
    when = "where it pays" if family.use.by_evidence else "always"
    is_off = family.regressors[0].kind == "weather" and not settings.weather
    rules = (f"{each.name} (week {each.week}, unknown {each.unknown})" for each in family.regressors)
    return f"{family.name}, {'off' if is_off else when}: {', '.join(rules)}"


def _promotions(settings: Settings, warehouse: Warehouse, run: Run, history: Callable[[], History]) -> str:
    rows = warehouse.read(PROMOTIONS)
    refused = refused_lately(warehouse, run)
    if refused:
        raise InputError(
            f"{listed(refused, by='; ')}: promotions/rejected/ below STAGING says why; send the file right"
        )
    if not len(rows):
        return _no_plan(history)
    unused, of_unknown = _unused(rows, history)
    if unused:
        raise InputError(f"{unused}; correct them in {settings.promotions_table}")
    complete = rows.loc[~is_promotion(rows), "ends_on"]
    through = f"complete through {complete.max():%Y-%m-%d} at most" if len(complete) else "complete nowhere"
    newest = f"the newest known from {rows['known_from'].max():%Y-%m-%d}"
    return f"{counted(len(rows), 'row')}, {newest}, {through}{of_unknown}"


def _no_plan(history: Callable[[], History]) -> str:
    with suppress(InputError):  # a finding of its own
        if not has_promotions(history()):
            return "empty, as the sales have no promotion"
    return "empty: a promotion to come counts as the recent average; see docs/promotions.md"


def _unused(rows: pd.DataFrame, history: Callable[[], History]) -> tuple[str, str]:
    """Which rows of the plan mean nothing, '' if none; and how many are about what has no sales, which may yet come."""
    try:
        sold = history()
    except InputError:  # a finding of its own
        return "", ""
    problems = problems_of(sold.names.renamed(rows), sold.combinations)
    n_unknown = int(problems.pop(UNKNOWN_NAMES).sum())
    of_unknown = f"; {counted(n_unknown, 'row')} of names without sales not used" if n_unknown else ""
    wrong = rows[problems.any(axis=1)]
    if wrong.empty:
        return "", of_unknown
    first = wrong.iloc[0]
    days = " to ".join("no day" if pd.isna(first[name]) else f"{first[name]:%Y-%m-%d}" for name in _DAYS)
    example = f"{'/'.join(str(first[name]) for name in KEY)}, {days}, discount_perc {first['discount_perc']:g}"
    counts = "; ".join(f"{count} ({problem})" for problem, count in problems.sum().items() if count)
    return f"{counted(len(rows), 'row')}, of which not used: {counts}; the first: {example}", of_unknown


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

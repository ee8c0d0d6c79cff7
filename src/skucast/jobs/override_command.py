"""Overrides on the command line: said, called off, listed with what they change, written as a template."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination, split_parts
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, LOOKED_AT
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.validation import validate
from skucast.core.weeks import WEEK
from skucast.core.words import counted
from skucast.forecast.overriding import effects
from skucast.jobs.inputs import read_history
from skucast.jobs.newest_statement import newest_at
from skucast.jobs.override_intake import known_to_overrides, rules_of, soon_over
from skucast.jobs.overrides import SHOWN, held_on
from skucast.regressors.file_lines import FileLine
from skucast.regressors.line_names import KnownNames
from skucast.regressors.override_checks import COLUMNS, OverrideJudge, says_as
from skucast.regressors.override_history import history_of
from skucast.regressors.override_template import meanings, template_rows
from skucast.regressors.overrides import said_of, scope_of, still_said
from skucast.regressors.promotion_template import write_template
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History

MIN_ID = 4
"""So much of an override's name must be given."""

SAID_BY_HAND = "skucast override"
"""Where rows come from that no file has brought, in the loads table."""


@dataclass(frozen=True)
class Listed:
    """The overrides that hold, with `effect` and `model` (sales, sums over the published weeks), and of which cutoff.

    `cutoff` is None where nothing is published: the effect is not known.
    """

    rows: pd.DataFrame
    cutoff: pd.Timestamp | None


def set_override(
    target: str, said: Mapping[str, str], settings: Settings, warehouse: Warehouse, run: Run, report: RunReport
) -> None:
    """Add an override, given as the cells of a file, and note what it changes.

    Raises:
        InputError: it is refused, all of why in one line, or the run is not about today.
    """
    names = dict(zip(KEY, map(unquote, split_parts(target)), strict=True))
    history, at = _now(settings, warehouse, run)
    known = known_to_overrides(settings, warehouse, run, history)
    rows = _read([{**names, **said}], known, settings, warehouse, history, at)
    before = still_said(held_on(settings, warehouse, run, history), run.cutoff).to_dict("records")
    twin = next((row["override_id"] for row in before if says_as(rows[0], row)), None)
    if twin is not None:
        report.notes.append(f"override {twin} says that already: nothing was added")
        return
    (name,) = _append(rows, at, warehouse, run, report)
    listed = _listed(held_on(settings, warehouse, run, history), warehouse, run)
    mine = listed.rows[listed.rows["override_id"] == name]
    report.notes.append(f"override {name} is said, from the next forecast on: {_effect(mine, listed.cutoff)}")
    for text in soon_over(pd.DataFrame(rows), settings, warehouse, run):
        report.warn(f"override {name} {text}")


def clear_overrides(
    ids: Sequence[str], said: Mapping[str, str], settings: Settings, warehouse: Warehouse, run: Run, report: RunReport
) -> None:
    """Call off the overrides of these names, or of the beginnings of them; without a reason each keeps its own.

    Raises:
        InputError: there is no such override, there are several, or one may not be called off; none is.
    """
    history, at = _now(settings, warehouse, run)
    held = held_on(settings, warehouse, run, history)
    found = [_one(each, held) for each in dict.fromkeys(ids)]
    cells = [
        {
            **said,
            "override_id": row["override_id"],
            "cancelled": "yes",
            "reason": said.get("reason") or row["reason"],
        }
        for row in found
    ]
    rows = _read(cells, history.combinations, settings, warehouse, history, at)
    _append(rows, at, warehouse, run, report)
    report.notes.append(f"{counted(len(rows), 'override')} called off, from the next forecast on")


def list_overrides(settings: Settings, warehouse: Warehouse, run: Run) -> Listed:
    """Return what holds on the day that the run is about, of the running week and later ones.

    Raises:
        InputError: there are no sales.
    """
    history = read_history(settings, warehouse, run)
    held = held_on(settings, warehouse, run, history)
    return _listed(held, warehouse, run)


def override_history(settings: Settings, warehouse: Warehouse, run: Run, ids: Sequence[str]) -> pd.DataFrame:
    """Return all that was ever said up to the day that the run is about, and what became of it: `history_of`.

    Of the overrides of these names, or of the beginnings of them; of all if there are none.

    Raises:
        InputError: there are no sales, or nothing is known of a name.
    """
    history = read_history(settings, warehouse, run)
    rows = history.names.renamed(warehouse.read(OVERRIDES))
    running = settings.clock.label(run.today)
    said = history_of(rows, settings.clock.end_of(run.today), run.today, running)
    for each in ids:
        if not said["override_id"].str.startswith(each).any():
            raise InputError(f"override {each!r}: none of the {len(said['override_id'].unique())} that were ever said")
    return said[said["override_id"].str.startswith(tuple(ids))] if ids else said


def write_override_template(path: Path, settings: Settings, warehouse: Warehouse, run: Run, report: RunReport) -> None:
    """Write what holds now, or examples, to a new file.

    Raises:
        InputError: there are no sales, or the file cannot be written.
    """
    history = read_history(settings, warehouse, run)
    held = held_on(settings, warehouse, run, history)
    reasons = rules_of(settings).reasons
    rows = template_rows(held, history.combinations, run.cutoff + WEEK, reasons)
    write_template(path, rows, meanings(reasons), settings.locale)
    report.notes.append(f"{path}: change it and put it into overrides/inbox/ below STAGING")


def _listed(held: pd.DataFrame, warehouse: Warehouse, run: Run) -> Listed:
    """The overrides among these rows that hold, with what they change of the newest published forecast."""
    standing = still_said(held, run.cutoff)
    since = {"cutoff": run.cutoff - SHOWN * WEEK}
    steps = warehouse.read(FORECASTS, LOOKED_AT, since=since, until={"cutoff": run.cutoff})
    if not len(steps):
        return Listed(standing.assign(effect=float("nan"), model=float("nan")), None)
    cutoff = steps["cutoff"].max()
    published = steps[steps["cutoff"] == cutoff]
    return Listed(effects(standing, published, said_of(held, published["ds"].unique())), cutoff)


# --- Rows -------------------------------------------------------------------------------------------------------------


def _now(settings: Settings, warehouse: Warehouse, run: Run) -> tuple[History, datetime]:
    """The sales, and the moment from which what is said now is known."""
    if not run.is_about_today(settings.clock):
        raise InputError("AS_OF: overrides are said on the day that it is: another one knows other forecasts; unset it")
    return read_history(settings, warehouse, run), newest_at(warehouse, OVERRIDES, run, 1)


def _read(
    said: Sequence[Mapping[str, str]],
    names: Sequence[Combination],
    settings: Settings,
    warehouse: Warehouse,
    history: History,
    at: datetime,
) -> list[dict[str, Any]]:
    """The rows of what is said.

    Raises:
        InputError: one of them is refused.
    """
    known = KnownNames(names, history.names.aliases)
    judge = OverrideJudge(known, warehouse.read(OVERRIDES), at, settings.clock, rules_of(settings))
    rows = []
    for cells in said:
        line = FileLine(0, [], dict.fromkeys(COLUMNS, "") | dict(cells))
        judge.read(line)
        if line.reasons:
            which = f"{cells['override_id']}: " if "override_id" in cells else ""
            raise InputError(f"override: {which}{'; '.join(line.reasons)}; nothing was changed")
        rows.append(line.row)
    return rows


def _append(rows: list[dict[str, Any]], at: datetime, warehouse: Warehouse, run: Run, report: RunReport) -> list[str]:
    digest = hashlib.sha256(f"{run.run_id} {at.isoformat()} {rows}".encode()).hexdigest()
    found = validate(
        OVERRIDES, pd.DataFrame([{**row, "override_id": row["override_id"] or digest[:8]} for row in rows])
    )
    report.n_rows = warehouse.append_once(OVERRIDES, found, batch_id=digest, source=SAID_BY_HAND, run=run)
    return list(found["override_id"])


def _one(wanted: str, held: pd.DataFrame) -> dict[Any, Any]:
    standing = held[~held["cancelled"]]
    found = standing[standing["override_id"].str.startswith(wanted)]
    exact = found[found["override_id"] == wanted]
    if len(exact) == 1 or (len(found) == 1 and len(wanted) >= MIN_ID):
        return dict((exact if len(exact) else found).iloc[0])
    if len(found) > 1:
        why = f"{len(found)} begin so: {listed(found['override_id'], SHOWN)}"
    elif len(wanted) < MIN_ID:
        why = f"too short, at least {MIN_ID} characters of a name are needed"
    else:
        why = f"none of the {len(standing)} that hold" if len(standing) else "none holds"
    raise InputError(f"override {wanted!r}: {why}; `python -m skucast override list` shows them; nothing was changed")


def _effect(mine: pd.DataFrame, cutoff: pd.Timestamp | None) -> str:
    if cutoff is None:
        return "nothing is forecast yet"
    (row,) = mine.to_dict("records")
    share = f" ({row['effect'] / row['model']:+.1%})" if row["model"] > 0 else ""
    what = scope_of([row[name] for name in KEY])
    return f"{what} {row['effect']:+,.0f} in all{share} of the forecast of {cutoff.date()}"

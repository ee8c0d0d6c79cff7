"""What people say of the work list: by hand, or in files of its inbox, each exactly once."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from skucast.backends.files import list_versions
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import InputError, SkucastError
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.tables.work_notes import WORK_NOTES
from skucast.core.weeks import WeekClock
from skucast.core.words import counted
from skucast.jobs.intake import Intake, Known, take_in
from skucast.jobs.newest_statement import newest_at
from skucast.jobs.work_list import newest_work_list
from skucast.regressors.file_lines import FileLine
from skucast.regressors.promotion_files import PlanFile
from skucast.regressors.work_files import COLUMNS, FILE, WordJudge, as_rows, read_words
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.scorecard.work_list import names_of

INBOX = "worklist"
"""Names the folders below STAGING: `worklist/inbox`."""

SAID_BY_HAND = "skucast alerts"
"""Where rows come from that no file has brought, in the loads table."""


def say(
    names: Sequence[str],
    said: Mapping[str, str],
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    report: RunReport,
) -> None:
    """Keep the same word about some lines of the list, given as the cells of a file.

    Raises:
        InputError: one of them is refused, all of why in one line, or the run is not about today; nothing is kept.
    """
    if not run.is_about_today(settings.clock):
        raise InputError("AS_OF: what is said of the work list is said on the day that it is; unset it")
    at = newest_at(warehouse, WORK_NOTES, run, 1)
    judge = WordJudge(_lines(settings, warehouse, run), at, settings.clock)
    rows: dict[object, dict[str, Any]] = {}
    for name in dict.fromkeys(names):
        line = FileLine(0, [], dict.fromkeys(COLUMNS, "") | dict(said) | {"line_id": name})
        judge.read(line)
        if line.reasons:
            raise InputError(f"alerts: {'; '.join(line.reasons)}; see: python -m skucast alerts list --work")
        rows[line.row["line_id"]] = line.row
    digest = hashlib.sha256(f"{run.run_id} {at.isoformat()} {rows}".encode()).hexdigest()
    found = as_rows(list(rows.values()))
    report.n_rows = warehouse.append_once(WORK_NOTES, found, batch_id=digest, source=SAID_BY_HAND, run=run)
    report.notes.append(f"said of {listed(found['about'])}: {_said(found.iloc[0])}")


def ingest_words(
    settings: Settings, warehouse: Warehouse, run: Run, report: RunReport, *, by_hand: bool = False
) -> int:
    """Add the files of the inbox and return how many rows were added.

    A run that nobody waits for goes on whatever happens here: what is not taken in stays for the next one.

    Raises:
        InputError, StoreError, WarehouseError: as `take_in`, by hand.
    """
    if by_hand:
        return take_in(_intake(settings, warehouse, run), settings, warehouse, run, report, [], by_hand=True)
    try:
        if list_versions(settings.staging, f"{INBOX}/inbox", settings.endpoints):
            take_in(_intake(settings, warehouse, run), settings, warehouse, run, report, [])
    except SkucastError as error:
        report.warn(f"what is said of the work list could not be taken in, and stays in {INBOX}/inbox: {error}")
    return 0


def _intake(settings: Settings, warehouse: Warehouse, run: Run) -> Intake:
    """The inbox; the lines are read before its files: no file is to blame where they cannot be."""
    lines = _lines(settings, warehouse, run)

    def read(name: str, content: bytes, known: Known, clock: WeekClock) -> PlanFile:
        return read_words(name, content, lines, known.at, clock)

    return Intake(INBOX, WORK_NOTES, FILE.n_bytes, read, _added)


def _lines(settings: Settings, warehouse: Warehouse, run: Run) -> dict[str, Mapping[str, Any]]:
    """The lines of the list, open or not, by each name that people may call one."""
    lines = newest_work_list(settings, warehouse, run).to_dict("records")
    return {name: {str(key): value for key, value in line.items()} for line in lines for name in names_of(line)}


def _added(file: PlanFile) -> list[str]:
    return [f"{counted(len(file.rows), 'word')} about the work list kept"]


def _said(row: pd.Series) -> str:
    """What was said, in words."""
    until = f" until {row['snoozed_until']:%Y-%m-%d}" if pd.notna(row["snoozed_until"]) else ""
    given = {"": row["state"], "owner ": row["owner"], "comment ": row["comment"]}
    parts = [f"{word}{value}" for word, value in given.items() if isinstance(value, str)]
    return f"{', '.join(parts[:1])}{until}{''.join(f', {part}' for part in parts[1:])}"

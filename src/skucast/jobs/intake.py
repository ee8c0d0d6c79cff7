"""Inboxes: files that people send become rows of a table, each file exactly once; what is refused comes back."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property, partial
from pathlib import PurePosixPath
from typing import Literal
from zoneinfo import ZoneInfo

import pandas as pd

from skucast.backends.files import Content, list_versions, move, read_bytes, write_bytes
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import NO_ALIASES, Aliases, Combination
from skucast.core.errors import AlreadyLoaded, FileRefused, InputError, ObjectKept, StoreError
from skucast.core.quoting import listed, one_line
from skucast.core.run import Run
from skucast.core.tables.contract import Table
from skucast.core.tables.records import LOADS
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.texts import Text, said_in
from skucast.core.weeks import WeekClock
from skucast.core.words import counted
from skucast.jobs.killers import Marked
from skucast.jobs.newest_statement import newest_at
from skucast.jobs.refusals import WHOLE, refusal
from skucast.regressors.headings import LINE
from skucast.regressors.promotion_files import PlanFile, rejected_csv
from skucast.regressors.promotions import is_promotion
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.runtime.stopping import stop_goes_through


@dataclass(frozen=True)
class Known:
    """What a file is read against: the names that it may have, and the moment from which what it says is known.

    `held` returns the rows of the intake's table, as they are before the file is added.
    """

    combinations: Sequence[Combination]
    aliases: Aliases
    at: datetime
    held: Callable[[], pd.DataFrame]


@dataclass(frozen=True)
class Intake:
    """What an inbox takes in: `what` names its folders below STAGING; `told` says in words what a file has added.

    `read` makes rows of the table of a file: its name and bytes, what is known, and the weeks.
    """

    what: str
    table: Table
    n_bytes: int
    read: Callable[[str, bytes, Known, WeekClock], PlanFile]
    told: Callable[[PlanFile], list[str]]

    def folder(self, name: Literal["inbox", "done", "rejected", "reading"]) -> str:
        """Return one of its folders below STAGING."""
        return f"{self.what}/{name}"


SETTLE_S = 2.0
"""How long the files of a folder are watched: what changes meanwhile is still being written."""

MAX_NAME_BYTES = 120
"""So much of the end of a file's name is kept in the name that it gets: file systems allow 255 bytes a name."""

_ADDED_BEFORE = "added before, so nothing was added; to say the same again, change a note in it"


def take_in_if_there(
    intake: Intake,
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    report: RunReport,
    known: Sequence[Combination],
    aliases: Aliases = NO_ALIASES,
    *,
    is_awaited: bool = True,
) -> None:
    """Add the files of the inbox to its table; while Cloud Storage gives no answer, what is known stays.

    Raises:
        InputError: a permission is missing, or the table is none that rows can be added to.
        WarehouseError: no usable answer.
    """
    try:
        take_in(intake, settings, warehouse, run, report, known, aliases, is_awaited=is_awaited)
    except StoreError as error:
        what = intake.what
        log.warning("the inbox of %s cannot be read: %s", what, error)
        report.notes.append(f"the inbox of {what} could not be read to its end: the plan known so far is used")


def take_in(
    intake: Intake,
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    report: RunReport,
    known: Sequence[Combination],
    aliases: Aliases = NO_ALIASES,
    *,
    by_hand: bool = False,
    is_awaited: bool = True,
) -> int:
    """Add the files of the inbox to its table, in the order of their names, and return how many rows were added.

    `by_hand`: somebody waits for these files and nothing else; files of which nothing can be used are an error then.
    `is_awaited`: an empty inbox is worth a note.

    Each is appended, its rejected rows are written, then it is moved: in this order, so that a run that breaks off
    leaves it in the inbox, and the next one finds what is done and does the rest. Several tasks may do this at once.
    One that a run read when it was killed is put aside, as it may kill every run.

    Raises:
        InputError, StoreError, WarehouseError: as `take_in_if_there`, and no answer of Cloud Storage.
    """
    what, inbox, read_before = intake.what, intake.folder("inbox"), set(report.plan_files)
    with report.timed(what):
        versions = list_versions(settings.staging, inbox, settings.endpoints)
        names = sorted(versions)
        if not names and is_awaited:
            report.notes.append(f"{what}: no file in {inbox} below STAGING ({settings.staging}) to take in")
        if names and not settings.staging.startswith("gs://"):  # an object in a bucket comes whole
            time.sleep(SETTLE_S)
        last_at = newest_at(warehouse, intake.table, run, len(names)) if names else run.run_at
        found: list[int | None] = []
        held = partial(warehouse.read, intake.table)
        for place, name in enumerate(names, start=1):
            path = f"{inbox}/{name}"
            try:
                content = read_bytes(settings.staging, path, settings.endpoints, limit=intake.n_bytes + 1)
            except FileRefused as error:
                _passed_over(intake, one_line(name), error, report)
                found.append(None)
                continue
            if content is None:  # another task has moved it
                continue
            if content.version != versions[name] or not content.is_whole:
                log.warning("a file of %s is still being written", what, extra={"fields": {"file": name}})
                report.notes.append(f"{what}: {one_line(name)} is still being written; the next run reads it")
                continue
            # Of two files of one run the second is newer: what both speak of, it settles.
            known_at = last_at - timedelta(microseconds=len(names) - place)
            file = _File(one_line(name), content, intake, name)
            found.append(_take_in_file(file, settings, warehouse, run, report, Known(known, aliases, known_at, held)))
    read = {name: said for name, said in report.plan_files.items() if name not in read_before}
    _tell_refusals(intake, settings, read, stops=by_hand and bool(found) and set(found) == {None})
    return sum(added or 0 for added in found)


def _tell_refusals(intake: Intake, settings: Settings, read: Mapping[str, str | None], *, stops: bool) -> None:
    """Say once which files were refused, in part or whole.

    Raises:
        InputError: it `stops` the run.
    """
    refused = [said for said in read.values() if said]
    if not refused:
        return
    files = f"{len(refused)} of {counted(len(read), 'plan file')} not taken in whole: {listed(refused, by='; ')}"
    if stops:
        rejected = f"{intake.folder('rejected')}/ below STAGING ({settings.staging})"
        raise InputError(f"{intake.what}: nothing was added; {files}; {rejected} has why")
    log.warning("%s", files)


# --- One file -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _File:
    """A file of an inbox: `name` is fit to be shown and to be given to another file, `sent_as` what it really has."""

    name: str
    content: Content
    intake: Intake
    sent_as: str

    @cached_property
    def digest(self) -> str:
        return hashlib.sha256(self.content.data).hexdigest()

    def kept_as(self, name: str, settings: Settings) -> str:
        """A name that no other content has, the same in every run and task: when the file came, and what it holds."""
        came = self.content.changed_at.replace(tzinfo=UTC).astimezone(ZoneInfo(settings.business_tz))
        return f"{came:%Y-%m-%dT%H%M%S}-{self.digest[:8]}-{name}"


def _known_as(intake: Intake, name: str) -> str:
    """The name of a file as runs keep it: files of two folders may have one name."""
    return name if intake.table is PROMOTIONS else f"{intake.what}/{name}"


def _passed_over(intake: Intake, name: str, error: FileRefused, report: RunReport) -> None:
    """Leave a file where it is that cannot be opened, and say so; the others are read."""
    report.plan_files[_known_as(intake, name)] = Text(WHOLE, reason=f"{name}: {error}", content="")
    report.warn(f"{intake.what}: {name} stays in the inbox, and nothing of it is used: {error}")


def _take_in_file(
    file: _File,
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    report: RunReport,
    known: Known,
) -> int | None:
    """Add what the file says and return how many rows that were, None if nothing of it can be used."""
    before = _loads_of(file, settings, warehouse)
    done = f"{file.intake.folder('done')}/{file.kept_as(_short(file.name), settings)}"
    if len(before) and read_bytes(settings.staging, done, settings.endpoints, limit=1) is not None:
        # It could not leave the inbox when it was read, and was not sent again: its plan may not be the newest by now.
        report.notes.append(f"{file.intake.what}: {file.name}: {_ADDED_BEFORE}")
        _move(file, done, settings, report)
        return 0
    marked = Marked(file.name, file.intake.folder("reading"), file.digest, settings)
    if marks := marked.left():
        _reject(file, marked.why(marks), settings, report)
        marked.forget(marks)
        return None
    try:
        with marked.being_read(run):
            plan, batch_id = _judge(file, before, settings, known)
    except InputError as error:
        _reject(file, error.args[0] if error.args else str(error), settings, report)
        return None
    is_new = batch_id is not None and _is_appended(file, plan, batch_id, warehouse, run)
    rejected = _write_rejected(file, plan, settings, report)
    _move(file, done, settings, report)
    _tell(file, plan, rejected, settings, report, is_new=is_new)
    if not len(plan.rows):
        return 0 if plan.says_nothing else None
    return len(plan.rows) if is_new else 0


def _loads_of(file: _File, settings: Settings, warehouse: Warehouse) -> pd.DataFrame:
    """When the same content was added to the plan, oldest first."""
    loads = warehouse.read(LOADS)
    is_mine = loads["batch_id"].str.startswith(file.digest) & (
        loads["table_name"] == settings.table_names[file.intake.table.label]
    )
    return loads[is_mine].sort_values("loaded_at")


def _judge(file: _File, before: pd.DataFrame, settings: Settings, known: Known) -> tuple[PlanFile, str | None]:
    """What the file says, and the batch to add it as, None if nothing is to be added.

    A file that was added before is judged as it was then: a promotion may be over since. If more of it can be used by
    now, because articles became known, it is a new statement, as a whole: one with other rejected rows.

    Raises:
        InputError: as `_read`.
    """
    if before.empty:
        return _read(file, settings, known), file.digest
    last = before.iloc[-1]
    plan = _read(file, settings, replace(known, at=last["loaded_at"].to_pydatetime()))
    if len(plan.rows) <= last["n_rows"]:
        return plan, None
    anew = _read(file, settings, known)
    rejected = hashlib.sha256(" ".join(anew.rejected[LINE]).encode()).hexdigest()
    return anew, f"{file.digest}:{rejected[:12]}"


def _read(file: _File, settings: Settings, known: Known) -> PlanFile:
    """Read the file as at the moment of what is known.

    Raises:
        InputError: it cannot be read, for a reason that is known or not.
    """
    try:
        with stop_goes_through():
            return file.intake.read(file.name, file.content.data, known, settings.clock)
    except (InputError, MemoryError):
        raise
    except Exception as bug:
        # It would stop this forecast, and every one after it: the file would stay in the inbox.
        log.exception("a file of %s fails unexpectedly", file.intake.what, extra={"fields": {"file": file.name}})
        raise InputError(f"{file.name}: cannot be read ({type(bug).__name__}); the run's log says where") from bug


def _is_appended(file: _File, plan: PlanFile, batch_id: str, warehouse: Warehouse, run: Run) -> bool:
    if not len(plan.rows):
        return True
    try:
        warehouse.append_once(file.intake.table, plan.rows, batch_id=batch_id, source=file.name, run=run)
    except AlreadyLoaded:  # another task was faster
        return False
    return True


def _write_rejected(file: _File, plan: PlanFile, settings: Settings, report: RunReport) -> str | None:
    """Write the rejected rows, if there are any, and return where they are."""
    if not len(plan.rejected):
        return None
    name = file.kept_as(_short(PurePosixPath(file.name).stem), settings)
    return _put(
        file.intake,
        f"{file.intake.folder('rejected')}/{name}.csv",
        rejected_csv(plan, settings.locale or plan.language),
        settings,
        report,
    )


def _reject(file: _File, reason: str, settings: Settings, report: RunReport) -> None:
    """Put a file that cannot be read aside, with the reason beside it."""
    target = f"{file.intake.folder('rejected')}/{file.kept_as(_short(file.name), settings)}"
    where = _put(
        file.intake, f"{target}.reason.txt", f"{said_in(settings.locale, reason)}\n".encode(), settings, report
    )
    _move(file, target, settings, report)
    report.plan_files[_known_as(file.intake, file.name)] = Text(WHOLE, reason=reason, content=file.digest[:8])
    report.warn(f"{file.intake.what}: {reason}; nothing was added, the file is beside {where}")


def _put(intake: Intake, path: str, data: bytes, settings: Settings, report: RunReport) -> str:
    """Write a file below STAGING and return where it is; one that may not be replaced stays, and is named."""
    try:
        return write_bytes(settings.staging, path, data, settings.endpoints)
    except ObjectKept as error:
        report.warn(f"{intake.what}: {path} is of an earlier run: {error}")
        return f"{settings.staging}/{path}"


def _move(file: _File, target: str, settings: Settings, report: RunReport) -> None:
    source, what = f"{file.intake.folder('inbox')}/{file.sent_as}", file.intake.what
    try:
        is_moved = move(settings.staging, source, target, settings.endpoints, version=file.content.version)
    except (FileRefused, ObjectKept) as error:  # every later run finds it there, and that it was read
        report.warn(f"{what}: {file.name} was read, and stays in the inbox: {error}")
        return
    if not is_moved:
        report.notes.append(f"{what}: {file.name} was replaced while it was read; the next run reads the new one")


def _short(name: str) -> str:
    """The end of the name, with its suffix, in no more bytes than a file system takes."""
    return name.encode()[-MAX_NAME_BYTES:].decode(errors="ignore")


def _tell(
    file: _File, plan: PlanFile, rejected: str | None, settings: Settings, report: RunReport, *, is_new: bool
) -> None:
    """One line in the log and one note for the file; what was refused is kept with the run."""
    n_refused, what = len(plan.rejected), file.intake.what
    refused = refusal(file.name, n_refused, plan.n_lines, _first_reason(plan), file.digest[:8]) if n_refused else None
    report.plan_files[_known_as(file.intake, file.name)] = refused and _with_folder(refused, file.intake)
    fields = {"file": file.name, "rows": len(plan.rows), "rejected": n_refused, "added": is_new}
    if plan.covers_through is not None:
        promoted = int(is_promotion(plan.rows).sum())
        fields |= {"promotions": promoted, "covered": len(plan.rows) - promoted}
        fields |= {"covers_through": str(plan.covers_through)}
    log.log(logging.WARNING if rejected else logging.INFO, what, extra={"fields": fields})
    parts = file.intake.told(plan) if len(plan.rows) or plan.says_nothing else ["nothing could be added"]
    if not is_new:
        parts = [_ADDED_BEFORE]
    if rejected:
        parts.append(f"{refused}, see {rejected}")
        if plan.covers_through is not None and n_covering(plan) and n_refused > plan.n_repeated:
            parts.append("where the file covers their names, they count as no promotion until they are sent right")
    parts += plan.notes
    if plan.unused:
        parts.append(f"columns not used: {listed(plan.unused)}")
    report.notes.append(f"{what}: {file.name}: {'; '.join(parts)}")


def _with_folder(refused: Text, intake: Intake) -> Text:
    """The sentence with where the rows are; without one they are promotions."""
    if intake.table is PROMOTIONS:
        return refused
    return Text("{refused} ({folder}/)", refused=refused, folder=intake.folder("rejected"))


def _first_reason(plan: PlanFile) -> Text:
    line, reason = plan.rejected[[LINE, plan.why]].iloc[0]
    return Text("line {line}: {reason}", line=line, reason=reason)


def n_covering(plan: PlanFile) -> int:
    """Return how many rows of a file say what it covers."""
    return len(plan.rows) - int(is_promotion(plan.rows).sum())

"""Backtests kept in their table while models are made, and read again: what was forecast at past origins."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import SkucastError
from skucast.core.rows import written
from skucast.core.run import Run
from skucast.core.tables.backtests import BACKTEST, BACKTESTS, EVIDENCE
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.validation import empty
from skucast.core.weeks import WEEK
from skucast.core.words import counted
from skucast.forecast.backtest_rows import PUBLISHED_AS, Scored, rows_of_backtests, rows_of_evidence
from skucast.forecast.learnt import Past
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings

if TYPE_CHECKING:
    from skucast.forecast.training import Trained

MOST_CUTOFFS = 8
"""Cutoffs of trainings that are looked at for the newest backtest of a combination."""

HALF_A_YEAR = 26 * WEEK


class KeptBacktests:
    """The backtests of one task's models, written when the registry's rows of these combinations are.

    What cannot be written stops no training: it is tried again with the next ones, and lost at the end with a warning.
    """

    def __init__(self, settings: Settings, warehouse: Warehouse, run: Run, report: RunReport, cutoff: date) -> None:
        self._is_on = settings.backtests
        self._warehouse, self._run, self._report, self._cutoff = warehouse, run, report, cutoff
        self._pending: dict[Combination, Scored] = {}
        self._error: SkucastError | None = None

    def add(self, combination: Combination, trained: Trained) -> None:
        """Take in the backtest of a model that was trained, to be written soon."""
        if self._is_on and trained.scored is not None and len(trained.scored):
            self._pending[combination] = Scored(combination, trained.scored, trained.stored.version)

    def write(self) -> None:
        """Write what waits."""
        if not self._pending:
            return
        rows = _stamped(rows_of_backtests(list(self._pending.values())), self._cutoff, BACKTEST, self._run)
        part, only = slice_of(self._cutoff, BACKTEST), list(self._pending)
        try:
            with self._report.timed("backtests"):
                self._warehouse.replace(BACKTESTS, rows, part, run=self._run, combinations=only)
        except SkucastError as error:
            log.warning("backtests of %d combinations not written yet: %s", len(self._pending), error)
            self._error = error
        else:
            self._pending, self._error = {}, None

    def warn_of_lost(self) -> None:
        """Say what could not be written, at the end."""
        if self._pending:
            what = counted(len(self._pending), "combination")
            self._report.warn(f"{BACKTESTS.label}: those of {what} are not kept: {self._error}")


def keep_evidence(settings: Settings, warehouse: Warehouse, run: Run, report: RunReport, past: Past | None) -> None:
    """Write what all models have forecast at the origins that the blend was learnt from, unless this run has.

    What cannot be written stops no training.
    """
    if past is None or not past.origins or not settings.backtests:
        return
    cutoff = past.grid.label(past.grid.n_weeks)
    part = slice_of(cutoff, EVIDENCE)
    try:
        with report.timed("backtests"):
            if warehouse.published(BACKTESTS, part, run=run):
                return
            rows = _stamped(rows_of_evidence(past, settings.forecaster), cutoff, EVIDENCE, run)
            warehouse.replace(BACKTESTS, rows, part, run=run)
    except SkucastError as error:
        report.warn(f"{BACKTESTS.label}: those of the blend are not kept: {error}")


def slice_of(cutoff: date, kind: str) -> str:
    """Return the name of the slice that a training's rows of one kind are."""
    return f"{cutoff} {kind}"


def _stamped(rows: pd.DataFrame, cutoff: date, kind: str, run: Run) -> pd.DataFrame:
    return rows.assign(
        slice=slice_of(cutoff, kind),
        cutoff=pd.Timestamp(cutoff),
        kind=kind,
        run_id=run.run_id,
        created_at=run.run_at,
    )


def newest_backtests(
    warehouse: Warehouse,
    kind: str = EVIDENCE,
    *,
    model: str | None = None,
    until: date | None = None,
    columns: Collection[str] | None = None,
) -> pd.DataFrame:
    """Return the rows of the newest training of each combination that has any, of the last eight cutoffs trained.

    Args:
        warehouse: where they are.
        kind: EVIDENCE, at origins that all models share, or BACKTEST, at those that the combination's own was judged.
        model: the rows of this one alone; None = of all.
        until: trainings of later cutoffs are left out, and those before the last half a year; None = of none.
        columns: those that are read, KEY and `cutoff` among them; None = all.
    """
    nothing = empty(BACKTESTS if columns is None else BACKTESTS.part(columns))
    if not warehouse.exists(BACKTESTS):
        return nothing
    limits = {"kind": kind} | ({"model": model} if model else {})
    since = {"cutoff": until - HALF_A_YEAR} if until else {}
    trained = warehouse.read(REGISTRY, ["cutoff"], since=since)["cutoff"].drop_duplicates().dt.date
    cutoffs = sorted({each for each in trained if until is None or each <= until}, reverse=True)[:MOST_CUTOFFS]
    for cutoff in cutoffs if kind == EVIDENCE else ():
        exactly = limits | {"slice": slice_of(cutoff, kind), "cutoff": cutoff}
        rows = warehouse.read(BACKTESTS, columns, since=exactly, until=exactly)
        if len(rows):  # of all combinations together
            return rows
    if kind == EVIDENCE or not cutoffs:
        return nothing
    first, last = limits | {"cutoff": cutoffs[-1]}, limits | {"cutoff": cutoffs[0]}
    rows = warehouse.read(BACKTESTS, columns, since=first, until=last)
    is_newest = rows["cutoff"] == rows.groupby(KEY)["cutoff"].transform("max")
    return rows[is_newest].reset_index(drop=True)


def backtest_errors(settings: Settings, warehouse: Warehouse, until: date) -> pd.DataFrame:
    """Return how far off what is published was in the newest backtests: sums of weeks whose sales are known.

    One row per combination and step: KEY, cutoff, step, `actual`, `abs_error` (sales).
    """
    kind = BACKTEST if settings.forecaster == "prophet" else EVIDENCE
    model, columns = PUBLISHED_AS[settings.forecaster], [*KEY, "cutoff", "step", "y", "yhat"]
    rows = newest_backtests(warehouse, kind, model=model, until=until, columns=columns)
    known = rows[rows["y"].notna()]
    errors = known.assign(actual=known["y"], abs_error=(known["yhat"] - known["y"]).abs())
    return errors.groupby([*KEY, "cutoff", "step"], as_index=False)[["actual", "abs_error"]].sum()


def side_by_side(backtests: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of the table as a long frame with the models side by side, NaN where one said nothing.

    `unique_id`, `unit`, `channel`, `SKU_ID`, `cutoff` (the origin: the last week that the forecasts knew), `ds`,
    `step`, `y`, and a column for each model; sales per week.
    """
    key = [*KEY, "origin", "ds", "step"]
    y = backtests.drop_duplicates(key).set_index(key)["y"]
    models = backtests.set_index([*key, "model"])["yhat"].unstack("model").rename_axis(columns=None)
    frame = y.to_frame().join(models).sort_index().reset_index().rename(columns={"origin": "cutoff"})
    frame.insert(0, "unique_id", written(frame))
    return frame

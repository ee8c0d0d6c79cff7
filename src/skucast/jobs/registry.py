"""The registry's rows of a training: what they say, and that each is written soon after it is made."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import RunFailed, SkucastError, WarehouseError
from skucast.core.run import Run
from skucast.core.tables.records import REGISTRY
from skucast.jobs.shards import combinations_of
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.stopping import check_stop

if TYPE_CHECKING:
    from skucast.forecast.cards import ModelCard

Row = dict[str, Any]

SHARE_OF_TIME = 0.1
"""Of the time of a training that may go into writing its rows: a local file takes them every second, BigQuery, where a
write takes four, every forty."""

LEAST_PAUSE_S = 1.0

CHANGES_WHAT_IS_LIVE = ("saved", "rolled_back")
"""Outcomes of a row that made another model live."""

NOT_LIVE = "not made live"
"""How the reason begins of a new model that may not take the place of the live one."""

UNRECORDED = ": made by a run that was stopped, recorded now"
"""How the reason ends of a live model that no row had named."""


class Ledger:
    """The rows of one task, in the registry while models are made, so that a run that stops has recorded them.

    A row replaces one of the same run and combination, so that a repeat changes nothing. A run that is started again
    under its id keeps what it has recorded, but for what failed: `is_settled`. As a context it writes what is left at
    its end, whatever ends it; a process that is killed on the spot leaves to the next run what it had not written.
    `beside` writes what else is kept of these combinations, before their rows say that they are done: a run that is
    started again does not make it anew.
    """

    def __init__(
        self,
        warehouse: Warehouse,
        run: Run,
        report: RunReport,
        cutoff: date,
        live_version: Callable[[Combination], str | None],
        beside: Callable[[], None] = lambda: None,
    ) -> None:
        self._warehouse, self._run, self._report, self._cutoff = warehouse, run, report, pd.Timestamp(cutoff)
        self._live_version, self._beside = live_version, beside
        self._recorded = {combination_of(row): row for row in as_rows(_read_run(warehouse, run))}
        self._pending: list[Row] = []
        self._in_doubt: tuple[Combination, Row] | None = None
        self._since, self._pause_s = time.monotonic(), LEAST_PAUSE_S

    def settled(self, wanted: Sequence[Combination]) -> dict[Combination, Row]:
        """Return what earlier attempts of this run have recorded of these combinations, but for failures."""
        found = {each: self._recorded[each] for each in wanted if each in self._recorded}
        return {
            each: row for each, row in found.items() if row["outcome"] != "failed" and row["cutoff"] == self._cutoff
        }

    def saving(self, combination: Combination, row: Row) -> None:
        """Say which model is put in its place now: a run that is stopped before `add` looks whether it got there."""
        check_stop()  # a library may have swallowed it
        self._in_doubt = combination, row

    def add(self, row: Row, seen_at: datetime | None = None) -> None:
        """Take a row in, and write those that wait if it is time to; a write that fails is tried again later.

        Of several runs the newest row has to name what is live: a model that was saved is live from now on, and a row
        that leaves the live one as it is knows no more than when that was looked at, `seen_at`.
        """
        at = self._run.now() if seen_at is None or row["outcome"] in CHANGES_WHAT_IS_LIVE else seen_at
        self._pending.append(self._after_failure(row) | {"created_at": at})
        self._in_doubt = None
        if time.monotonic() - self._since < self._pause_s:
            return
        try:
            self._flush()
        except (
            WarehouseError,
            RunFailed,
        ) as error:  # hours of training do not end by it: what is left is written at the end
            log.warning("%d rows of the registry not written yet: %s", len(self._pending), error)
            self._since, self._pause_s = time.monotonic(), 2 * self._pause_s

    def rows(self) -> pd.DataFrame:
        """Return the rows of all tasks of the run as far as they are recorded: what became of whom, and why.

        Raises:
            RunFailed: the tasks are about several cutoffs.
        """
        columns = [*KEY, "cutoff", "outcome", "reason"]
        if self._run.task_count == 1:
            return pd.DataFrame(list(self._recorded.values()), columns=columns)
        found = _read_run(self._warehouse, self._run)[columns]
        cutoffs = sorted({*found["cutoff"].dt.date, self._cutoff.date()})
        if len(cutoffs) > 1:
            raise RunFailed(
                f"table {REGISTRY.label}: the tasks of this run are about the cutoffs "
                f"{' and '.join(map(str, cutoffs))}, because a week ended or sales came while they ran; "
                "run all of them again with AS_OF set"
            )
        return found

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self._flush()
            return
        try:
            self._settle_doubt()
            self._flush_rows()  # first: there may be little time left
            self._beside()
        except SkucastError as failed:  # what has ended the run is what is told; the next run records these
            log.error("%d rows of the registry could not be written: %s", len(self._pending), failed)

    def _after_failure(self, row: Row) -> Row:
        """The row, with what an earlier attempt of this run has failed by, whose place it takes."""
        before = self._recorded.get(combination_of(row))
        if before is None or before["outcome"] != "failed" or row["outcome"] == "failed":
            return row
        why = f"an earlier attempt of this run failed: {before['reason']}"
        return row | {"reason": f"{row['reason']}; {why}" if row["reason"] else why}

    def _settle_doubt(self) -> None:
        if self._in_doubt is None:
            return
        (combination, row), self._in_doubt = self._in_doubt, None
        if self._live_version(combination) == row["model_version"]:
            self._pending.append(row | {"created_at": self._run.now()})

    def _flush(self) -> None:
        started = time.monotonic()
        self._beside()
        self._flush_rows(started)

    def _flush_rows(self, started: float | None = None) -> None:
        if not self._pending:
            return
        started = time.monotonic() if started is None else started
        with self._report.timed("write"):
            rows = pd.DataFrame(self._pending).assign(run_id=self._run.run_id)
            only = combinations_of(rows)
            self._report.n_rows += self._warehouse.replace(
                REGISTRY, rows, self._run.run_id, run=self._run, combinations=only
            )
        self._recorded |= {combination_of(row): row for row in self._pending}
        self._pending = []
        self._since = time.monotonic()
        self._pause_s = max(LEAST_PAUSE_S, (self._since - started) * (1 / SHARE_OF_TIME - 1))


def _read_run(warehouse: Warehouse, run: Run) -> pd.DataFrame:
    return warehouse.read(REGISTRY, since={"run_id": run.run_id}, until={"run_id": run.run_id})


def as_rows(frame: pd.DataFrame) -> list[Row]:
    """Return the rows of a frame, what is unknown as None."""
    records = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(name): value for name, value in record.items()} for record in records]


def combination_of(row: Row) -> Combination:
    """Return whom the row is about."""
    return Combination(*(row[name] for name in KEY))


def by_age(registry: pd.DataFrame) -> pd.DataFrame:
    """Return the rows, the newest last; of one moment in the same order each time."""
    return registry.sort_values(["created_at", "run_id"], kind="stable")


def latest(registry: pd.DataFrame) -> pd.DataFrame:
    """Return the newest row of each combination."""
    return by_age(registry).drop_duplicates(KEY, keep="last", ignore_index=True)


def has_trained(registry: pd.DataFrame) -> pd.Series:
    """Return whether each row is about a combination that was trained at its cutoff, by its run or one before it."""
    has_model = registry["outcome"].isin(["saved", "unchanged", "kept"])
    skipped = registry["outcome"] == "skipped"
    if not skipped.any():
        return has_model
    is_current: pd.Series = registry["model_version"].str[:10] == registry["cutoff"].dt.strftime("%Y-%m-%d")
    return has_model | (skipped & is_current)


def may_be_live(registry: pd.DataFrame) -> pd.Series:
    """Return whether each row says what is live: not those of a model that failed or may not take its place."""
    is_kept_out: pd.Series = registry["reason"].fillna("").str.startswith(NOT_LIVE)
    return (registry["outcome"] != "failed") & ~is_kept_out


def failures_of(rows: pd.DataFrame) -> dict[Combination, str]:
    """Return the combinations whose training failed, with the reason."""
    failed = rows[rows["outcome"] == "failed"]
    return dict(zip(combinations_of(failed), failed["reason"], strict=True))


# --- what a row says --------------------------------------------------------------------------------------------------


def registry_row(
    combination: Combination, cutoff: date, outcome: str, reason: str | None, details: Mapping[str, Any]
) -> Row:
    """Return a row but for the run's own columns."""
    names = dict(zip(KEY, combination.parts, strict=True))
    return {**names, "cutoff": pd.Timestamp(cutoff), "outcome": outcome, "reason": reason, **details}


def details_of(card: ModelCard, version: str, previous: str | None, fit_s: float | None = None) -> dict[str, Any]:
    """Return what a model's card tells, in the columns of a row; an old one may lack a figure, all lack the seconds."""
    score = card.backtest
    by_step = {step: value for step, value in score.items() if step.isdigit()}
    return {
        "model_version": version,
        "previous_version": previous,
        "n_weeks": card.n_weeks,
        "hyperparameters": _json(card.hyperparameters),
        "tuning": _json(card.tuning),
        "is_converged": card.is_converged,
        "backtest_origins": score.get("origins"),
        "backtest_wape": score.get("pooled"),
        "backtest_by_step": _json(by_step),
        "backtest_wape_last_year": score.get("baseline"),
        "backtest_wape_perfect_plan": score.get("perfect_plan"),
        "backtest_promotions": score.get("promotions"),
        "backtest_wape_weather": score.get("with_weather"),
        "weather": _weather_word(score),
        "fit_s": fit_s,
        "naive_method": card.naive.get("method"),
        "naive_wape": card.naive.get("wape"),
        "is_beaten": card.naive.get("is_better"),
    }


def _json(value: object) -> str:
    """The value as a stored card has it, so that a row says the same of a model that is new and of one read back."""
    return json.dumps(value, sort_keys=True)


def _weather_word(score: dict[str, Any]) -> str | None:
    return (
        f"{score['weather']}{', perfect_weather' if score['is_perfect_weather'] else ''}"
        if "weather" in score
        else None
    )

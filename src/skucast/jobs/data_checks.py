"""Checks of the data as it is now: what a run would repair, bridge, list or stop for, by unit, with examples.

A check takes `Facts` and yields `DataFinding`s; a line in `CHECKS` adds one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import cached_property

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.kept_json import kept_object
from skucast.core.run import FAILED, Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.records import RUNS
from skucast.core.weeks import WEEK
from skucast.core.words import counted
from skucast.jobs.gate import JUMPS, evidence_of
from skucast.jobs.promotions import REJECTED
from skucast.jobs.refusals import refused_lately
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.sales.stock import SUSPICIOUS_SHARE
from skucast.scorecard.gate import DEFAULT_JUMP, Evidence, Jump, newest_week_jumps
from skucast.scorecard.gate_limits import RECENT_WEEKS
from skucast.scorecard.gate_sides import filled, then_of

SHOWN = 5


@dataclass(frozen=True)
class Facts:
    """What the checks look at."""

    settings: Settings
    warehouse: Warehouse
    run: Run
    history: History

    @property
    def max_jump(self) -> float:
        """The limit for jumps; the default where the gate is off."""
        return self.settings.max_jump or DEFAULT_JUMP

    @cached_property
    def evidence(self) -> Evidence:
        """What forecasts of the cutoff would be judged by."""
        return evidence_of(self.settings, self.warehouse, self.run.cutoff, self.history)


@dataclass(frozen=True)
class DataFinding:
    """One thing that was found, of a unit or (`*`) the business; `is_serious`: it would stop a run, or has."""

    unit: str
    text: str
    examples: tuple[str, ...] = ()
    is_serious: bool = False


Check = Callable[[Facts], Iterable[DataFinding]]


def examine_data(facts: Facts) -> list[tuple[str, DataFinding]]:
    """Return what every check has found, with the check's name; by unit, those of the business first."""
    found = [(what, finding) for what, check in CHECKS for finding in check(facts)]
    return sorted(found, key=lambda each: (each[1].unit != ALL, each[1].unit))


# --- the checks ------------------------------------------------------------------------------------------------------


def _deliveries(facts: Facts) -> Iterator[DataFinding]:
    """Weeks that have not arrived: of the business, of a unit, of a channel of it."""
    found = facts.history.report
    if found.late_weeks:
        late = counted(found.late_weeks, "week")
        yield DataFinding(ALL, f"{late} late: complete through {found.data_cutoff}, expected {facts.run.cutoff}")
    if found.feed_gap_weeks:
        yield DataFinding(ALL, "weeks without any sale", tuple(found.feed_gap_weeks[-SHOWN:]))
    for each in facts.history.late:
        yield DataFinding(each.unit, f"{each}, others through {found.data_cutoff}; it is bridged")
    for text in found.unit_gaps:
        yield DataFinding(_unit_in(text, facts), f"{text}; it counts as unknown")
    for text in found.closed_units:
        yield DataFinding(_unit_in(text, facts), text)


def _newest_week(facts: Facts) -> Iterator[DataFinding]:
    """Totals of the newest week beside what was forecast of it, recent weeks and last year."""
    evidence = facts.evidence
    newest = pd.Timestamp(evidence.data_cutoff)
    is_forecast = bool((evidence.earlier["ds"] == newest).any())
    if not is_forecast:
        evidence = replace(evidence, earlier=_recent_means(evidence.weeks, evidence.data_cutoff))
    for jump in newest_week_jumps(evidence, facts.max_jump):
        yield _of_jump(jump if is_forecast else replace(jump, last_run=math.nan))


def _changed_since(facts: Facts) -> Iterator[DataFinding]:
    """Recent weeks that were other ones when the last run was made: loaded twice, corrected, or lost."""
    then = then_of(facts.evidence.known_then, facts.evidence.weeks)
    for unit, channel in sorted(set(then.totals["pair"])):
        rows = then.totals[then.totals["pair"].isin([(unit, channel)])].fillna({"y_now": 0.0})
        before, now = float(rows["y_then"].mean()), float(rows["y_now"].mean())
        if max(before, now) > (1 + facts.max_jump) * min(before, now):
            text = (
                f"{channel}: {counted(len(rows), 'week')} sold {before:,.0f} a week when the last run was made and "
                f"{now:,.0f} now: loaded twice, or in part?"
            )
            examples = tuple(
                f"{row['ds'].date()} {row['y_then']:,.0f} to {row['y_now']:,.0f}" for _, row in rows.tail(3).iterrows()
            )
            yield DataFinding(unit, text, examples)


def _last_run(facts: Facts) -> Iterator[DataFinding]:
    """What stopped the newest prediction of this cutoff, if it was stopped."""
    runs = facts.warehouse.read(RUNS, since={"cutoff": facts.run.cutoff}, until={"cutoff": facts.run.cutoff})
    runs = runs[runs["job"] == "predict"].sort_values("run_at", kind="stable")
    newest = runs[runs["run_id"].isin(runs["run_id"].tail(1))]  # of all its tasks
    for row in newest[newest["exit_code"] == FAILED].to_dict("records"):
        jumps = kept_object(row["data_report"]).get(JUMPS, [])
        text = f"the prediction of {row['run_at']:%Y-%m-%d %H:%M} UTC has failed"
        yield DataFinding(ALL, text if jumps else f"{text}: {row['error']}", tuple(jumps), is_serious=True)


def _stock(facts: Facts) -> Iterator[DataFinding]:
    """Units most of whose recent weeks count as out of stock."""
    weeks = facts.history.weeks
    recent = weeks[weeks["ds"] > pd.Timestamp(facts.history.data_cutoff - RECENT_WEEKS * WEEK)]
    is_empty = recent["is_stockout"] | recent["is_censored"]
    for unit, share in is_empty.groupby(recent["unit"]).mean().items():
        if share >= SUSPICIOUS_SHARE:
            first = recent.loc[is_empty & (recent["unit"] == unit), KEY].drop_duplicates().head(SHOWN)
            text = f"{share:.0%} of the weeks of its articles since {recent['ds'].min().date()} are out of stock"
            yield DataFinding(str(unit), text, tuple("/".join(names) for names in first.itertuples(index=False)))


def _names(facts: Facts) -> Iterator[DataFinding]:
    """Spellings that were joined, names in doubt, rows of totals, names that cannot be used."""
    found = facts.history.report
    for text, examples in {
        "names written in several ways, joined": [*found.joined_names, *found.merged_spellings],
        "names that may be others, or none": found.doubtful_names,
        "rows of totals or of nobody, left out": found.left_out_names,
    }.items():
        if examples:
            yield DataFinding(ALL, text, tuple(examples[:SHOWN]))
    if found.rejected_names:
        yield DataFinding(ALL, "names that cannot be used; their sales are left out", tuple(found.rejected_names))


def _values(facts: Facts) -> Iterator[DataFinding]:
    """Lines that were left out, and values that look wrong."""
    found = facts.history.report
    for text in found.warnings:
        yield DataFinding(_unit_in(text, facts), text)
    if found.n_placeholder_lines:
        yield DataFinding(ALL, f"{found.n_placeholder_lines:,} lines without unit, channel, SKU_ID or date, left out")
    if found.n_bad_quantity_lines:
        yield DataFinding(ALL, f"{found.n_bad_quantity_lines:,} lines without a quantity, left out")


def _plan(facts: Facts) -> Iterator[DataFinding]:
    """Files of the plan of which rows were refused lately, and that have not come right since."""
    refused = refused_lately(facts.warehouse, facts.run)
    if refused:
        text = f"{counted(len(refused), 'plan file')} not taken in whole: {REJECTED}/ below STAGING says why"
        yield DataFinding(ALL, text, tuple(refused[-SHOWN:]))


CHECKS: tuple[tuple[str, Check], ...] = (
    ("last prediction", _last_run),
    ("deliveries", _deliveries),
    ("newest week", _newest_week),
    ("changed since the last run", _changed_since),
    ("stock", _stock),
    ("names", _names),
    ("values", _values),
    ("promotion plan", _plan),
)


# --- small things ----------------------------------------------------------------------------------------------------


def _of_jump(jump: Jump) -> DataFinding:
    notes = [jump.brief, jump.cause, "a small group" if jump.is_small else "", jump.hint]
    return DataFinding(jump.group[0], "; ".join(note for note in notes if note), jump.examples, is_serious=jump.stops)


def _recent_means(weeks: pd.DataFrame, data_cutoff: date) -> pd.DataFrame:
    """The mean of the weeks before the newest, as if it had been forecast of it; none of fewer weeks."""
    newest = pd.Timestamp(data_cutoff)
    before = filled(weeks)
    before = before[(before["ds"] < newest) & (before["ds"] >= newest - pd.Timedelta(weeks=RECENT_WEEKS))]
    means = before.groupby(KEY)["y"].mean()
    return means.rename("yhat").reset_index().assign(ds=newest)


def _unit_in(text: str, facts: Facts) -> str:
    """The unit that the text begins with or, where it begins with none, the business."""
    units = facts.history.weeks["unit"].unique().tolist()
    named = [unit for unit in units if text.startswith((f"{unit} ", f"{unit}/"))]
    return max(named, key=len, default=ALL)

"""What every job reads first: the history up to the cutoff and the combinations it was asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import pandas as pd

from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError, RunFailed
from skucast.core.quoting import listed
from skucast.core.rows import kept_rows
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.names import NAMES
from skucast.core.weeks import WEEK, weeks_between
from skucast.core.words import counted
from skucast.jobs.calendars import calendars_of
from skucast.jobs.declared import with_declared
from skucast.jobs.targets import asked_for, chosen, tasks_part
from skucast.runtime.logs import log
from skucast.runtime.memory import give_back
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.dates import FIRST_DAY
from skucast.sales.history import MAX_BRIDGED_WEEKS, History, build_history
from skucast.sales.names import with_names
from skucast.sales.narrow_weeks import narrow_weeks


@dataclass(frozen=True)
class Inputs:
    """The history of all combinations, those that this task works on, and those that the whole run was asked for.

    `only` names the combinations whose rows the run may replace, in all their spellings; None = all rows of the week.
    Of those, nobody has named the ones `by_word`, as `@alerts`: they are passed over where nothing can be done of them.
    """

    history: History
    wanted: list[Combination]
    only: list[Combination] | None
    by_word: frozenset[Combination] = frozenset()

    @property
    def is_about_all(self) -> bool:
        """Whether the run was asked for all combinations, by naming none or every one of them (`*/*/*`)."""
        return self.only is None or set(self.history.combinations) <= set(self.only)


def read_inputs(
    settings: Settings,
    warehouse: Warehouse,
    store: ModelStore,
    run: Run,
    report: RunReport,
    beside: Callable[[History], Sequence[Combination]] = lambda _: (),
) -> Inputs:
    """Return the inputs of a run; what was found in the sales is logged and kept in the report.

    `beside` names the combinations that have no history and may be asked for by name all the same.

    Raises:
        InputError: there are no sales, or a target names nobody.
        NothingToDo: it was asked for what is to be done of some kind, and nothing is.
    """
    asked = None if settings.target_combinations is None else asked_for(settings, settings.target_combinations)
    with report.timed("read"):
        history = read_history(settings, warehouse, run)
    report.data_report = history.report.as_dict()
    _log_data_report(history)
    report.notes += [f"{each}, expected {history.data_cutoff}: bridged" for each in history.late]
    known = history.combinations
    if not known:
        found = counted(history.report.n_lines, "sales line")
        raise InputError(
            f"no combination has sold anything up to {run.cutoff}: {found} found, "
            f"{history.report.n_placeholder_lines} of them without unit, channel, SKU_ID or date; check the sales"
        )
    if asked is None:
        wanted = run.shard(known)
        report.n_combinations = len(wanted)
        return Inputs(history, wanted, None)
    only, by_word = chosen(settings, asked, warehouse, store, run, history, beside)
    wanted = tasks_part(run, asked, only, sorted({*known, *only}))
    report.n_combinations = len(wanted)
    spelt = [other for each in only for other in history.names.other_spellings(each)]
    return Inputs(history, wanted, [*only, *spelt], by_word)


def read_history(settings: Settings, warehouse: Warehouse, run: Run) -> History:
    """Return the history up to the run's cutoff, by the settings' rules.

    Raises:
        InputError: there are no sales, or HOLIDAY_CALENDAR cannot be read.
    """
    run.reads()
    delivered = warehouse.weekly_sales(settings.clock, max(run.cutoff, run.today), narrow=True)
    give_back()
    is_over = ~(delivered["ds"] > pd.Timestamp(run.cutoff))
    not_over = delivered[~is_over]
    delivered = kept_rows(delivered, is_over).reset_index(drop=True)
    weekly, names = with_names(delivered, warehouse.read(NAMES), lambda: _published_names(warehouse, run))
    del delivered, is_over
    weekly = narrow_weeks(weekly)
    give_back()
    first = weekly["ds"].where(weekly["ds"] >= FIRST_DAY).min()  # older rows are left out
    units = weekly["unit"].dropna().unique()
    calendars = calendars_of(settings, warehouse, units)
    days = (
        run.cutoff if pd.isna(first) else settings.clock.start(first.date()),
        run.cutoff + 2 * WEEK,  # what is sold in the last weeks may be meant for a holiday after them
    )
    history = build_history(
        weekly,
        settings.clock,
        run.cutoff,
        grain=settings.sales_grain,
        stale_after_weeks=settings.inactive_after_weeks,
        days_off=calendars.all_days_off(units, *days),
        days_off_by_unit=calendars.days_off_by_unit(*days),
        correct_stockouts=settings.correct_stockouts,
        censor_outliers=settings.censor_outliers,
        missing=settings.missing_weeks,
        later=warehouse.later_sales(max(run.today, settings.clock.day_of(run.run_at))),
        names=names,
        newer=names.renamed(not_over),
        emptied=True,
    )
    return with_declared(settings, warehouse, run, history)


PUBLISHED_WEEKS = 8
"""How long a spelling that was forecast stays the one that is shown, while nothing else is forecast."""


def _published_names(warehouse: Warehouse, run: Run) -> pd.DataFrame:
    since = {"cutoff": run.cutoff - PUBLISHED_WEEKS * WEEK}
    return warehouse.read(FORECASTS, [*KEY, "cutoff"], since=since, until={"cutoff": run.cutoff})


def check_lateness(settings: Settings, run: Run, history: History, report: RunReport) -> None:
    """Stop a forecast on sales that are later than the settings allow; say that it bridges those that are not.

    Raises:
        RunFailed: later than ALLOWED_LATE_WEEKS with LATE_SALES=stop, or later than can be bridged.
    """
    late = history.report.late_weeks
    if late > MAX_BRIDGED_WEEKS:
        raise RunFailed(
            f"{_lateness(run, history)}; more than {MAX_BRIDGED_WEEKS} weeks are never bridged: "
            "load newer sales or set --as-of"
        )
    if settings.late_sales == "stop":
        if late > settings.allowed_late_weeks:
            raise RunFailed(f"{_lateness(run, history)}; {_STOPS}")
        behind = [
            each
            for each in history.late
            if weeks_between(each.delivered_through, run.cutoff) > settings.allowed_late_weeks
        ]
        if behind:
            raise RunFailed(f"{listed(behind, by='; ')}, expected {run.cutoff}; {_STOPS}")
    warn_of_lateness(run, history)
    if late:
        report.notes.append("the missing weeks are bridged by their own forecast")


def warn_of_lateness(run: Run, history: History) -> None:
    """Say how late the sales are, if they are: once, and not at all where the run stops and says it itself."""
    if history.report.late_weeks:
        log.warning("%s", _lateness(run, history))


_STOPS = "LATE_SALES=stop: load them and run again, or set LATE_SALES=bridge"


def _lateness(run: Run, history: History) -> str:
    late = counted(history.report.late_weeks, "week")
    return f"sales are {late} late: the last complete week is {history.data_cutoff}, expected {run.cutoff}"


def _log_data_report(history: History) -> None:
    found = history.report
    log.info(
        "sales: %s, %s, %s to %s",
        counted(found.n_lines, "line"),
        counted(found.n_combinations, "combination"),
        found.first_week,
        found.data_cutoff,
        extra={"fields": {"data_report": found.as_dict()}},
    )
    if found.repairs():
        log.info("found in them: %s", listed(found.repairs(), by="; "))
    for text in found.closed_units:
        log.info("%s", text)
    for what, names in {
        "names in several spellings are joined": found.joined_names,
        "names that may be others, or none": found.doubtful_names,
        "rows of totals, or without a name, are left out": found.left_out_names,
    }.items():
        if names:
            more = f" and {len(names) - 1} more; `python -m skucast names list` has all" if len(names) > 1 else ""
            log.warning("%s: %s%s", what, names[0], more)
    for text in (*found.warnings, *(f"name rejected: {name}" for name in found.rejected_names)):
        log.warning("%s", text)
    for gap in found.feed_gap_weeks:
        log.warning("no sales at all were delivered for week %s; it counts as unknown", gap)
    for text in (*found.late_units, *found.unit_gaps):
        log.warning("%s; what is missing counts as unknown, not as 0", text)

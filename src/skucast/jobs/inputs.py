"""What every job reads first: the history up to the cutoff and the combinations it was asked for."""

from __future__ import annotations

from dataclasses import dataclass

from skucast.combination import Combination, resolve_targets
from skucast.errors import InputError, RunFailed
from skucast.history import History, build_history
from skucast.logs import log
from skucast.outcome import RunReport
from skucast.run import Run
from skucast.settings import Settings
from skucast.warehouse import Warehouse

MAX_BRIDGED_WEEKS = 26
"""Sales later than this are not bridged by any setting: the forecast would feed on itself for half a year."""


@dataclass(frozen=True)
class Inputs:
    """The history of all combinations, those that this task works on, and those that the whole run was asked for.

    `only` names the combinations whose rows the run may replace; None = all rows of the week.
    """

    history: History
    wanted: list[Combination]
    only: list[Combination] | None


def read_inputs(settings: Settings, warehouse: Warehouse, run: Run, report: RunReport) -> Inputs:
    """Return the inputs of a run; what was found in the sales is logged and kept in the report.

    Raises:
        InputError: there are no sales, or a target names nobody.
    """
    with report.timed("read"):
        weekly = warehouse.weekly_sales(settings.clock, run.cutoff)
        history = build_history(
            weekly,
            settings.clock,
            run.cutoff,
            grain=settings.sales_grain,
            stale_after_weeks=settings.inactive_after_weeks,
        )
    report.data_report = history.report.as_dict()
    _log_data_report(history)
    known = history.combinations
    if not known:
        raise InputError(
            f"no combination has sold anything up to {run.cutoff}: {history.report.n_lines} sales lines found, "
            f"{history.report.n_placeholder_lines} of them without unit, channel, SKU_ID or date; check the sales"
        )
    only = None if settings.targets is None else resolve_targets(settings.targets, known)
    wanted = run.shard(known if only is None else only)
    report.n_combinations = len(wanted)
    return Inputs(history, wanted, only)


def check_lateness(settings: Settings, run: Run, history: History, report: RunReport) -> None:
    """Say how late the sales are, and stop if that is more than the settings allow.

    Raises:
        RunFailed: later than ALLOWED_LATE_WEEKS with LATE_SALES=stop, or later than can be bridged.
    """
    late = history.report.late_weeks
    if late == 0:
        return
    weeks = "1 week" if late == 1 else f"{late} weeks"
    text = f"sales are {weeks} late: the last complete week is {history.data_cutoff}, expected {run.cutoff}"
    if late > MAX_BRIDGED_WEEKS:
        raise RunFailed(
            f"{text}; more than {MAX_BRIDGED_WEEKS} weeks are never bridged: load newer sales or set --as-of"
        )
    if late > settings.allowed_late_weeks and settings.late_sales == "stop":
        raise RunFailed(f"{text}; LATE_SALES=stop: load them and run again, or set LATE_SALES=bridge")
    log.warning("%s; the missing weeks are bridged by their own forecast", text)
    report.notes.append(f"{text}; bridged")


def _log_data_report(history: History) -> None:
    found = history.report
    log.info(
        "sales: %d lines, %d combinations, %s to %s",
        found.n_lines,
        found.n_combinations,
        found.first_week,
        found.data_cutoff,
        extra={"fields": {"data_report": found.as_dict()}},
    )
    for text in (*found.warnings, *(f"name rejected: {name}" for name in found.rejected_names)):
        log.warning("%s", text)
    for gap in found.feed_gap_weeks:
        log.warning("no sales at all were delivered for week %s; it counts as unknown", gap)

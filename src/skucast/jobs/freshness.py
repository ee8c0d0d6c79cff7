"""The heartbeat: are the newest forecasts and the newest scorecard as new as they should be by now?

Asked three times a day by a job of its own, because a run that never started leaves no trace that an alert could see.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.errors import InputError, SkucastError
from skucast.core.run import BAD_INPUT, DONE, FAILED, Run
from skucast.core.tables.forecasts import FORECASTS, NOT_SOLD
from skucast.core.tables.records import PUBLISHES, REGISTRY
from skucast.core.targets import matching
from skucast.core.weeks import WEEK, weeks_between
from skucast.core.words import counted
from skucast.jobs.registry import has_trained
from skucast.jobs.targets import accepted_missing
from skucast.runtime.logs import log
from skucast.runtime.settings import Settings
from skucast.scorecard.missing import newest_status

KNOWN_WEEKS = 5
"""How many earlier cutoffs say what is active."""

SEARCHED_WEEKS = 26
"""How far back the newest forecast is looked for, to say how old it is."""


@dataclass(frozen=True)
class Age:
    """What should be there by today and what is: cutoffs; `newest` None = none in half a year.

    `partial` says what there is of a newer one that does not count, because most of it is missing.
    """

    what: str
    expected: date
    newest: date | None
    script: str
    partial: str = ""

    @property
    def is_stale(self) -> bool:
        """Whether the newest is older than it should be."""
        return self.newest is None or self.newest < self.expected

    def fields(self) -> dict[str, str | None]:
        """Return the fields of its log entry."""
        return {
            "event": "forecast_stale" if self.is_stale else "forecast_fresh",
            "what": self.what,
            "newest": None if self.newest is None else str(self.newest),
            "expected": str(self.expected),
        }

    def __str__(self) -> str:
        more = f"{self.partial}; " if self.partial else ""
        if self.newest is None:
            return (
                f"{self.what}: none, expected that of {self.expected}; {more}run {self.script} and look at its schedule"
            )
        if not self.is_stale:
            return f"{self.what}: the newest is that of {self.newest}, expected {self.expected}"
        late = counted(weeks_between(self.newest, self.expected), "week")
        return (
            f"{self.what}: the newest is that of {self.newest}, {late} older than expected ({self.expected}); "
            f"{more}run {self.script} and look at its schedule"
        )


def freshness(settings: Settings, run: Run) -> int:
    """Say how old forecasts and scorecard are; return 0 if both are fresh, 1 if not or unknown, 2 for bad input."""
    try:
        ages = ages_of(settings, open_warehouse(settings), run)
    except SkucastError as error:
        log.error("freshness is not known: %s", error, extra={"fields": {"event": "forecast_freshness_unknown"}})
        return BAD_INPUT if isinstance(error, InputError) else FAILED
    for age in ages:
        (log.error if age.is_stale else log.info)("%s", age, extra={"fields": age.fields()})
    return FAILED if any(age.is_stale for age in ages) else DONE


def ages_of(settings: Settings, warehouse: Warehouse, run: Run) -> list[Age]:
    """Return the ages of forecasts and scorecard."""
    forecasts_due, scorecard_due = (
        settings.clock.cutoff(run.today - timedelta(days=days - 1))
        for days in (settings.forecast_due_days, settings.scorecard_due_days)
    )
    newest, partial = _newest_forecast(settings, warehouse, forecasts_due, run)
    return [
        Age("forecasts", forecasts_due, newest, "predict_weekly.py", partial),
        Age("scorecard", scorecard_due, newest_scorecard(settings, warehouse, run.cutoff), "monitor_performance.py"),
    ]


def _newest_forecast(settings: Settings, warehouse: Warehouse, expected: date, run: Run) -> tuple[date | None, str]:
    """The newest cutoff at which enough of what is active was forecast, and what there is of a newer one."""
    partial = ""
    for n_weeks in (KNOWN_WEEKS, SEARCHED_WEEKS):  # more than a few weeks are read only where those say nothing
        first = expected - n_weeks * WEEK
        limits = {"cutoff": first, "step": 1}, {"cutoff": run.cutoff, "step": 1}
        rows = warehouse.read(FORECASTS, ["cutoff", *KEY, "status"], since=limits[0], until=limits[1])
        trained = warehouse.read(REGISTRY, since={"cutoff": first}, until={"cutoff": run.cutoff})
        for found in sorted(covered(rows, trained, accepted_missing(settings)), reverse=True):
            if found.n_forecast and found.n_forecast >= settings.alert_forecast_coverage * found.n_active:
                return found.cutoff, partial
            partial = partial or str(found)
    return None, partial


@dataclass(frozen=True, order=True)
class Covered:
    """How many of the combinations that were active at a cutoff have a forecast of it."""

    cutoff: date
    n_forecast: int
    n_active: int

    def __str__(self) -> str:
        return f"of {self.cutoff} only {self.n_forecast} of {self.n_active} active combinations are forecast"


def covered(forecasts: pd.DataFrame, trained: pd.DataFrame, accepted: Sequence[str] = ()) -> list[Covered]:
    """Return what each cutoff covers of what was active then, by the forecasts of step 1 and by the trainings.

    Active is whatever an earlier of these cutoffs, or this one, forecast as still sold, and whatever was trained up to
    it; `accepted` names what is closed for good. What was only carried on, for want of sales, is not forecast.
    """
    found = []
    for cutoff in sorted(forecasts["cutoff"].unique()):
        then = forecasts[forecasts["cutoff"] == cutoff]
        status = newest_status(forecasts[forecasts["cutoff"] <= cutoff])
        models = trained[(trained["cutoff"] <= cutoff) & has_trained(trained)]
        active = {each for each, why in status.items() if why not in NOT_SOLD}
        trained_ones = newest_status(models.assign(status="ok"))
        active |= {each for each in trained_ones if status.get(each) not in NOT_SOLD}
        active -= set(matching(accepted, sorted(active)))
        made = set(newest_status(then))
        found.append(Covered(pd.Timestamp(cutoff).date(), len(active & made), len(active)))
    return found


def newest_scorecard(settings: Settings, warehouse: Warehouse, until: date | None = None) -> date | None:
    """Return the newest week, at most `until`, whose monitoring was published whole; None if there is none.

    Alerts are what it publishes last. A week without alerts leaves no row there, but the note that it was published.
    """
    weeks = _published_weeks(warehouse, settings.alerts_table)
    return max((week for week in weeks if until is None or week <= until), default=None)


def _published_weeks(warehouse: Warehouse, table_name: str) -> list[date]:
    """The weeks of the table that were published."""
    rows = warehouse.read(PUBLISHES)
    named = rows.loc[rows["table_name"] == table_name, "partition_value"]
    weeks = pd.to_datetime(named, format="ISO8601", errors="coerce").dropna()
    return [week.date() for week in weeks]

"""The heartbeat: are the newest forecasts and the newest scorecard as new as they should be by now?

Asked three times a day by a job of its own, because a run that never started leaves no trace that an alert could see.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import InputError, SkucastError
from skucast.core.run import BAD_INPUT, DONE, FAILED, Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import PUBLISHES
from skucast.core.weeks import WEEK, weeks_between
from skucast.core.words import counted
from skucast.runtime.logs import log
from skucast.runtime.settings import Settings

SEARCHED_WEEKS = 26
"""How far back the newest forecast is looked for, to say how old it is."""


@dataclass(frozen=True)
class Age:
    """What should be there by today and what is: cutoffs; `newest` None = none in half a year."""

    what: str
    expected: date
    newest: date | None
    script: str

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
        if self.newest is None:
            return f"{self.what}: none, expected that of {self.expected}; run {self.script} and look at its schedule"
        if not self.is_stale:
            return f"{self.what}: the newest is that of {self.newest}, expected {self.expected}"
        late = counted(weeks_between(self.newest, self.expected), "week")
        return (
            f"{self.what}: the newest is that of {self.newest}, {late} older than expected ({self.expected}); "
            f"run {self.script} and look at its schedule"
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
    return [
        Age("forecasts", forecasts_due, _newest_forecast(warehouse, forecasts_due, run), "predict_weekly.py"),
        Age("scorecard", scorecard_due, newest_scorecard(settings, warehouse, run.cutoff), "monitor_performance.py"),
    ]


def _newest_forecast(warehouse: Warehouse, expected: date, run: Run) -> date | None:
    """The newest cutoff; only where the expected one is missing more than one or two weeks are read."""
    for first in (expected, expected - SEARCHED_WEEKS * WEEK):
        rows = warehouse.read(FORECASTS, since={"cutoff": first, "step": 1}, until={"cutoff": run.cutoff, "step": 1})
        if len(rows):
            newest: date = rows["cutoff"].max().date()
            return newest
    return None


def newest_scorecard(settings: Settings, warehouse: Warehouse, until: date | None = None) -> date | None:
    """Return the newest week, at most `until`, whose monitoring was published whole; None if there is none.

    Alerts are what it publishes last. A week without alerts leaves no row there, but the note that it was published.
    """
    weeks = map(date.fromisoformat, _published_slices(warehouse, settings.alerts_table))
    return max((week for week in weeks if until is None or week <= until), default=None)


def _published_slices(warehouse: Warehouse, table_name: str) -> list[str]:
    """The slices of the table that were published; a first publish that failed may have left a row without one."""
    rows = warehouse.read(PUBLISHES)
    found: list[str] = rows.loc[(rows["table_name"] == table_name) & (rows["run_id"] != ""), "partition_value"].tolist()
    return found

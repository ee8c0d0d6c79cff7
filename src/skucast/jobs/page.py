"""The page of the newest forecast and the newest scorecard, written by whichever job has made one of them.

Both jobs first publish their tables, then read what is newest there, write the page, and look again: if somebody has
published in between, they write once more. So a race ends with a page of the newest of both: who published last looks
last, or is seen by the other one's second look.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import partial

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.errors import SkucastError
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, LOOKED_AT
from skucast.core.tables.records import PUBLISHES
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.validation import empty
from skucast.core.weeks import WEEK
from skucast.dashboard.board import Board
from skucast.jobs.alerting import newest_alerts
from skucast.jobs.board import make_board
from skucast.jobs.page_files import DASHBOARD, PageFiles, files_of, put
from skucast.jobs.work_list import work_list
from skucast.runtime.groups.forecast import MAX_HORIZON_WEEKS
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.scorecard.monitoring import match
from skucast.scorecard.spellings import in_the_names_of_the_sales

_LOOKS = 3
"""How often the page is written at most: only if somebody publishes again and again while it is written."""

_FORECASTS_ARE_THERE = "the forecasts are published; run predict_weekly.py or monitor_performance.py for the page"

MAX_ROWS = 500_000
"""Forecasts that are read for the page: half a year of some 4,800 combinations, six weeks of 20,000."""

_SCORECARD_WEEKS = (0, 4, 26)
"""How far before the newest scorecard its newest week may lie: sales were late."""


@dataclass(frozen=True)
class Published:
    """The newest week of a table that was published whole, and every run that has done so, with the moment."""

    cutoff: date
    by: frozenset[tuple[str, pd.Timestamp]]


@dataclass(frozen=True)
class Newest:
    """What a page is made of."""

    forecast: Published | None
    scorecard: Published | None

    @property
    def cutoff(self) -> date:
        """The newer one's week."""
        return max((each.cutoff for each in (self.forecast, self.scorecard) if each), default=date.min)


def newest_published(settings: Settings, warehouse: Warehouse) -> Newest:
    """Return the newest forecasts and the newest scorecard; of a scorecard the alerts are published last."""
    return newest_of(warehouse.read(PUBLISHES), settings.forecasts_table, settings.alerts_table)


def newest_of(publishes: pd.DataFrame, *tables: str) -> Newest:
    """Return the newest week of the table of forecasts and of that of alerts, from rows of `tables.PUBLISHES`."""
    forecast, scorecard = (_newest(publishes[publishes["table_name"] == table]) for table in tables)
    return Newest(forecast, scorecard)


def _newest(rows: pd.DataFrame) -> Published | None:
    """None where no slice that is a week was published."""
    weeks = pd.to_datetime(rows["partition_value"], format="ISO8601", errors="coerce")
    found = rows.assign(week=weeks)[weeks.notna()]
    if found.empty:
        return None
    last = found[found["week"] == found["week"].max()]
    by = zip(last["run_id"].astype("str"), last["published_at"], strict=True)
    return Published(last["week"].iloc[0].date(), frozenset(by))


@dataclass(frozen=True)
class Made:
    """A page that a run has made from what it knew itself, before it published it: `before` is what was newest then."""

    files: PageFiles
    run: Run
    before: Newest

    def is_of(self, newest: Newest) -> bool:
        """Whether nobody else has published anything since."""
        was, now = self.before.scorecard, newest.scorecard
        known = was.by if was and now and was.cutoff == now.cutoff else frozenset()
        mine = now is not None and now.cutoff == self.run.cutoff
        others = {run_id for run_id, _ in now.by - known} - {self.run.run_id} if now else set()
        return mine and not others and self.before.forecast == newest.forecast


def write_page(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    history: History,
    report: RunReport,
    made: Made | None = None,
) -> str:
    """Write the page of what is newest and return where it is, or why it stays as it is.

    `made` is a page that the run has made already: it is written if nothing newer is published.

    Raises:
        InputError: the place of the page cannot be written to.
        StoreError: Cloud Storage gave no usable answer.
    """

    def files(newest: Newest) -> PageFiles:
        if made is not None and made.is_of(newest):
            return made.files
        return files_of(board_of(settings, warehouse, run, history, newest, report.plan_files))

    newest = newest_published(settings, warehouse)
    if newest.cutoff > run.cutoff:
        return f"{DASHBOARD} stays that of {newest.cutoff}"
    look = partial(newest_published, settings, warehouse)
    return written(newest, look, lambda of: put(settings, DASHBOARD, files(of)))


def written(newest: Newest, look: Callable[[], Newest], write: Callable[[Newest], str]) -> str:
    """Write what is newest until it still is once it is written; return what the last write gives."""
    for _ in range(_LOOKS):
        path, before = write(newest), newest
        newest = look()
        if newest == before:
            break
    return path


def page_of_forecast(settings: Settings, warehouse: Warehouse, run: Run, history: History, report: RunReport) -> None:
    """Write the page of a forecast that is published: the forecast is there, so whatever goes wrong is a warning."""
    with report.timed("page"):
        try:
            report.notes.append(f"dashboard: {write_page(settings, warehouse, run, history, report)}")
        except SkucastError as error:
            report.warn(f"the page was not written: {error}; {_FORECASTS_ARE_THERE}")
        except Exception as bug:  # noqa: BLE001 - the forecasts are published, whatever happens here
            log.warning("the page was not written", exc_info=True)
            report.warn(f"the page was not written: {type(bug).__name__}: {bug}; {_FORECASTS_ARE_THERE}")


def board_of(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    history: History,
    newest: Newest,
    read_now: Mapping[str, str | None],
) -> Board:
    """Return what the page shows, from the tables: the scores are those of the scorecard's weeks, and no newer ones."""
    since = history.data_cutoff - (shown_weeks(settings, len(history.combinations)) - 1) * WEEK
    forecasts = in_the_names_of_the_sales(_forecasts(warehouse, since, run), history.names)
    metrics = _metrics(warehouse, newest.scorecard)
    until = metrics["window_end"].max().date() if len(metrics) else since - WEEK
    scored = match(forecasts, history.weeks, since, until, history.first_sales)
    alerts = newest_alerts(warehouse, run.cutoff)
    scorecard = newest.scorecard.cutoff if newest.scorecard else None
    work = work_list(settings, warehouse, run, alerts, forecasts, read_now)
    shown = metrics, scored, forecasts, alerts
    return make_board(settings, warehouse, run, history, *shown, scorecard, work, read_now)


def shown_weeks(settings: Settings, n_combinations: int) -> int:
    """Return how many weeks of accuracy are read for a page beside which nothing else needs them.

    Those of the scorecard, and DASHBOARD_WEEKS where that is not too much: a forecast does not wait for a picture.
    """
    bearable = MAX_ROWS // max(n_combinations * settings.horizon_weeks, 1)
    return min(settings.dashboard_weeks, max(bearable, settings.lookback_weeks + 1))


def _forecasts(warehouse: Warehouse, since: date, run: Run) -> pd.DataFrame:
    oldest = since - MAX_HORIZON_WEEKS * WEEK
    return warehouse.read(FORECASTS, LOOKED_AT, since={"cutoff": oldest, "ds": since}, until={"cutoff": run.cutoff})


def _metrics(warehouse: Warehouse, scorecard: Published | None) -> pd.DataFrame:
    """The metrics of the newest week that was scored."""
    if scorecard is None:
        return empty(METRICS)
    for n_weeks in _SCORECARD_WEEKS:
        since = {"window_end": scorecard.cutoff - n_weeks * WEEK}
        rows = warehouse.read(METRICS, since=since, until={"window_end": scorecard.cutoff})
        if len(rows):
            break
    newest: pd.DataFrame = rows[rows["window_end"] == rows["window_end"].max()]
    return newest

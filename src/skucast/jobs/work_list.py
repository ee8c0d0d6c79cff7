"""The work list of a run: made from the tables, so that it is the same whoever shows it, with what people have said."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS, NOT_SOLD
from skucast.core.tables.records import REGISTRY, RETRAININGS
from skucast.core.tables.work_notes import WORK_NOTES
from skucast.core.texts import stored
from skucast.core.weeks import WEEK
from skucast.jobs.alerting import newest_alerts
from skucast.jobs.refusals import Refused, refusals
from skucast.runtime.settings import Settings
from skucast.scorecard.work_list import Matters, lines_of
from skucast.scorecard.work_memory import remembered

_TRAINED = ("saved", "unchanged", "kept")
"""Outcomes of a training after which the model that is live is the best that these sales give."""

OWN_INBOX = "worklist/"
"""What files about the list itself are called after."""

_NEWEST_FORECAST_WEEKS = 4
_REMEMBERED_WEEKS = 52


def work_list(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    alerts: pd.DataFrame,
    forecasts: pd.DataFrame,
    read_now: Mapping[str, str | None] = MappingProxyType({}),
) -> pd.DataFrame:
    """Return the lines with what was said of them, open or not: `LINE_COLUMNS` and `MEMORY_COLUMNS`.

    Args:
        settings: `work_list_lines` are on the list; an alert is judged by `lookback_weeks`.
        warehouse: where trainings, runs and what people have said are kept.
        run: what was said on its day, or before, counts.
        alerts: rows of `tables.ALERTS` of one week.
        forecasts: rows of `tables.FORECASTS`; those of the newest cutoff say which promotions are planned.
        read_now: what was refused of the files that this run itself has read.
    """
    week = alerts["cutoff"].max().date() if len(alerts) else run.cutoff
    matters = Matters(
        alerts=alerts,
        refused=_frame(refusals(warehouse, run, read_now)),
        trained=_trained(warehouse, run, alerts, settings.lookback_weeks),
        asked=warehouse.read(
            RETRAININGS, since={"cutoff": week - _REMEMBERED_WEEKS * WEEK}, until={"cutoff": run.cutoff}
        ),
        planned=_planned(forecasts),
        forecast=_forecast(forecasts),
        today=run.today,
        lookback_weeks=settings.lookback_weeks,
        retrain_job=settings.retrain_job,
    )
    notes = warehouse.read(WORK_NOTES)
    known_at = settings.clock.end_of(run.today)
    return remembered(lines_of(matters), notes, known_at, run.today, settings.work_list_lines)


def newest_work_list(settings: Settings, warehouse: Warehouse, run: Run) -> pd.DataFrame:
    """Return the list of the newest monitored week up to the run's, as `work_list`."""
    since, until = {"cutoff": run.cutoff - _NEWEST_FORECAST_WEEKS * WEEK}, {"cutoff": run.cutoff}
    columns = ["cutoff", *KEY, "ds", "status", "promo_source"]
    forecasts = warehouse.read(FORECASTS, columns, since=since, until=until)
    return work_list(settings, warehouse, run, newest_alerts(warehouse, run.cutoff), forecasts)


# --- What it is made of -----------------------------------------------------------------------------------------------


def _frame(refused: list[Refused]) -> pd.DataFrame:
    """The refused files that are a matter: one about the list itself that says nothing is none."""
    rows = [
        (each.file, each.said, stored(each.said), each.on, each.is_partly)
        for each in refused
        if each.is_partly or not each.file.startswith(OWN_INBOX)
    ]
    found = pd.DataFrame(rows, columns=["file", "said", "said_json", "refused_on", "is_partly"])
    return found.astype({"refused_on": "datetime64[us]", "is_partly": "bool"})


def _trained(warehouse: Warehouse, run: Run, alerts: pd.DataFrame, lookback_weeks: int) -> pd.DataFrame:
    """The trainings of combinations with an alert that are not older than the window: KEY, cutoff, created_at."""
    if not len(alerts):
        return pd.DataFrame(columns=[*KEY, "cutoff", "created_at"])
    since = alerts["cutoff"].max().date() - lookback_weeks * WEEK
    columns = [*KEY, "cutoff", "created_at", "outcome"]
    rows = warehouse.read(REGISTRY, columns, since={"cutoff": since}, until={"cutoff": run.cutoff})
    mine = rows[rows["outcome"].isin(_TRAINED) & is_about(rows, alerts)]
    return mine[[*KEY, "cutoff", "created_at"]]


def _forecast(forecasts: pd.DataFrame) -> pd.DataFrame:
    """What the newest forecast is about: KEY."""
    is_newest = (forecasts["cutoff"] == forecasts["cutoff"].max()) & ~forecasts["status"].isin(NOT_SOLD)
    found: pd.DataFrame = forecasts.loc[is_newest, KEY].drop_duplicates()
    return found


def _planned(forecasts: pd.DataFrame) -> pd.DataFrame:
    """The promotions that the newest forecast knew of: KEY, ds."""
    is_newest = forecasts["cutoff"] == forecasts["cutoff"].max()
    found: pd.DataFrame = forecasts.loc[is_newest & (forecasts["promo_source"] == "planned"), [*KEY, "ds"]]
    return found

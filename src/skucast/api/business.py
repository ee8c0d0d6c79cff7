"""A business of its own: a warehouse and models in a folder that is gone with it, and the jobs' own stories."""

from __future__ import annotations

import logging
import shutil
import tempfile
import weakref
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date, timedelta
from difflib import get_close_matches
from pathlib import Path

import pandas as pd

from skucast.api.the_sales import fitting, lines_of, with_names
from skucast.backends.store.opening import open_store
from skucast.backends.store.protocol import ModelStore
from skucast.backends.warehouse.opening import open_warehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.quoting import listed
from skucast.core.run import Run
from skucast.core.series import ID
from skucast.core.tables.contract import ALL, BATCH, Table
from skucast.core.tables.regressors import REGRESSORS
from skucast.core.tables.sales import PROMOTIONS, sales_with
from skucast.forecast.others.protocol import Model
from skucast.jobs.inputs import read_history
from skucast.jobs.predict import forecasts_now
from skucast.jobs.train import train_all
from skucast.regressors.declared import declared_of
from skucast.runtime.groups.field import Job
from skucast.runtime.logs import log
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings
from skucast.sales.history import History

_MEANT = {"Promo_discount_perc": "discount_perc", "discount": "discount_perc", "sku": "SKU_ID", "ds": "starts_on"}
"""What people call columns of what is known ahead."""

NOON = timedelta(hours=12)


class _Ear(logging.Handler):
    """Keeps what the log warns of."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep a warning; where nobody else listens it is shown as it would have been."""
        if record.levelno == logging.WARNING:
            self.texts.append(record.getMessage())
        if not logging.getLogger().handlers and len(log.handlers) == 1 and logging.lastResort is not None:
            logging.lastResort.handle(record)


@contextmanager
def heard(report: RunReport) -> Iterator[None]:
    """Add to the report's notes what the log warns of meanwhile and they do not say."""
    ear = _Ear()
    log.addHandler(ear)
    try:
        yield
    finally:
        log.removeHandler(ear)
        report.notes += [text for text in dict.fromkeys(ear.texts) if text not in report.notes]


class Folder:
    """A new folder that is removed when nobody has this any more, at the end of the process at the latest."""

    def __init__(self) -> None:
        self.path = Path(tempfile.mkdtemp(prefix="skucast-"))
        weakref.finalize(self, shutil.rmtree, self.path, ignore_errors=True)


@dataclass(frozen=True)
class Business:
    """Settings whose places lie in a folder of its own."""

    settings: Settings
    folder: Folder
    own: tuple[Model, ...] = ()
    blended: tuple[Model, ...] = ()

    @classmethod
    def of(
        cls,
        settings: Settings,
        sales: pd.DataFrame,
        plan: pd.DataFrame | None,
        own: Sequence[Model] = (),
        blended: Sequence[Model] = (),
    ) -> Business:
        """Return a business with these sales and this plan of promotions.

        `own` models are asked beside ours, those of them that are `blended` take part in the blend.

        Raises:
            InputError: they are none.
        """
        folder = Folder()
        new = cls(_at(settings, folder.path), folder, tuple(own), tuple(blended))
        new.sell(sales)
        if plan is not None and not (isinstance(plan, pd.DataFrame) and not len(plan)):
            new.learn(plan, sales["ds"].min(), new.run("train", sales["ds"].max().date()), "plan")
        return new

    def sell(self, sales: pd.DataFrame) -> None:
        """Take in more sales, as one delivery.

        Raises:
            InputError: they are none.
        """
        declared = declared_of(self.settings.regressors)
        contract = sales_with(each.sales_column for each in declared if each.sales_column)
        lines = lines_of(sales, contract)
        if not len(lines):
            raise InputError("no sales: the frame has no line with a day and all names")
        last = lines["date"].max().date()
        self.warehouse.append_once(
            contract, lines, batch_id=f"until {last}", source="frame", run=self.run("load", last)
        )

    @property
    def warehouse(self) -> Warehouse:
        """Its tables."""
        return open_warehouse(self.settings)

    @property
    def store(self) -> ModelStore:
        """Its models."""
        return open_store(self.settings)

    def run(self, job: Job, today: date) -> Run:
        """Return a run at noon of a day, about this day."""
        run_at = self.settings.clock.end_of(today) - NOON
        return Run(job, f"{job}-{today}", run_at, today, self.settings.clock.cutoff(today))

    def train(self, today: date) -> RunReport:
        """Train all models on what was known on that day."""
        report = RunReport()
        with heard(report):
            train_all(self.settings, self.warehouse, self.store, self.run("train", today), report, self.blended)
        return report

    def forecast(self, today: date) -> tuple[pd.DataFrame, RunReport]:
        """Return the rows that a prediction of that day would publish, and what it says of them."""
        report = RunReport()
        with heard(report):
            rows = forecasts_now(
                self.settings, self.warehouse, self.store, self.run("predict", today), report, self.own
            )
        return rows, report

    def history(self, today: date) -> History:
        """Return the clean weekly history as it was known on that day."""
        return read_history(self.settings, self.warehouse, self.run("predict", today))

    def knowing(self, plan: pd.DataFrame | None, today: date, levels: str) -> Business:
        """Return the same business with a plan that comes on that day; the models are the same files."""
        settings = self.settings.model_copy(update={"levels": levels})
        if plan is None or (isinstance(plan, pd.DataFrame) and not len(plan)):
            return replace(self, settings=settings)
        folder = Folder()
        shutil.copy(self.folder.path / "warehouse.duckdb", folder.path)
        copied = replace(
            self,
            settings=settings.model_copy(update={"warehouse": _at(settings, folder.path).warehouse}),
            folder=folder,
        )
        run = copied.run("predict", today)
        copied.learn(plan, pd.Timestamp(run.run_at), run, "known")
        return copied

    def learn(self, plan: pd.DataFrame, known_from: pd.Timestamp, run: Run, batch_id: str) -> None:
        """Take in what is known ahead: promotions, and rows with a `name` as values of regressors.

        Raises:
            InputError: it is no frame, a value has no name, or as `plan_of`.
        """
        if not isinstance(plan, pd.DataFrame):
            raise InputError(f"known ahead: found {type(plan).__name__}: expected a frame")
        allowed = {ID, *PROMOTIONS.column_names, *REGRESSORS.column_names}
        unknown = [str(name) for name in plan if name not in allowed]
        if unknown:
            closest = get_close_matches(unknown[0], [*map(str, allowed), *_MEANT], n=1, cutoff=0.5)
            meant = f"; did you mean {_MEANT.get(closest[0], closest[0])}?" if closest else ""
            raise InputError(f"known ahead: no column {', '.join(unknown)} is known{meant}")
        is_value = _is_value(plan)
        for table, rows in ((PROMOTIONS, plan[~is_value]), (REGRESSORS, plan[is_value])):
            if len(rows):
                known = plan_of(rows, known_from, table)
                self.warehouse.append_once(table, known, batch_id=batch_id, source="frame", run=run)


def _is_value(plan: pd.DataFrame) -> pd.Series:
    """Which rows are values of regressors: those with a name.

    Raises:
        InputError: names have no column of values, or a value has no name: as a promotion it would be of any depth.
    """
    names, values = (plan.get(column, pd.Series(None, index=plan.index)) for column in ("name", "value"))
    if names.notna().any() and "value" not in plan:
        raise InputError("known ahead: no column value, and rows have a name: a regressor's rows need both")
    nameless = names.isna() & values.notna()
    if nameless.any():
        raise InputError(
            f"known ahead: row {plan.index[nameless.to_numpy()][0]} has a value and no name: which regressor is it of?"
        )
    return names.notna()


def values_in_vain(plan: pd.DataFrame | None, settings: Settings) -> list[str]:
    """Return a note where values of regressors are told and no regressor is declared."""
    if plan is None or "name" not in plan or declared_of(settings.regressors):
        return []
    count = int(plan["name"].notna().sum())
    return [f"values of regressors that are not used: {count} (none is declared: regressors=[...])"] if count else []


def plan_of(plan: pd.DataFrame, known_from: pd.Timestamp, table: Table = PROMOTIONS) -> pd.DataFrame:
    """Return a frame of promotions as rows of the plan, or one of values of regressors as rows of their table.

    Columns are those of the table; names that are left out mean all (`*`), and a row without `known_from`
    was known from the given moment on.

    Raises:
        InputError: `starts_on` is missing, or a value is none of its kind.
    """
    rows = with_names(plan)
    if "starts_on" not in rows:
        raise InputError(
            f"{table.label}: no column starts_on; expected unit, channel, SKU_ID (or unique_id), starts_on, ends_on, "
            f"{'name, value' if table is REGRESSORS else 'discount_perc'}, found {listed(plan.columns)}"
        )
    rows = rows.assign(**{name: rows.get(name, ALL) for name in KEY}, ends_on=rows.get("ends_on", rows["starts_on"]))
    known = _moments(rows["known_from"]) if "known_from" in rows else pd.Series(pd.NaT, index=rows.index)
    columns = tuple(name for name in table.column_names if name != BATCH)
    return fitting(table, rows.assign(known_from=known.fillna(known_from)), columns)


def _moments(values: pd.Series) -> pd.Series:
    """The column as moments.

    Raises:
        InputError: one is none.
    """
    try:
        return pd.to_datetime(values)
    except (ValueError, TypeError):
        raise InputError(
            f"known ahead: known_from must be days or moments of one kind, such as 2026-11-05; found {listed(values)}"
        ) from None


def _at(settings: Settings, folder: Path) -> Settings:
    places = {"warehouse": f"duckdb:{folder}/warehouse.duckdb", "model_store": f"{folder}/models"}
    return settings.model_copy(update={**places, "staging": f"{folder}/staging"})

"""BigQuery's own forecasters, asked at an origin: AI.FORECAST (TimesFM) and ARIMA_PLUS_XREG."""

from __future__ import annotations

import time
from datetime import date
from typing import TYPE_CHECKING

from skucast.backends.warehouse.bigquery import rivals_sql
from skucast.backends.warehouse.bigquery.dataset import Dataset
from skucast.backends.warehouse.bigquery.jobs import Jobs
from skucast.backends.warehouse.bigquery.reading import Reader
from skucast.backends.warehouse.bigquery.staging import Staging, digest
from skucast.core.tables.rivals import RIVAL_WEEKS
from skucast.core.tables.validation import validate

if TYPE_CHECKING:
    import pandas as pd

    from skucast.core.run import Run

TRAINING_S = 3600.0
"""Time for the training of one model over all combinations."""


class BigQueryRivals:
    """Asks them on one dataset; what is made there for it is dropped again, or is gone after days."""

    names: tuple[str, ...] = ("ai_forecast", "arima_plus_xreg")

    def __init__(self, dataset: Dataset, jobs: Jobs, reader: Reader, staging: Staging, run: Run) -> None:
        self._dataset, self._jobs, self._reader, self._staging, self._run = dataset, jobs, reader, staging, run
        self._weeks = staging.id_of_slice(RIVAL_WEEKS, "weeks", run)
        self._model = f"{dataset.id}.staging_rival_{digest(run.run_id)}"

    def sql(self, name: str, origin: date, data_cutoff: date, horizon: int) -> list[str]:
        """Return the statements, the query last."""
        if name == "ai_forecast":
            return [rivals_sql.ai_forecast(self._weeks, data_cutoff, horizon)]
        training = rivals_sql.model(self._model, self._weeks, data_cutoff, horizon)
        return [training, rivals_sql.of_model(self._model, self._weeks, origin, horizon)]

    def give(self, weeks: pd.DataFrame) -> None:
        """Load the weeks that all of them are asked with."""
        self._staging.load(self._weeks, RIVAL_WEEKS, validate(RIVAL_WEEKS, weeks), self._run)

    def forecast(self, name: str, origin: date, data_cutoff: date, horizon: int) -> pd.DataFrame:
        """Return KEY, `ds`, `yhat`, `yhat_lower` and `yhat_upper` (80 %) of one of them, sales at least 0."""
        *statements, query = self.sql(name, origin, data_cutoff, horizon)
        for number, statement in enumerate(statements):
            self._do(statement, f"rival_{digest(self._run.run_id, name, origin, number)}", f"train {name}")
        return self._reader.query(query, [], f"ask {name}").astype({"ds": "datetime64[us]"})

    def forget(self) -> None:
        """Drop the model and the weeks."""
        self._do(rivals_sql.DROP.format(model=self._model), f"rival_drop_{digest(self._run.run_id)}", "drop a model")
        self._dataset.drop(self._weeks)

    def _do(self, statement: str, job_id: str, what: str) -> None:
        with self._dataset.explained("bigquery.models.create", what):
            self._jobs.run_sql(statement, [], f"skucast_{job_id}", what, time.monotonic() + TRAINING_S)

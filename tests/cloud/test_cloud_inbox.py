"""The inbox of promotions in the cloud mode: files in a bucket, the plan in BigQuery."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from a_plan import KNOWN, PLAN
from stand_ins.truthful import StorageProxy

from skucast.backends.files import list_files, write_bytes
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.sales import PROMOTIONS
from skucast.jobs.override_intake import ingest_overrides
from skucast.jobs.promotions import DONE, INBOX, REJECTED, ingest
from skucast.regressors.overrides import holding, said_of
from skucast.runtime.outcome import RunReport
from skucast.runtime.settings import Settings


def test_a_file_in_the_bucket_becomes_rows_of_the_plan_once(in_the_cloud: Settings, run: Run) -> None:
    """Two promotions, one of them rejected; the same content again adds nothing, and what is done is moved."""
    warehouse = open_warehouse(in_the_cloud)
    for number in (1, 2):
        write_bytes(in_the_cloud.staging, f"{INBOX}/план-{number}.csv", PLAN.encode(), in_the_cloud.endpoints)
        ingest(in_the_cloud, warehouse, replace(run, run_id=f"run-{number}"), RunReport(), KNOWN)
    rows = warehouse.read(PROMOTIONS)
    assert sorted(rows["discount_perc"].fillna(-1)) == [-1.0, 12.5]
    assert (rows["known_from"] == run.run_at).all()
    left = {
        folder: list_files(in_the_cloud.staging, folder, in_the_cloud.endpoints) for folder in (INBOX, DONE, REJECTED)
    }
    assert left[INBOX] == []
    assert [name[27:] for name in left[DONE]] == [name[27:] for name in left[REJECTED]] == ["план-1.csv", "план-2.csv"]


def test_overrides_in_the_bucket_become_rows_once(in_the_cloud: Settings, run: Run) -> None:
    """One that calls the first off is read after it; the same content again adds nothing."""
    warehouse = open_warehouse(in_the_cloud)
    header = "unit;channel;SKU_ID;ds_from;kind;value;reason;author;cancelled"
    lines = ("Пермь;KA;*;30.11.2026;=;120,5;event;Anna;", "Пермь;KA;*;30.11.2026;;;event;Boris;да")
    for number, line in enumerate((lines[0], lines[1], lines[0]), start=1):
        path = f"overrides/inbox/неделя-{number}.csv"
        write_bytes(in_the_cloud.staging, path, f"{header}\n{line}\n".encode(), in_the_cloud.endpoints)
        ingest_overrides(in_the_cloud, warehouse, replace(run, run_id=f"run-{number}"), RunReport(), KNOWN)
    rows = warehouse.read(OVERRIDES).sort_values("known_from")
    assert rows["cancelled"].tolist() == [False, True]
    assert rows["value"].fillna(-1).tolist() == [120.5, -1.0]
    assert rows["known_from"].is_unique
    assert not len(said_of(holding(rows, run.run_at + timedelta(hours=1), run.today), [pd.Timestamp("2026-12-06")]))
    assert len(list_files(in_the_cloud.staging, "overrides/done", in_the_cloud.endpoints)) == 3


def test_a_forecast_goes_on_while_the_bucket_does_not_answer(
    in_the_cloud: Settings, run: Run, storage_proxy: StorageProxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the plan that it knows, after the retries."""
    monkeypatch.setattr("skucast.backends.files.DEADLINE_S", 1.0)
    storage_proxy.answer(503, "GET", "prefix=", times=None)
    report = RunReport()
    ingest(in_the_cloud, open_warehouse(in_the_cloud), run, report, KNOWN)
    assert report.notes == ["the inbox of promotions could not be read to its end: the plan known so far is used"]


def test_a_refusal_stops_the_run(in_the_cloud: Settings, run: Run, storage_proxy: StorageProxy) -> None:
    """It says what to grant."""
    storage_proxy.answer(403, "GET", "prefix=", times=None)
    with pytest.raises(InputError, match=r"storage\.objects\.list was refused"):
        ingest(in_the_cloud, open_warehouse(in_the_cloud), run, RunReport(), KNOWN)

"""The whole chain on BigQuery and Cloud Storage: with one task and with four, the rows of a run on this machine."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from pandas.testing import assert_frame_equal
from places import CLOUDS, Cloud

from skucast.backends.store.gcs import CloudStore
from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.run import Run
from skucast.core.tables.backtests import BACKTESTS
from skucast.core.tables.contract import Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.orders import ORDERS
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.sales import SALES
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.totals import TOTALS
from skucast.entry.app import main
from skucast.entry.demo.sample import sample_lines
from skucast.forecast.artifact import loads
from skucast.runtime.groups.field import Job

PAST = WEDNESDAY - timedelta(weeks=4)
NAMES = {table.label: table.name for table in TABLES}
ROOT = Path(__file__).parents[2]
SCRIPTS: dict[Job, str] = {"predict": "predict_weekly.py", "monitor": "monitor_performance.py"}
UNITS, ALSO = ("Ижевск",), [("Пермь", "KA"), ("Екатеринбург", "KA")]
"""Whose sales the chain is about: a unit with a new and a sparse article, and what is retrained. More prove no more."""

TO_TRAIN = 5
"""So many models are trained again in the cloud; the others are copied there from this machine, to save time."""

RETRAINED = "Пермь/KA/ЦУП00009752; Екатеринбург/KA/ЦУП00009760"
CHAIN: list[tuple[Job, date, tuple[str, ...]]] = [
    ("predict", PAST, ()),
    ("monitor", WEDNESDAY, ()),
    ("retrain", WEDNESDAY, ("--target-combinations", RETRAINED)),
    ("predict", WEDNESDAY, ()),
]


@dataclass(frozen=True)
class Results:
    """What a chain has written, but for when and by whom."""

    forecasts: pd.DataFrame
    metrics: pd.DataFrame
    registry: pd.DataFrame
    totals: pd.DataFrame
    orders: pd.DataFrame
    backtests: pd.DataFrame


def results_of(warehouse: Warehouse) -> Results:
    """Return what is in the tables, each in the order of what it is about."""

    def rows(table: Table, *dropped: str) -> pd.DataFrame:
        found = warehouse.read(table).drop(columns=["run_id", "created_at", *dropped])
        key = [name for name in table.key if name in found]
        return found.sort_values([*key, "cutoff"] if "cutoff" in found else key, ignore_index=True)

    registry = rows(REGISTRY, "fit_s", "previous_version", "reason")
    trained = registry[registry["outcome"].isin(["saved", "unchanged"])]
    trained = trained.drop(columns="outcome").reset_index(drop=True)
    return Results(rows(FORECASTS), rows(METRICS), trained, rows(TOTALS, "quantiles"), rows(ORDERS), rows(BACKTESTS))


def deliver_sample(warehouse: Warehouse) -> None:
    """Load a third of the sample distributor's last year and a half: the stand-in sends every cell as text."""
    lines = sample_lines(CUTOFF)
    lines = lines[lines["date"] > pd.Timestamp(CUTOFF - timedelta(weeks=78))]
    places = pd.MultiIndex.from_frame(lines[["unit", "channel"]])
    chosen = lines[lines["unit"].isin(UNITS) | places.isin(ALSO)].reset_index(drop=True)
    stamp = Run("load", "load", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)
    warehouse.append_once(SALES, chosen, batch_id="sample", source="sample", run=stamp)


@pytest.fixture(scope="module")
def local(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the chain's results on this machine: `warehouse.duckdb`, and `models` as of the past."""
    folder = tmp_path_factory.mktemp("local")
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("FORECASTER", "prophet")  # as every test has it; this is made before the first one
        _run_here(folder)
    return folder


def _run_here(folder: Path) -> None:
    """Train, and run the chain on this machine."""
    warehouse = DuckDBWarehouse(folder / "warehouse.duckdb", NAMES)
    deliver_sample(warehouse)
    places = ["--warehouse", f"duckdb:{warehouse.path}", "--model-store"]
    assert main("train", "test", [*places, str(folder / "models"), "--as-of", str(PAST), "--workers", "2"]) == 0

    own = LocalStore(folder / "retrained")
    for combination, payload in models_of(folder):
        own.save(combination, payload, loads(payload).version, expected=None)
    for job, today, flags in CHAIN:
        staging = ["--staging", str(folder / "staging")] if job == "monitor" else []
        given = [*places, str(folder / "retrained"), "--as-of", str(today), *staging, *flags]
        assert main(job, "test", given) == 0


def models_of(folder: Path) -> list[tuple[Combination, bytes]]:
    """Return the models that were trained on this machine."""
    store = LocalStore(folder / "models")
    return [(combination, store.load(combination).payload) for combination in store.stored()]


@pytest.mark.parametrize("where", CLOUDS)
@pytest.mark.parametrize("n_tasks", [1, 4], ids=["one task", "four tasks"])
def test_the_chain_in_the_cloud_gives_the_rows_of_this_machine(
    local: Path, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, n_tasks: int, where: str
) -> None:
    """Train, predict four weeks ago, monitor, retrain, predict now: the same to 1e-9, of 25 combinations.

    Everything is chosen by settings alone. Of four tasks, those of the last week are processes at once.
    """
    cloud: Cloud = request.getfixturevalue(where)
    warehouse = BigQueryWarehouse(cloud.project, cloud.dataset, NAMES, endpoints=cloud.endpoints)
    deliver_sample(warehouse)
    store = CloudStore(cloud.bucket, cloud.prefix, cloud.endpoints)
    copy_models(local, store)
    for name, value in cloud.variables().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", str(n_tasks))
    places = ["--warehouse", f"bigquery://{cloud.project}/{cloud.dataset}", "--model-store", cloud.folder]

    def run_tasks(job: Job, today: date, *flags: str) -> None:
        staging = ["--staging", cloud.folder] if job == "monitor" else []
        monkeypatch.setenv("CLOUD_RUN_EXECUTION", f"{job}-{today}")
        if n_tasks > 1 and job in SCRIPTS and today == WEDNESDAY:
            run_at_once(n_tasks, SCRIPTS[job], [*places, "--as-of", str(today), *staging, *flags])
            return
        for index in range(n_tasks):
            monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", str(index))
            assert main(job, "test", [*places, "--as-of", str(today), *staging, *flags]) == 0

    run_tasks("train", PAST, "--workers", "1")
    for job, today, flags in CHAIN:
        run_tasks(job, today, *flags)

    assert len(warehouse.read(RUNS)) == n_tasks * (len(CHAIN) + 1)
    assert_same(results_of(warehouse), results_of(DuckDBWarehouse(local / "warehouse.duckdb", NAMES)))
    assert store.stored() == LocalStore(local / "models").stored()


def run_at_once(n_tasks: int, script: str, flags: list[str]) -> None:
    """Run all tasks of a script at the same time, each as a process; all succeed."""
    processes = []
    for index in range(n_tasks):
        environment = {**os.environ, "CLOUD_RUN_TASK_INDEX": str(index)}
        command = [sys.executable, str(ROOT / script), *flags]
        processes.append(subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT))
    said = [process.communicate()[0].decode() for process in processes]
    assert [process.returncode for process in processes] == [0] * n_tasks, said


def copy_models(folder: Path, store: CloudStore) -> None:
    """Save the models in the cloud, but for the last few, which are trained there."""

    def copy(model: tuple[Combination, bytes]) -> None:
        combination, payload = model
        store.save(combination, payload, loads(payload).version, expected=None)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(copy, models_of(folder)[:-TO_TRAIN]))


def assert_same(cloud: Results, local: Results) -> None:
    """Compare what both have written; the cloud's registry has what was trained there."""
    same: Callable[..., None] = assert_frame_equal
    assert len(local.forecasts.groupby(KEY)) >= 20
    same(cloud.forecasts, local.forecasts, rtol=1e-9, atol=1e-9)
    same(cloud.metrics, local.metrics, rtol=1e-9, atol=1e-9)
    assert len(cloud.metrics)
    same(cloud.totals, local.totals, rtol=1e-5, atol=1e-5)  # simulated in single precision
    same(cloud.orders, local.orders, rtol=1e-5, atol=1e-5)
    assert local.orders["on_hand"].notna().any()
    key = [*KEY, "cutoff"]
    trained = cloud.registry[key].merge(local.registry, on=key)
    assert len(trained) == TO_TRAIN + 2
    same(cloud.registry, trained[cloud.registry.columns], rtol=1e-9, atol=1e-9)
    kept = cloud.backtests[list(BACKTESTS.key)].merge(local.backtests, on=list(BACKTESTS.key))
    assert len(kept[key].drop_duplicates()) == TO_TRAIN + 2
    same(cloud.backtests, kept[cloud.backtests.columns], rtol=1e-9, atol=1e-9)

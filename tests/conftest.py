"""What every test stands on: no setting from outside, an own folder, a fresh warehouse."""

from __future__ import annotations

import fcntl
import gc
import logging
import os
import secrets
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from builders import CUTOFF, WEDNESDAY
from memory_disk import in_memory
from order import dealt
from places import BACKENDS, LIVE_LOCATION, Cloud, backend_of, live_bucket, live_project
from stand_ins.proxy import Proxy
from stand_ins.servers import PROJECT, missing, new_bucket, new_dataset
from stand_ins.shared import Address, OwnStandIns, Reception, StandIns, StandInsElsewhere
from stand_ins.truthful import StorageProxy

import skucast
from skucast.backends.cloud import storage_client
from skucast.backends.cloud_bigquery import bigquery_client
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.places import Endpoints
from skucast.core.run import Run
from skucast.core.tables.every import TABLES
from skucast.entry.app import COLLECTED_AFTER
from skucast.runtime.reading import settings_from
from skucast.runtime.settings import Settings

SOURCE = Path(skucast.__file__).parents[1]
COMPILED = ("prophet/__pycache__/*.nbi", "panel/__pycache__/walks-*.code")
"""What is there of `skucast/forecast` once the loops are compiled."""

stand_ins_key, reception_key = pytest.StashKey[StandIns](), pytest.StashKey[Reception]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add `--backend`, which may be given more than once."""
    parser.addoption(
        "--backend",
        action="append",
        choices=BACKENDS,
        help="run the contract suites against these backends only (default: all)",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Have one pair of stand-ins for all workers, and the solver compiled before two of them would do it at once.

    Bytecode is kept, whatever the machine's Pythons are told: each of a hundred processes would compile all of skucast.
    The tests' folders are in memory, where there is room: a warehouse's write on a disk waits for it some 30 ms.
    """
    sys.dont_write_bytecode = False
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    given = getattr(config, "workerinput", None)
    if given is not None:
        config.stash[stand_ins_key] = StandInsElsewhere(given["stand_ins"])
        return
    memory = in_memory()
    if memory is not None:
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(memory))  # `--basetemp` goes before it
    config.stash[stand_ins_key] = own = OwnStandIns()
    config.add_cleanup(own.stop)
    if config.getoption("numprocesses", None):
        config.stash[reception_key] = Reception(own)
        config.add_cleanup(config.stash[reception_key].close)
        if not all(any((SOURCE / "skucast" / "forecast").glob(each)) for each in COMPILED):
            run_of_compiler = [sys.executable, "-m", "skucast", "compile"]
            subprocess.run(run_of_compiler, check=True, env=os.environ | {"PYTHONPATH": str(SOURCE)})


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Have a worker more than cores: a quarter of the time a test waits for a server, a browser or a process."""
    return len(os.sched_getaffinity(0)) + 1


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell a worker where to ask for the stand-ins."""
    node.workerinput["stand_ins"] = node.config.stash[reception_key].url


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[None]:
    """Let one worker begin: it keeps the tests' bytecode, which takes half of the time, and the others read it."""
    with Path(__file__).open(encoding="utf-8") as turn:
        try:
            fcntl.flock(turn, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            fcntl.flock(turn, fcntl.LOCK_SH)
        return (yield)


def pytest_collection_finish() -> None:
    """Spare the collector of garbage what stays until the end, all modules and all tests, and most of its rounds."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(COLLECTED_AFTER)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out backends that were not asked for, and put the tests in order."""
    backends = config.getoption("backend")
    left_out = [item for item in items if backends and backend_of(item) not in (None, *backends)]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
    chosen = [item for item in items if item not in set(left_out)]
    items[:] = dealt(chosen, getattr(config, "workerinput", {"workercount": 1})["workercount"])


@pytest.fixture(autouse=True)
def _own_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Hide the developer's variables, `.env` and `local/`: no variable of a setting, an empty working folder.

    But one: the panel is trained and asked where a test is about it, and says so.
    """
    for name in list(os.environ):
        if name.lower() in Settings.model_fields or name.startswith("CLOUD_RUN_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("FORECASTER", "prophet")
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _own_logging() -> Iterator[None]:
    """Put the loggers back as they were: a run that sets them up must not change the next test."""
    loggers = [logging.getLogger(name) for name in ("skucast", "py.warnings", "concurrent.futures")]
    before = [(each, list(each.handlers), each.propagate, each.disabled, each.level) for each in loggers]
    yield
    logging.captureWarnings(capture=False)
    for logger, handlers, propagate, disabled, level in before:
        logger.handlers, logger.propagate, logger.disabled = handlers, propagate, disabled
        logger.setLevel(level)


@pytest.fixture
def run() -> Run:
    """Return a run of Wednesday 2026-11-25, cutoff Sunday 2026-11-22."""
    return Run("predict", "predict-test", datetime.fromisoformat("2026-11-25T19:00:00"), WEDNESDAY, CUTOFF)


@pytest.fixture
def table_names() -> dict[str, str]:
    """Return the default physical name of every table by its label."""
    return {table.label: table.name for table in TABLES}


@pytest.fixture
def warehouse(tmp_path: Path, table_names: dict[str, str]) -> DuckDBWarehouse:
    """Return a warehouse in a DuckDB file that does not exist yet, `tmp_path/warehouse.duckdb`."""
    return DuckDBWarehouse(tmp_path / "warehouse.duckdb", table_names)


@pytest.fixture
def settings(tmp_path: Path) -> Callable[..., Settings]:
    """Return a function that makes settings: all places inside `tmp_path`, as of the tests' Wednesday, one worker.

    `settings(horizon_weeks=2)` changes one; the warehouse is the file of the fixture `warehouse`.
    """

    def make(**given: Any) -> Settings:
        ours = {
            "warehouse": f"duckdb:{tmp_path / 'warehouse.duckdb'}",
            "model_store": str(tmp_path / "models"),
            "staging": str(tmp_path / "staging"),
            "as_of": WEDNESDAY,
            "workers": 1,
        }
        return settings_from(ours | given)

    return make


# --- Stand-ins for the cloud services: one of each for all workers, started by the first test that asks for it -------


@pytest.fixture(scope="session")
def _stand_ins(pytestconfig: pytest.Config) -> StandIns:
    """Skip the tests that need stand-ins where there are none; in CI they fail, so that nobody misses it."""
    reason = missing()
    if reason is not None and os.environ.get("CI") == "true":
        pytest.fail(f"no stand-ins for the cloud services: {reason}", pytrace=False)
    if reason is not None:
        pytest.skip(f"no stand-ins for the cloud services: {reason}")
    return pytestconfig.stash[stand_ins_key]


@pytest.fixture(scope="session")
def storage_server(_stand_ins: StandIns) -> Address:
    """Return the stand-in for Cloud Storage."""
    return _stand_ins.address("storage")


@pytest.fixture(scope="session")
def bigquery_server(_stand_ins: StandIns) -> Address:
    """Return the stand-in for BigQuery: `url` for its REST API, made truthful, `grpc` for its Storage API."""
    return _stand_ins.address("bigquery")


@pytest.fixture
def storage_proxy(storage_server: Address) -> Iterator[StorageProxy]:
    """Return a proxy in front of Cloud Storage's stand-in, without a script."""
    proxy = StorageProxy(storage_server.url)
    yield proxy
    proxy.close()


@pytest.fixture
def bigquery_proxy(bigquery_server: Address) -> Iterator[Proxy]:
    """Return a proxy in front of the REST API of BigQuery's stand-in, without a script."""
    proxy = Proxy(bigquery_server.url)
    yield proxy
    proxy.close()


@pytest.fixture
def dataset(bigquery_server: Address) -> Iterator[str]:
    """Return the name of a new, empty dataset, which goes after the test."""
    with new_dataset(bigquery_server) as name:
        yield name


@pytest.fixture
def bucket(storage_server: Address) -> str:
    """Return the name of a new, empty bucket."""
    return new_bucket(storage_server)


@pytest.fixture
def stand_in_cloud(bigquery_server: Address, storage_server: Address, dataset: str, bucket: str) -> Cloud:
    """Return an empty dataset and an empty bucket on the stand-ins."""
    endpoints = Endpoints(bigquery_server.url, bigquery_server.grpc, storage_server.url)
    return Cloud(PROJECT, dataset, bucket, "", endpoints)


@pytest.fixture
def live_cloud() -> Iterator[Cloud]:
    """Return an empty dataset and an empty folder of the bucket in the project of `make test-live`; both go after."""
    from google.cloud import bigquery

    name = f"skucast_test_{secrets.token_hex(6)}"
    cloud = Cloud(live_project(), name, live_bucket(), f"{name}/", Endpoints())
    client = bigquery_client(cloud.project, cloud.endpoints, timeout_s=60, deadline_s=300)
    made = bigquery.Dataset(f"{cloud.project}.{name}")
    made.location = LIVE_LOCATION
    made.default_table_expiration_ms = 24 * 3600 * 1000  # also when this session is killed
    client.create_dataset(made)
    yield cloud
    client.delete_dataset(made, delete_contents=True)
    objects = storage_client(cloud.endpoints).bucket(cloud.bucket)
    objects.delete_blobs(list(objects.list_blobs(prefix=cloud.prefix)))

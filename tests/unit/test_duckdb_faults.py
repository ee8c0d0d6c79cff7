"""A full disk, a file that is cut or damaged, a read that fails, a holder that is stopped: one line, and the week."""

from __future__ import annotations

import logging
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pytest
from builders import CUTOFF
from test_duckdb import WEEK, rows

from skucast.backends import waiting
from skucast.backends.warehouse.duckdb import file as backend
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.errors import InputError, RunFailed, SkucastError
from skucast.core.run import Run
from skucast.core.tables.records import RUNS


@pytest.fixture
def week(warehouse: DuckDBWarehouse, run: Run) -> DuckDBWarehouse:
    """Return a warehouse with a week in it."""
    warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run)
    return warehouse


@pytest.fixture
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read again at once."""
    monkeypatch.setattr(backend, "READ_AGAIN_S", (0.0, 0.0))


def damaged(content: bytes, how: str, seed: int) -> bytes:
    """Return the content cut at some length, or with one to fifty bits turned, most of them where the heads are."""
    chance = random.Random(seed)
    if how == "cut":
        return content[: chance.randrange(len(content))]
    turned = bytearray(content)
    for _ in range(chance.choice([1, 1, 3, 50])):
        end = len(turned) if chance.random() < 0.6 else 12288
        turned[chance.randrange(end)] ^= 1 << chance.randrange(8)
    return bytes(turned)


@pytest.mark.slow
@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("how", ["cut", "turned"])
def test_a_damaged_file_gives_its_numbers_or_one_line(week: DuckDBWarehouse, run: Run, how: str) -> None:
    """At 25 lengths and seeds: never another number, never an error that nobody knows, other files as before.

    What can be replaced although another part is damaged is whole afterwards.
    """
    content, before = week.path.read_bytes(), week.read(WEEK)
    whole = DuckDBWarehouse(week.path.with_name("whole.duckdb"), week._names)
    whole.path.write_bytes(content)
    n_refused = 0
    for seed in range(25):
        Path(f"{week.path}.wal").unlink(missing_ok=True)
        week.path.write_bytes(damaged(content, how, seed))
        found = told(lambda: week.read(WEEK))
        if isinstance(found, str):
            n_refused += 1
            assert found.startswith(f"{week.path}: "), (seed, found)
        else:
            assert found.equals(before), seed
        if not isinstance(told(lambda: week.replace(WEEK, rows(2.0), CUTOFF, run=run)), str):
            assert set(week.read(WEEK)["yhat"]) == {2.0}, seed
        assert whole.read(WEEK).equals(before), seed
    assert n_refused


def told(call: Callable[[], Any]) -> Any:
    """Return what the call gives, or the one line that it raises instead."""
    try:
        return call()
    except SkucastError as error:
        (line,) = str(error).splitlines()
        return line


FILL = """
import resource, signal, sys
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
from test_duckdb_faults import CUTOFF, WEEK, DuckDBWarehouse, Run, SkucastError, rows
from datetime import datetime
from skucast.core.tables.every import TABLES

warehouse = DuckDBWarehouse(sys.argv[1], {table.label: table.name for table in TABLES})
run = Run("predict", "full", datetime(2026, 11, 25), CUTOFF, CUTOFF)
limit = int(sys.argv[2])
resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
try:
    warehouse.replace(WEEK, rows(2.0), CUTOFF, run=run)
    print("written")
except SkucastError as error:
    print(type(error).__name__, error)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(sorted(set(warehouse.read(WEEK)["yhat"])))
"""


@pytest.mark.slow
@pytest.mark.parametrize("limit", [0, 1, 4096, 20_000, "as it is"])
def test_a_full_disk_is_one_line_and_the_week_is_whole(week: DuckDBWarehouse, limit: int | str) -> None:
    """No file may grow beyond the limit: the old week or the new one, whole, in that process and after it."""
    size = week.path.stat().st_size if limit == "as it is" else limit
    folders = os.pathsep.join([*sys.path, str(Path(__file__).parent)])
    filling = [sys.executable, "-c", FILL, str(week.path), str(size)]
    where = {**os.environ, "PYTHONPATH": folders}
    ended = subprocess.run(filling, capture_output=True, text=True, env=where, check=False)
    assert ended.returncode == 0, ended.stderr
    assert "Traceback" not in ended.stderr
    said, *_, found = ended.stdout.splitlines()
    if limit == 0:
        assert said.startswith(f"WarehouseError {week.path}: no room left on its disk")
    assert found == ("[2.0]" if said == "written" else "[1.0]")
    assert str(sorted(set(week.read(WEEK)["yhat"]))) == found
    assert len(week.read(WEEK)) == len(rows(1.0))


@pytest.mark.usefixtures("patient")
@pytest.mark.parametrize("n_failures", [1, 2])
def test_a_read_that_fails_is_tried_again(
    week: DuckDBWarehouse, run: Run, monkeypatch: pytest.MonkeyPatch, n_failures: int
) -> None:
    """Inside a write transaction too: nothing has been written, so all of it is done again."""
    failures = fail(week, monkeypatch, n_failures)
    assert week.replace(WEEK, rows(2.0), CUTOFF, run=run) == len(rows(2.0))
    assert failures == []
    assert set(week.read(WEEK)["yhat"]) == {2.0}


@pytest.mark.usefixtures("patient")
def test_a_read_that_fails_for_good_is_one_line(
    week: DuckDBWarehouse, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """At the third time it is said what could not be read; the week of before is there."""
    failures = fail(week, monkeypatch, 9)
    with pytest.raises(InputError, match=r"warehouse\.duckdb: damaged, or its disk is \(IO Error: .*restore the file"):
        week.replace(WEEK, rows(2.0), CUTOFF, run=run)
    assert len(failures) == 6
    monkeypatch.undo()
    assert set(week.read(WEEK)["yhat"]) == {1.0}


def fail(warehouse: DuckDBWarehouse, monkeypatch: pytest.MonkeyPatch, times: int) -> list[int]:
    """Let so many inserts end with an error of the disk; return those that are still to come."""
    real, to_come = DuckDBWarehouse._insert, list(range(times))

    def insert(*arguments: object) -> int:
        if to_come:
            to_come.pop()
            raise duckdb.IOException("IO Error: Could not read from file: Input/output error")
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(DuckDBWarehouse, "_insert", insert)
    return to_come


HOLD = """
import duckdb, sys
with duckdb.connect(sys.argv[1]):
    print("ready", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_a_stopped_holder_is_named(
    week: DuckDBWarehouse, run: Run, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """While it is waited for, and at the end: its number, its command, since when it runs, and that it is stopped."""
    monkeypatch.setattr(backend, "LOCK_PATIENCE_S", 0.2)
    monkeypatch.setattr(waiting, "SAID_AFTER_S", 0.0)
    command = [sys.executable, "-c", HOLD, str(week.path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "ready\n"
        holder.send_signal(signal.SIGSTOP)
        os.waitpid(holder.pid, os.WUNTRACED)
        said = rf"held by another process, {holder.pid} \(.*import duckdb.*\), started 20.* UTC, which is stopped"
        with caplog.at_level(logging.WARNING, "skucast"), pytest.raises(RunFailed, match=said):
            week.replace(WEEK, rows(2.0), CUTOFF, run=run)
        holder.send_signal(signal.SIGCONT)
        holder.communicate("\n")
    assert [each.getMessage().startswith(f"waiting for {week.path}, held by") for each in caplog.records] == [True]
    assert week.replace(WEEK, rows(2.0), CUTOFF, run=run) == len(rows(2.0))


def test_what_was_staged_expires(week: DuckDBWarehouse, run: Run) -> None:
    """Rows of a run that never published: there for two days, gone with the first run after that, as on BigQuery."""
    crashed = replace(run, run_id="crashed", task_count=2)
    week.stage(WEEK, rows(2.0), run=crashed)
    for days, is_there in ((1, True), (3, False)):
        later = replace(run, run_id="later", run_at=run.run_at + timedelta(days=days))
        week.replace(RUNS, record(later), later.task_id, run=later)
        assert any(name.startswith("staging_") for name in names(week)) == is_there


def test_what_was_staged_by_a_version_before_has_its_time_from_now_on(week: DuckDBWarehouse, run: Run) -> None:
    """It does not say when it was staged."""
    week.stage(WEEK, rows(2.0), run=replace(run, task_count=2))
    staged = next(name for name in names(week) if name.startswith("staging_"))
    with week._file.transaction() as connection:
        connection.execute(f"COMMENT ON TABLE {staged} IS NULL")
    for days, is_there in ((9, True), (10, True), (12, False)):
        later = replace(run, run_id="later", run_at=run.run_at + timedelta(days=days))
        week.replace(RUNS, record(later), later.task_id, run=later)
        assert (staged in names(week)) == is_there


def names(warehouse: DuckDBWarehouse) -> list[str]:
    """Return the names of all tables of the file."""
    with duckdb.connect(str(warehouse.path), read_only=True) as connection:
        return [name for (name,) in connection.execute("SELECT table_name FROM duckdb_tables()").fetchall()]


def record(run: Run) -> pd.DataFrame:
    """Return the row that a run leaves."""
    numbers = dict.fromkeys(("n_combinations", "n_failed", "n_rows", "exit_code"), 0)
    texts = {"job": run.job, "counts": "{}", "seconds": "{}", "version": "1"}
    return pd.DataFrame([{"task_id": run.task_id, "run_id": run.run_id, "run_at": run.run_at, **numbers, **texts}])

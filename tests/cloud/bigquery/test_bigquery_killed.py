"""Writers on BigQuery that are killed at each of their effects: the old week or the new one."""

from __future__ import annotations

import signal
import threading
import time
from typing import Any

import pytest
import writers
from a_week import CREATE_TABLE, GET_TABLE, LOAD, PUBLISH, process_of, publish, publishers, rows_of, stored
from stand_ins.proxy import Lost, Proxy
from writers import WRITERS, Place

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse


def killed_at(
    proxied: Place, proxy: Proxy, kind: str, path: str, when: str, *, method: str = "POST", skip: int = 0
) -> None:
    """Let writer 1 write in a process that is killed before or after this request of it, but for the first `skip`."""
    started = threading.Event()

    def kill(*_: object) -> Any:
        started.wait()
        process.kill()
        process.ended()
        raise Lost

    if skip:
        proxy.on(method, path, times=skip)
    proxy.on(method, path, **{when: kill})
    process = process_of(proxied, kind, 1)
    started.set()
    code, said = process.ended()
    assert code == -signal.SIGKILL, said


def wait_for(warehouse: BigQueryWarehouse, number: int) -> None:
    """Wait until the week is that of writer `number`: a job that has arrived runs on without its client."""
    until = time.monotonic() + 20
    while (found := stored(warehouse)) != rows_of(number) and time.monotonic() < until:
        assert found == rows_of(0)
    assert found == rows_of(number)


EFFECTS = {
    "before the staging table": ("POST", CREATE_TABLE, "before", 0),
    "after the staging table": ("POST", CREATE_TABLE, "after", 0),
    "before the load": ("POST", LOAD, "before", 0),
    "after the load": ("POST", LOAD, "after", 0),
    "before the publish": ("POST", PUBLISH, "before", 0),
    "after the publish": ("POST", PUBLISH, "after", 1),
    "before the drop": ("DELETE", GET_TABLE, "before", 1),
    "after the drop": ("DELETE", GET_TABLE, "after", 1),
}
"""Request, when the writer is killed, and whose week is there then."""


@pytest.mark.parametrize(("method", "path", "when", "expected"), EFFECTS.values(), ids=EFFECTS)
def test_a_killed_writer_leaves_a_whole_week(
    theirs: BigQueryWarehouse,
    proxied: Place,
    bigquery_proxy: Proxy,
    method: str,
    path: str,
    when: str,
    expected: int,
) -> None:
    """Killed without warning at each of its effects: the old week or the new one; the next try of the run completes."""
    publish(theirs, 0)
    killed_at(proxied, bigquery_proxy, "ours", path, when, method=method)
    wait_for(theirs, expected)
    assert publishers(theirs) == [f"run-{number}" for number in range(expected + 1)]
    publish(theirs, 1)
    assert stored(theirs) == rows_of(1)
    assert publishers(theirs) == ["run-0", "run-1"]


TASK_EFFECTS = {
    "before its shard": ("POST", LOAD, "before", 0, 0),
    "after its shard": ("POST", LOAD, "after", 0, 0),
    "before the publish": ("POST", PUBLISH, "before", 0, 0),
    "after the publish": ("POST", PUBLISH, "after", 0, 1),
    "between the drops": ("DELETE", GET_TABLE, "after", 1, 1),
}


@pytest.mark.parametrize(("method", "path", "when", "skip", "expected"), TASK_EFFECTS.values(), ids=TASK_EFFECTS)
def test_a_killed_task_leaves_a_whole_week(
    theirs: BigQueryWarehouse,
    place: Place,
    proxied: Place,
    bigquery_proxy: Proxy,
    method: str,
    path: str,
    when: str,
    skip: int,
    expected: int,
) -> None:
    """The same for the last of two tasks; its next try completes, and drops what the tasks have staged."""
    publish(theirs, 0)
    writers.stage_first_half(place, 1)
    killed_at(proxied, bigquery_proxy, "task", path, when, method=method, skip=skip)
    wait_for(theirs, expected)
    writers.task(place, 1)
    assert stored(theirs) == rows_of(1)
    assert publishers(theirs) == ["run-0", "run-1"]
    tables = [table.table_id for table in place.client().list_tables(place.dataset)]
    assert [name for name in tables if name.endswith("_of_2")] == []


@pytest.mark.parametrize("kind", ["append", "merge"])
def test_a_killed_naive_writer_would_be_found_out(
    place: Place, theirs: BigQueryWarehouse, proxied: Place, bigquery_proxy: Proxy, kind: str
) -> None:
    """The test above bites: killed after its write and run again, an append doubles the week; both keep old rows."""
    publish(theirs, 0)
    killed_at(proxied, bigquery_proxy, kind, PUBLISH, "after")
    assert stored(theirs) not in (rows_of(0), rows_of(1))
    WRITERS[kind](place, 1)
    expected = rows_of(0) + rows_of(1) * 2 if kind == "append" else rows_of(0)[:5] + rows_of(1)
    assert sorted(stored(theirs)) == sorted(expected)

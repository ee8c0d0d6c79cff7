"""Writers on BigQuery at once: the week of one of them remains."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
import writers
from a_week import PUBLISH, process_of, publish, publishers, rows_of, stored
from builders import CUTOFF
from stand_ins.proxy import Proxy
from writers import SMALL, WRITERS, Place, run_of, week

from skucast.backends.warehouse.bigquery.warehouse import BigQueryWarehouse
from skucast.core.errors import Superseded, WarehouseError
from skucast.core.run import Begun
from skucast.core.tables.records import PUBLISHES, RUNS


def write_at_once(kind: str, place: Place, numbers: range) -> None:
    """Let so many writers of one kind write their version of the same week at the same time."""
    at_once = threading.Barrier(len(numbers))

    def write(number: int) -> None:
        at_once.wait()
        WRITERS[kind](place, number)

    with ThreadPoolExecutor(len(numbers)) as pool:
        list(pool.map(write, numbers))


@pytest.mark.parametrize("there_is", ["nothing", "a week", "the week before"])
def test_of_writers_at_once_one_week_remains(place: Place, theirs: BigQueryWarehouse, there_is: str) -> None:
    """Eight publish different versions: one of them is there, whole, every run is noted once; also the first time."""
    if there_is == "a week":
        publish(theirs, 0)
    elif there_is == "the week before":
        before = CUTOFF - timedelta(weeks=1)
        theirs.replace(SMALL, week(0).assign(cutoff=before), before, run=run_of(0))
    write_at_once("ours", place, range(1, 9))
    assert stored(theirs) in [rows_of(number) for number in range(1, 9)]
    assert sorted(publishers(theirs)) == [f"run-{number}" for number in range(1 if there_is == "nothing" else 0, 9)]


def test_of_processes_at_once_one_week_remains(place: Place, theirs: BigQueryWarehouse) -> None:
    """Eight processes, as Cloud Run starts them: all succeed, the week is one of theirs."""
    ended = [process.ended() for process in [process_of(place, "ours", number) for number in range(1, 9)]]
    assert [code for code, _ in ended] == [0] * 8, ended
    assert stored(theirs) in [rows_of(number) for number in range(1, 9)]
    assert publishers(theirs) == [f"run-{number}" for number in range(1, 9)]


def test_records_of_tasks_at_once_are_all_there(place: Place, theirs: BigQueryWarehouse, bigquery_proxy: Proxy) -> None:
    """Eight tasks of one run end at once: each leaves its own row, none waits for another's transaction."""
    at_once = threading.Barrier(8)
    behind = replace(place, url=bigquery_proxy.url)

    def leave(index: int) -> None:
        task = replace(run_of(1), task_index=index, task_count=8)
        row = {column.name: "{}" if column.type == "STRING" else index for column in RUNS.columns}
        row |= {"task_id": task.task_id, "run_at": task.run_at, "cutoff": task.cutoff, "scope": "all"}
        warehouse = behind.warehouse()
        at_once.wait()
        warehouse.replace(RUNS, pd.DataFrame([row]), task.task_id, run=task)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(leave, range(8)))
    assert theirs.read(RUNS)["n_rows"].tolist() == list(range(8))
    assert bigquery_proxy.count("POST", PUBLISH) == 8
    assert publishers(theirs) == []


def test_an_attempt_with_other_rows_replaces_those_of_a_killed_one(
    theirs: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first had published, but was ended before it could tidy up; the second knows better and is not ignored."""
    with monkeypatch.context() as killed:
        killed.setattr(theirs._dataset, "drop", lambda _: None)
        theirs.replace(SMALL, week(1), CUTOFF, run=run_of(1))
    assert theirs.replace(SMALL, week(2), CUTOFF, run=run_of(1)) == 10
    assert stored(theirs) == rows_of(2)


def test_what_two_first_publishers_left_stops_nobody(theirs: BigQueryWarehouse) -> None:
    """Both put in the row to conflict over, and were ended: it counts as no publish, and the next one leaves one."""
    theirs.ensure(PUBLISHES)
    columns = "table_name, partition_value, run_id, n_rows, published_at"
    values = f"'{SMALL.name}', '', '', 0, CURRENT_TIMESTAMP()"
    seed = f"INSERT INTO `{theirs._dataset.id_of(PUBLISHES)}` ({columns}) VALUES ({values})"
    for _ in range(2):
        theirs._dataset.client.query_and_wait(seed)
    assert not theirs.published(SMALL, CUTOFF, run=run_of(1))
    assert publish(theirs, 1) == 10
    assert publishers(theirs) == ["run-1"]


def test_one_run_delivered_twice_publishes_once(place: Place, theirs: BigQueryWarehouse) -> None:
    """Two processes of the same execution, same task: the week is whole, whoever was first."""
    at_once = threading.Barrier(2)

    def write(_: int) -> str | None:
        at_once.wait()
        try:
            writers.ours(place, 1)
        except WarehouseError as error:  # the other one had finished and cleaned up
            return str(error)
        return None

    with ThreadPoolExecutor(2) as pool:
        errors = list(pool.map(write, range(2)))
    assert None in errors
    assert stored(theirs) == rows_of(1)
    assert publishers(theirs) == ["run-1"]


def meanwhile(monkeypatch: pytest.MonkeyPatch, owner: object, method: str, do: Callable[[], object]) -> None:
    """Have somebody else do that just before the first call of the method."""
    real = getattr(owner, method)

    def after_the_other(*given: object) -> object:
        monkeypatch.undo()
        do()
        return real(*given)

    monkeypatch.setattr(owner, method, after_the_other)


def test_living_copies_of_a_task_drop_nothing_of_each_other(
    place: Place, theirs: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One has staged and not yet published when the other publishes and tidies up, with the same rows."""
    meanwhile(monkeypatch, theirs._publisher, "_transact", lambda: writers.ours(place, 1))
    assert theirs.replace(SMALL, week(1), CUTOFF, run=run_of(1)) == 10
    assert stored(theirs) == rows_of(1)
    assert publishers(theirs) == ["run-1"]


def test_a_table_that_another_makes_meanwhile_is_not_lost(
    place: Place, theirs: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One misses it; before it asks who has published it, the other has made it, published and noted that."""
    meanwhile(monkeypatch, theirs._reader, "is_published", lambda: writers.ours(place, 2))
    assert publish(theirs, 1) == 10
    assert publishers(theirs) == ["run-1", "run-2"]


def test_a_shard_whose_table_a_copy_drops_is_loaded_again(
    place: Place, theirs: BigQueryWarehouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other copy has published and tidied up just when this one had made the table for its rows."""
    task = replace(run_of(1), task_count=2)
    meanwhile(monkeypatch, theirs._staging._jobs, "load", lambda: place.warehouse().unstage(SMALL, run=task))
    theirs.stage(SMALL, week(1), run=task)
    assert len(theirs.staged(SMALL, run=task, tasks=[0])) == 10


def test_of_writers_at_once_who_read_last_remains(place: Place, theirs: BigQueryWarehouse) -> None:
    """Six at once, each of which read at another minute: the last one's week, whoever commits when."""
    at_once = threading.Barrier(6)

    def write(number: int) -> bool:
        mine = replace(run_of(number), begun=Begun())
        mine.reads(since=mine.run_at + timedelta(minutes=number % 6))
        warehouse = place.warehouse()
        at_once.wait()
        try:
            warehouse.replace(SMALL, week(number), CUTOFF, run=mine)
        except Superseded:
            return False
        return True

    with ThreadPoolExecutor(6) as pool:
        published = list(pool.map(write, range(1, 7)))
    assert published[4]
    assert stored(theirs) == rows_of(5)
    assert publishers(theirs) == [f"run-{number}" for number, is_in in enumerate(published, start=1) if is_in]


def test_an_appending_writer_would_be_found_out(place: Place, theirs: BigQueryWarehouse) -> None:
    """The test above bites: two writers that append leave rows of both, five articles twice."""
    theirs.ensure(SMALL)
    write_at_once("append", place, range(1, 3))
    found = stored(theirs)
    assert sorted(found) == sorted(rows_of(1) + rows_of(2))
    assert list(Counter(sku for sku, _ in found).values()).count(2) == 5


def test_a_bare_merge_would_be_found_out(place: Place, theirs: BigQueryWarehouse) -> None:
    """The test above bites: of two writers that merge, each leaves rows that the other knows nothing of."""
    theirs.ensure(SMALL)
    for number in (1, 2):
        writers.merge(place, number)
    assert stored(theirs) == sorted(rows_of(1)[:5] + rows_of(2))

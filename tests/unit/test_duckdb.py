"""What is DuckDB's own: foreign sales tables, broken files, several processes, a process that is killed."""

from __future__ import annotations

import pickle
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from builders import CUTOFF
from pandas.testing import assert_frame_equal

from skucast.backends.warehouse.duckdb import file as backend
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.combination import Combination
from skucast.core.errors import InputError, RunFailed
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WeekClock

COMBINATIONS = [Combination("Пермь", "KA", f"ЦУП{number:03}") for number in range(200)]
WEEK = replace(FORECASTS, columns=(*FORECASTS.columns[:5], FORECASTS.column("yhat")), checks=())
"""The forecasts' table with its key and yhat only."""


def rows(yhat: float) -> pd.DataFrame:
    """Return one complete week: 200 combinations, all with this yhat."""
    names = pd.DataFrame([combination.parts for combination in COMBINATIONS], columns=["unit", "channel", "SKU_ID"])
    return names.assign(cutoff=CUTOFF, ds=CUTOFF, yhat=yhat)


def foreign(warehouse: DuckDBWarehouse, columns: str, values: str) -> None:
    """Put a sales table of somebody else's making into the file."""
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute(f"CREATE TABLE {SALES.name} ({columns})")
        connection.execute(f"INSERT INTO {SALES.name} VALUES {values}")


# --- Foreign sales tables -------------------------------------------------------------------------------------------


def test_sales_columns_can_have_other_names(tmp_path: Path, table_names: dict[str, str]) -> None:
    """A mapped table with a column too many, a time of day, whole numbers and no stock is summed as usual."""
    mapping = {"date": "sold at", "quantity": "qty", "SKU_ID": 'item "no"'}
    warehouse = DuckDBWarehouse(tmp_path / "w.duckdb", table_names, mapping)
    foreign(
        warehouse,
        '"sold at" TIMESTAMP, unit VARCHAR, channel VARCHAR, "item ""no""" BIGINT, qty INTEGER, '
        "Promo_discount_perc DECIMAL(5, 2), price DOUBLE",
        "('2026-11-16 08:00', 'U', 'C', 7, 2, 12.5, 9.9), ('2026-11-22 23:59', 'U', 'C', 7, 3, NULL, 9.9), "
        "('2026-11-23 00:00', 'U', 'C', 7, 100, NULL, 9.9)",
    )
    week = warehouse.weekly_sales(WeekClock(), CUTOFF).iloc[0]
    assert (week["SKU_ID"], week["quantity"], week["promo_discount_perc"], week["stock_days"]) == ("7", 5.0, 6.25, 0)


def test_settings_map_the_columns(tmp_path: Path, settings) -> None:
    """`SALES_COLUMNS=quantity=qty` reaches the warehouse."""
    warehouse = open_warehouse(settings(sales_columns="quantity=qty"))
    assert isinstance(warehouse, DuckDBWarehouse)
    foreign(
        warehouse,
        "date DATE, unit VARCHAR, channel VARCHAR, SKU_ID VARCHAR, qty DOUBLE, Promo_discount_perc DOUBLE",
        "('2026-11-16', 'U', 'C', 'S', 2, NULL)",
    )
    assert warehouse.weekly_sales(WeekClock(), CUTOFF)["quantity"].tolist() == [2.0]


def test_numbers_that_are_not_finite_are_counted_and_left_out(warehouse: DuckDBWarehouse) -> None:
    """NaN and infinity can be in a table that others fill."""
    foreign(
        warehouse,
        "date DATE, unit VARCHAR, channel VARCHAR, SKU_ID VARCHAR, quantity DOUBLE, Promo_discount_perc DOUBLE",
        "('2026-11-16', 'U', 'C', 'S', 2, NULL), ('2026-11-16', 'U', 'C', 'S', 'NaN', NULL), "
        "('2026-11-17', 'U', 'C', 'S', '-inf', NULL)",
    )
    week = warehouse.weekly_sales(WeekClock(), CUTOFF).iloc[0]
    assert (week["quantity"], week["returns_quantity"], week["n_bad_quantity"]) == (2.0, 0.0, 2)


@pytest.mark.parametrize(
    ("day", "quantity", "value"),
    [
        ("DATE", "VARCHAR", "('2026-11-16', 'U', 'C', 'S', 'a lot', NULL)"),
        ("INTEGER", "DOUBLE", "(7, 'U', 'C', 'S', 1, 0)"),
    ],
    ids=["text", "number"],
)
def test_columns_of_another_kind_are_bad_input(warehouse: DuckDBWarehouse, day: str, quantity: str, value: str) -> None:
    """One line with the table and what does not fit."""
    foreign(
        warehouse,
        f"date {day}, unit VARCHAR, channel VARCHAR, SKU_ID VARCHAR, quantity {quantity}, Promo_discount_perc DOUBLE",
        value,
    )
    with pytest.raises(
        InputError, match=rf"{SALES.name}: a column is not of the expected kind .*(a lot|INTEGER)"
    ) as it:
        warehouse.weekly_sales(WeekClock(), CUTOFF)
    assert "\n" not in str(it.value)


@pytest.mark.parametrize("name", ["lines", f"{SALES.name}_raw"])
def test_a_view_of_a_table_that_is_gone_names_it(warehouse: DuckDBWarehouse, name: str) -> None:
    """Sales may be a view: what is missing is what it reads, and it is no warehouse without sales."""
    with duckdb.connect(str(warehouse.path)) as connection:
        columns = (
            "date DATE, unit VARCHAR, channel VARCHAR, SKU_ID VARCHAR, quantity DOUBLE, Promo_discount_perc DOUBLE"
        )
        connection.execute(f"CREATE TABLE {name} ({columns})")
        connection.execute(f"CREATE VIEW {SALES.name} AS SELECT * FROM {name}")
        connection.execute(f"DROP TABLE {name}")
    for call in (lambda: warehouse.weekly_sales(WeekClock(), CUTOFF), lambda: warehouse.read(SALES)):
        with pytest.raises(InputError, match=rf"^[^\n]*this view reads a table that is not there \(.* {name} [^\n]*$"):
            call()


# --- Broken files ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("broken", ["text", "empty", "cut", "damaged", "folder"])
def test_a_file_that_is_no_warehouse_is_named(tmp_path: Path, table_names: dict[str, str], broken: str) -> None:
    """Reading and writing say at once, in one line, which file is no DuckDB file; its name may hold the word lock."""
    path = tmp_path / "clock blocks.duckdb"
    with duckdb.connect(str(path)) as connection:
        connection.execute("CREATE TABLE t AS SELECT range AS i FROM range(100000)")
    content = path.read_bytes()
    if broken == "folder":
        path.unlink()
        path.mkdir()
    else:
        damaged = content[:12288] + bytes(500) + content[12788:]
        path.write_bytes({"text": b"date,unit\n" * 99, "empty": b"", "cut": content[:5000], "damaged": damaged}[broken])
    warehouse = DuckDBWarehouse(path, table_names)
    for use in (lambda: warehouse.read(FORECASTS), lambda: warehouse.ensure(FORECASTS)):
        with pytest.raises(InputError, match=r"^.*clock blocks\.duckdb: cannot be opened as a DuckDB file.*$"):
            use()


def test_opening_creates_nothing(tmp_path: Path, table_names: dict[str, str], warehouse: DuckDBWarehouse) -> None:
    """Neither file nor folder appears before the first write; reading does not write."""
    warehouse = DuckDBWarehouse(tmp_path / "new" / "w.duckdb", table_names)
    assert len(warehouse.read(FORECASTS)) == 0
    assert list(tmp_path.iterdir()) == []
    warehouse.ensure(FORECASTS)
    assert list((tmp_path / "new").iterdir()) == [warehouse.path]


# --- Several processes ----------------------------------------------------------------------------------------------

CHILD = f"""
import os, signal, sys
from datetime import date, datetime
from pathlib import Path
sys.path.insert(0, {str(Path(__file__).parent)!r})
from test_duckdb import CUTOFF, WEEK, DuckDBWarehouse, Run, rows
from skucast.core.tables.every import TABLES

warehouse = DuckDBWarehouse(sys.argv[1], {{table.label: table.name for table in TABLES}})
run = Run("predict", "child", datetime(2026, 11, 25), CUTOFF, CUTOFF)
"""

REPLACE_FIVE_TIMES = """
print("ready", flush=True)
sys.stdin.readline()
for _ in range(5):
    warehouse.replace(WEEK, rows(float(sys.argv[2])), CUTOFF, run=run)
"""

DIE_INSIDE = """
setattr(DuckDBWarehouse, sys.argv[2], lambda *_: os.kill(os.getpid(), signal.SIGKILL))
warehouse.replace(WEEK, rows(2.0), CUTOFF, run=run)
"""

DIE_CREATING = """
Path.hardlink_to = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
warehouse.ensure(WEEK)
"""

HOLD = """
import duckdb
connection = duckdb.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.readline()
"""


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start a Python process that has `warehouse`, `run` and `rows`."""
    return subprocess.Popen(
        [sys.executable, "-c", CHILD + code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={"PYTHONPATH": ":".join(filter(None, sys.path))},
    )


@pytest.mark.slow
def test_two_processes_at_once_leave_one_complete_week(warehouse: DuckDBWarehouse) -> None:
    """Both replace the same week five times: all succeed, and every read finds 200 rows of one of them."""
    writers = [child(REPLACE_FIVE_TIMES, warehouse.path, yhat) for yhat in (1, 2)]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "ready\n"
    for writer in writers:
        assert writer.stdin is not None
        print(file=writer.stdin, flush=True)
    while any(writer.poll() is None for writer in writers):
        found = warehouse.read(WEEK)["yhat"]
        assert len(found) in {0, len(COMBINATIONS)}
        assert found.nunique() <= 1
        time.sleep(0.05)  # a reader without a pause would starve the writers
    assert [writer.communicate()[1] for writer in writers] == ["", ""]
    found = warehouse.read(WEEK)["yhat"]
    assert len(found) == len(COMBINATIONS)
    assert found.nunique() == 1


@pytest.mark.slow
@pytest.mark.parametrize("before", ["_insert", "_note_publish"])
def test_a_process_killed_inside_the_transaction_changes_nothing(
    warehouse: DuckDBWarehouse, run: Run, before: str
) -> None:
    """Killed between delete and insert, or between insert and commit: the earlier week is whole and replaceable."""
    warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run)
    killed = child(DIE_INSIDE, warehouse.path, before)
    assert (killed.communicate()[1], killed.returncode) == ("", -signal.SIGKILL)
    assert warehouse.read(WEEK)["yhat"].tolist() == [1.0] * len(COMBINATIONS)
    warehouse.replace(WEEK, rows(3.0), CUTOFF, run=run)
    assert warehouse.read(WEEK)["yhat"].tolist() == [3.0] * len(COMBINATIONS)


@pytest.mark.slow
def test_a_process_killed_while_it_makes_the_file_leaves_none(warehouse: DuckDBWarehouse, run: Run) -> None:
    """The file appears whole or not at all: others read nothing, and write as if nobody had been there."""
    killed = child(DIE_CREATING, warehouse.path)
    assert (killed.communicate()[1], killed.returncode) == ("", -signal.SIGKILL)
    assert not warehouse.path.exists()
    assert len(warehouse.read(WEEK)) == 0
    assert warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run) == len(COMBINATIONS)


def test_a_file_made_by_another_meanwhile_stays(warehouse: DuckDBWarehouse, run: Run) -> None:
    """Two find no file; the second to put its own in place takes the first one's, with all that is in it."""
    warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run)
    with duckdb.connect() as another:
        warehouse._file._create(another)
    assert len(warehouse.read(WEEK)) == len(COMBINATIONS)
    assert [path.name for path in warehouse.path.parent.iterdir() if path.name.startswith(".")] == []


@pytest.mark.slow
def test_a_file_held_too_long_says_so(warehouse: DuckDBWarehouse, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the time of patience the run fails with the file's name; once it is free, writing works again."""
    monkeypatch.setattr(backend, "LOCK_PATIENCE_S", 0.1)
    holder = child(HOLD, warehouse.path)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "ready\n"
    with pytest.raises(RunFailed, match=r"warehouse\.duckdb: held by another process"):
        warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run)
    holder.communicate("\n")
    assert warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run) == len(COMBINATIONS)


# --- One DuckDB for a process ---------------------------------------------------------------------------------------


def test_duckdb_is_started_once(
    warehouse: DuckDBWarehouse,
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    table_names: dict[str, str],
) -> None:
    """To start it costs more than what most operations do in it; between them the file is nobody's.

    Another file has the same one, its own folder for what does not fit into memory, and no way to the first.
    """
    warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run)
    monkeypatch.setattr(backend.duckdb, "connect", None)
    other = DuckDBWarehouse(tmp_path / "it's another.duckdb", table_names)
    assert other.replace(WEEK, rows(1.0)[:7], CUTOFF, run=run) == len(other.read(WEEK)) == 7
    with other._file.transaction() as connection:
        known = connection.execute("SELECT count(*) FROM duckdb_databases() WHERE NOT internal").fetchone()
        spilled = connection.execute("SELECT current_setting('temp_directory')").fetchone()
    assert (known, spilled) == ((2,), (f"{other.path}.tmp",))  # DuckDB's own in memory, and the file
    warehouse.replace(WEEK, rows(2.0), CUTOFF, run=run)
    assert set(warehouse.read(WEEK)["yhat"]) == {2.0}
    monkeypatch.undo()
    with duckdb.connect(str(warehouse.path)) as own:
        assert own.execute(f"SELECT count(*) FROM {WEEK.name}").fetchone() == (200,)


def test_what_did_not_fit_into_memory_goes_with_its_duckdb(warehouse: DuckDBWarehouse) -> None:
    """The folder beside the file is gone once nobody works on it, and the next operation finds another DuckDB."""
    rows = "SELECT i, md5(i::VARCHAR) AS text FROM range(600000) AS numbers(i) ORDER BY text"
    with warehouse._file.transaction() as connection:
        connection.execute("SET memory_limit = '20MB'")
        assert connection.execute(f"SELECT count(*) FROM ({rows} LIMIT 599999)").fetchone() == (599999,)
        assert Path(f"{warehouse.path}.tmp").exists()
    del connection
    assert not Path(f"{warehouse.path}.tmp").exists()
    with warehouse._file.transaction() as connection:
        assert connection.execute("SELECT current_setting('memory_limit')").fetchone() != ("19.0 MiB",)


def test_an_error_leaves_the_file_free_and_unchanged(warehouse: DuckDBWarehouse, run: Run) -> None:
    """What was begun is rolled back, and another can have the file at once."""
    warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run)

    def broken_off() -> None:
        with warehouse._file.transaction() as connection:
            connection.execute(f"DELETE FROM {WEEK.name}")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        broken_off()
    with duckdb.connect(str(warehouse.path)) as own:
        assert own.execute(f"SELECT count(*) FROM {WEEK.name}").fetchone() == (200,)


def test_a_warehouse_goes_to_another_process(warehouse: DuckDBWarehouse, run: Run) -> None:
    """It is pickled without the DuckDB that this process has started."""
    warehouse.replace(WEEK, rows(1.0), CUTOFF, run=run)
    assert len(pickle.loads(pickle.dumps(warehouse)).read(WEEK)) == len(COMBINATIONS)


def test_rows_taken_over_by_way_of_arrow_are_those_that_duckdb_makes() -> None:
    """300,000 rows, the last of which alone has NULLs, or none of which is left; small and odd types, and decimals."""
    sql = """
        SELECT
            if(last, NULL, n) AS n, if(last, NULL, n > 5) AS is_more, if(last, NULL, n / 3) AS share,
            if(last, NULL, DATE '2026-11-22' - CAST(n % 100 AS INTEGER)) AS ds, if(last, NULL, 'S' || n % 7) AS name
        FROM (SELECT range AS n, range = 299_999 AS last FROM range(300_000))
        ORDER BY n
    """
    small = """
        SELECT 7::UTINYINT AS tiny, true AS is_it, 1.5::FLOAT AS single, NULL AS nothing, 9007199254740993 AS large,
            TIMESTAMP '2026-11-22 08:00:00.5' AS moment, 'ё' AS name
    """
    decimal = "SELECT 12.345::DECIMAL(9, 3) AS price, 1::HUGEINT AS n, 'a' AS name"
    nothing = f"SELECT * FROM ({sql}) WHERE n < 0"
    with duckdb.connect() as connection:
        for query in (sql, nothing, small, f"{small} UNION ALL SELECT {', '.join(['NULL'] * 7)}", decimal):
            expected = connection.execute(query).df().astype({"name": "str"})  # where none is known it makes objects
            assert_frame_equal(backend.frame_of(connection, query), expected)

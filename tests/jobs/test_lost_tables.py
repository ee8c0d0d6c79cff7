"""A table that was published to and is gone stops every run that would read it, in one line, before it publishes."""

from __future__ import annotations

import pytest
from builders import CUTOFF
from business import Business

from skucast.core.errors import LostTable
from skucast.core.run import BAD_INPUT, DONE, Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import ALL, Table
from skucast.core.tables.every import TABLES
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.orders import ORDER_RULES
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.records import PUBLISHES, REGISTRY, RUNS
from skucast.core.tables.sales import LOCATIONS, PROMOTIONS, SALES, WEATHER
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.totals import TOTALS
from skucast.entry.cli import main as command

LOST = (SALES, PROMOTIONS, OVERRIDES, ORDER_RULES, LOCATIONS, WEATHER, FORECASTS, TOTALS, METRICS, ALERTS, REGISTRY)
SLICES = {"DATE": CUTOFF, "STRING": "a slice"}


def lose(business: Business, table: Table, run: Run) -> None:
    """Let the table go, once something was published to it."""
    business.steps = None
    warehouse = business.warehouse
    if not warehouse.exists(table):
        part: object = "batch of a file"
        if table.partition or table.is_whole:
            part = ALL if table.is_whole else SLICES[table.column(str(table.partition)).type]
        warehouse.ensure(table)
        with warehouse._file.transaction() as connection:
            warehouse._tables.note(connection, table, part, run, 0)
    with warehouse._file.transaction() as connection:
        connection.execute(f"DROP TABLE {warehouse._name(table)}")


@pytest.fixture
def published(business: Business) -> Business:
    """Return a business that has forecast and scored its week."""
    business.already("predict")
    business.already("monitor")
    return business


def refused_without(table: Table, published: Business, run: Run, capsys: pytest.CaptureFixture[str], job: str) -> str:
    """Return the one line of a job whose table is lost; it exits with 2 and publishes nothing."""
    lose(published, table, run)
    before = published.warehouse.read(PUBLISHES)
    capsys.readouterr()
    assert published(job) == BAD_INPUT  # type: ignore[arg-type]
    (said,) = capsys.readouterr().err.splitlines()
    assert published.warehouse.read(PUBLISHES).equals(before)
    return said


@pytest.mark.parametrize("job", ["predict", "monitor"])
@pytest.mark.parametrize("table", LOST, ids=[each.label for each in LOST])
def test_a_lost_table_stops_the_run(
    published: Business, run: Run, capsys: pytest.CaptureFixture[str], job: str, table: Table
) -> None:
    """One line says which and what to do, exit code 2; nothing is published, and the run's row keeps the line."""
    said = refused_without(table, published, run, capsys, job)
    assert f"table {table.name} is gone, but was published to: restore it" in said
    assert f"table {table.name} is gone" in published.warehouse.read(RUNS).sort_values("run_at")["error"].iloc[-1]


@pytest.mark.parametrize("job", ["predict", "monitor"])
def test_lost_records_of_runs_stop_the_run(
    published: Business, run: Run, capsys: pytest.CaptureFixture[str], job: str
) -> None:
    """Alerts about failed runs, checks and files' refusals are told by them: nobody takes none for a quiet year."""
    said = refused_without(RUNS, published, run, capsys, job)
    assert f"table {RUNS.name} is gone, but {PUBLISHES.name} knows of runs, whose records it had: restore it" in said
    with pytest.raises(LostTable):
        published.warehouse.exists(RUNS)


def test_the_doctor_misses_the_records_of_runs(
    published: Business, run: Run, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks at every table."""
    monkeypatch.setenv("COLUMNS", "500")
    lose(published, RUNS, run)
    capsys.readouterr()
    assert command(["doctor", "--warehouse", f"duckdb:{published.warehouse.path}"]) != DONE
    assert f"table {RUNS.name} is gone" in capsys.readouterr().out


def test_a_run_goes_on_once_the_loss_is_accepted(published: Business, run: Run) -> None:
    """Its notes are removed by hand, as the line says: then there is none, as at the beginning."""
    lose(published, PROMOTIONS, run)
    with published.warehouse._file.transaction() as connection:
        connection.execute(f"DELETE FROM {PUBLISHES.name} WHERE table_name = '{PROMOTIONS.name}'")
    assert published("predict") == DONE


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ("alerts", ["alerts", "list"]),
        ("overrides", ["override", "list"]),
        ("names", ["names", "list"]),
        ("promotions", ["promotions", "list"]),
        ("loads", ["loads", "list"]),
    ],
)
def test_commands_say_it_too(
    published: Business, run: Run, capsys: pytest.CaptureFixture[str], label: str, words: list[str]
) -> None:
    """Who lists what is not there any longer is not told that there was never any."""
    table = next(each for each in TABLES if each.label == label)
    lose(published, table, run)
    capsys.readouterr()
    places = ["--warehouse", f"duckdb:{published.warehouse.path}"]
    assert command([*words, *places]) == BAD_INPUT
    assert f"table {table.name} is gone" in capsys.readouterr().err

"""Start and finish of a run: what it is about, its exit code, its row in the runs table, what it shows."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from builders import CUTOFF, WEDNESDAY, deliver, line, week

from skucast.api.reference import reference as api_reference
from skucast.core.combination import Combination
from skucast.core.errors import ContractError, InputError, RunFailed, TableError
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.forecasts import FORECASTS, SCENARIOS
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.reference import reference as tables_reference
from skucast.core.tables.sales import WEATHER
from skucast.core.tables.scorecard import METRICS
from skucast.entry import app, cli
from skucast.runtime.logs import log
from skucast.runtime.settings_reference import reference as settings_reference

JOBS = ("train", "retrain", "predict", "monitor")
FOR_ALL = {"retrain": ["--target", "*/*/*"]}
"""Flags that a script cannot do without."""


def good_job(settings, warehouse, store, run, report):
    """Two combinations, one of them failed, three rows."""
    report.n_combinations = 2
    report.n_rows = 3
    report.counts = Counter({"ok": 1})
    report.data_report = {"n_lines": 5}
    report.notes.append("a note")
    report.fail(Combination("U", "C", "S"), "too short")


def failing_job(error):
    """Return a job that raises."""

    def job(*_):
        raise error

    return job


# --- The run --------------------------------------------------------------------------------------------------------


def test_a_run_is_about_the_business_date(settings):
    """`--as-of` gives the date, and with it the cutoff; the id names the job and is new every time."""
    first, second = (app.start_run("predict", settings()) for _ in range(2))
    assert (first.today, first.cutoff) == (WEDNESDAY, CUTOFF)
    assert re.fullmatch(r"predict-\d{8}T\d{6}-[0-9a-f]{6}", first.run_id)
    assert first.run_id != second.run_id
    assert first.run_at.tzinfo is None


def test_without_as_of_a_run_is_about_today(settings):
    """The clock of the business decides; today is after its cutoff, at most a week."""
    run = app.start_run("predict", settings(as_of=None))
    assert 1 <= (run.today - run.cutoff).days <= 7
    assert abs((run.today - run.run_at.date()).days) <= 1


@pytest.mark.parametrize("tz", ["Pacific/Kiritimati", "Pacific/Pago_Pago"])
def test_a_day_that_has_not_come_is_no_day_to_run_for(settings, tz):
    """The newest day is today where the business is, which for a few hours is tomorrow or yesterday elsewhere."""
    today = app.start_run("predict", settings(as_of=None, business_tz=tz)).today
    assert app.start_run("predict", settings(as_of=today, business_tz=tz)).today == today
    with pytest.raises(InputError, match=f"AS_OF: found .*, which has not come: expected {today}, today in {tz}, or"):
        app.start_run("predict", settings(as_of=today + timedelta(days=1), business_tz=tz))


@pytest.mark.parametrize("job", JOBS)
def test_a_script_refuses_a_day_that_has_not_come(job, capsys, tmp_path):
    """Exit code 2 and one line; nothing is written."""
    places = ["--warehouse", f"duckdb:{tmp_path / 'warehouse.duckdb'}", "--model-store", str(tmp_path / "models")]
    assert app.main(job, "test", [*places, "--as-of", "2099-12-31", *FOR_ALL.get(job, [])]) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith("AS_OF: found 2099-12-31, which has not come: ")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("tool", ["alerts list", "freshness", "names list", "promotions template", "demo", "doctor"])
def test_a_tool_refuses_a_day_that_has_not_come(tool, capsys, tmp_path):
    """So does every tool that is asked about a day."""
    assert cli.main([*tool.split(), "--as-of", "2099-12-31"]) == 2
    assert "2099-12-31" in "".join(capsys.readouterr())
    assert not list(tmp_path.iterdir())


def test_on_cloud_run_the_execution_names_the_run(settings):
    """All tasks and attempts of one execution are one run."""
    run = app.start_run("predict", settings(cloud_run_execution="predict-weekly-x7k2p"))
    assert run.run_id == "predict-predict-weekly-x7k2p"


# --- Exit codes -----------------------------------------------------------------------------------------------------


def test_a_run_that_is_done_leaves_its_record(settings, warehouse, run):
    """Exit code 0, one row: counts, seconds and data report as JSON."""
    assert app.run_job(good_job, settings(), run) == 0
    (row,) = warehouse.read(RUNS).to_dict("records")
    assert (row["run_id"], row["job"], row["exit_code"]) == ("predict-test", "predict", 0)
    assert (row["n_combinations"], row["n_failed"], row["n_rows"]) == (2, 1, 3)
    assert json.loads(row["counts"]) == {"ok": 1}
    assert json.loads(row["data_report"]) == {"n_lines": 5}
    assert list(json.loads(row["seconds"])) == ["all"]
    assert row["cutoff"].date() == CUTOFF


def test_a_second_attempt_replaces_the_record(settings, warehouse, run):
    """The same run has one row: the last attempt's."""
    app.run_job(failing_job(RunFailed("too many failed")), settings(), run)
    app.run_job(good_job, settings(), run)
    assert warehouse.read(RUNS)["exit_code"].tolist() == [0]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("error", "recorded"),
    [
        (RunFailed("too many failed"), "too many failed"),
        (ContractError("table forecasts: wrong"), "table forecasts: wrong"),
        (ZeroDivisionError("oops"), "ZeroDivisionError: oops"),
    ],
)
def test_a_failed_run_exits_1_and_says_why(settings, warehouse, run, error, recorded):
    """A promise not kept, rows of our own that break a contract, a bug: exit code 1, the reason in the runs table."""
    assert app.run_job(failing_job(error), settings(), run) == 1
    (row,) = warehouse.read(RUNS).to_dict("records")
    assert (row["exit_code"], row["error"]) == (1, recorded)


@pytest.mark.slow
@pytest.mark.parametrize("error", [InputError("no such unit"), TableError("table forecasts: yhat is VARCHAR")])
def test_bad_input_exits_2_and_leaves_its_record(settings, warehouse, run, error):
    """Wrong names, data from outside, a table that somebody changed: exit code 2, and the run's own row says why."""
    warehouse.ensure(RUNS)
    assert app.run_job(failing_job(error), settings(), run) == 2
    (row,) = warehouse.read(RUNS).to_dict("records")
    assert (row["exit_code"], row["error"], row["scope"]) == (2, str(error), "all")


def test_bad_input_makes_no_warehouse(settings, warehouse, run):
    """Where none is there, the place may be what is wrong: exit code 2, and still none is there."""
    assert app.run_job(failing_job(InputError("no such unit")), settings(), run) == 2
    assert not warehouse.path.exists()


def test_a_record_that_cannot_be_stored_fails_the_run(settings, warehouse, run):
    """A job that is done but leaves no trace is not done."""
    assert app.run_job(lambda *_: warehouse.path.mkdir(), settings(), run) == 1


TABLES_OF_JOBS = [
    ("predict", {}, FORECASTS),
    ("predict", {"scenario": "more", "promotions": "more.csv"}, SCENARIOS),
    ("predict", {"weather": True}, WEATHER),
    ("train", {}, REGISTRY),
    ("monitor", {}, METRICS),
    ("monitor", {}, ALERTS),
    ("alerts", {}, ALERTS),
    ("monitor", {}, RUNS),
]


@pytest.mark.slow
@pytest.mark.parametrize(("job", "other", "table"), TABLES_OF_JOBS)
def test_tables_are_seen_to_before_anything_is_done(settings, warehouse, run, job, other, table):
    """A table that the run will write at its end was changed by somebody: exit code 2 before the job begins.

    The run's row is there, unless its own table is the wrong one.
    """
    with warehouse._file.transaction() as connection:
        connection.execute(f"CREATE TABLE {table.name} (run_id INTEGER)")
    begun = []
    given = settings(**other)
    assert app.run_job(lambda *_: begun.append(job), given, replace(run, job=job)) == 2
    assert not begun
    with warehouse._file.reading() as connection:
        tables = {name for (name,) in connection.execute("SELECT table_name FROM information_schema.tables").fetchall()}
    assert tables == ({table.name} if table == RUNS else {table.name, RUNS.name})


@pytest.mark.slow
@pytest.mark.parametrize(
    ("other", "scope"),
    [
        ({}, "all"),
        ({"target_combinations": "*/*/A1"}, "targets"),
        ({"scenario": "more", "promotions": "more.csv"}, "scenario"),
    ],
)
def test_a_record_says_what_the_run_was_about(settings, warehouse, run, other, scope):
    """All combinations, some, or a what-if that publishes nothing."""
    assert app.run_job(good_job, settings(**other), run) == 0
    assert warehouse.read(RUNS)["scope"].tolist() == [scope]


# --- Bad input of the scripts ---------------------------------------------------------------------------------------


@pytest.fixture
def start(tmp_path, warehouse, capsys):
    """Return a function that runs a script's job in `tmp_path`: exit code and what it said, one line each."""

    def call(job, *flags):
        places = ["--warehouse", f"duckdb:{warehouse.path}", "--model-store", str(tmp_path / "models")]
        code = app.main(job, "test", [*places, "--as-of", str(WEDNESDAY), *FOR_ALL.get(job, []), *flags])
        return code, capsys.readouterr().err.splitlines()

    return call


@pytest.mark.parametrize("job", JOBS)
def test_no_sales_yet_is_one_line_that_says_what_to_do(start, tmp_path, job):
    """Exit code 2, one line with the way out, nothing written."""
    code, said = start(job)
    assert code == 2
    assert len(said) == 1
    assert "run `make demo` for a sample, or `python -m skucast load FILE --table sales`" in said[0]
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.parametrize("job", JOBS)
def test_sales_of_nobody_are_no_sales(start, warehouse, run, tmp_path, job):
    """Placeholder rows only: exit code 2, and the line says what was found; the run's row, no model or forecast."""
    deliver(warehouse, [line(CUTOFF, 5, unit=None), line(CUTOFF, 5, SKU_ID="..")], run)
    code, said = start(job)
    assert code == 2
    assert "no combination has sold anything up to 2026-11-22" in said[-1]
    assert warehouse.read(RUNS)["exit_code"].tolist() == [2]
    assert [path.name for path in tmp_path.iterdir()] == ["warehouse.duckdb"]


@pytest.mark.slow
@pytest.mark.parametrize("job", ["train", "retrain", "predict"])
def test_an_unknown_target_lists_the_closest(start, warehouse, run, job):
    """Exit code 2 before anything is trained or forecast."""
    deliver(warehouse, week(CUTOFF, 7), run)
    code, said = start(job, "--target-combinations", "Пермь/KA/A2")
    assert code == 2
    assert "TARGET_COMBINATIONS: unknown 'Пермь/KA/A2' (closest: Пермь/KA/A1)" in said[-1]
    assert warehouse.read(RUNS)["exit_code"].tolist() == [2]


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("BUSINESS_TZ", "Mars/Phobos"),
        ("AS_OF", "2026-02-29"),
        ("HORIZON_WEEKS", "0"),
        ("HORIZON_WEEKS", "1000"),
        ("TARGET_COMBINATIONS", "U/C"),
        ("TARGET_COMBINATIONS", ""),
    ],
)
def test_a_wrong_setting_stops_before_the_start(monkeypatch, capsys, tmp_path, variable, value):
    """Exit code 2, one line that names the variable and what was found, nothing written."""
    monkeypatch.setenv(variable, value)
    assert app.main("predict", "test", []) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert said.startswith(f"{variable}: found {value!r}: ")
    assert not list(tmp_path.iterdir())


def test_retraining_without_targets_never_means_all(capsys, tmp_path):
    """The retrain script refuses to start without targets, and says how to name them."""
    assert app.main("retrain", "test", []) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "TARGET_COMBINATIONS: not set, but retraining needs it; give --target" in said
    assert not list(tmp_path.iterdir())


# --- Tools ----------------------------------------------------------------------------------------------------------


def test_the_reference_is_printed(capsys):
    """`python -m skucast reference` shows all settings, all tables, and the library."""
    assert cli.main(["reference"]) == 0
    assert capsys.readouterr().out == f"{settings_reference()}\n{tables_reference()}\n{api_reference()}"


def test_the_reference_is_written_as_two_pages():
    """Settings and tables, a file each, in a folder that need not be there, the library beside it; again: no change."""
    folder = Path("docs/reference")
    for _ in range(2):
        assert cli.main(["reference", "--write", str(folder)]) == 0
        assert {path.name: path.read_text(encoding="utf-8") for path in folder.iterdir()} == {
            "settings.md": settings_reference(),
            "tables.md": tables_reference(),
        }


def test_a_tool_reports_wrong_settings_too(capsys):
    """Exit code 2 with all mistakes."""
    assert cli.main(["demo", "--business-tz", "Mars", "--log-level", "LOUD"]) == 2
    assert [text.partition(":")[0] for text in capsys.readouterr().err.splitlines()] == ["BUSINESS_TZ", "LOG_LEVEL"]


def test_a_tool_offers_only_what_it_reads(capsys):
    """A load has no model store and no day, rollback no week, the doctor no log; what they do read is there."""
    flags = {}
    for tool in ("load", "rollback", "doctor", "demo", "promotions ingest"):
        with pytest.raises(SystemExit):
            cli.main([*tool.split(), "--help"])
        flags[tool] = set(re.findall(r"--[a-z-]+", capsys.readouterr().out))
    assert all("--warehouse" in found for found in flags.values())
    assert not flags["load"] & {"--model-store", "--staging", "--as-of", "--sales-columns"}
    assert {"--columns", "--sales-table", "--loads-table"} <= flags["load"]
    assert not flags["rollback"] & {"--staging", "--week-anchor", "--sales-table"}
    assert {"--model-store", "--gcs-endpoint", "--runs-table"} <= flags["rollback"]
    assert not flags["doctor"] & {"--log-level"}
    assert {"--sales-columns", "--forecasts-table", "--as-of"} <= flags["doctor"]
    assert {"--staging", "--week-anchor"} <= flags["demo"]
    assert not flags["promotions ingest"] & {"--model-store", "--metrics-table", "--workers"}
    assert {"--staging", "--promotions-table", "--sales-columns"} <= flags["promotions ingest"]


@pytest.mark.parametrize("start", [lambda: app.main("predict", "test", []), lambda: cli.main(["doctor"])])
def test_ctrl_c_is_one_line(start, monkeypatch, capsys):
    """Wherever it comes, here while the place of the tables is opened: exit code 130, no traceback."""

    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr("skucast.entry.doctor.open_warehouse", stop)  # first: it is imported with the one that works
    monkeypatch.setattr("skucast.backends.warehouse.opening.open_warehouse", stop)
    monkeypatch.setattr(log, "handlers", [])  # those of an earlier test write to a stream that nobody reads
    assert start() == 130
    [line] = capsys.readouterr().err.splitlines()
    assert line.endswith("stopped by Ctrl-C; what was finished is kept, run it again to go on")


def test_rolling_back_a_model_that_never_was_is_bad_input(warehouse, capsys):
    """A malformed name and a combination without a model exit 2, and are named."""
    places = ["--warehouse", f"duckdb:{warehouse.path}", "--model-store", "models"]
    assert cli.main(["rollback", "U/C", *places]) == 2
    assert "expected Unit/Channel/SKU_ID" in capsys.readouterr().err
    assert cli.main(["rollback", "U/C/S", *places]) == 2
    assert "U/C/S" in capsys.readouterr().err

"""The demo's own care: whose data it may replace, what its scripts are told, what becomes of one that fails."""

from __future__ import annotations

import pytest
from builders import CUTOFF, deliver, week

from skucast.core.tables.records import LOADS, RUNS, SAMPLE_SOURCE
from skucast.core.tables.sales import SALES
from skucast.entry.demo import story as demo


@pytest.fixture
def scripts(monkeypatch, tmp_path):
    """Return a function that puts one script in the place of all four: it runs this line of Python."""
    folder = tmp_path / "scripts"
    folder.mkdir()
    monkeypatch.setattr(demo, "ROOT", folder)

    def put(line: str) -> None:
        for name in ("run_all_skus", "predict_weekly", "monitor_performance", "retrain_models"):
            (folder / f"{name}.py").write_text(f"import os, sys; {line}")

    return put


@pytest.mark.slow
def test_a_warehouse_without_sales_is_used_as_it_is(settings, warehouse, run, scripts):
    """Made by another run, or by a load that failed: its tables are empty, the demo starts, and nothing is removed."""
    warehouse.ensure(SALES)
    warehouse.ensure(LOADS)
    warehouse.ensure(RUNS)
    before = warehouse.path.stat().st_ino
    scripts("sys.exit(1)")
    assert demo.demo(settings()) == 1
    assert warehouse.path.stat().st_ino == before
    assert set(warehouse.read(LOADS)["source"]) == {SAMPLE_SOURCE}


@pytest.mark.slow
def test_an_earlier_demo_is_replaced(settings, warehouse, scripts):
    """Its sales, its plan and its file are removed, and the same ones delivered again."""
    scripts("sys.exit(1)")
    for _ in range(2):
        assert demo.demo(settings()) == 1
        assert len(warehouse.read(LOADS)) == 2


@pytest.mark.slow
@pytest.mark.parametrize("own", ["loaded", "written otherwise", "beside the sample"])
def test_sales_of_ones_own_are_never_touched(settings, warehouse, run, scripts, capsys, own):
    """Known by their load, or only by being there: exit code 2, one line, and they are still there."""
    scripts("sys.exit(1)")
    if own == "beside the sample":
        demo.demo(settings())
    deliver(warehouse, week(CUTOFF, 7), run)
    if own != "loaded":
        with warehouse._file.transaction() as connection:
            connection.execute(f"DELETE FROM {LOADS.name} WHERE source <> '{SAMPLE_SOURCE}'")
    n_sales = len(warehouse.read(SALES))
    capsys.readouterr()
    assert demo.demo(settings()) == 2
    (said,) = capsys.readouterr().err.splitlines()
    assert "holds data of your own" in said
    assert len(warehouse.read(SALES)) == n_sales


@pytest.mark.slow
def test_a_step_that_fails_ends_the_demo_with_its_exit_code(settings, scripts, capsys):
    """One line that names the script, no traceback."""
    scripts("sys.exit(7)")
    assert demo.demo(settings()) == 7
    assert capsys.readouterr().err.splitlines()[-1] == "the demo stopped: run_all_skus.py ended with exit code 7"


@pytest.mark.slow
def test_the_scripts_have_the_settings_of_the_demo(settings, scripts, monkeypatch, tmp_path):
    """Its own flags reach them; a target list and column names of the environment do not."""
    monkeypatch.setenv("TARGET_COMBINATIONS", "a/b/c")
    monkeypatch.setenv("SALES_COLUMNS", "quantity=qty")
    names = ("WEEK_ANCHOR", "RUNS_TABLE", "TARGET_COMBINATIONS", "SALES_COLUMNS")
    scripts(f"open('seen', 'w').write('|'.join(os.environ[name] for name in {names})); sys.exit(1)")
    demo.demo(settings(week_anchor="FRI", runs_table="my_runs"))
    assert (tmp_path / "seen").read_text() == "FRI|my_runs|*/*/*|"

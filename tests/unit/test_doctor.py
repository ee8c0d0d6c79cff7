"""The doctor: every check has a line, and what fails says what to do."""

from builders import deliver, sunday, week

from skucast.combination import Combination
from skucast.doctor import doctor, examine
from skucast.run import BAD_INPUT, DONE
from skucast.store.local import LocalStore
from skucast.tables import FORECASTS


def test_a_healthy_place_is_all_ok(settings, warehouse, run):
    """Sales up to the cutoff, a model, folders that can be written to: every line is ok, exit code 0."""
    deliver(warehouse, [line for back in range(3) for line in week(sunday(back), 5.0)], run)
    made = settings()
    LocalStore(made.model_store).save(Combination("U", "C", "S"), b"x", "v", expected=None)
    found = examine(made, warehouse, LocalStore(made.model_store), run)
    assert [finding.what for finding in found if not finding.is_ok] == []
    assert doctor(made, run) == DONE
    assert not list(LocalStore(made.model_store).root.glob(".probe*"))


def test_what_is_missing_is_named_and_hides_nothing_else(settings, warehouse, run):
    """No sales and no model: two lines to fix, the write checks still run, exit code 2; no warehouse is made."""
    made = settings()
    found = examine(made, warehouse, LocalStore(made.model_store), run)
    broken = {finding.what: finding.text for finding in found if not finding.is_ok}
    assert set(broken) == {"sales", "models"}
    assert "python -m skucast load" in broken["sales"]
    assert "run_all_skus.py" in broken["models"]
    assert doctor(made, run) == BAD_INPUT
    assert not warehouse.path.exists()


def test_tables_that_are_not_there_yet_are_fine_and_stay_so(settings, warehouse, run):
    """Sales are loaded, nothing has run: the forecasts table is named as made by the first run, and is not made."""
    deliver(warehouse, week(sunday(0), 5.0), run)
    found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
    texts = {finding.what: finding.text for finding in found}
    assert texts["table forecasts"] == "distributor_forecasts_weekly: not there yet; made by the first run"
    assert texts["table loads"] == "distributor_loads: there"
    assert texts["sales"].startswith("1 combination, 2026-11-22 to 2026-11-22")
    assert not warehouse.exists(FORECASTS)


def test_a_place_that_cannot_be_written_to_is_something_to_fix(settings, warehouse, run):
    """The warehouse's folder is a file."""
    warehouse.path = warehouse.path / "no folder" / "warehouse.duckdb"
    warehouse.path.parents[1].write_text("a file")
    found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
    (text,) = [finding.text for finding in found if finding.what == "writing to the warehouse" and not finding.is_ok]
    assert "cannot be made in" in text


def test_late_sales_are_something_to_fix(settings, warehouse, run):
    """The newest complete week is two weeks older than the cutoff."""
    deliver(warehouse, week(sunday(3), 5.0) + week(sunday(2), 5.0), run)
    found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
    assert [f.text for f in found if f.what == "sales"] == [
        "2 weeks late: complete through 2026-11-08, expected 2026-11-22"
    ]

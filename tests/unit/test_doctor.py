"""The doctor: every check has a line, and what fails says what to do."""

from builders import deliver, sunday, week

from skucast.combination import Combination
from skucast.doctor import FIX, OK, doctor, examine
from skucast.store.local import LocalStore


def test_a_healthy_place_is_all_ok(settings, warehouse, run):
    """Sales up to the cutoff, a model, folders that can be written to: every line is ok, exit code 0."""
    deliver(warehouse, [line for back in range(3) for line in week(sunday(back), 5.0)], run)
    made = settings()
    LocalStore(made.model_store).save(Combination("U", "C", "S"), b"x", "v", expected=None)
    found = examine(made, warehouse, LocalStore(made.model_store), run)
    assert [finding.what for finding in found if not finding.is_ok] == []
    assert doctor(made, run) == OK
    assert not list(LocalStore(made.model_store).root.glob(".probe*"))


def test_what_is_missing_is_named_and_hides_nothing_else(settings, warehouse, run):
    """No sales and no model: two lines to fix, the write checks still run, exit code 2."""
    made = settings()
    found = examine(made, warehouse, LocalStore(made.model_store), run)
    broken = {finding.what: finding.text for finding in found if not finding.is_ok}
    assert set(broken) == {"sales", "models"}
    assert "python -m skucast load" in broken["sales"]
    assert "run_all_skus.py" in broken["models"]
    assert doctor(made, run) == FIX


def test_late_sales_are_something_to_fix(settings, warehouse, run):
    """The newest complete week is two weeks older than the cutoff."""
    deliver(warehouse, week(sunday(3), 5.0) + week(sunday(2), 5.0), run)
    found = examine(settings(), warehouse, LocalStore(settings().model_store), run)
    assert [f.text for f in found if f.what == "sales"] == [
        "2 weeks late: complete through 2026-11-08, expected 2026-11-22"
    ]

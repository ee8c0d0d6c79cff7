"""Outcomes: one combination's failure is recorded and stops nobody else; too many stop the run."""

from __future__ import annotations

import gc
import logging

import pytest

from skucast.core.combination import Combination
from skucast.core.errors import FitError, RunFailed
from skucast.core.pool import Pool
from skucast.entry import app
from skucast.jobs.training_summary import note_rows
from skucast.runtime.outcome import RunReport, check_failed_share, run_each

ITEMS = [(Combination("U", "C", f"S{number}"), number) for number in range(5)]


def twelfth(combination: Combination, number: int) -> float:
    """Return 12 / number; 0 is a bug, 3 a failure that was foreseen."""
    if number == 3:
        raise FitError(f"{combination}: 3 is not allowed")
    return 12 / number


@pytest.mark.slow
@pytest.mark.parametrize("workers", [1, 2])
def test_a_failure_is_an_outcome_and_the_others_go_on(workers, caplog):
    """Of 0 to 4, 0 and 3 fail: each has its reason, the rest their values, with one process or with two."""
    with caplog.at_level(logging.ERROR, "skucast"):
        outcomes = {
            outcome.combination: outcome for outcome in run_each(ITEMS, twelfth, what="divide", pool=Pool(workers))
        }
    found = [outcomes[combination] for combination, _ in ITEMS]
    assert [outcome.value for outcome in found] == [None, 12.0, 6.0, None, 3.0]
    assert [outcome.error for outcome in found] == [
        "ZeroDivisionError: division by zero",
        None,
        None,
        "U/C/S3: 3 is not allowed",
        None,
    ]


def test_only_what_nobody_foresaw_has_a_traceback(caplog):
    """A bug is logged with its traceback, a foreseen failure as one line; both name the combination."""
    with caplog.at_level(logging.ERROR, "skucast"):
        outcomes = list(run_each(ITEMS, twelfth, what="divide"))
    assert "ZeroDivisionError" in outcomes[0].traceback
    assert outcomes[3].traceback is None
    assert [record.fields["combination"] for record in caplog.records] == ["U/C/S0", "U/C/S3"]
    assert [record.getMessage().count("\n") > 0 for record in caplog.records] == [True, False]


def test_outcomes_come_one_by_one():
    """Each is yielded as soon as it is done, so that it can be saved before the next begins."""
    done = []
    outcomes = run_each(ITEMS, lambda _, number: done.append(number), what="append")
    next(outcomes)
    assert done == [0]


def test_no_items_have_no_outcomes():
    """Nothing to do is not a failure, with any number of workers."""
    assert list(run_each([], twelfth, what="divide", pool=Pool(4))) == []


def test_an_interrupt_is_not_a_combination_s_failure():
    """Ctrl-C stops the run."""

    def interrupted(combination, item):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(run_each(ITEMS, interrupted, what="wait"))


@pytest.mark.slow
def test_who_stops_half_way_is_given_no_advice(recwarn):
    """After one of forty outcomes of two processes, as after Ctrl-C: joblib has nothing to say about the others."""
    items = [(Combination("U", "C", f"S{number}"), number) for number in range(4, 44)]
    outcomes = run_each(items, twelfth, what="divide", pool=Pool(2))
    next(outcomes)
    outcomes.close()
    gc.collect()
    assert [str(warning.message) for warning in recwarn] == []


@pytest.mark.parametrize(
    ("n", "failed", "share", "stops"),
    [
        (100, 5, 0.05, False),  # exactly the share is allowed
        (100, 6, 0.05, True),
        (20, 1, 0.05, False),
        (19, 1, 0.05, True),  # one of few is more than 5 %
        (10, 1, 0.0, True),
        (10, 0, 0.0, False),
        (10, 10, 1.0, False),
        (0, 0, 0.05, False),
    ],
)
def test_more_than_the_allowed_share_stops_the_run(n, failed, share, stops):
    """MAX_FAILED_SHARE itself may fail; one more may not."""
    failures = {Combination("U", "C", f"S{number}"): "too short" for number in range(failed)}
    if not stops:
        check_failed_share(failures, n, share)
        return
    with pytest.raises(RunFailed, match=f"^{failed} of {n} combinations failed, more than MAX_FAILED_SHARE={share:g}"):
        check_failed_share(failures, n, share)


def test_a_stopped_run_names_the_first_failures():
    """Three of them with their reasons, so that the cause is seen at once."""
    failures = {Combination("U", "C", f"S{number}"): f"reason {number}" for number in range(4)}
    with pytest.raises(RunFailed) as caught:
        check_failed_share(failures, 4, 0.05)
    assert str(caught.value).endswith("first: U/C/S0: reason 0; U/C/S1: reason 1; U/C/S2: reason 2")


def test_seconds_of_a_step_add_up_even_if_it_fails():
    """A step that runs twice has one entry; a failing one is timed too."""
    report = RunReport(seconds={"read": 5.0})
    with report.timed("read"):
        pass
    with pytest.raises(ValueError, match="broken"), report.timed("write"):
        raise ValueError("broken")
    assert 5.0 <= report.seconds["read"] < 6.0
    assert 0.0 <= report.seconds["write"] < 1.0


def test_a_warning_is_shown_once_and_noted(caplog):
    """At once, with its fields; the summary shows the other notes alone."""
    report = RunReport()
    with caplog.at_level(logging.WARNING, "skucast"):
        report.warn("2 models are old", event="old")
    report.notes.append("all is well")
    [record] = caplog.records
    assert (record.levelname, record.getMessage(), record.fields) == ("WARNING", "2 models are old", {"event": "old"})
    assert report.notes == ["2 models are old", "all is well"]
    assert report.unsaid() == ["all is well"]


def test_the_summary_of_a_training_shows_what_was_kept_once(caplog, run):
    """The warning and the summary of a run with a kept model: one line has its reason."""
    report = RunReport()
    row = {"unit": "U", "channel": "C", "SKU_ID": "S", "outcome": "kept", "reason": "a tenth worse"}
    with caplog.at_level(logging.INFO, "skucast"):
        note_rows([row], report)
        app._summarise(run, report, 0)
    assert sum("a tenth worse" in record.getMessage() for record in caplog.records) == 1

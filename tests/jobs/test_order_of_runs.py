"""A run that read its inputs before another and publishes after it keeps out of its way, and says so."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
import pytest
from business import Business

from skucast.core.run import DONE, FAILED
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.changes import CHANGES
from skucast.core.tables.contract import Table
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import PUBLISHES, RUNS
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.totals import TOTALS, TOTALS_METRICS
from skucast.jobs import monitor as monitor_job
from skucast.jobs import predict as predict_job

PLACES = {"predict": (predict_job, "last_look"), "monitor": (monitor_job, "work_list")}
"""What each job does when it has computed and not yet published."""


@pytest.fixture
def overtaken(business: Business, monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Return a function that runs a job which another run of the same job overtakes, from its reading to its end."""

    def run(job: str, *flags: str) -> int:
        module, name = PLACES[job]
        real, has_met = getattr(module, name), []

        def meanwhile(*arguments: object, **named: object) -> object:
            if not has_met:
                has_met.append(True)
                assert business(job) == DONE  # type: ignore[arg-type]
            return real(*arguments, **named)

        monkeypatch.setattr(module, name, meanwhile)
        code = business(job, *flags)  # type: ignore[arg-type]
        assert has_met
        return code

    return run


def writers(business: Business, *tables: Table) -> set[str]:
    """Return who has written the rows of these tables."""
    return {run_id for table in tables for run_id in business.warehouse.read(table)["run_id"]}


def runs_of(business: Business, job: str) -> pd.DataFrame:
    """Return the rows of the job's runs: those that succeeded by when they began, then those that did not."""
    return business.warehouse.read(RUNS).query("job == @job").sort_values(["exit_code", "run_at"], ignore_index=True)


@pytest.mark.parametrize(
    ("job", "tables"),
    [("predict", (FORECASTS, TOTALS, CHANGES)), ("monitor", (METRICS, TOTALS_METRICS, ALERTS))],
)
def test_an_overtaken_run_replaces_nothing(
    business: Business, overtaken: Callable[..., int], capsys: pytest.CaptureFixture[str], job: str, tables: tuple
) -> None:
    """Exit code 1 and one line, which its row keeps; all slices are the other's; a blind repeat publishes as ever."""
    business.already("predict")
    business.already("predict", "--as-of", "2026-11-11")
    assert overtaken(job) == FAILED
    said = [each for each in capsys.readouterr().err.splitlines() if " ERROR " in each]
    assert len(said) == 1
    assert "has published from newer inputs" in said[0]
    newer, older = runs_of(business, job).iloc[-2], runs_of(business, job).iloc[-1]
    assert "its rows stay, nothing is replaced; run again" in older["error"]
    assert newer["run_id"] in older["error"]
    notes = business.warehouse.read(PUBLISHES)
    assert older["run_id"] not in set(notes["run_id"])
    assert older["run_id"] not in writers(business, *tables)
    assert business(job) == DONE  # type: ignore[arg-type]


@pytest.mark.parametrize("job", ["predict", "monitor"])
def test_force_is_the_other_way(business: Business, overtaken: Callable[..., int], job: str) -> None:
    """What was computed earlier is published all the same, where somebody says so."""
    business.already("predict")
    assert overtaken(job, "--force") == DONE
    last = business.warehouse.read(PUBLISHES).query("table_name == @ALERTS.name or table_name == @FORECASTS.name")
    older = last.sort_values("read_at")["run_id"].iloc[-2]
    assert older in set(runs_of(business, job)["run_id"])


def test_a_week_of_before_is_computed_anew(business: Business) -> None:
    """A backfill reads today, so it is newer than whatever was published for that week."""
    assert business("predict", "--as-of", "2026-11-11") == DONE
    assert business("predict") == DONE
    assert business("predict", "--as-of", "2026-11-11") == DONE
    weeks = business.warehouse.read(PUBLISHES).query("table_name == @FORECASTS.name").sort_values("read_at")
    assert weeks["partition_value"].iloc[-1] == "2026-11-08"
    assert writers(business, FORECASTS) == set(weeks["run_id"].iloc[1:])

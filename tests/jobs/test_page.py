"""The page as each job writes it: under the newest forecast, with the newest scorecard, whole, and never in the way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from boards import embedded
from builders import CUTOFF, WEDNESDAY
from business import Business, Task

from skucast.core.tables.forecasts import FORECASTS
from skucast.jobs import page as page_job

pytestmark = pytest.mark.page

LAST_WEEK = str(WEDNESDAY - timedelta(weeks=1))


def page_of(business: Business) -> dict[str, Any]:
    """Return the data of the page that is in place."""
    return embedded((business.folder / "staging" / "dashboard" / "index.html").read_text(encoding="utf-8"))


@pytest.fixture
def monitored(business: Business) -> Business:
    """Return a business that was forecast four weeks ago and a week ago, and scored a week ago."""
    business.already("predict", "--as-of", str(WEDNESDAY - timedelta(weeks=4)))
    business.already("predict", "--as-of", LAST_WEEK)
    business.already("monitor", "--as-of", LAST_WEEK)
    return business


def test_prediction_writes_the_page(monitored: Business) -> None:
    """The new forecast with last week's scorecard: its weeks are scored, the one that ended since is not."""
    before = page_of(monitored)
    assert monitored("predict") == 0
    data = page_of(monitored)
    assert (before["origin"], data["origin"]) == (str(CUTOFF - timedelta(weeks=1)), str(CUTOFF))
    assert data["due"]["scorecard"] == str(CUTOFF - timedelta(weeks=1))
    assert data["window"] == before["window"]
    assert {data["weeks"][at] for at in data["scored"]["ds"]} == {before["weeks"][at] for at in before["scored"]["ds"]}
    assert data["scored"]["yhat"] == before["scored"]["yhat"]
    assert data["totals"]["before_cutoff"] == str(CUTOFF - timedelta(weeks=1))
    beside = openpyxl.load_workbook(monitored.folder / "staging" / "dashboard" / "forecast.xlsx")
    first = next(beside["Forecast by week"].iter_rows(min_row=2, values_only=True))
    assert first[3].date() == CUTOFF + timedelta(weeks=1)
    assert beside["Forecast"].max_row == 1 + len(data["forecasts"]["rows"])
    assert monitored("monitor") == 0
    assert (monitored.folder / "staging" / "dashboard" / f"forecast-{CUTOFF}.xlsx").is_file()
    assert page_of(monitored)["due"]["scorecard"] == str(CUTOFF)


def test_a_forecast_of_the_past_leaves_the_newest_page(monitored: Business, shown: Callable[[], str]) -> None:
    """What is filled in later is not what a planner opens."""
    before = page_of(monitored)
    shown()
    assert monitored("predict", "--as-of", str(WEDNESDAY - timedelta(weeks=3))) == 0
    assert f"dashboard/index.html stays that of {CUTOFF - timedelta(weeks=1)}" in shown()
    assert page_of(monitored) == before


def test_a_page_that_cannot_be_written_is_a_warning(business: Business, shown: Callable[[], str]) -> None:
    """The forecasts are published, the run has done what it should; monitoring fails, for the page is half of it."""
    staging = business.folder / "staging"
    staging.mkdir()
    (staging / "dashboard").write_text("a file where the folder should be", encoding="utf-8")
    assert business("predict") == 0
    assert "the page was not written" in shown()
    assert len(business.rows(FORECASTS)) == 6 * 4
    assert business("monitor") == 2


def test_a_fault_of_the_page_is_a_warning_too(
    business: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """Nobody has to do without a forecast because a picture of it cannot be drawn."""
    monkeypatch.setattr(page_job, "files_of", lambda _: 1 / 0)
    assert business("predict") == 0
    assert "the page was not written: ZeroDivisionError: division by zero" in shown()


def test_several_tasks_write_one_page(task: Task, business: Business) -> None:
    """Only whoever publishes writes it; a task that is started again, and finds it published, writes it once more."""
    place = business.folder / "staging" / "dashboard" / "index.html"
    assert task("predict", 0, 2) == 0
    assert not place.exists()
    assert task("predict", 1, 2) == 0
    assert len(page_of(business)["combinations"]["unit"]) == 6
    place.unlink()
    assert task("predict", 1, 2) == 0
    assert page_of(business)["origin"] == str(CUTOFF)
    assert [each for each in Path(place.parent).iterdir() if each.name.startswith(".new-")] == []

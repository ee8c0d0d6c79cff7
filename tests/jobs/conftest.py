"""A small business whose models are trained once: each test gets a copy to break."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest
from builders import WEDNESDAY
from business import Business, Task, lines_with_a_shift, no_page, sold

from skucast.entry import app
from skucast.forecast.panel import training as panel_training
from skucast.jobs import intake
from skucast.jobs import monitor as monitor_job
from skucast.jobs import predict as predict_job
from skucast.jobs.page_files import PageFiles
from skucast.runtime.groups.field import Job


@pytest.fixture(scope="session")
def kept(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return where businesses are kept as many tests begin with them: one place for all workers."""
    of_worker = tmp_path_factory.getbasetemp()
    folder = (of_worker.parent if hasattr(request.config, "workerinput") else of_worker) / "kept"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def business(kept: Path, tmp_path: Path) -> Business:
    """Return a business with models trained on the cutoff, its own copy."""
    found = sold(tmp_path / "business", kept)
    found.already("train")
    return found


@pytest.fixture
def untrained(kept: Path, tmp_path: Path) -> Business:
    """Return a business with sales and no models."""
    return sold(tmp_path / "untrained", kept)


@pytest.fixture
def task(business: Business, monkeypatch: pytest.MonkeyPatch) -> Task:
    """Return a function that runs one task of a job: `task("predict", 1, 4)`, the second of four."""

    def start(job: Job, index: int, count: int, *flags: str, execution: str = "execution") -> int:
        with monkeypatch.context() as environment:
            environment.setenv("CLOUD_RUN_EXECUTION", execution)
            environment.setenv("CLOUD_RUN_TASK_INDEX", str(index))
            environment.setenv("CLOUD_RUN_TASK_COUNT", str(count))
            return business(job, *flags)

    return start


@pytest.fixture
def shifted(kept: Path, tmp_path: Path) -> Business:
    """Return a business that forecast the last five weeks without models, and sold five times as much of one."""
    business = Business(tmp_path / "shifted", kept)
    business.once("shifted", lambda shifted: shifted.sell(lines_with_a_shift(), "history"))
    for back in range(5, 0, -1):
        business.already("predict", "--as-of", str(WEDNESDAY - timedelta(weeks=back)))
    return business


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that gives what a run has shown on stderr."""
    return lambda: capsys.readouterr().err


@pytest.fixture(autouse=True)
def _panels_of_few_trees(monkeypatch: pytest.MonkeyPatch) -> None:
    """How good a panel is no test here asks. The demo, a process of its own, trains the recipe that is shipped."""
    monkeypatch.setattr(panel_training, "POINT_TREES", 30)
    monkeypatch.setattr(panel_training, "QUANTILE_TREES", 15)


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the inbox are not watched for seconds."""
    monkeypatch.setattr(intake, "SETTLE_S", 0.0)


@pytest.fixture(autouse=True)
def _later_days_have_come(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run may be about weeks after the tests' Wednesday, whatever day it is on this machine."""
    monkeypatch.setattr(app, "newest_day", lambda *_: date(2099, 12, 31))


@pytest.fixture(autouse=True)
def _no_page_that_nobody_looks_at(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The page is half of what a small business's jobs take; tests that look at it are marked `page`."""
    if request.node.get_closest_marker("page") is None:
        monkeypatch.setattr(predict_job, "page_of_forecast", no_page)
        monkeypatch.setattr(monitor_job, "page_of_scorecard", lambda *_: PageFiles("", {}))
        monkeypatch.setattr(monitor_job, "write_page", lambda *_: "none, in this test")

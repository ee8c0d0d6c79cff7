"""A disk that is full: what can be published without it is published, and the run says in one line what is missing."""

from __future__ import annotations

import errno
import os
from typing import Any

import pytest
from builders import CUTOFF
from business import Business

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.errors import WarehouseError
from skucast.core.run import DONE, FAILED
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import Table
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import PUBLISHES, RUNS
from skucast.core.tables.scorecard import METRICS

pytestmark = pytest.mark.page


def fill(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every new file below STAGING find its disk full."""

    def refuse(handle: int, *_: object) -> Any:
        os.close(handle)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("skucast.backends.files.os.fdopen", refuse)


def test_monitoring_goes_on_without_room_for_its_page(
    business: Business, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The scorecard and its alerts are there, exit code 1 tells of the page; with room again the page is made."""
    business.already("predict")
    business.already("predict", "--as-of", "2026-11-11")
    with monkeypatch.context() as full:
        fill(full)
        assert business("monitor") == FAILED
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "the scorecard is published, its page is not: STAGING: " in said
    assert "(No space left on device)" in said
    published = business.warehouse.read(PUBLISHES)
    assert {METRICS.name, ALERTS.name} <= set(published["table_name"])
    assert not list(business.folder.rglob(".new-*"))
    assert business("monitor") == DONE
    assert (business.folder / "staging" / "dashboard" / f"{CUTOFF}.html").exists()


def test_predictions_are_published_without_room_for_their_page(
    business: Business, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As ever where the page cannot be written: a warning."""
    fill(monkeypatch)
    assert business("predict") == DONE
    assert "Traceback" not in capsys.readouterr().err
    assert len(business.warehouse.read(FORECASTS))


@pytest.mark.parametrize("raised", [WarehouseError("no room left"), RuntimeError("what nobody expects"), OSError("io")])
def test_a_record_that_cannot_be_stored_is_one_line(
    business: Business, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], raised: Exception
) -> None:
    """Whatever the warehouse raises: the forecasts are published, exit code 1, and the summary is still shown."""
    real = DuckDBWarehouse.replace

    def replace(self: DuckDBWarehouse, table: Table, *arguments: Any, **named: Any) -> int:
        if table.label == RUNS.label:
            raise raised
        return real(self, table, *arguments, **named)

    monkeypatch.setattr(DuckDBWarehouse, "replace", replace)
    assert business("predict") == FAILED
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert f"the run's own record could not be stored: {raised}" in said
    assert "predict failed" in said
    assert len(business.warehouse.read(FORECASTS))


def test_no_room_elsewhere_is_one_line(
    business: Business, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A disk of which no part of the program expects it."""

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("skucast.jobs.predict.last_look", refuse)
    assert business("predict") == FAILED
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "no room left on a disk ([Errno 28] No space left on device); make room and run again" in said

"""A small business whose models are trained once: each test gets a copy to break."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from business import Business, business_lines

from skucast.jobs import promotions


@pytest.fixture(scope="session")
def _trained_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("trained")
    trained = Business(folder)
    trained.sell(business_lines(), "history")
    assert trained("train") == 0
    return folder


@pytest.fixture
def business(_trained_folder: Path, tmp_path: Path) -> Business:
    """Return a business with models trained on the cutoff, its own copy."""
    shutil.copytree(_trained_folder, tmp_path / "business", dirs_exist_ok=True)
    return Business(tmp_path / "business")


@pytest.fixture
def untrained(tmp_path: Path) -> Business:
    """Return a business with sales and no models."""
    found = Business(tmp_path / "untrained")
    found.sell(business_lines(), "history")
    return found


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Callable[[], str]:
    """Return a function that gives what a run has shown on stderr."""
    return lambda: capsys.readouterr().err


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files of the inbox are not watched for seconds."""
    monkeypatch.setattr(promotions, "SETTLE_S", 0.0)

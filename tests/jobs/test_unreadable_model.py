"""A model file that cannot be read, here a folder in its place, concerns its own combination only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from skucast.core.combination import Combination
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import REGISTRY

A1 = Combination("Пермь", "KA", "A1")


def put_folder(business: Any) -> None:
    """Put a folder where the file of A1 is expected."""
    path = business.models / A1.path
    path.unlink()
    path.mkdir()


def test_training_goes_on_beside_a_file_that_cannot_be_read(business: Any) -> None:
    """A1 is recorded as failed with the reason; the three others are trained and saved."""
    put_folder(business)
    flags = ("--force", "--seasonality-mode", "multiplicative", "--max-failed-share", "0.5")
    assert business("train", *flags) == 0
    registry = business.warehouse.read(REGISTRY)
    failed = registry[registry["outcome"] == "failed"]
    assert failed["SKU_ID"].tolist() == ["A1"]
    assert "cannot be read" in failed["reason"].iloc[0]
    newest = registry[registry["run_id"] == failed["run_id"].iloc[0]]
    assert sorted(newest["outcome"]) == ["failed", "saved", "saved", "saved", "skipped", "skipped"]


@pytest.mark.parametrize("content", [b"", b"no model", "folder"])
def test_a_targeted_prediction_names_the_file(business: Any, shown: Callable[[], str], content: bytes | str) -> None:
    """Nothing is published, and the error says which file is wrong: not that there are no models."""
    business.already("predict")
    if isinstance(content, bytes):
        (business.models / A1.path).write_bytes(content)
    else:
        put_folder(business)
    before = business.rows(FORECASTS)
    shown()
    assert business("predict", "--target-combinations", str(A1)) == 1
    said = shown()
    assert A1.path in said.splitlines()[-2]
    assert "no model is found" not in said
    assert business.rows(FORECASTS).equals(before)


def test_prediction_falls_back_beside_a_file_that_cannot_be_read(business: Any) -> None:
    """A1 gets its labelled fallback, the others their models."""
    put_folder(business)
    assert business("predict", "--max-failed-share", "0.5") == 0
    status = business.warehouse.read(FORECASTS).drop_duplicates(["unit", "channel", "SKU_ID"])
    assert sorted(status["status"]) == ["inactive", "load_failed", "ok", "ok", "ok", "short_history"]

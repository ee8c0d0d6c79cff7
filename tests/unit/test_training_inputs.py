"""What a training begins with: which combinations an earlier one has settled."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from skucast.core.combination import Combination
from skucast.jobs.training_inputs import kept_again, kept_rows

ARTICLE = Combination("U", "C", "S")


def recorded(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return rows of the registry about the article, each an hour after the one before."""
    usual = {"unit": "U", "channel": "C", "SKU_ID": "S", "outcome": "kept", "reason": "worse", "request": "r"}
    frame = pd.DataFrame(
        [{**usual, "run_id": f"train-{place}", "model_version": "v", **row} for place, row in enumerate(rows)]
    )
    return frame.assign(created_at=pd.date_range("2026-11-25", periods=len(frame), freq="h"))


def live(version: str) -> Any:
    """Return a live model of that version."""
    return SimpleNamespace(version=version)


@pytest.mark.parametrize(
    ("rows", "version", "request_now", "is_settled"),
    [
        ([{}], "v", "r", True),
        ([{}, {"outcome": "failed", "model_version": None}], "v", "r", True),
        ([{"request": "other"}, {}], "v", "r", True),
        ([{}, {"request": "other"}], "v", "r", False),  # the newest decision is about another recipe or margin
        ([{}], "v", "other", False),
        ([{}], "w", "r", False),  # another model is live since
        ([{"outcome": "saved"}], "v", "r", False),
        ([{"request": None}], "v", "r", False),  # of the version before
    ],
)
def test_a_kept_model_is_settled_for_the_same_question(rows, version, request_now, is_settled):
    """The same live model, recipe and rule at the same cutoff: the row is said again, once with the same suffix."""
    before = kept_rows(recorded(*rows)).get(ARTICLE)
    again = kept_again(before, live(version), request_now)
    assert (again is not None) == is_settled
    if again is not None:
        assert again["reason"] == "worse; decided by an earlier run"
        assert "run_id" not in again
        assert "created_at" not in again
        assert kept_again(again, live(version), request_now)["reason"] == again["reason"]


def test_without_a_readable_live_model_nothing_is_settled():
    """The file has been damaged since: it is trained."""
    assert kept_again(kept_rows(recorded({}))[ARTICLE], None, "r") is None

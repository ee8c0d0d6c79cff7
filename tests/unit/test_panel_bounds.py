"""How large a file of the panel may be: what a training can give, not much more, as reading takes ten times that."""

from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from typing import Any

import pytest
from mutations import kinds

from skucast.core.errors import ModelError
from skucast.core.model_files import MAX_SHARED_BYTES, SharedFile, most_bytes
from skucast.forecast.panel.model import _LIMITS, PANEL, loads
from skucast.forecast.panel.training import ALWAYS, tasks
from skucast.forecast.plain import written

OF_A_NODE = 7


def test_the_largest_panel_that_can_be_trained_fits_twice() -> None:
    """2,100 trees of 31 leaves have half a million values, of 25 characters each at the most."""
    n_trees = sum(task.n_trees for task in tasks())
    most = n_trees * ((ALWAYS["num_leaves"] - 1) * OF_A_NODE + ALWAYS["num_leaves"] + 1)
    assert 2 * most < _LIMITS.n_values < 4 * most
    assert 25 * most < _LIMITS.n_bytes == most_bytes(PANEL) < MAX_SHARED_BYTES / 4
    assert most_bytes(SharedFile("evidence")) == MAX_SHARED_BYTES


def _longer(content: dict[str, Any]) -> None:
    content["recipe"]["x"] = "y" * most_bytes(PANEL)


def _with_more_nodes(content: dict[str, Any]) -> None:
    content["lower"]["thresholds"] = [0] * (_LIMITS.n_values + 1)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_longer, "larger than 16 MiB, not a model file"),
        (_with_more_nodes, r"more than 10,000 lists, or 1,500,000 values"),
    ],
)
def test_a_panel_of_more_is_refused_before_anything_is_made_of_it(
    change: Callable[[dict[str, Any]], None], said: str
) -> None:
    """Its bytes are counted, then its values."""
    good = next(kind.payload for kind in kinds(None) if kind.name == "panel")
    content = json.loads(pickle.loads(good)["content"])
    change(content)
    payload = written(content, "2026-11-22").payload
    with pytest.raises(ModelError, match=said):
        loads(payload)

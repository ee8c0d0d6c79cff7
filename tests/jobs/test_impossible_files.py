"""Files of the store with a checksum that fits and a content that cannot be, in the jobs: nobody else is stopped."""

from __future__ import annotations

import hashlib
import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from business import TRAINED, Business, sold
from pandas.testing import assert_frame_equal

from skucast.core.combination import KEY, Combination
from skucast.core.rows import is_about
from skucast.core.tables.forecasts import FORECASTS

BLEND = ("--forecaster", "blend")
A1 = "Пермь/KA/A1"

Change = Callable[[dict[str, Any]], object]


@pytest.fixture
def blending(kept: Path, tmp_path: Path) -> Business:
    """Return a business with models, a panel and a blend, its own copy."""
    found = sold(tmp_path / "blending", kept)
    found.already("train", *BLEND)
    return found


def change(path: Path, how: Change) -> None:
    """Change the content of a file, and seal it again."""
    content = json.loads(pickle.loads(path.read_bytes())["content"])
    how(content)
    text = json.dumps(content, sort_keys=True, ensure_ascii=False)
    digest = hashlib.sha256(text.encode()).hexdigest()
    path.write_bytes(pickle.dumps({"format": 1, "sha256": digest, "content": text}, protocol=5))


def leaves(value: float) -> Change:
    """Return a change of all leaves of the panel's point models."""

    def how(content: dict[str, Any]) -> None:
        for forest in (*content["absolute"], *content["log"]):
            forest["leaves"] = [value] * len(forest["leaves"])

    return how


SHARED: dict[str, tuple[str, Change, str]] = {
    "a panel of forecasts that nobody sells": ("panel", leaves(5e5), "absurd beside what was sold"),
    "a leaf beyond everything": ("panel", leaves(1e300), "Prophet forecasts alone"),
    "a node that no integer counts": (
        "panel",
        lambda content: content["lower"]["left"].__setitem__(0, 10**30),
        "Prophet forecasts alone",
    ),
    "a panel of the year 9999": (
        "panel",
        lambda content: content.update(cutoff_label="9999-12-31"),
        "Prophet forecasts alone",
    ),
    "weights that add up to anything": (
        "blend",
        lambda content: content.update(pooled=[1e9, 1.0, 1.0]),
        "the panel forecasts alone",
    ),
    "errors beyond everything": (
        "blend",
        lambda content: [group.update(mean=1e300) for group in content["spread"]["blend"]],
        "the panel forecasts alone",
    ),
    "a group of errors twice": (
        "blend",
        lambda content: content["spread"]["blend"].__setitem__(0, content["spread"]["blend"][1]),
        "the panel forecasts alone",
    ),
}


@pytest.mark.parametrize(("name", "how", "said"), SHARED.values(), ids=SHARED)
def test_a_shared_file_that_cannot_be_is_forecast_without(
    blending: Business, shown: Callable[[], str], name: str, how: Change, said: str
) -> None:
    """The run ends well, says which file, and every number is finite and of the size of the sales."""
    change(blending.models / "_panel" / f"{name}.pkl", how)
    assert blending("predict", *BLEND) == 0
    found = shown()
    assert said in found
    assert f"_panel/{name}" in found
    rows = blending.warehouse.read(FORECASTS)
    assert rows["yhat"].between(0, 10_000).all()
    own = rows[rows[KEY].apply(tuple, axis=1).isin(TRAINED)]
    assert set(own["method"]) == {"prophet" if name == "panel" else "panel"}


MODELS: dict[str, Change] = {
    "a start that is no day": lambda content: content["models"][0].update(start="2026-W01-1"),
    "a largest week beyond all sales": lambda content: content["models"][0].update(y_max=1e300),
    "a level that was never sold": lambda content: content["models"][0].update(m=1e7, y_max=1e11),
    "a naive method that is none": lambda content: content["card"].update(naive={"is_better": True}),
    "evidence of another kind": lambda content: content["card"].update(backtest={"regressors": {"A": 1}}),
}


@pytest.mark.parametrize("how", MODELS.values(), ids=MODELS)
def test_a_model_that_cannot_be_falls_back_named_and_changes_nobody(
    blending: Business, shown: Callable[[], str], how: Change
) -> None:
    """The others' rows are to the bit what they were."""
    flags = ("--forecaster", "prophet", "--max-failed-share", "0.5")
    blending.already("predict", *flags)
    before = blending.warehouse.read(FORECASTS)
    change(blending.models / f"{A1}.pkl", how)
    assert blending("predict", *flags) == 0
    assert A1 in shown()
    after = blending.warehouse.read(FORECASTS)
    bad = after[is_about(after, [Combination.parse(A1)])]
    assert set(bad["status"]) <= {"load_failed", "forecast_failed"}
    assert bad["yhat"].between(0, 10_000).all()
    same = [*KEY, "ds", "yhat", "yhat_lower", "yhat_upper", "status", "method"]
    others = [rows[~is_about(rows, bad)].sort_values([*KEY, "ds"], ignore_index=True)[same] for rows in (before, after)]
    assert_frame_equal(*others, check_exact=True)

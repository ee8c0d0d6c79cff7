"""Why a blended forecast changed: own model, panel and weights are told apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from business import TRAINED, Business, sold
from test_changes import AS_OF, checked_parts, of, sell_a_week

from skucast.core.combination import KEY
from skucast.core.tables.changes import CHANGES, PARTS
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.totals import TOTALS

BLEND = ("--forecaster", "blend")
A1 = TRAINED[0]


@pytest.fixture
def twice(kept: Path, tmp_path: Path) -> Business:
    """Return a business with models, panel and blend that has forecast a week, and has sold the next one."""
    found = sold(tmp_path / "blending", kept)
    found.already("train", *BLEND)
    assert found("predict", *BLEND) == 0
    sell_a_week(found)
    return found


@pytest.mark.slow
def test_a_training_is_told_from_the_sales_and_in_its_parts(twice: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """The forecast without model, panel and blend of now is what a run without the training publishes.

    Nor is a panel that is not there for a week taken for news of sales.
    """
    monkeypatch.setenv("TUNE", "off")
    other = Business(twice.folder.with_name("other"))
    shutil.copytree(twice.folder, other.folder)
    assert other("predict", *AS_OF, *BLEND) == 0
    untrained = checked_parts(other)
    assert untrained[["model", "panel", "blend", "model_and_data", "other_method"]].abs().max(axis=None) == 0
    assert twice("train", *AS_OF, *BLEND, "--force") == 0
    assert twice("predict", *AS_OF, *BLEND) == 0
    trained = checked_parts(twice)
    row, same = of(trained, A1), of(untrained, A1)
    steps = row[["model", "panel", "blend"]]
    assert (steps.abs().max() > 1e-6).all()
    assert (row["final"] - steps.sum(axis=1)).tolist() == pytest.approx(same["final"].tolist(), abs=1e-6)
    assert row["level_and_trend"].tolist() == pytest.approx(same["level_and_trend"].tolist(), abs=1e-6)

    ledger = other.rows(FORECASTS)
    (other.models / "_panel" / "panel.pkl").unlink()
    assert other("predict", *AS_OF, *BLEND) == 0
    alone = of(checked_parts(other), A1)
    assert set(alone["method"]) == {"prophet"}
    assert alone["other_method"].abs().min() > 1e-6
    newest = ledger[ledger["cutoff"] == ledger["cutoff"].max()]
    blended = newest[(newest[KEY] == list(A1)).all(axis=1)].set_index("ds")["yhat"].reindex(alone.index)
    assert (alone["final"] - alone["other_method"]).tolist() == pytest.approx(blended.tolist(), abs=1e-6)


def test_sums_of_a_blend_are_those_of_the_totals(twice: Business) -> None:
    """The bridge of all ends at the expected value that the totals have, for every week that both runs forecast."""
    assert twice("predict", *AS_OF, *BLEND) == 0
    rows = twice.rows(CHANGES)
    total = rows[rows["level"] == "total"].set_index("ds")
    assert (total[list(PARTS)].sum(axis=1) - total["change"]).abs().max() < 0.005
    stored = twice.rows(TOTALS)
    for cutoff, name in ((stored["cutoff"].max(), "final"), (stored["cutoff"].min(), "final_before")):
        of_run = stored[(stored["cutoff"] == cutoff) & (stored["level"] == "total") & (stored["step"] > 0)]
        expected = of_run.set_index("ds")["yhat"].reindex(total.index)
        assert total[name].tolist() == pytest.approx(expected.tolist(), abs=1e-3)

"""Backtests are kept: training writes what was forecast at past origins, whole after retries, tasks and crashes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF
from business import TRAINED, Business, Killed, Task
from pandas.testing import assert_frame_equal, assert_series_equal

from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY
from skucast.core.errors import WarehouseError
from skucast.core.tables.backtests import BACKTEST, BACKTESTS, EVIDENCE
from skucast.core.tables.records import REGISTRY
from skucast.forecast.learnt import loads as blend_of
from skucast.jobs.backtests import backtest_errors, newest_backtests, side_by_side
from skucast.runtime.settings import Settings

TARGETS = ("--target-combinations", "Пермь/KA/A1; Пермь/KA/B2; Чайковский/TF/B2")
QUICK = ("--tune", "off")
BLEND = ("--forecaster", "blend", *QUICK)


def combinations(rows: pd.DataFrame) -> set[tuple[str, str, str]]:
    return set(rows[KEY].itertuples(index=False, name=None))


def wape(rows: pd.DataFrame) -> float:
    known = rows[rows["y"].notna()]
    return float((known["yhat"] - known["y"]).abs().sum() / known["y"].sum())


def without_run(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.drop(columns=["run_id", "created_at"]).reset_index(drop=True)


def test_the_registrys_figure_can_be_worked_out_from_the_rows(business: Business) -> None:
    """Of every model: its WAPE, that of last year, and its version; without a blend nothing else is there."""
    rows = business.warehouse.read(BACKTESTS)
    assert set(rows["kind"]) == {BACKTEST}
    assert combinations(rows) == set(TRAINED)
    registry = business.warehouse.read(REGISTRY).set_index(KEY)
    for combination in TRAINED:
        own = rows[(rows[KEY] == list(combination)).all(axis=1)]
        told = registry.loc[combination]
        assert wape(own[own["model"] == "prophet"]) == pytest.approx(told["backtest_wape"])
        assert wape(own[own["model"] == "last_year"]) == pytest.approx(told["backtest_wape_last_year"])
        assert set(own["model_version"].dropna()) == {told["model_version"]}
        assert set(own.loc[own["model"] == "prophet", "promotions"]) == {told["backtest_promotions"]}


@pytest.mark.slow
def test_a_blend_leaves_all_models_at_the_origins_that_they_share(untrained: Business) -> None:
    """The origins of its file, four steps each; of a short history what the panel says, and of what rests nothing."""
    assert untrained("train", *BLEND) == 0
    rows = newest_backtests(untrained.warehouse, EVIDENCE)
    blend = blend_of((untrained.models / "_panel" / "blend.pkl").read_bytes()).content
    assert sorted(rows["origin"].dt.strftime("%Y-%m-%d").unique()) == sorted(blend.origins)
    assert set(rows["step"]) == {1, 2, 3, 4}
    assert combinations(rows[rows["model"] == "prophet"]) == set(TRAINED)
    assert combinations(rows[rows["model"] == "blend"]) > set(TRAINED)
    assert rows["y"].notna().all()
    frame = side_by_side(rows)
    parts = frame[["prophet", "panel", "panel_log"]]
    assert (frame["blend"].between(parts.min(axis=1) - 1e-6, parts.max(axis=1) + 1e-6)).all()
    assert {"backtest", "evidence"} == set(untrained.warehouse.read(BACKTESTS)["kind"])


@pytest.mark.slow
def test_again_and_by_two_tasks_the_rows_are_the_same(untrained: Business, task_of: Callable[..., Task]) -> None:
    """A repeat replaces, and does not add; two tasks write what one does."""
    assert untrained("train", *BLEND) == 0
    first = untrained.warehouse.read(BACKTESTS)
    assert untrained("train", *BLEND, "--force") == 0
    assert_frame_equal(without_run(untrained.warehouse.read(BACKTESTS)), without_run(first))
    task = task_of(untrained)
    assert [task("train", index, 2, *BLEND, "--force") for index in (1, 0)] == [0, 0]
    found = untrained.warehouse.read(BACKTESTS)
    assert_frame_equal(without_run(found), without_run(first))
    assert set(found["run_id"]) == {"train-execution"}


@pytest.fixture
def task_of(monkeypatch: pytest.MonkeyPatch) -> Callable[[Business], Task]:
    """Return what makes tasks of a business's jobs."""

    def of(business: Business) -> Task:
        def start(job: Any, index: int, count: int, *flags: str) -> int:
            with monkeypatch.context() as environment:
                environment.setenv("CLOUD_RUN_EXECUTION", "execution")
                environment.setenv("CLOUD_RUN_TASK_INDEX", str(index))
                environment.setenv("CLOUD_RUN_TASK_COUNT", str(count))
                return business(job, *flags)

        return start

    return of


def test_a_run_that_is_stopped_and_started_again_has_the_rows_of_all(
    untrained: Business, task_of: Callable[..., Task], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Stopped after the third model: those that it has recorded have their rows, the second attempt adds the others."""
    save, done = LocalStore.save, iter(range(9))

    def killing(*parts: Any, **named: Any) -> str:
        generation = save(*parts, **named)
        if next(done) == 2:
            raise Killed
        return generation

    task = task_of(untrained)
    with monkeypatch.context() as patched:
        patched.setattr(LocalStore, "save", killing)
        with pytest.raises(Killed):
            task("train", 0, 1, *QUICK)
    recorded = untrained.warehouse.read(REGISTRY).query("outcome == 'saved'")
    assert len(recorded) == 3
    assert combinations(untrained.warehouse.read(BACKTESTS)) == combinations(recorded)
    assert task("train", 0, 1, *QUICK) == 0
    assert combinations(untrained.warehouse.read(BACKTESTS)) == set(TRAINED)


def test_a_targeted_retraining_replaces_the_rows_of_its_combinations(business: Business) -> None:
    """The others keep theirs; a model that loses against the stored one has its rows all the same."""
    before = business.warehouse.read(BACKTESTS)
    assert business("retrain", *TARGETS, "--backtest-origins", "4") == 0
    after = business.warehouse.read(BACKTESTS)
    targeted = {("Пермь", "KA", "A1"), ("Пермь", "KA", "B2"), ("Чайковский", "TF", "B2")}
    is_new = after["run_id"] != before["run_id"].iloc[0]
    assert combinations(after[is_new]) == targeted
    assert combinations(after[~is_new]) == set(TRAINED) - targeted
    assert after[is_new].groupby(KEY)["origin"].nunique().tolist() == [4, 4, 4]


def test_the_newest_training_of_each_combination_counts(business: Business) -> None:
    """A targeted one of an earlier cutoff changes nothing; asked for what was known then, it is what counts."""
    newest = without_run(newest_backtests(business.warehouse, BACKTEST))
    earlier = CUTOFF - pd.Timedelta(weeks=2)
    assert business("train", *TARGETS, *QUICK, "--as-of", str((earlier + pd.Timedelta(days=3)).isoformat())) == 0
    assert_frame_equal(without_run(newest_backtests(business.warehouse, BACKTEST)), newest)
    then = newest_backtests(business.warehouse, BACKTEST, until=earlier)
    assert set(then["cutoff"].dt.date) == {earlier}
    assert len(combinations(then)) == 3
    assert newest_backtests(business.warehouse, EVIDENCE).empty


def test_the_page_has_the_errors_of_what_is_published(business: Business) -> None:
    """By combination and step: those of the registry's figure; a blend that was never learnt has none."""
    settings = Settings(forecaster="prophet")
    errors = backtest_errors(settings, business.warehouse, CUTOFF)
    assert set(errors["step"]) == {1, 2, 3, 4}
    pooled = errors.groupby(KEY)[["actual", "abs_error"]].sum()
    told = business.warehouse.read(REGISTRY).set_index(KEY)["backtest_wape"].dropna()
    assert_series_equal(pooled["abs_error"] / pooled["actual"], told.sort_index(), check_names=False)
    assert backtest_errors(Settings(forecaster="blend"), business.warehouse, CUTOFF).empty
    assert backtest_errors(settings, business.warehouse, CUTOFF - pd.Timedelta(weeks=1)).empty


def test_it_can_be_switched_off(untrained: Business) -> None:
    """No table is made."""
    assert untrained("train", *QUICK, "--no-backtests") == 0
    assert not untrained.warehouse.exists(BACKTESTS)


def test_a_table_that_cannot_be_written_stops_no_training(
    untrained: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """The models are there and recorded, and a warning says what is not."""
    replace = DuckDBWarehouse.replace

    def refusing(self: DuckDBWarehouse, table: Any, *parts: Any, **named: Any) -> int:
        if table is BACKTESTS:
            raise WarehouseError("access denied")
        return replace(self, table, *parts, **named)

    monkeypatch.setattr(DuckDBWarehouse, "replace", refusing)
    assert untrained("train", *QUICK) == 0
    assert len(LocalStore(untrained.models).stored()) == len(TRAINED)
    assert set(untrained.warehouse.read(REGISTRY)["outcome"]) >= {"saved"}
    assert "backtests: those of 4 combinations are not kept: access denied" in shown()


def test_origins_weeks_and_steps_belong_together(business: Business) -> None:
    """Every week is forecast once: three origins, four weeks apart, the last ending with the cutoff."""
    rows = business.warehouse.read(BACKTESTS).query("model == 'prophet'")
    assert ((rows["ds"] - rows["origin"]).dt.days == 7 * rows["step"]).all()
    assert rows.groupby(KEY)["origin"].nunique().tolist() == [3] * len(TRAINED)
    assert rows["ds"].max().date() == CUTOFF
    assert np.isfinite(rows[["yhat_lower", "yhat_upper"]]).all(axis=None)

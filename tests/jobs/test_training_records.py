"""What a training records: nothing is lost by a crash, a retry or two runs at once, and `verify` finds what is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import timedelta
from itertools import count
from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF
from business import Business, Killed, Task, of_run

from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY, Combination
from skucast.core.errors import WarehouseError
from skucast.core.run import Run
from skucast.core.tables.records import REGISTRY
from skucast.forecast.artifact import loads
from skucast.jobs import registry, train
from skucast.jobs.registry import Ledger, registry_row
from skucast.runtime.outcome import RunReport

A1 = Combination("Пермь", "KA", "A1")
TARGETS = ("--target-combinations", "Пермь/KA/A1; Пермь/KA/B2; Чайковский/TF/B2")
OTHER_SETTINGS = ("--tune", "off", "--force")


def live_versions(business: Business) -> dict[Combination, str]:
    """Return the version of every live model."""
    store = LocalStore(business.models)
    return {each: loads(store.load(each).payload).version for each in store.stored()}


def named(rows: pd.DataFrame) -> dict[Combination, str]:
    """Return the version that each row names, the newest row last."""
    known = rows[rows["model_version"].notna()].sort_values("created_at", kind="stable")
    return {Combination(*parts): version for *parts, version in known[[*KEY, "model_version"]].to_numpy().tolist()}


@contextmanager
def killed_after(n_models: int, *, on_the_spot: bool) -> Iterator[None]:
    """End the process when so many models are stored: as SIGTERM does, or on the spot, with nothing tidied up."""
    save, done = LocalStore.save, count(1)

    def killing(*parts: Any, **named_parts: Any) -> str:
        generation = save(*parts, **named_parts)
        if next(done) == n_models:
            raise Killed
        return generation

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LocalStore, "save", killing)
        if on_the_spot:
            patched.setattr(Ledger, "__exit__", lambda *_: None)
            patched.setattr(registry, "LEAST_PAUSE_S", float("inf"))  # however long it takes, no row was written yet
        with pytest.raises(Killed):
            yield


def test_a_run_that_is_stopped_has_recorded_what_it_has_stored(untrained: Business) -> None:
    """Stopped right after the third model went live: three models, and a row that names each."""
    with killed_after(3, on_the_spot=False):
        untrained("train", "--tune", "off")
    rows = untrained.warehouse.read(REGISTRY)
    saved = rows[rows["outcome"] == "saved"]
    assert named(saved) == live_versions(untrained)
    assert len(saved) == 3


def test_a_run_that_is_killed_on_the_spot_is_recorded_by_the_next(
    untrained: Business, shown: Callable[[], str]
) -> None:
    """Three models and no row: `verify` says which and what to do; the next run records them with all their figures."""
    with killed_after(3, on_the_spot=True):
        untrained("train", "--tune", "off")
    assert len(live_versions(untrained)) == 3
    assert untrained.warehouse.read(REGISTRY).empty
    assert untrained("train", "--verify") == 1
    said = shown()
    assert "1 model is missing or unusable" in said
    assert "3 live models that no row of the registry names" in said
    assert "run run_all_skus.py, which records them" in said

    before = live_versions(untrained)
    assert untrained("train", "--tune", "off") == 0
    rows = untrained.warehouse.read(REGISTRY)
    assert named(rows) == live_versions(untrained)
    assert before.items() <= live_versions(untrained).items()
    late = rows[rows["reason"].str.endswith("made by a run that was stopped, recorded now", na=False)]
    assert len(late) == 3
    assert late[["backtest_wape", "hyperparameters", "n_weeks", "backtest_origins"]].notna().all(axis=None)
    assert "3 models made by a run that was stopped, recorded now from their cards" in shown()
    assert untrained("train", "--verify") == 0


def test_a_current_model_that_is_skipped_has_the_figures_of_its_card(business: Business) -> None:
    """The row of the second run is that of the first, but for what became of it and the seconds of the fit."""
    first = business.rows(REGISTRY)
    assert business("train") == 0
    rows = business.warehouse.read(REGISTRY)
    second = rows[~rows["reason"].isin(first["reason"]) & (rows["outcome"] == "skipped")]
    other = ["outcome", "reason", "fit_s", "previous_version", "run_id", "created_at"]
    saved = first[first["outcome"] == "saved"].drop(columns=other, errors="ignore").reset_index(drop=True)
    pd.testing.assert_frame_equal(second.drop(columns=other).reset_index(drop=True), saved)


@pytest.mark.parametrize(("n_tasks", "on_the_spot"), [(2, False), (1, True)], ids=["stopped", "killed on the spot"])
def test_a_task_that_is_started_again_goes_on_where_it_was(
    business: Business,
    task: Task,
    n_tasks: int,
    on_the_spot: bool,
) -> None:
    """A forced retraining of three, one killed task: no row is lost, every live model is named, none trained twice."""
    flags = (*TARGETS, *OTHER_SETTINGS)
    with killed_after(1, on_the_spot=on_the_spot):
        task("retrain", 0, n_tasks, *flags)
    kept = of_run(business, REGISTRY, "retrain-execution")
    assert len(kept) == (0 if on_the_spot else 1)
    assert [task("retrain", index, n_tasks, *flags) for index in range(n_tasks)] == [0] * n_tasks
    rows = of_run(business, REGISTRY, "retrain-execution")
    assert len(rows) == 3
    assert set(rows["outcome"]) == ({"saved", "unchanged"} if on_the_spot else {"saved"})
    live = live_versions(business)
    assert all(live[each] == version for each, version in named(business.warehouse.read(REGISTRY)).items())


def test_a_run_that_is_started_again_when_all_is_done_trains_nothing(
    business: Business,
    task: Task,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A task again, forced: the rows stay as they are, and no model is trained."""
    flags = (*TARGETS, *OTHER_SETTINGS)
    assert [task("retrain", index, 2, *flags) for index in range(2)] == [0, 0]
    before = of_run(business, REGISTRY, "retrain-execution")
    monkeypatch.setattr(train, "train", None)
    assert task("retrain", 1, 2, *flags) == 0
    pd.testing.assert_frame_equal(of_run(business, REGISTRY, "retrain-execution"), before)


def test_of_two_retrainings_at_once_one_is_live_and_the_other_says_so(
    business: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """While the first saves, the second is there: its model stays and its row names it; the first has failed."""
    save, is_first = LocalStore.save, iter([True])

    def overtaken(*parts: Any, **named_parts: Any) -> str:
        if next(is_first, False):
            target = ("--target", str(A1), "--force", "--seasonality-mode", "multiplicative", "--tune", "off")
            assert business("retrain", *target) == 0
        return save(*parts, **named_parts)

    monkeypatch.setattr(LocalStore, "save", overtaken)
    assert business("retrain", "--target", str(A1), *OTHER_SETTINGS) == 1
    assert "another run replaced the model meanwhile; its model stays live" in shown()
    rows = business.warehouse.read(REGISTRY)
    rows = rows[rows["run_id"].str.startswith("retrain")]
    assert sorted(rows["outcome"]) == ["failed", "saved"]
    assert named(rows[rows["outcome"] == "saved"])[A1] == live_versions(business)[A1]
    assert business("train", "--verify") == 0


def test_verify_names_rows_of_models_that_are_not_live(business: Business, shown: Callable[[], str]) -> None:
    """A version put back by hand: the newest row names another; the next training of all records what is live."""
    path = business.models / A1.path
    first = path.read_bytes()
    assert business("retrain", "--target", str(A1), *OTHER_SETTINGS) == 0
    path.write_bytes(first)
    assert business("train", "--verify") == 1
    assert "1 combination whose newest row in the registry names a model that is not live: Пермь/KA/A1" in shown()
    assert business("train") == 0
    assert business("train", "--verify") == 0


def test_verify_names_models_without_sales(business: Business, shown: Callable[[], str]) -> None:
    """Renamed at the source, the old article's model stays: named, exit 1; not what ACCEPT_MISSING names."""
    old = business.models / "Пермь" / "KA" / "OLD.pkl"
    old.write_bytes((business.models / A1.path).read_bytes())
    assert business("train", "--verify") == 1
    assert "1 stored model of combinations without sales: Пермь/KA/OLD; load their sales" in shown()
    assert business("train", "--verify", "--accept-missing", "Пермь/KA/OLD") == 0


def test_rows_are_written_while_models_are_made(
    warehouse: DuckDBWarehouse, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that took a second is followed by nine of rest; the end writes what is left, all in one slice."""
    now = iter(range(1000))
    monkeypatch.setattr(registry.time, "monotonic", lambda: float(next(now)))
    found = []
    with Ledger(warehouse, run, RunReport(), CUTOFF, lambda _: None) as ledger:
        for number in range(15):
            ledger.add(registry_row(Combination("U", "C", f"{number:02}"), CUTOFF, "failed", "none today", {}))
            found.append(len(warehouse.read(REGISTRY)))
    assert found[0] == 1
    assert found[5] < 6
    assert 5 < found[-1] < 15
    assert len(warehouse.read(REGISTRY)) == 15


def test_a_write_that_fails_is_tried_again_and_stops_no_training(
    warehouse: DuckDBWarehouse, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The warehouse does not answer for a while: the rows are there in the end; if it never does, the run fails."""
    monkeypatch.setattr(registry, "LEAST_PAUSE_S", 0.0)
    row = registry_row(Combination("U", "C", "1"), CUTOFF, "skipped", "inactive: long ago", {})

    def away(*_: object, **__: object) -> int:
        raise WarehouseError("no answer")

    with Ledger(warehouse, run, RunReport(), CUTOFF, lambda _: None) as ledger:
        with monkeypatch.context() as outage:
            outage.setattr(DuckDBWarehouse, "replace", away)
            ledger.add(row)
        assert warehouse.read(REGISTRY).empty
    assert len(warehouse.read(REGISTRY)) == 1
    monkeypatch.setattr(DuckDBWarehouse, "replace", away)
    with pytest.raises(WarehouseError), Ledger(warehouse, run, RunReport(), CUTOFF, lambda _: None) as ledger:
        ledger.add(row)


def test_a_failure_is_not_forgotten_when_the_next_attempt_succeeds(warehouse: DuckDBWarehouse, run: Run) -> None:
    """One row of the run: saved, and what it had failed by before."""
    article = Combination("U", "C", "1")
    for outcome, reason in (("failed", "no fit today"), ("saved", None)):
        with Ledger(warehouse, run, RunReport(), CUTOFF, lambda _: None) as ledger:
            ledger.add(registry_row(article, CUTOFF, outcome, reason, {}))
    [row] = warehouse.read(REGISTRY).to_dict("records")
    assert (row["outcome"], row["reason"]) == ("saved", "an earlier attempt of this run failed: no fit today")


@pytest.mark.parametrize("second", ["saved", "kept", "unchanged", "skipped"])
def test_the_newest_row_names_what_is_live_whoever_started_first(
    warehouse: DuckDBWarehouse, run: Run, second: str
) -> None:
    """A run of an hour ago puts its model in the place of another's of a minute ago: its row is the newest.

    Where it leaves the live one as it is, it knows of the one that it read an hour ago: the other's row is the newest.
    """
    article, early = Combination("U", "C", "1"), timedelta(hours=-1)
    long = replace(run, run_id="train-long", run_at=run.run_at + early, started=run.started + early.total_seconds())
    quick = replace(run, run_id="retrain-quick", run_at=run.run_at - timedelta(minutes=1), started=run.started - 60)
    for each, version, outcome in ((quick, "quick", "saved"), (long, "long", second)):
        with Ledger(warehouse, each, RunReport(), CUTOFF, lambda _: None) as ledger:
            row = registry_row(article, CUTOFF, outcome, None, {"model_version": version})
            ledger.saving(article, row)
            ledger.add(row, seen_at=each.run_at)
    [newest] = registry.latest(warehouse.read(REGISTRY))["model_version"]
    assert newest == ("long" if second == "saved" else "quick")


def test_a_model_whose_row_was_in_doubt_is_as_new_as_its_file(warehouse: DuckDBWarehouse, run: Run) -> None:
    """Stopped between the file and `add`: the row of an old run is newer than what it has replaced."""
    article = Combination("U", "C", "1")
    long = replace(run, run_id="train-long", run_at=run.run_at - timedelta(hours=1), started=run.started - 3600)
    with Ledger(warehouse, run, RunReport(), CUTOFF, lambda _: None) as ledger:
        ledger.add(registry_row(article, CUTOFF, "saved", None, {"model_version": "quick"}))
    with suppress(Killed), Ledger(warehouse, long, RunReport(), CUTOFF, lambda _: "long") as ledger:
        ledger.saving(article, registry_row(article, CUTOFF, "saved", None, {"model_version": "long"}))
        raise Killed
    assert registry.latest(warehouse.read(REGISTRY))["model_version"].tolist() == ["long"]

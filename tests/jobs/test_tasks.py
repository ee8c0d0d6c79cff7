"""Several tasks of one execution: together they write what one task writes, once, when all are done."""

from __future__ import annotations

import pytest
from business import TRAINED, Business, Killed, Task, fail_for, of_run
from pandas.testing import assert_frame_equal

from skucast.backends.store.local import LocalStore
from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY, Combination
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.orders import ORDERS_METRICS
from skucast.core.tables.records import REGISTRY, RUNS
from skucast.core.tables.sales import SALES
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.totals import TOTALS, TOTALS_METRICS
from skucast.runtime.groups.field import Job

TARGETS = ("--target-combinations", "Пермь/KA/A1; Пермь/KA/B2; Чайковский/TF/B2")


def staging_tables(business: Business) -> list[str]:
    """Return the names of the tables in which rows wait."""
    with business.warehouse._file.reading() as connection:
        assert connection is not None
        found = connection.execute("SELECT table_name FROM information_schema.tables").fetchall()
    return [name for (name,) in found if name.startswith("staging_")]


# --- predict --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("count", [4, 7], ids=["four", "more than combinations"])
def test_many_tasks_forecast_what_one_forecasts(business: Business, task: Task, count: int) -> None:
    """Every column of every row and total, exactly; six combinations, so that one of seven tasks has none."""
    business.already("predict")
    alone, totals = business.rows(FORECASTS), business.rows(TOTALS)
    assert [task("predict", index, count) for index in range(count)] == [0] * count
    together = of_run(business, FORECASTS, "predict-execution")
    assert_frame_equal(together, alone, check_exact=True)
    assert_frame_equal(of_run(business, TOTALS, "predict-execution"), totals, check_exact=True)
    assert staging_tables(business) == []


def test_nothing_is_published_before_the_last_task(
    business: Business, task: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    """Three of four tasks, in any order: each names those that are missing, last week's rows stand; then all are there.

    Models are unreadable for a task that is retried: it has staged its rows and does not forecast again.
    """
    business.already("predict")
    before = business.warehouse.read(FORECASTS)
    for index, missing in ((2, "0, 1, 3"), (0, "1, 3"), (3, "1")):
        capsys.readouterr()
        assert task("predict", index, 4) == 0
        assert f"staged task {index}; not published before task {missing} has staged too" in capsys.readouterr().out
    assert_frame_equal(business.warehouse.read(FORECASTS), before)

    for path in business.models.glob("*/*/*.pkl"):
        path.rename(path.with_suffix(".away"))
    assert task("predict", 3, 4) == 0
    for path in business.models.glob("*/*/*.away"):
        path.rename(path.with_suffix(".pkl"))
    assert task("predict", 1, 4) == 0
    expected = before.drop(columns=["run_id", "created_at"])
    assert_frame_equal(of_run(business, FORECASTS, "predict-execution"), expected, check_exact=True)


@pytest.mark.parametrize("count", [1, 2])
def test_a_task_retried_after_the_publish_changes_nothing(business: Business, task: Task, count: int) -> None:
    """Its execution has published, a newer one too: no model is read, the newer rows stay, nothing is left staged."""
    assert [task("predict", index, count, execution="older") for index in range(count)] == [0] * count
    assert business("predict") == 0
    before = business.warehouse.read(FORECASTS)
    for path in business.models.glob("*/*/*.pkl"):
        path.write_bytes(b"")
    assert task("predict", 0, count, execution="older") == 0
    assert_frame_equal(business.warehouse.read(FORECASTS), before)
    assert staging_tables(business) == []


@pytest.mark.parametrize("job", ["predict", "monitor"])
def test_a_task_killed_after_the_publish_is_tidied_up_by_its_retry(
    business: Business, task: Task, monkeypatch: pytest.MonkeyPatch, job: Job
) -> None:
    """It ended before the staged rows were dropped: the next attempt drops them and writes nothing again."""
    business.already("predict", "--as-of", "2026-10-28")
    assert task(job, 0, 2) == 0
    with monkeypatch.context() as killed:
        killed.setattr(DuckDBWarehouse, "unstage", killing)
        with pytest.raises(Killed):
            task(job, 1, 2)
    table = FORECASTS if job == "predict" else METRICS
    before = business.warehouse.read(table)
    assert len(staging_tables(business)) == 2
    assert task(job, 1, 2) == 0
    assert staging_tables(business) == []
    assert_frame_equal(business.warehouse.read(table), before)


def killing(*_: object, **__: object) -> None:
    """End the process."""
    raise Killed


def test_too_many_failures_hold_the_publish_back(
    business: Business, task: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    """One broken model of six combinations is more than 5 %: the last task exits 1 and names it, nothing is published.

    Repaired, the task that had it makes that forecast again, and the set is published.
    """
    broken = business.models / "Пермь" / "KA" / "A1.pkl"
    payload = broken.read_bytes()
    broken.write_bytes(b"")
    assert [task("predict", index, 2) for index in (0, 1, 1)] == [0, 1, 1]
    assert "1 of 6 combinations failed" in capsys.readouterr().out
    assert len(business.rows(FORECASTS)) == 0
    broken.write_bytes(payload)
    assert task("predict", 0, 2) == 0
    rows = business.rows(FORECASTS)
    assert (len(rows), "load_failed" in set(rows["status"])) == (24, False)


def test_the_failed_share_is_that_of_the_whole_run(business: Business, task: Task) -> None:
    """One of six fails, 20 % may: published by six tasks as by one, although it is all that one of them had."""
    (business.models / "Пермь" / "KA" / "A1.pkl").write_bytes(b"")
    flags = ("--max-failed-share", "0.2")
    assert [task("predict", index, 6, *flags) for index in range(6)] == [0] * 6
    assert len(of_run(business, FORECASTS, "predict-execution")) == 24


def test_tasks_on_two_sides_of_a_week_s_end_fail(
    business: Business, task: Task, capsys: pytest.CaptureFixture[str]
) -> None:
    """One started on Sunday, one on Monday: whoever finds both says so and what to set, nothing is published."""
    assert task("predict", 0, 2, "--as-of", "2026-11-29") == 0
    assert task("predict", 1, 2, "--as-of", "2026-11-30") == 1
    assert "run all of them again with AS_OF set" in capsys.readouterr().out
    assert len(business.rows(FORECASTS)) == 0


def test_another_execution_has_its_own_set(business: Business, task: Task) -> None:
    """What the first task of one execution staged does not complete the other's set."""
    assert task("predict", 0, 2, execution="one") == 0
    assert task("predict", 1, 2, execution="two") == 0
    assert len(business.rows(FORECASTS)) == 0
    assert task("predict", 0, 2, execution="two") == 0
    assert business.warehouse.read(FORECASTS)["run_id"].unique().tolist() == ["predict-two"]


def test_targeted_tasks_replace_only_their_rows(business: Business, task: Task) -> None:
    """Three targets, two weeks, two tasks: the other three combinations keep four weeks."""
    business.already("predict")
    assert [task("predict", index, 2, *TARGETS, "--horizon-weeks", "2") for index in range(2)] == [0, 0]
    assert sorted(business.rows(FORECASTS).groupby(KEY).size()) == [2, 2, 2, 4, 4, 4]


def test_every_task_leaves_its_own_record(business: Business, task: Task) -> None:
    """Three rows: their tasks, their shares of six combinations, and the published rows at the last one."""
    for index in range(3):
        assert task("predict", index, 3) == 0
    runs = business.warehouse.read(RUNS).query("job == 'predict'").set_index("task_id")
    assert runs.index.tolist() == [f"predict-execution/{index}" for index in range(3)]
    assert runs["run_id"].unique().tolist() == ["predict-execution"]
    assert runs["n_combinations"].tolist() == [2, 2, 2]
    assert runs["n_rows"].tolist() == [0, 0, 24]


def test_tasks_without_a_name_in_common_are_refused(
    business: Business, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """TASK_COUNT > 1 without the execution's name: exit 2, the variable is named, no row of a run is stored."""
    before = len(business.warehouse.read(RUNS))
    monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", "3")
    assert business("predict") == 2
    assert "CLOUD_RUN_EXECUTION" in capsys.readouterr().err
    assert len(business.warehouse.read(RUNS)) == before


# --- monitor --------------------------------------------------------------------------------------------------------


def test_many_tasks_score_what_one_scores(business: Business, task: Task) -> None:
    """The metrics of three tasks are those of one, exactly; what they staged is gone."""
    business.already("predict", "--as-of", "2026-10-28")
    business.already("monitor")
    alone, alerts, totals = business.rows(METRICS), business.rows(ALERTS), business.rows(TOTALS_METRICS)
    total = totals.query("level == 'total' and step == 0").iloc[0]
    assert (total["n"], total["n_covered"]) == (1, 1)
    orders = business.rows(ORDERS_METRICS)
    assert orders.query("pooled_by == 'all'")["n"].tolist() == [5]
    assert [task("monitor", index, 3) for index in (1, 2)] == [0, 0]
    assert business.warehouse.read(METRICS).query("run_id == 'monitor-execution'").empty
    assert task("monitor", 0, 3) == 0
    assert_frame_equal(business.rows(METRICS), alone, check_exact=True)
    assert_frame_equal(of_run(business, ALERTS, "monitor-execution"), alerts, check_exact=True)
    assert_frame_equal(of_run(business, TOTALS_METRICS, "monitor-execution"), totals, check_exact=True)
    assert_frame_equal(of_run(business, ORDERS_METRICS, "monitor-execution"), orders, check_exact=True)
    newest = alone["window_end"] == alone["window_end"].max()  # the weeks before it are as they were, and not rewritten
    assert_frame_equal(
        of_run(business, METRICS, "monitor-execution"), alone[newest].reset_index(drop=True), check_exact=True
    )
    assert staging_tables(business) == []


def test_forecasts_of_articles_no_longer_sold_count_with_any_number_of_tasks(business: Business, task: Task) -> None:
    """All sales of one of six combinations are taken back at the source: its four forecasts are left out, not lost."""
    business.already("predict", "--as-of", "2026-10-28")
    with business.warehouse._file.transaction() as connection:
        connection.execute(f"DELETE FROM {SALES.name} WHERE channel = 'TF'")
    assert business("monitor") == 0
    alone = business.rows(METRICS)
    total = alone.query("window == 'rolling' and level == 'total' and step == 0")
    assert total.sort_values("window_end")["n_not_delivered"].tolist() == [1, 2, 3, 4]
    assert [task("monitor", index, 3) for index in range(3)] == [0, 0, 0]
    assert_frame_equal(business.rows(METRICS), alone, check_exact=True)


# --- train ----------------------------------------------------------------------------------------------------------


def test_many_tasks_train_all_models_and_publish_one_registry(business: Business, task: Task) -> None:
    """Four models anew, byte for byte those of one task; six registry rows of one run, each task's when it is done."""
    paths = sorted(business.models.glob("*/*/*.pkl"))
    alone = {path: path.read_bytes() for path in paths}
    before = business.rows(REGISTRY).drop(columns="fit_s")
    for path in paths:
        path.unlink()
    assert [task("train", index, 3) for index in range(2)] == [0, 0]
    assert len(of_run(business, REGISTRY, "train-execution")) == 4
    assert task("train", 2, 3) == 0
    assert LocalStore(business.models).stored() == sorted(Combination(*parts) for parts in TRAINED)
    assert {path: path.read_bytes() for path in paths} == alone
    assert_frame_equal(of_run(business, REGISTRY, "train-execution").drop(columns="fit_s"), before, check_exact=True)
    assert staging_tables(business) == []


def test_a_failed_training_is_red_until_its_models_are_trained(
    business: Business, task: Task, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two of six fail, both in task 1, which exits 1 as often as it is tried; then it trains them and no others again.

    What became of each combination is recorded every time.
    """
    for path in business.models.glob("*/*/B2.pkl"):
        path.unlink()
    with monkeypatch.context() as broken:
        fail_for("B2", broken)
        assert [task("train", index, 2) for index in (0, 1, 1)] == [0, 1, 1]
    registry = of_run(business, REGISTRY, "train-execution")
    assert registry["outcome"].value_counts().to_dict() == {"skipped": 4, "failed": 2}
    assert task("train", 1, 2) == 0
    registry = of_run(business, REGISTRY, "train-execution")
    assert registry["outcome"].value_counts().to_dict() == {"skipped": 4, "saved": 2}
    assert LocalStore(business.models).stored() == sorted(Combination(*parts) for parts in TRAINED)
    assert staging_tables(business) == []


def test_many_tasks_retrain_what_one_retrains(business: Business, task: Task) -> None:
    """The registry rows of three targets are the same from three tasks as from one, and no other model changes."""
    others = {path: path.read_bytes() for path in business.models.glob("*/ON TRADE/*.pkl")}
    assert task("retrain", 0, 1, *TARGETS, execution="alone") == 0
    assert [task("retrain", index, 3, *TARGETS) for index in range(3)] == [0, 0, 0]
    alone, together = (
        of_run(business, REGISTRY, f"retrain-{name}").drop(columns=["fit_s", "outcome", "reason", "previous_version"])
        for name in ("alone", "execution")
    )
    assert len(alone) == 3
    assert_frame_equal(together, alone, check_exact=True)
    assert {path: path.read_bytes() for path in others} == others

"""Targets that say what they mean: what each word stands for, and runs that have nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from business import TRAINED, Business
from stubs import stored

from skucast.backends.store.local import LocalStore
from skucast.core.combination import KEY, Combination
from skucast.core.errors import InputError, ModelError, NothingToDo, StoreError
from skucast.core.run import Run
from skucast.core.tables.alerts import ALERTS
from skucast.core.tables.contract import ALL
from skucast.core.tables.records import REGISTRY
from skucast.core.weeks import WEEK
from skucast.jobs import targets as targets_job
from skucast.jobs.targets import asked_for, chosen, tasks_part
from skucast.runtime.settings import Settings
from skucast.sales.names import NO_NAMES

BEFORE = CUTOFF - WEEK
QUICK = ("--tune", "off")
A, B, C = (Combination("Пермь", "KA", name) for name in "ABC")


def run_of(task_index: int = 0, task_count: int = 1) -> Run:
    """Return a run about the tests' week."""
    return Run("retrain", "r", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF, task_index, task_count)


def meant(text: str, rows: pd.DataFrame, run: Run | None = None, settings: Settings | None = None) -> list[Combination]:
    """Return what a list of targets means to a business of A, B and C whose alerts or metrics are these rows."""
    ours = settings or Settings()
    tables: Any = SimpleNamespace(read=lambda *_, **__: rows)
    history: Any = SimpleNamespace(combinations=[A, B, C], names=NO_NAMES, data_cutoff=CUTOFF)
    store: Any = None
    return chosen(ours, asked_for(ours, text), tables, store, run or run_of(), history)[0]


def alerts(*rows: tuple[date, str, str]) -> pd.DataFrame:
    """Return alerts: week, article (`*` = the system's) and state."""
    frame = pd.DataFrame(rows, columns=["cutoff", "SKU_ID", "state"])
    is_system = frame["SKU_ID"] == ALL
    return frame.assign(
        cutoff=pd.to_datetime(frame["cutoff"]),
        unit=pd.Series("Пермь", index=frame.index).mask(is_system, ALL),
        channel=pd.Series("KA", index=frame.index).mask(is_system, ALL),
    )


def scores(**errors: float) -> pd.DataFrame:
    """Return the rows of the newest window and of one before, in which C was worst; errors by article."""
    rows = [(CUTOFF, name, error) for name, error in errors.items()] + [(BEFORE, "C", 999.0)]
    frame = pd.DataFrame(rows, columns=["window_end", "SKU_ID", "sum_abs_error"])
    end = pd.to_datetime(frame["window_end"])
    return frame.assign(unit="Пермь", channel="KA", window_end=end, window_start=end - pd.Timedelta(weeks=4))


def test_alerts_are_those_open_in_the_newest_monitored_week() -> None:
    """Opened or still open, of combinations; resolved ones, the system's and those of earlier weeks are none."""
    rows = alerts(
        (BEFORE, "C", "open"), (CUTOFF, "A", "open"), (CUTOFF, "B", "still_open"), (CUTOFF, "C", "resolved"),
        (CUTOFF, ALL, "open"), (CUTOFF, "A", "still_open"),
    )  # fmt: skip
    assert meant("@alerts", rows) == [A, B]


def test_an_alert_of_what_the_sales_have_no_more_is_passed_over() -> None:
    """The others are trained."""
    assert meant("@alerts", alerts((CUTOFF, "GONE", "open"), (CUTOFF, "A", "open"))) == [A]


def test_the_worst_have_the_largest_sum_of_errors_of_the_newest_window() -> None:
    """As many as are asked for, or as there are; by name where they are as wrong; what was never wrong is none."""
    assert meant("@worst:1", scores(A=5.0, B=7.0, C=1.0)) == [B]
    assert meant("@worst:2", scores(A=5.0, B=7.0, C=5.0)) == [A, B]
    assert meant("@worst:500", scores(A=5.0, B=7.0, C=0.0)) == [A, B]


def test_words_and_names_add_up() -> None:
    """What is named twice is taken once."""
    assert meant("@worst:1; Пермь/KA/C; Пермь/KA/B", scores(B=7.0)) == [B, C]


@pytest.mark.parametrize(
    ("text", "rows", "why"),
    [
        ("@alerts", alerts(), "no week has been monitored yet"),
        ("@alerts", alerts((CUTOFF, "A", "resolved")), "@alerts: no combination with an alert open in week 2026-11-22"),
        ("@worst:3", scores().head(0), "nothing has been scored yet"),
        ("@worst:3", scores(A=0.0), "@worst: no combination most wrongly"),
    ],
)
def test_nothing_of_that_kind_is_said(text: str, rows: pd.DataFrame, why: str) -> None:
    """With the week that was looked at; of one of several tasks it is an empty part, which the others wait for."""
    with pytest.raises(NothingToDo, match=f"{why}.*nothing is to be done"):
        meant(text, rows)
    assert meant(text, rows, run_of(1, 2)) == []


def test_a_name_that_is_unknown_stops_the_run_beside_a_word() -> None:
    """A pattern that fits nothing is a mistake, whatever else was asked for."""
    with pytest.raises(InputError, match="unknown 'Пермь/TF/"):
        meant("@worst:1; Пермь/TF/*", scores(B=7.0))


def test_tasks_share_out_what_stays_while_models_are_made() -> None:
    """What a word stands for shrinks while tasks work: each keeps its part of all that is known, none is left out."""
    ours = Settings()
    asked = asked_for(ours, "@missing")
    first = tasks_part(run_of(0, 2), asked, [A, B, C], [A, B, C])
    left = [each for each in (A, B, C) if each not in first]
    assert tasks_part(run_of(1, 2), asked, left, [A, B, C]) == left
    assert tasks_part(run_of(0, 2), asked_for(ours, "*/*/*"), [B, C], [A, B, C]) == [B]


def test_a_file_in_a_bucket_is_read_with_its_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    """By our names or those of SALES_COLUMNS; one that is not there is one line."""
    content = "Филиал;channel;SKU_ID\r\nПермь;KA;B\r\n;;\r\n".encode("cp1251")
    there = {("gs://bucket/lists", "bad.csv"): SimpleNamespace(data=content)}
    monkeypatch.setattr(targets_job, "read_bytes", lambda place, name, *_, **__: there.get((place, name)))
    settings = Settings(sales_columns="unit=Филиал")
    assert meant("gs://bucket/lists/bad.csv", alerts(), settings=settings) == [B]
    with pytest.raises(InputError, match="there is no such object; look with: gcloud storage ls gs://bucket/"):
        meant("@gs://bucket/none.csv", alerts())


def test_stale_is_older_than_the_limit_and_missing_is_without_a_usable_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted from the newest sales; a model of exactly so many weeks is not stale; a damaged one is missing."""
    found = {A: stored(cutoff=CUTOFF - 5 * WEEK), B: stored(cutoff=CUTOFF - 4 * WEEK), C: ModelError("damaged")}
    monkeypatch.setattr(targets_job, "_trainable", lambda _: [A, B, C])
    monkeypatch.setattr(targets_job, "load_models", lambda *_: found)
    assert meant("@stale", alerts()) == [A]
    assert meant("@stale", alerts(), settings=Settings(refresh_after_weeks=3)) == [A, B]
    assert meant("@missing", alerts()) == [C]
    assert meant("@missing; @stale", alerts()) == [A, C]


def test_a_store_that_does_not_answer_is_not_a_store_without_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """What could not be looked at is not trained anew as if it were missing: the run fails."""
    monkeypatch.setattr(targets_job, "_trainable", lambda _: [A])
    monkeypatch.setattr(targets_job, "load_models", lambda *_: {A: StoreError("no usable answer within 120 s")})
    with pytest.raises(StoreError, match="no usable answer"):
        meant("@missing", alerts())


# --- Runs -----------------------------------------------------------------------------------------------------------


def newest_rows(business: Business) -> pd.DataFrame:
    """Return the registry's rows of the newest run."""
    rows = business.warehouse.read(REGISTRY).sort_values("created_at", kind="stable")
    return rows[rows["run_id"] == rows["run_id"].iloc[-1]]


def break_models(business: Business) -> None:
    """Remove one model and damage another."""
    (business.models / "Пермь/KA/A1.pkl").unlink()
    (business.models / "Пермь/KA/B2.pkl").write_bytes(b"garbage")


def test_missing_trains_what_has_no_usable_model_and_then_nothing(business: Business, shown: Callable[[], str]) -> None:
    """A model that is gone and one that is damaged; what gets no model is not missing; a second run does nothing."""
    break_models(business)
    assert business("retrain", "--target", "@missing", *QUICK) == 0
    assert sorted(newest_rows(business)["SKU_ID"]) == ["A1", "B2"]
    n_rows = len(business.warehouse.read(REGISTRY))
    assert business("retrain", "--target", "@missing", *QUICK) == 0
    assert (
        "@missing: no combination that is active, has enough history and no usable model; nothing is to be done"
        in shown()
    )
    assert len(business.warehouse.read(REGISTRY)) == n_rows


def test_tasks_that_train_what_is_missing_leave_none_out(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second task starts when the first has made its models; each is trained once, one registry has all."""
    for path in business.models.glob("*/*/*.pkl"):
        path.unlink()
    for index in (0, 1):
        monkeypatch.setenv("CLOUD_RUN_EXECUTION", "execution")
        monkeypatch.setenv("CLOUD_RUN_TASK_INDEX", str(index))
        monkeypatch.setenv("CLOUD_RUN_TASK_COUNT", "2")
        assert business("retrain", "--target", "@missing", *QUICK) == 0
    assert LocalStore(business.models).stored() == sorted(Combination(*parts) for parts in TRAINED)
    rows = business.warehouse.read(REGISTRY)
    assert sorted(map(tuple, rows.loc[rows["run_id"] == "retrain-execution", KEY].to_numpy())) == sorted(TRAINED)


def test_alerts_without_a_monitored_week_train_nothing(business: Business, shown: Callable[[], str]) -> None:
    """Exit 0, one line that says why, no row of the registry; an unknown word is exit 2."""
    n_rows = len(business.warehouse.read(REGISTRY))
    assert business("retrain", "--target", "@alerts") == 0
    assert "no week has been monitored yet" in shown()
    assert business("retrain", "--target", "@alert") == 2
    assert "did you mean @alerts?" in shown()
    assert len(business.warehouse.read(REGISTRY)) == n_rows
    assert business.warehouse.read(ALERTS).empty

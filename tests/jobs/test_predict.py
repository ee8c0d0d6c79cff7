"""Prediction: a complete, valid week for every combination, whatever happens."""

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from business import GONE, NEW, TRAINED, Business

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS
from skucast.core.tables.records import RUNS


def by_combination(business: Business, column: str) -> dict[tuple[str, str, str], str]:
    """Return one column of the first step by combination."""
    rows = business.rows(FORECASTS).query("step == 1")
    return dict(zip(rows[KEY].itertuples(index=False, name=None), rows[column], strict=True))


def test_every_combination_gets_four_weeks_with_interval_components_method_and_status(business: Business) -> None:
    """24 rows: models for four, a labelled mean for the new one, zeros for the one that stopped."""
    business.already("predict")
    rows = business.rows(FORECASTS)
    assert len(rows) == 24
    assert rows.groupby(KEY)["step"].apply(list).map(lambda steps: steps == [1, 2, 3, 4]).all()
    status = by_combination(business, "status")
    assert [status[parts] for parts in (*TRAINED, NEW, GONE)] == ["ok"] * 4 + ["short_history", "inactive"]
    assert rows.loc[rows["status"] == "inactive", "yhat"].eq(0).all()
    ok = rows[rows["status"] == "ok"]
    np.testing.assert_allclose(ok[list(COMPONENTS)].sum(axis=1), ok["yhat"], rtol=1e-9)
    assert rows.groupby("step")["is_open_week"].all().to_dict() == {1: True, 2: False, 3: False, 4: False}


def test_a_second_run_changes_nothing(business: Business) -> None:
    """Same sales, same models: the same rows, intervals included, and no row twice."""
    business.already("predict")
    first = business.rows(FORECASTS)
    assert business("predict") == 0
    assert business.rows(FORECASTS).equals(first)


def test_without_models_every_combination_gets_a_labelled_fallback(untrained: Business) -> None:
    """Predicting before training works, and says so."""
    assert untrained("predict") == 0
    status = by_combination(untrained, "status")
    assert [status[parts] for parts in (*TRAINED, NEW, GONE)] == ["no_model"] * 4 + ["short_history", "inactive"]
    method = by_combination(untrained, "method")
    assert {method[parts] for parts in TRAINED} <= {"ses", "tsb", "mean_4", "mean_8", "last_week", "seasonal_naive"}


def test_no_fallback_takes_the_place_of_what_models_forecast(business: Business, shown: Callable[[], str]) -> None:
    """A mistyped MODEL_STORE after a good run: exit 1, what to correct in one line, the forecasts stay."""
    business.already("predict")
    before = business.rows(FORECASTS)
    assert business("predict", "--model-store", str(business.folder / "modles")) == 1
    assert f"no model is found in {business.folder / 'modles'}" in shown()
    assert business.rows(FORECASTS).equals(before)


def test_a_targeted_run_replaces_only_its_rows(business: Business) -> None:
    """Two weeks for one combination only: the other combinations keep their four."""
    business.already("predict")
    assert business("predict", "--target-combinations", "Пермь/KA/A1", "--horizon-weeks", "2") == 0
    counts = business.rows(FORECASTS).groupby(KEY).size()
    assert counts[("Пермь", "KA", "A1")] == 2
    assert sorted(counts) == [2, 4, 4, 4, 4, 4]


def test_a_broken_model_file_costs_its_combination_only(business: Business, shown: Callable[[], str]) -> None:
    """An empty file: that combination falls back and is reported, the others keep their models, exit 0."""
    (business.models / "Пермь" / "KA" / "A1.pkl").write_bytes(b"")
    assert business("predict", "--max-failed-share", "0.5") == 0
    assert by_combination(business, "status")[("Пермь", "KA", "A1")] == "load_failed"
    assert sorted(by_combination(business, "status").values()).count("ok") == 3
    assert "empty file; retrain this combination" in shown()


def test_too_many_broken_models_publish_nothing(business: Business, shown: Callable[[], str]) -> None:
    """One of six is more than 5 %: exit 1, and the week that was published before stands whole."""
    business.already("predict")
    before = business.rows(FORECASTS)
    (business.models / "Пермь" / "KA" / "A1.pkl").write_bytes(b"\x80")
    assert business("predict") == 1
    assert business.rows(FORECASTS).equals(before)
    assert "1 of 6 combinations failed" in shown()
    assert sorted(business.warehouse.read(RUNS).query("job == 'predict'")["exit_code"]) == [0, 1]


class _WritesAFile:
    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return (Path.write_text, (self.target, "owned"))


def test_a_hostile_model_file_runs_nothing(business: Business, tmp_path: Path) -> None:
    """A planted pickle that would write a file does not write it."""
    target = tmp_path / "owned.txt"
    (business.models / "Пермь" / "KA" / "A1.pkl").write_bytes(pickle.dumps(_WritesAFile(target)))
    assert business("predict", "--max-failed-share", "0.5") == 0
    assert not target.exists()
    assert by_combination(business, "status")[("Пермь", "KA", "A1")] == "load_failed"


def test_a_model_in_the_wrong_place_is_refused(business: Business) -> None:
    """A copied file holds another combination's model: it does not forecast this one."""
    ours, theirs = business.models / "Пермь" / "KA" / "A1.pkl", business.models / "Пермь" / "KA" / "B2.pkl"
    ours.write_bytes(theirs.read_bytes())
    assert business("predict", "--max-failed-share", "0.5") == 0
    assert by_combination(business, "status")[("Пермь", "KA", "A1")] == "load_failed"


def test_a_crash_while_writing_leaves_the_earlier_week_whole(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The insert dies after the delete: the transaction takes both back, exit 1, and the next run completes."""
    business.already("predict")
    before = business.rows(FORECASTS)
    real = DuckDBWarehouse._insert

    def dies(self: DuckDBWarehouse, connection: object, table: object, rows: object) -> None:
        if table is FORECASTS:
            raise OSError("disk gone")
        real(self, connection, table, rows)

    with monkeypatch.context() as broken:
        broken.setattr(DuckDBWarehouse, "_insert", dies)
        assert business("predict", "--horizon-weeks", "2") == 1
    assert business.rows(FORECASTS).equals(before)
    assert business("predict", "--horizon-weeks", "2") == 0
    assert len(business.rows(FORECASTS)) == 12


@pytest.mark.parametrize(
    ("anchor", "said"),
    [
        ("SAT", "its model is of weeks that end on SUN, these end on SAT; run run_all_skus.py"),
        ("MON", "4 combinations forecast by models of weeks that end on SUN, these end on MON: run run_all_skus.py"),
    ],
)
def test_models_of_weeks_that_end_on_another_day_are_said_to_be_so(
    business: Business, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch, anchor: str, said: str
) -> None:
    """WEEK_ANCHOR changed after training: not "seen later weeks", which they have by a day, but what to do."""
    assert business("train", "--force") == 0
    monkeypatch.setenv("WEEK_ANCHOR", anchor)
    assert business("predict") == 0
    text = shown()
    assert said in text
    assert "later weeks" not in text


def test_the_past_is_forecast_with_a_model_that_had_not_seen_the_future(
    business: Business, shown: Callable[[], str]
) -> None:
    """Four weeks ago there was no model; once one is trained as of then, it is used, not the newer live one."""
    past = ["--as-of", "2026-10-28"]
    assert business("predict", *past) == 0
    assert "4 combinations whose models have seen later weeks: train with this --as-of" in shown()
    assert by_combination(business, "status")[("Пермь", "KA", "A1")] == "no_model"
    one = "--force", "--target-combinations", "Пермь/KA/A1", "--naive-evidence", "1000"
    assert business("train", *past, *one) == 0
    assert business("train", *one) == 0
    assert business("predict", *past) == 0
    rows = business.rows(FORECASTS).query("status == 'ok'")
    assert rows["model_cutoff"].astype("str").unique().tolist() == ["2026-10-25"]


def test_late_sales_are_bridged_and_said(business: Business, shown: Callable[[], str]) -> None:
    """Two weeks later nothing new was delivered: steps 1-4 after the cutoff all the same, and rows say since when."""
    assert business("predict", "--as-of", "2026-12-09") == 0
    rows = business.rows(FORECASTS)
    assert rows["step"].max() == 4
    assert rows["cutoff"].astype("str").unique().tolist() == ["2026-12-06"]
    assert rows["data_cutoff"].astype("str").unique().tolist() == ["2026-11-22"]
    assert "sales are 2 weeks late" in shown()


def test_late_sales_can_stop_the_run(business: Business, shown: Callable[[], str]) -> None:
    """LATE_SALES=stop: exit 1, nothing written, said once; a day years ahead is never bridged, and said once too."""
    assert business("predict", "--as-of", "2026-12-09", "--late-sales", "stop") == 1
    said = shown()
    assert "LATE_SALES=stop" in said
    assert said.count("sales are 2 weeks late") == 1
    assert business("predict", "--as-of", "2030-01-01") == 1
    assert shown().count("weeks late") == 1
    assert len(business.rows(FORECASTS)) == 0


def test_without_sales_one_line_says_what_to_do_and_nothing_is_written(
    tmp_path: Path, shown: Callable[[], str]
) -> None:
    """No warehouse file: exit 2, the two ways to get sales are named, no file appears."""
    empty = Business(tmp_path / "empty")
    assert empty("predict") == 2
    text = shown()
    assert "make demo" in text
    assert "python -m skucast load" in text
    assert len(text.strip().splitlines()) == 1
    assert not empty.folder.exists()


@pytest.mark.parametrize("flags", [["--horizon-weeks", "0"], ["--as-of", "2026-02-29"], ["--business-tz", "Mars/City"]])
def test_wrong_settings_stop_the_run_before_it_starts(
    business: Business, flags: list[str], shown: Callable[[], str]
) -> None:
    """Exit 2, the variable is named, no row of a run is stored."""
    runs_before = len(business.warehouse.read(RUNS))
    assert business("predict", *flags) == 2
    assert flags[0].removeprefix("--").replace("-", "_").upper() in shown()
    assert len(business.warehouse.read(RUNS)) == runs_before

"""Training: models and registry rows, resume, verify, targeted retraining, rollback."""

import json
import re
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from business import GONE, NEW, TRAINED, Business, fail_for

from skucast.backends.store.local import LocalStore
from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelNotFound, ObjectKept
from skucast.core.run import Run
from skucast.core.tables.contract import ALL
from skucast.core.tables.records import DEMAND_CLASSES, REGISTRY, RUNS
from skucast.core.tables.sales import LOCATIONS
from skucast.entry import cli
from skucast.forecast.artifact import loads
from skucast.regressors.holidays import OTHER_HOLIDAYS

A1 = "Пермь/KA/A1"


def outcomes(business: Business) -> pd.Series:
    """Return the outcome of every combination in the newest training."""
    registry = business.warehouse.read(REGISTRY)
    newest = registry[registry["run_id"] == registry.sort_values("created_at", kind="stable")["run_id"].iloc[-1]]
    return newest.set_index(KEY)["outcome"]


def test_bulk_training_stores_a_model_for_every_combination_with_enough_history(business: Business) -> None:
    """Four models at their public paths; the new and the stopped combination are skipped with their reason."""
    stored = LocalStore(business.models).stored()
    assert stored == sorted(Combination(*parts) for parts in TRAINED)
    assert (business.models / "Пермь" / "ON TRADE" / "A1.pkl").is_file()
    reasons = business.rows(REGISTRY).set_index("SKU_ID")["reason"].dropna()
    assert reasons["NEW"] == "short history: 10 known weeks, 26 are needed"
    assert reasons["GONE"] == "inactive: nothing sold for 13 weeks"


def test_the_registry_tells_settings_and_honest_accuracy_of_every_training(business: Business) -> None:
    """A saved model's row has its version, hyperparameters, three origins and a WAPE per step."""
    row = business.rows(REGISTRY).query("outcome == 'saved'").iloc[0]
    assert row["backtest_origins"] == 3
    assert 0 < row["backtest_wape"] < 0.5
    assert set(json.loads(row["backtest_by_step"])) == {"1", "2", "3", "4"}
    assert row["model_version"].startswith("2026-11-22-")


def test_the_registry_tells_what_kind_of_demand_it_is_and_what_stands_in_for_a_model(business: Business) -> None:
    """The kind in every row that sold; the method and its past errors where the history is too short for a model."""
    registry = business.warehouse.read(REGISTRY)
    assert registry["demand_class"].isin(DEMAND_CLASSES).all()
    new = registry.set_index("SKU_ID").loc["NEW"]
    chosen = json.loads(new["tuning"])
    assert chosen["method"] == "ses"
    assert set(chosen["wape"]) == {"ses", "mean_4", "mean_8", "last_week"}
    assert new["n_weeks"] == 10


def test_a_second_run_trains_nothing(business: Business) -> None:
    """Resume: models of this cutoff exist, so every combination is skipped and every file stays as it is."""
    before = {path: path.read_bytes() for path in business.models.rglob("*.pkl")}
    assert business("train") == 0
    assert set(outcomes(business)) == {"skipped"}
    assert {path: path.read_bytes() for path in business.models.rglob("*.pkl")} == before


def trained_anew(business: Business, *flags: str) -> int:
    """Train without tuning, good or bad, and return how many live models are other ones than before."""
    before = {path: path.read_bytes() for path in business.models.glob("*/*/*.pkl")}
    assert business("train", "--tune", "off", "--max-worse", "10", *flags) == 0
    return sum(path.read_bytes() != payload for path, payload in before.items())


def test_models_of_another_calendar_are_trained_anew(business: Business, tmp_path: Path) -> None:
    """Local events: all four anew; the same ones in another file and order: none; one more day of them: all four."""

    def trained_with(name: str, *events: str) -> int:
        path = tmp_path / name
        path.write_text("\n".join(["name,date,days_before,days_after", *events]), encoding="utf-8")
        return trained_anew(business, "--holiday-calendar", str(path))

    fair, city_day = "Fair,2026-06-12,2,0", "City Day,2026-07-19,0,0"
    assert trained_with("a.csv", fair, city_day) == 4
    stored = loads((business.models / "Пермь" / "KA" / "A1.pkl").read_bytes())
    [pool] = [holiday for holiday in stored.models[0].holidays if holiday.name == OTHER_HOLIDAYS]
    assert {"2026-06-14", "2026-07-19"} <= set(pool.shares)
    assert trained_with("b.csv", city_day, fair) == 0
    assert trained_with("b.csv", city_day, "Fair,2026-06-12,3,0") == 4


def test_models_of_another_part_of_the_country_are_trained_anew(business: Business) -> None:
    """The part is in the plan, by name."""
    given = [("--holiday-country", "DE", "--holiday-subdivision", part) for part in ("BY", "BY", "BE")]
    assert [trained_anew(business, *flags) for flags in given] == [4, 0, 4]


def test_models_of_a_unit_in_another_country_are_trained_anew(business: Business, run: Run) -> None:
    """Only those of the unit that is there, once; its models have that country's holidays."""
    assert trained_anew(business) == 4
    place = {"unit": ["Чайковский", "Пермь"], "latitude": 56.8, "longitude": 54.1, "country": ["KZ", None]}
    business.warehouse.replace(LOCATIONS, pd.DataFrame(place), ALL, run=run)
    assert [trained_anew(business) for _ in range(2)] == [1, 0]
    countries = {path.parts[-3]: loads(path.read_bytes()).card for path in business.models.glob("*/*/B2.pkl")}
    assert {unit: card.recipe["holiday_country"] for unit, card in countries.items()} == {
        "Пермь": "RU",
        "Чайковский": "KZ",
    }


def test_a_calendar_with_a_mistake_trains_nothing(business: Business, tmp_path: Path, shown: Callable[[], str]) -> None:
    """Exit 2, file and line are named, the models stay as they are."""
    before = {path: path.read_bytes() for path in business.models.rglob("*.pkl")}
    path = tmp_path / "events.csv"
    path.write_text("name,date,days_before,days_after\nFair,2026-06-31,0,0\n", encoding="utf-8")
    assert business("train", "--force", "--holiday-calendar", str(path)) == 2
    assert "events.csv, line 2: date '2026-06-31': expected a date such as 2026-06-12" in shown()
    assert {path: path.read_bytes() for path in business.models.rglob("*.pkl")} == before


def test_a_run_that_was_interrupted_trains_only_what_is_missing(business: Business) -> None:
    """One model file is gone: it alone is trained."""
    (business.models / "Пермь" / "KA" / "A1.pkl").unlink()
    assert business("train") == 0
    assert outcomes(business).value_counts().to_dict() == {"skipped": 5, "saved": 1}


def test_force_trains_again_and_the_same_data_give_the_same_model(business: Business) -> None:
    """Equal data and settings give equal versions: trained, compared, not written."""
    assert business("train", "--force", "--target-combinations", A1) == 0
    assert outcomes(business).tolist() == ["unchanged"]


def test_two_runs_at_once_that_train_the_same_model_both_succeed(
    business: Business, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other run saved its models after ours had looked: the same four, so ours are saved too, exit 0."""
    before = {path: path.read_bytes() for path in business.models.rglob("*.pkl")}
    nothing_yet = {Combination(*parts): ModelNotFound("none") for parts in [*TRAINED, NEW, GONE]}
    monkeypatch.setattr(LocalStore, "load_many", lambda self, wanted: nothing_yet)
    assert business("train") == 0
    assert outcomes(business).value_counts().to_dict() == {"saved": 4, "skipped": 2}
    assert {path: path.read_bytes() for path in business.models.rglob("*.pkl")} == before


def test_a_model_replaced_by_another_is_reported_once_by_name(
    business: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """Another run on other settings was faster: its model stays, ours failed, and the name is not said twice."""
    nothing_yet = {Combination.parse(A1): ModelNotFound("none")}
    monkeypatch.setattr(LocalStore, "load_many", lambda self, wanted: nothing_yet)
    assert business("retrain", "--target", A1, "--seasonality-mode", "multiplicative") == 1
    assert f"first: {A1}: another run replaced the model meanwhile; its model stays live" in shown()


def test_training_on_late_sales_says_so(
    business: Business, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two weeks without a delivery: said once; LATE_SALES stops no training."""
    monkeypatch.setenv("LATE_SALES", "stop")
    assert business("train", "--as-of", "2026-12-09") == 0
    text = "sales are 2 weeks late: the last complete week is 2026-11-22, expected 2026-12-06"
    assert shown().count(text) == 1


def test_verify_names_what_is_missing(business: Business, shown: Callable[[], str]) -> None:
    """Exit 0 while all four are there; a missing and a damaged file are both named, exit 1."""
    assert business("train", "--verify") == 0
    (business.models / "Пермь" / "KA" / "A1.pkl").unlink()
    (business.models / "Пермь" / "KA" / "B2.pkl").write_bytes(b"")
    assert business("train", "--verify") == 1
    assert "2 models are missing or unusable: Пермь/KA/A1, Пермь/KA/B2" in shown()


def test_one_failing_combination_stops_no_other(untrained: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of six fail, 40 % are allowed: the others' models are stored, the failures recorded, exit 0."""
    fail_for("B2", monkeypatch)
    assert untrained("train", "--max-failed-share", "0.4") == 0
    assert outcomes(untrained).value_counts().to_dict() == {"saved": 2, "failed": 2, "skipped": 2}


def test_too_many_failures_fail_the_run_but_keep_the_good_models(
    untrained: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """The default allows 5 %: exit 1 with the first failures by name; the two trained models stay."""
    fail_for("B2", monkeypatch)
    assert untrained("train") == 1
    assert "2 of 6 combinations failed" in shown()
    assert len(LocalStore(untrained.models).stored()) == 2
    assert untrained.warehouse.read(RUNS)["exit_code"].tolist() == [1]


def test_retraining_needs_targets(business: Business, shown: Callable[[], str]) -> None:
    """Neither unset nor empty ever means all; `U/C` has no three parts; an unknown name lists the closest."""
    assert business("retrain") == 2
    assert "TARGET_COMBINATIONS: not set" in shown()
    assert business("retrain", "--target", "") == 2
    assert business("retrain", "--target", "U/C") == 2
    assert business("retrain", "--target", "Пермь/KA/A2") == 2
    assert re.search(r"unknown .Пермь/KA/A2. \(closest: .*Пермь/KA/A1", shown())


def test_retraining_replaces_exactly_the_targeted_model_and_keeps_the_old_version(business: Business) -> None:
    """With other settings A1 becomes another version; the others' files are untouched, the old version is kept."""
    before = {path: path.read_bytes() for path in business.models.glob("*/*/*.pkl")}
    business.already("retrain", "--target", A1, "--seasonality-mode", "multiplicative")
    changed = [path for path in before if path.read_bytes() != before[path]]
    assert [path.name for path in changed] == ["A1.pkl"]
    assert len(LocalStore(business.models).versions(Combination.parse(A1))) == 2


def test_rollback_brings_back_the_version_before(business: Business) -> None:
    """After a retraining, one command makes the first version live again; there is none before that."""
    first = (business.models / "Пермь" / "KA" / "A1.pkl").read_bytes()
    business.already("retrain", "--target", A1, "--seasonality-mode", "multiplicative")
    flags = ["--warehouse", f"duckdb:{business.warehouse.path}", "--model-store", str(business.models)]
    assert cli.main(["rollback", A1, *flags]) == 0
    assert (business.models / "Пермь" / "KA" / "A1.pkl").read_bytes() == first
    assert cli.main(["rollback", A1, *flags]) == 2
    assert loads(first).card.combination == A1


@pytest.mark.parametrize("broken", ["garbage", "gone"])
@pytest.mark.parametrize("wanted", ["default", "by version"])
def test_rollback_mends_a_live_file_that_is_broken(business: Business, broken: str, wanted: str) -> None:
    """Overwritten with garbage, or removed: the newest kept version is live again, by default and by its name."""
    path = business.models / "Пермь" / "KA" / "A1.pkl"
    payload = path.read_bytes()
    path.write_bytes(b"garbage") if broken == "garbage" else path.unlink()
    version = ["--version", loads(payload).version] if wanted == "by version" else []
    flags = ["--warehouse", f"duckdb:{business.warehouse.path}", "--model-store", str(business.models)]
    assert cli.main(["rollback", A1, *version, *flags]) == 0
    assert path.read_bytes() == payload


def test_rollback_passes_over_a_version_that_cannot_be_read(business: Business) -> None:
    """The live file is garbage, the newest version too: the one before it comes back."""
    path = business.models / "Пермь" / "KA" / "A1.pkl"
    first = path.read_bytes()
    business.already("retrain", "--target", A1, "--seasonality-mode", "multiplicative")
    newest = loads(path.read_bytes()).version
    for file in (path, business.models / "_versions" / "Пермь" / "KA" / "A1" / f"{newest}.pkl"):
        file.write_bytes(b"garbage")
    flags = ["--warehouse", f"duckdb:{business.warehouse.path}", "--model-store", str(business.models)]
    assert cli.main(["rollback", A1, *flags]) == 0
    assert path.read_bytes() == first


def test_models_that_may_not_be_replaced_are_trained_and_named(
    business: Business, shown: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Under a retention policy or a hold every one is recorded with why it is not live; the run is not failed by it."""

    def save(*_: object, **__: object) -> None:
        raise ObjectKept(
            "its model stays live, the new version is beside it: gs://bucket: a retention policy or a hold"
        )

    before = (business.models / f"{A1}.pkl").read_bytes()
    monkeypatch.setattr(LocalStore, "save", save)
    assert business("retrain", "--target", "Пермь/*/*", "--seasonality-mode", "multiplicative") == 0
    registry = business.warehouse.read(REGISTRY).sort_values("created_at", kind="stable").tail(3)
    assert set(registry["outcome"]) <= {"unchanged", "skipped"}
    reasons = registry.loc[registry["outcome"] == "unchanged", "reason"]
    assert reasons.str.startswith("not made live: its model stays live, the new version is beside it").all()
    assert "3 new models not live, the earlier ones go on forecasting: Пермь/KA/A1, Пермь/" in shown()
    assert (business.models / f"{A1}.pkl").read_bytes() == before

"""Champion and challenger: a training replaces a stored model unless the new settings are clearly worse."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from business import Business

from skucast.core.combination import KEY, Combination
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import REGISTRY
from skucast.forecast import naive
from skucast.forecast.artifact import loads
from skucast.jobs import train as train_job

A1 = "Пермь/KA/A1"
ON_TRADE = "Пермь/ON TRADE/A1"
WORSE = ("--target", ON_TRADE, "--tune", "off")
"""The default settings, without any choice: for this article a tenth worse than those that were chosen."""


def files(folder: Path) -> dict[Path, bytes]:
    """Return the content of every file below the folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def newest(business: Business, run: str = "retrain") -> pd.Series:
    """Return the row of the only combination of the newest such run."""
    rows = business.warehouse.read(REGISTRY)
    rows = rows[rows["run_id"].str.startswith(run)].sort_values("created_at", kind="stable")
    return rows.iloc[-1]


def test_a_clearly_worse_challenger_is_kept_out_and_its_reason_can_be_read(
    business: Business, shown: Callable[[], str]
) -> None:
    """The stored file stays as it is; registry and summary tell both figures, and what replaces it all the same."""
    before = files(business.models)
    live = loads((business.models / f"{ON_TRADE}.pkl").read_bytes())
    assert business("retrain", *WORSE) == 0
    assert files(business.models) == before
    row, said = newest(business), shown()
    assert (row["outcome"], row["model_version"], row["compared_origins"]) == ("kept", live.version, 3)
    assert row["challenger_wape"] > 1.05 * row["champion_wape"]
    assert row["backtest_wape"] == live.card.backtest["pooled"]
    figures = f"WAPE {row['challenger_wape']:.3f} against {row['champion_wape']:.3f} at 3 origins"
    assert figures in row["reason"]
    assert f"1 stored model kept, --force replaces them: {ON_TRADE}: the new settings are" in said
    assert figures in said
    assert "kept=1" in said
    assert business("train", "--verify") == 0


@pytest.mark.parametrize("flags", [("--force",), ("--max-worse", "0.5")])
def test_a_worse_challenger_replaces_where_that_is_asked_for(business: Business, flags: tuple[str, ...]) -> None:
    """By force, or because a half more is allowed: both figures are told all the same."""
    before = loads((business.models / f"{ON_TRADE}.pkl").read_bytes()).version
    assert business("retrain", *WORSE, *flags) == 0
    row = newest(business)
    assert (row["outcome"], row["previous_version"]) == ("saved", before)
    assert row["challenger_wape"] > row["champion_wape"]


def test_a_training_of_all_keeps_a_better_champion_too(business: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """Four models by other settings: those that are clearly worse are kept out, the others replaced; again nobody is.

    A repeat trains nothing, and tells of what was kept the same figures; nor does the third.
    """
    assert business("train", "--tune", "off") == 0
    rows = business.warehouse.read(REGISTRY).query("compared_origins > 0")
    worse = rows["challenger_wape"] > 1.05 * rows["champion_wape"]
    assert (rows["outcome"] == "kept").tolist() == worse.tolist()
    assert 0 < worse.sum() < len(rows) == 4
    first = rows[rows["outcome"] == "kept"].set_index(KEY)

    def trained(combination: Combination, *_: object, **__: object) -> None:
        raise AssertionError(f"{combination} is trained again")

    monkeypatch.setattr(train_job, "train", trained)
    for _ in range(2):
        assert business("train", "--tune", "off") == 0
        rows = business.warehouse.read(REGISTRY).query("outcome == 'kept'")
        again = rows[rows["run_id"] == newest(business, "train")["run_id"]].set_index(KEY)
        assert (again["reason"] == first["reason"] + "; decided by an earlier run").all()
        same = ["model_version", "champion_wape", "challenger_wape", "demand_class"]
        pd.testing.assert_frame_equal(again[same], first[same], check_like=True)


def test_only_if_better_asks_for_a_gain(business: Business) -> None:
    """Less than the margin worse is not enough, and better is."""
    flags = ("--target", ON_TRADE, "--only-if-better")
    assert business("retrain", *flags, "--tune", "off", "--max-worse", "0.5") == 0
    assert newest(business)["outcome"] == "kept"
    assert "no better than the stored ones" in newest(business)["reason"]
    assert business("retrain", *WORSE, "--force") == 0
    assert business("retrain", *flags) == 0
    assert newest(business)["outcome"] == "saved"


def test_a_dry_run_shows_both_and_writes_nothing(business: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Not a byte of warehouse or store; the table has both figures and what a training would do."""
    before = files(business.folder)
    assert business("retrain", *WORSE, "--dry-run") == 0
    assert business("train", "--tune", "off", "--dry-run") == 0
    assert files(business.folder) == before
    said = capsys.readouterr().out.replace("\n", " ")
    assert "keep it" in said
    assert "replace it" in said


def test_a_champion_that_cannot_be_read_is_replaced_and_that_is_said(business: Business) -> None:
    """A damaged live file: there is nothing to compare, also where a gain is asked for."""
    path = business.models / f"{A1}.pkl"
    path.write_bytes(b"garbage")
    assert business("retrain", "--target", A1, "--only-if-better") == 0
    row = newest(business)
    assert (row["outcome"], row["reason"]) == ("saved", "not compared: the stored file cannot be used")
    assert loads(path.read_bytes()).version == row["model_version"]


def test_an_older_champion_is_compared_on_todays_history(business: Business) -> None:
    """Trained ten weeks ago by worse settings: both are backtested at today's origins, and it is replaced."""
    assert business("train", "--as-of", "2026-09-16", "--tune", "off", "--force") == 0
    assert business("retrain", "--target", ON_TRADE) == 0
    row = newest(business)
    assert row["outcome"] == "saved"
    assert row["champion_wape"] > row["challenger_wape"]
    assert row["previous_version"].startswith("2026-09-13")


def test_a_training_for_a_day_of_the_past_leaves_the_live_model_that_knows_more(
    business: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """Its model is kept beside it, forecasts that day, and is not made twice; what is live stays, and that is said."""
    path, flags = business.models / f"{A1}.pkl", ("--as-of", "2026-09-16", "--tune", "off")
    before = path.read_bytes()
    assert business("retrain", "--target", A1, *flags) == 0
    row = newest(business)
    assert path.read_bytes() == before
    assert (row["outcome"], row["reason"]) == ("kept", "the stored model has seen weeks after 2026-09-13")
    assert row["model_version"] == loads(before).version
    said = shown()
    assert "1 stored model kept, seen weeks after 2026-09-13; new ones are beside them" in said
    assert A1 in said

    def trained(combination: Combination, *_: object, **__: object) -> None:
        raise AssertionError(f"{combination} is trained again")

    with monkeypatch.context() as once:
        once.setattr(train_job, "train", trained)
        assert business("train", "--target-combinations", A1, *flags) == 0
    assert newest(business, "train")["outcome"] == "kept"
    assert path.read_bytes() == before
    assert business("predict", "--target-combinations", A1, "--as-of", "2026-09-16", "--forecaster", "prophet") == 0
    assert business.warehouse.read(FORECASTS)["model_version"].str.startswith("2026-09-13").all()


def test_a_training_for_a_day_of_the_past_replaces_by_force_and_says_how_to_go_back(
    business: Business, shown: Callable[[], str]
) -> None:
    """No settings were compared: a warning names the combination, the reason and the command."""
    assert business("retrain", "--target", A1, "--as-of", "2026-09-16", "--tune", "off", "--force") == 0
    row, said = newest(business), shown()
    why = "not compared: the stored model has seen weeks after 2026-09-13"
    assert (row["outcome"], row["reason"]) == ("saved", why)
    assert "1 live model replaced without a comparison (skucast models rollback brings them back)" in said
    assert f"{A1}: {why}" in said


def test_a_beaten_model_is_stored_and_the_naive_method_forecasts_where_it_would_alone(
    untrained: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """Every model counts as beaten: the named method forecasts and says so, the model's number stands beside it."""
    monkeypatch.setattr(naive, "_standard_errors", lambda *_: 5.0)
    assert untrained("train", "--tune", "off") == 0
    assert "4 models that a naive method clearly beats" in shown()
    assert untrained("predict") == 0
    registry = untrained.warehouse.read(REGISTRY).query("outcome == 'saved'").set_index(KEY)
    assert registry["is_beaten"].all()
    rows = untrained.rows(FORECASTS).set_index(KEY)
    rows = rows.loc[registry.index]
    assert set(rows["status"]) == {"naive_better"}
    assert rows["method"].tolist() == registry["naive_method"].repeat(4).tolist()
    assert rows["yhat_prophet"].notna().all()
    assert rows["model_version"].isna().all()
    assert len(untrained.rows(FORECASTS)) == 24

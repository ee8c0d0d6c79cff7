"""Stored models by hand: what is there, how it differs, going back, healing, pruning."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY
from business import TRAINED, Business
from stubs import card, stub_model

from skucast.backends.store.local import LocalStore
from skucast.core.combination import Combination
from skucast.core.errors import RunFailed, StoreConflict
from skucast.core.model_files import SharedFile
from skucast.core.run import Run
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.records import REGISTRY
from skucast.core.tables.validation import empty
from skucast.entry import cli
from skucast.forecast.artifact import dumps, loads
from skucast.forecast.plain import StoredPayload, written
from skucast.jobs.rollback import Wanted, heal, heal_shared, roll_back
from skucast.jobs.stored_models import differences, prune, stored_models
from skucast.runtime.outcome import RunReport
from skucast.runtime.stopping import Stopped

A1, KA = "Пермь/KA/A1", "Пермь/KA/*"
QUICK = ("--tune", "off", "--force")


@pytest.fixture(autouse=True)
def _by_hand_is_later(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is done by hand comes a minute after what was trained, however fast the tests are."""
    real = cli.start_run

    def later(*parts: Any) -> Run:
        run = real(*parts)
        return replace(run, run_at=run.run_at + timedelta(minutes=1))

    monkeypatch.setattr(cli, "start_run", later)


def models(business: Business, *words: str) -> int:
    """Run a tool about stored models and return its exit code."""
    places = ["--warehouse", f"duckdb:{business.warehouse.path}", "--model-store", str(business.models)]
    return cli.main(["models", *words, *places])


def retrained(business: Business, targets: str = A1) -> None:
    """Train with other settings, so that there is another version."""
    business.already("retrain", "--target", targets, "--seasonality-mode", "multiplicative", *QUICK)


def live(business: Business) -> dict[str, bytes]:
    """Return the live files by their path."""
    return {str(path.relative_to(business.models)): path.read_bytes() for path in business.models.glob("*/*/*.pkl")}


def test_a_pattern_goes_back_is_recorded_and_forecasts_bit_for_bit_as_before(business: Business) -> None:
    """All of a channel, by the version before; each has its row; the forecasts are those of before, every bit."""
    business.already("predict")
    before, forecasts = live(business), business.rows(FORECASTS)
    retrained(business, KA)
    assert live(business) != before
    assert models(business, "rollback", KA) == 0
    assert live(business) == before
    rows = business.warehouse.read(REGISTRY).query("outcome == 'rolled_back'")
    assert len(rows) == 2
    assert set(rows["model_version"]) == {loads(before[f"{name}.pkl"]).version for name in (A1, "Пермь/KA/B2")}
    assert rows["previous_version"].notna().all()
    assert (rows["reason"] == "by hand").all()
    assert business("predict") == 0
    pd.testing.assert_frame_equal(business.rows(FORECASTS), forecasts, check_exact=True)


def test_a_day_says_how_far_back_and_said_again_changes_nothing(business: Business) -> None:
    """The newest version that has seen no week after it; a second call after a crash goes no further."""
    before = live(business)
    assert business("retrain", "--target", A1, "--as-of", "2026-11-11", *QUICK) == 0
    assert business("retrain", "--target", A1, *QUICK) == 0
    old = [name for name in LocalStore(business.models).versions(Combination.parse(A1)) if name < "2026-11-09"]
    for _ in range(2):
        assert models(business, "rollback", KA, "--until", "2026-11-08") == 0
    assert loads(live(business)[f"{A1}.pkl"]).version in old
    assert live(business)["Пермь/KA/B2.pkl"] == before["Пермь/KA/B2.pkl"]  # has none so old: it stays
    assert models(business, "rollback", "Пермь/KA/B2", "--until", "2026-11-08") == 2


def test_heal_brings_back_what_was_live_and_touches_nothing_else(business: Business) -> None:
    """One file damaged, one gone: both as they were, also where a newer version was rolled back before."""
    retrained(business)
    assert models(business, "rollback", A1) == 0
    before = live(business)
    (business.models / f"{A1}.pkl").write_bytes(b"garbage")
    (business.models / "Чайковский/TF/B2.pkl").unlink()
    runs = set(business.warehouse.read(REGISTRY)["run_id"])
    assert models(business, "heal") == 0
    assert live(business) == before
    rows = business.warehouse.read(REGISTRY)
    rows = rows[~rows["run_id"].isin(runs)]
    assert rows["outcome"].tolist() == ["rolled_back", "rolled_back"]
    assert rows["reason"].str.startswith("by hand: ").all()
    assert models(business, "heal") == 0
    assert live(business) == before


def test_back_is_what_was_live_before_not_what_was_saved_before(business: Business) -> None:
    """A bad version that was rolled back once does not come back when its successor is rolled back."""
    first = live(business)
    retrained(business)
    assert models(business, "rollback", A1) == 0
    assert business("retrain", "--target", A1, "--as-of", "2026-11-18", *QUICK) == 0
    assert live(business) != first
    assert models(business, "rollback", A1) == 0
    assert live(business) == first


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["rollback", "Нет/KA/*"], "models: unknown 'Нет/KA/*'"),
        (["rollback", "Пермь/KA/A2"], "unknown 'Пермь/KA/A2' (closest: "),
        (["rollback", "@alerts"], "is a word for what is to be trained"),
        (["rollback", A1], "is the oldest version kept"),
        (["rollback", A1, "--version", "foo"], f"{A1}: no version foo is kept; there are 2026-11-22-"),
        (
            ["rollback", A1, "--until", "2100-01-01"],
            "--until: found 2100-01-01, which has not come: expected 2099-12-31",
        ),
        (["diff", A1, "--other", "foo"], f"models show '{A1}'"),
        (["rollback", KA, "--version", "x"], "of several give --until"),
        (["diff", A1], "is the only version kept"),
        (["show", "Пермь/KA"], "expected Unit/Channel/SKU_ID"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_changes_nothing(
    business: Business, words: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, what was meant perhaps; no file is another."""
    before = live(business)
    assert models(business, *words) == 2
    assert said in capsys.readouterr().err
    assert live(business) == before


def test_models_are_listed_shown_and_compared(business: Business, capsys: pytest.CaptureFixture[str]) -> None:
    """Each with its version and age; a damaged one says so; a version of other settings differs in them."""
    retrained(business)
    (business.models / "Чайковский/TF/B2.pkl").write_bytes(b"garbage")
    n_runs = len(business.warehouse.read(REGISTRY))
    assert models(business, "list") == 0
    listed = " ".join(capsys.readouterr().out.split())
    assert "4 models" in listed
    assert "Пермь/KA/A1" in listed
    assert "none:" in listed
    assert models(business, "show", A1) == 0
    assert "live version" in capsys.readouterr().out
    assert models(business, "diff", A1) == 0
    assert "card.recipe.spec.seasonality_mode" in capsys.readouterr().out
    assert len(business.warehouse.read(REGISTRY)) == n_runs


def test_training_prunes_what_it_has_saved(business: Business) -> None:
    """The version that was made stays, and is live; other models keep theirs."""
    before = live(business)
    assert (
        business("retrain", "--target", A1, "--seasonality-mode", "multiplicative", "--keep-versions", "1", *QUICK) == 0
    )
    assert live(business) != before
    store = LocalStore(business.models)
    assert store.versions(Combination.parse(A1)) == [loads(live(business)[f"{A1}.pkl"]).version]
    assert len(store.versions(Combination.parse("Пермь/KA/B2"))) == 1


# --- Without whole jobs ---------------------------------------------------------------------------------------------


def versions_of(store: LocalStore, file: Combination | SharedFile, n: int) -> list[str]:
    """Save so many files of plain content, the last one live; return their versions."""
    expected, saved = None, []
    for number in range(n):
        stored = written({"number": number}, f"2026-11-{number + 1:02}")
        expected = store.save(file, stored.payload, stored.version, expected=expected)
        saved.append(stored.version)
    return saved


def test_what_all_share_is_healed_by_its_newest_whole_version(tmp_path: Path) -> None:
    """A damaged file and one that is gone; a whole one stays; what cannot be healed fails the run, at its end."""
    store, names = LocalStore(tmp_path), ["damaged", "gone", "whole", "folder", "lost", "never"]
    files = [SharedFile(name) for name in names]
    saved = {file: versions_of(store, file, 2) for file in files[:5]}
    for name in ("damaged", "lost"):
        (tmp_path / SharedFile(name).path).write_bytes(b"garbage")
    (tmp_path / files[1].path).unlink()
    (tmp_path / files[3].path).unlink()
    (tmp_path / files[3].path).mkdir()
    for path in (tmp_path / "_versions/_panel/lost").glob("*.pkl"):
        path.write_bytes(b"garbage")
    report = RunReport()
    with pytest.raises(RunFailed, match=r"^_panel/folder, _panel/lost: damaged, and no whole version is kept"):
        heal_shared(store, files, report)
    for file in files[:3]:
        assert store.load(file).payload == store.load_version(file, saved[file][-1])
    assert len(report.notes) == 2


@pytest.mark.parametrize("file", [Combination("U", "C", "S"), SharedFile("panel")], ids=["model", "shared"])
def test_pruning_keeps_the_newest_and_the_live_one(tmp_path: Path, file: Combination | SharedFile) -> None:
    """So many in all; one that was rolled back to stays, however old; 0 keeps all."""
    store = LocalStore(tmp_path)
    saved = versions_of(store, file, 6)
    prune(store, [file], 0, RunReport())
    assert store.versions(file) == saved
    payload = store.load_version(file, saved[0])
    store.save(file, payload, saved[0], expected=store.load(file).generation)
    report = RunReport()
    prune(store, [file], 3, report)
    assert store.versions(file) == [saved[0], *saved[4:]]
    assert report.notes == ["3 versions beyond the newest 3 deleted (KEEP_VERSIONS)"]


def test_versions_of_a_damaged_model_are_not_pruned(tmp_path: Path) -> None:
    """It will need one of them to be healed."""
    store, file = LocalStore(tmp_path), Combination("U", "C", "S")
    saved = versions_of(store, file, 4)
    (tmp_path / file.path).write_bytes(b"garbage")
    prune(store, [file], 2, RunReport())
    assert store.versions(file) == saved


@pytest.mark.parametrize("wanted", [Wanted(only_damaged=True), Wanted()], ids=["heal", "rollback"])
def test_a_model_without_a_whole_version_fails_the_tool_that_should_bring_it_back(
    tmp_path: Path, wanted: Wanted
) -> None:
    """It is named with what to do, which is not the same tool again; the other one, and what all share, come back."""
    store, lost, damaged = LocalStore(tmp_path), Combination("U", "C", "LOST"), Combination("U", "C", "S")
    for each in (lost, damaged):
        stored = dumps([stub_model()], card(str(each)))
        store.save(each, stored.payload, stored.version, expected=None)
        (tmp_path / each.path).write_bytes(b"garbage")
    [kept] = (tmp_path / "_versions/U/C/LOST").glob("*.pkl")
    kept.write_bytes(stored.payload[:-20])
    panel = SharedFile("panel")
    versions_of(store, panel, 1)
    (tmp_path / panel.path).unlink()
    report = RunReport()
    both = [lost, damaged]
    mend: Any = partial(heal, both, [panel]) if wanted.only_damaged else partial(roll_back, both, wanted)
    with pytest.raises(
        RunFailed, match=r"^1 model not .* U/C/LOST: .*; retrain_models.py --target '@missing'$"
    ) as said:
        mend(no_rows(), store, by_hand(), report)
    assert "models heal" not in str(said.value)
    assert list(report.failures) == [str(lost)]
    assert store.load(damaged).payload == stored.payload
    assert (tmp_path / panel.path).exists() == wanted.only_damaged


def no_rows() -> Any:
    """Return a warehouse without rows, which takes all."""
    return SimpleNamespace(read=lambda *_, **__: empty(REGISTRY), replace=lambda *_, **__: 1)


def by_hand() -> Run:
    """Return a run of a tool about models."""
    return Run("models", "r", pd.Timestamp(WEDNESDAY).to_pydatetime(), WEDNESDAY, CUTOFF)


def a_model(n_weeks: int) -> StoredPayload:
    """Return a small model of an article; other weeks make another version."""
    return dumps([stub_model()], replace(card("U/C/S"), n_weeks=n_weeks))


def rolled_back(store: LocalStore) -> None:
    """Roll the article back, where no registry knows anything of it."""
    roll_back([Combination("U", "C", "S")], Wanted(), no_rows(), store, by_hand(), RunReport())


def two_versions(folder: Path) -> LocalStore:
    """Return a store with two versions of the article, the second one live."""
    store, expected = LocalStore(folder), None
    for n_weeks in (1, 2):
        stored = a_model(n_weeks)
        expected = store.save(Combination("U", "C", "S"), stored.payload, stored.version, expected=expected)
    return store


def test_two_rollbacks_at_once_make_one_step(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both have read the same live file and choose the same version: it is live, and neither fails."""
    store, real, both_have_read = two_versions(tmp_path), LocalStore.save, threading.Barrier(2)

    def save(self: LocalStore, *parts: Any, expected: str | None) -> str:
        both_have_read.wait(timeout=60)
        return real(self, *parts, expected=expected)

    monkeypatch.setattr(LocalStore, "save", save)
    with ThreadPoolExecutor(2) as pool:
        assert list(pool.map(rolled_back, [store, store])) == [None, None]
    assert store.load(Combination("U", "C", "S")).payload == a_model(1).payload


def test_an_interrupted_rollback_has_recorded_what_it_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGTERM while the second of two is put in place: the first is back, and its row is written."""
    store, real, rows = LocalStore(tmp_path), LocalStore.save, []
    articles = [Combination("U", "C", name) for name in ("S", "T")]
    for each in articles:
        expected = None
        for n_weeks in (1, 2):
            stored = dumps([stub_model()], replace(card(str(each)), n_weeks=n_weeks))
            expected = store.save(each, stored.payload, stored.version, expected=expected)

    def save(self: LocalStore, combination: Combination, *parts: Any, expected: str | None) -> str:
        if combination == articles[1]:
            raise Stopped
        return real(self, combination, *parts, expected=expected)

    monkeypatch.setattr(LocalStore, "save", save)
    tables: Any = SimpleNamespace(
        read=lambda *_, **__: empty(REGISTRY), replace=lambda _, written, *__, **___: rows.append(written) or 1
    )
    run = by_hand()
    with pytest.raises(Stopped):
        roll_back(articles, Wanted(), tables, store, run, RunReport())
    assert pd.concat(rows)["SKU_ID"].tolist() == ["S"]
    assert [loads(store.load(each).payload).card.n_weeks for each in articles] == [1, 2]


def test_a_training_that_comes_between_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rollback says that another run has replaced the model, and leaves what that has made."""
    store, real, newer = two_versions(tmp_path), LocalStore.save, a_model(3)
    live = store.load(Combination("U", "C", "S")).generation

    def save(self: LocalStore, *parts: Any, expected: str | None) -> str:
        real(self, parts[0], newer.payload, newer.version, expected=live)
        return real(self, *parts, expected=expected)

    monkeypatch.setattr(LocalStore, "save", save)
    with pytest.raises(StoreConflict, match="another run replaced the model meanwhile"):
        rolled_back(store)
    assert store.load(Combination("U", "C", "S")).payload == newer.payload


def test_differences_name_settings_and_weights(business: Business) -> None:
    """What is the same is left out, and so are the weeks that both were fitted to."""
    payload = live(business)[f"{A1}.pkl"]
    stored = loads(payload)
    assert differences(stored, stored) == []
    other = loads(dumps(stored.models, replace(stored.card, n_weeks=1)).payload)
    assert differences(stored, other) == [("card.n_weeks", stored.card.n_weeks, 1)]
    found = stored_models(LocalStore(business.models), [Combination(*parts) for parts in TRAINED])
    assert all(len(each.versions) == 1 for each in found)

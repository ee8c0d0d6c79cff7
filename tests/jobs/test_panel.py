"""The panel and the blend in the jobs: trained with the models, asked with them, and what happens without a file."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import line, sunday
from business import GONE, NEW, TRAINED, Business, fail_for, sold

from skucast.backends.store.local import LocalStore
from skucast.core.combination import KEY
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS
from skucast.core.tables.totals import TOTALS
from skucast.forecast.artifact import loads
from skucast.forecast.intervals import PROBABILITIES
from skucast.forecast.learnt import dumps as dumps_blend
from skucast.forecast.learnt import loads as blend_of
from skucast.forecast.panel.model import dumps
from skucast.forecast.panel.model import loads as panel_of
from skucast.forecast.plain import written
from skucast.jobs import panel

BLEND = ("--forecaster", "blend")


@pytest.fixture
def blending(kept: Path, tmp_path: Path) -> Business:
    """Return a business with models, a panel and a blend, its own copy."""
    found = sold(tmp_path / "blending", kept)
    found.already("train", *BLEND)
    return found


def forecast(business: Business, *flags: str) -> pd.DataFrame:
    assert business("predict", *(flags or BLEND)) == 0
    return business.warehouse.read(FORECASTS).sort_values([*KEY, "ds"], ignore_index=True)


def of(rows: pd.DataFrame, combination: tuple[str, str, str]) -> pd.DataFrame:
    return rows[(rows[KEY] == list(combination)).all(axis=1)]


def files(business: Business) -> dict[str, Path]:
    return {path.stem: path for path in (business.models / "_panel").glob("*.pkl")}


def test_training_leaves_a_panel_its_evidence_and_a_blend(blending: Business) -> None:
    """Beside the models, which have evidence of the same six origins in their cards; they are no combinations."""
    assert set(files(blending)) == {"panel", "evidence", "blend"}
    assert len(LocalStore(blending.models).stored()) == len(TRAINED)
    blend = blend_of(files(blending)["blend"].read_bytes()).content
    assert len(blend.origins) == 6
    assert set(blend.weights) >= {"/".join(parts) for parts in TRAINED}
    for weights in blend.weights.values():
        assert sum(weights) == pytest.approx(1, abs=1e-3)
    card = loads((blending.models / "Пермь" / "KA" / "A1.pkl").read_bytes()).card
    assert set(card.evidence) == set(blend.origins)
    assert {len(steps) for steps in card.evidence.values()} == {4}


def test_verify_names_what_all_share_and_cannot_be_used(blending: Business, shown: Callable[[], str]) -> None:
    """A damaged panel and a blend that is gone: exit 1 with both; who forecasts without them does not need them."""
    assert blending("train", *BLEND, "--verify") == 0
    files(blending)["panel"].write_bytes(b"x")
    files(blending)["blend"].unlink()
    assert blending("train", *BLEND, "--verify") == 1
    said = shown()
    assert "2 files that all models share cannot be used (_panel/panel: truncated or not a model file" in said
    assert "_panel/blend: missing)" in said
    assert blending("train", "--forecaster", "prophet", "--verify") == 0


def test_the_number_is_the_blend_and_says_what_it_is_made_of(blending: Business) -> None:
    """Between its components, in an interval that holds it, in parts that add up; quantiles with those asked for."""
    rows = forecast(blending, *BLEND, "--levels", "80,92")
    own = rows[rows["method"] == "blend"]
    assert set(own[KEY].itertuples(index=False, name=None)) == set(TRAINED)
    parts = own[["yhat_prophet", "yhat_panel", "yhat_panel_log"]]
    assert parts.notna().all(axis=None)
    assert own["yhat"].between(parts.min(axis=1) - 1e-9, parts.max(axis=1) + 1e-9).all()
    np.testing.assert_allclose(own[list(COMPONENTS)].sum(axis=1), own["yhat"], rtol=1e-9)
    assert ((own["yhat_lower"] < own["yhat"]) & (own["yhat"] < own["yhat_upper"])).all()
    quantiles = json.loads(own["quantiles"].iloc[0])
    assert {"0.04", "0.96"} | {f"{each:g}" for each in PROBABILITIES} == set(quantiles)
    assert sorted(map(float, quantiles)) == list(map(float, quantiles))
    assert list(quantiles.values()) == sorted(quantiles.values())
    assert own["panel_version"].str.startswith("2026-11-22-").all()
    assert own["model_version"].notna().all()


def test_who_has_no_model_has_the_panel(blending: Business) -> None:
    """Ten weeks of history: the panel's number with an interval and parts; what has stopped selling stays 0."""
    rows = forecast(blending)
    new, gone = of(rows, NEW), of(rows, GONE)
    assert set(new["method"]) == {"panel"}
    assert set(new["status"]) == {"short_history"}
    np.testing.assert_allclose(new["yhat"], (new["yhat_panel"] + new["yhat_panel_log"]) / 2, rtol=0.2)
    np.testing.assert_allclose(new[list(COMPONENTS)].sum(axis=1), new["yhat"], rtol=1e-9)
    assert new["yhat_prophet"].isna().all()
    assert set(gone["method"]) == {"zero"}
    assert (gone["yhat"] == 0).all()


@pytest.mark.parametrize("forecaster", ["prophet", "panel"])
def test_one_component_alone_can_be_published(blending: Business, forecaster: str) -> None:
    """Prophet: its number bit for bit as without a panel; the panel: the mean of its two."""
    rows = forecast(blending, "--forecaster", forecaster)
    own = rows[rows[KEY].apply(tuple, axis=1).isin(TRAINED)]
    assert set(own["method"]) == {forecaster}
    if forecaster == "prophet":
        assert (own["yhat"] == own["yhat_prophet"]).all()
        blended = forecast(blending)
        assert (of(blended, TRAINED[0])["yhat_prophet"].array == of(own, TRAINED[0])["yhat"].array).all()
    else:
        np.testing.assert_allclose(own["yhat"], (own["yhat_panel"] + own["yhat_panel_log"]) / 2)


def test_an_article_of_a_season_is_forecast_like_then_whoever_forecasts(blending: Business) -> None:
    """Sold from November to January a year ago, 470 a week: so it is on 25 November; the others are as before."""
    names = {"unit": "Пермь", "channel": "KA", "SKU_ID": "XMAS"}
    lines = [line(sunday(back), 470.0, **names) for back in range(54, 42, -1)]
    blending.sell(pd.DataFrame(lines).astype({"quantity": "float64", "stock": "float64"}), "season")
    for forecaster in ("blend", "prophet", "panel"):
        rows = forecast(blending, "--forecaster", forecaster)
        mine = of(rows, tuple(names.values()))
        assert mine["yhat"].tolist() == pytest.approx([470.0] * 4, rel=0.2), forecaster
        assert set(mine["status"]) == {"seasonal"}
        assert set(mine["method"]) == {"last_season"}
        assert set(of(rows, TRAINED[0])["method"]) == {forecaster}


def test_the_mean_can_be_published(blending: Business) -> None:
    """TARGET=mean puts the expected value in yhat, in the same interval."""
    median, mean = forecast(blending), forecast(blending, *BLEND, "--target", "mean")
    own = median["method"] == "blend"
    np.testing.assert_allclose(mean.loc[own, "yhat"], median.loc[own, "yhat_mean"])
    assert (mean.loc[own, "yhat"] != median.loc[own, "yhat"]).any()


def test_a_second_training_trains_nothing_and_one_four_weeks_later_one_origin(
    blending: Business, shown: Callable[[], str]
) -> None:
    """Resume: all files stay. Four weeks on, of six origins of evidence five are kept to the last digit."""
    before = {name: path.read_bytes() for name, path in files(blending).items()}
    assert blending("train", *BLEND) == 0
    assert {name: path.read_bytes() for name, path in files(blending).items()} == before
    assert blending("train", *BLEND, "--force", "--as-of", "2026-10-28") == 0
    earlier = blend_of(files(blending)["blend"].read_bytes()).content
    assert blending("train", *BLEND) == 0
    assert "1 of them new" in shown()
    again = blend_of(files(blending)["blend"].read_bytes()).content
    assert len(set(earlier.origins) & set(again.origins)) == 5


def damaged(path: Path) -> None:
    payload = bytearray(path.read_bytes())
    payload[len(payload) // 2] ^= 1
    path.write_bytes(bytes(payload))


def of_other_features(path: Path) -> None:
    stored = panel_of(path.read_bytes()).content
    names = (*stored.features[:-1], "phase_of_the_moon")
    changed = {"features": names, "recipe": stored.recipe | {"features": list(names)}}
    path.write_bytes(dumps(type(stored)(**(vars(stored) | changed))).payload)


@pytest.mark.parametrize(
    ("harm", "word"),
    [
        (Path.unlink, "no panel model"),
        (damaged, "damaged"),
        (of_other_features, "other features"),
        (lambda path: path.write_bytes(b""), "empty file"),
    ],
    ids=["missing", "damaged", "other features", "empty"],
)
def test_without_a_usable_panel_prophet_forecasts_alone(
    blending: Business, harm: Callable[[Path], object], word: str, shown: Callable[[], str]
) -> None:
    """One line says why, no row is missing, and none is a failure."""
    harm(files(blending)["panel"])
    shown()
    rows = forecast(blending)
    assert set(of(rows, TRAINED[0])["method"]) == {"prophet"}
    assert len(rows) == 4 * 6
    assert word in shown()
    assert rows["yhat_panel"].isna().all()


def test_without_what_was_learnt_of_the_blend_the_panel_forecasts(blending: Business, shown: Callable[[], str]) -> None:
    """Its own quantiles are the interval."""
    damaged(files(blending)["blend"])
    rows = forecast(blending)
    own = of(rows, TRAINED[0])
    assert set(own["method"]) == {"panel"}
    assert ((own["yhat_lower"] <= own["yhat"]) & (own["yhat"] <= own["yhat_upper"])).all()
    assert "the panel forecasts alone" in shown()


def test_the_method_is_the_same_where_the_median_is_the_panels_number(blending: Business) -> None:
    """Too few origins for weights: in some weeks Prophet's number is the middle one, in others it is not."""
    path = files(blending)["blend"]
    blend = replace(blend_of(path.read_bytes()).content, pooled=(), weights={})
    path.write_bytes(dumps_blend(blend).payload)
    rows = forecast(blending)
    own = rows[rows["yhat_prophet"].notna()]
    assert 0 < (own["yhat"] == own["yhat_prophet"]).sum() < len(own)
    assert set(own["method"]) == {"blend"}


def test_totals_know_how_errors_went_together_and_files_of_before_are_read(blending: Business) -> None:
    """Training leaves correlations in the blend's file; a file without them is read, and the default said."""
    path = files(blending)["blend"]
    blend = blend_of(path.read_bytes()).content
    assert set(blend.joint) == {"blend", "panel"}
    assert blend.joint["blend"].n_origins == len(blend.origins)
    forecast(blending)
    assert set(blending.rows(TOTALS)["correlation_source"]) == {"backtests"}
    before = {name: value for name, value in asdict(blend).items() if name != "joint"}
    path.write_bytes(written(before, blend.cutoff_label).payload)
    forecast(blending)
    assert set(blending.rows(TOTALS)["correlation_source"]) == {"default"}


def test_a_panel_of_last_quarter_is_not_asked(blending: Business, shown: Callable[[], str]) -> None:
    """14 weeks after its training: Prophet alone, and the note says how old it is."""
    assert blending("predict", *BLEND, "--as-of", "2027-03-03", "--late-sales", "bridge", "--accept-jump") == 0
    assert "14 weeks old" in shown()


def test_a_panel_older_than_the_models_is_said(blending: Business, shown: Callable[[], str]) -> None:
    """Models of the newest cutoff, the panel of four weeks before: it is asked, and a note names both."""
    before = files(blending)["panel"]
    assert blending("train", *BLEND, "--as-of", "2026-10-28", "--force") == 0
    older = before.read_bytes()
    assert blending("train", *BLEND, "--force") == 0
    before.write_bytes(older)
    assert "blend" in set(forecast(blending)["method"])
    assert "the panel is of 2026-10-25, older than the models of 2026-11-22" in shown()


def test_a_day_of_the_past_is_forecast_by_nothing_that_has_seen_past_it(blending: Business) -> None:
    """The panel of a later cutoff is not asked; one that was trained then is, whatever is live now."""
    rows = forecast(blending, *BLEND, "--as-of", "2026-10-28")
    assert "blend" not in set(rows["method"])
    before = {name: path.read_bytes() for name, path in files(blending).items()}
    assert blending("train", *BLEND, "--as-of", "2026-10-28") == 0
    assert {name: path.read_bytes() for name, path in files(blending).items()} == before
    rows = forecast(blending, *BLEND, "--as-of", "2026-10-28")
    assert set(rows["panel_version"].dropna().str[:10]) == {"2026-10-25"}


def test_a_panel_of_other_features_is_trained_anew(blending: Business) -> None:
    """As its message says: `run_all_skus.py` helps, although the panel is of this week."""
    of_other_features(files(blending)["panel"])
    assert blending("train", *BLEND) == 0
    assert set(of(forecast(blending), TRAINED[0])["method"]) == {"blend"}


def test_who_has_no_model_is_forecast_again(blending: Business) -> None:
    """A newcomer alone, whose number the panel has published this week: no forecast of a model is lost."""
    forecast(blending)
    rows = forecast(blending, *BLEND, "--target-combinations", "/".join(NEW))
    assert set(of(rows, NEW)["method"]) == {"panel"}
    files(blending)["panel"].unlink()
    assert blending("predict", *BLEND, "--target-combinations", "/".join(NEW)) == 1


@pytest.mark.parametrize("what", ["model", "panel"])
def test_evidence_of_another_horizon_teaches_nothing(
    blending: Business, what: str, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """Four weeks are kept, eight are wanted now, and some models, or the panel, cannot be trained anew."""
    if what == "model":
        fail_for("B2", monkeypatch)
    else:
        monkeypatch.setattr(panel, "check_trainer", _no_trainer)
    eight = (*BLEND, "--horizon-weeks", "8")
    shown()
    assert blending("train", *eight, "--max-failed-share", "1") == 0
    assert ("no evidence of past origins" in shown()) == (what == "panel")
    assert len(of(forecast(blending, *eight, "--accept-jump"), TRAINED[0])) == 8


def _no_trainer() -> None:
    raise ValueError("LightGBM is not there")


@pytest.mark.parametrize(("targets", "is_trained"), [("*/*/*", True), ("Пермь/*/*", False)])
def test_the_panel_is_trained_by_runs_about_all_combinations(
    untrained: Business, targets: str, *, is_trained: bool
) -> None:
    """Also where a star names all of them; a run of some leaves it to others."""
    assert untrained("train", *BLEND, "--tune", "off", "--target-combinations", targets) == 0
    assert ("panel" in files(untrained)) is is_trained


def test_the_store_is_probed_once_with_a_panel_too(untrained: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the panel is trained, and not again before the models: what it finds is said once."""
    probes, real = [], LocalStore.probe

    def counted(store: LocalStore) -> None:
        probes.append(store)
        real(store)

    monkeypatch.setattr(LocalStore, "probe", counted)
    assert untrained("train", *BLEND, "--tune", "off") == 0
    assert len(probes) == 1

"""Other models in the blend: evidence of past origins, weights, rows, what-ifs, the bridge, and what is missing."""

from __future__ import annotations

import importlib.util
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from business import NEW, TRAINED, Business, business_lines, sold
from test_changes import AS_OF, checked_parts, sell_a_week

import skucast as sk
from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.core.tables.backtests import BACKTESTS
from skucast.core.tables.changes import CHANGES, REVISIONS
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS, SCENARIOS
from skucast.forecast.blend import COMPONENTS as OURS
from skucast.forecast.evidence import loads as evidence_of
from skucast.forecast.learnt import dumps, loads
from skucast.forecast.others import statistical

BLEND = ("--forecaster", "blend")
WITH = (*BLEND, "--blend-models", "seasonal_naive,sba")
OTHERS = ("seasonal_naive", "sba")

needs_statsforecast = pytest.mark.skipif(
    importlib.util.find_spec("statsforecast") is None, reason="StatsForecast is not installed: requirements/models.txt"
)
pytestmark = needs_statsforecast


@pytest.fixture
def mixed(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Business:
    """Return a business whose blend was learnt with two other models."""
    monkeypatch.setenv("TUNE", "off")
    found = sold(tmp_path / "mixed", kept)
    found.already("train", *WITH)
    return found


def file_of(business: Business, name: str) -> Path:
    return business.models / "_panel" / f"{name}.pkl"


def forecast(business: Business, *flags: str) -> pd.DataFrame:
    assert business("predict", *BLEND, *flags) == 0
    rows = business.warehouse.read(FORECASTS)
    return rows[rows["cutoff"] == rows["cutoff"].max()].sort_values([*KEY, "ds"], ignore_index=True)


def counted_calls(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list that grows by the name of a model each time one is asked."""
    asked, real = [], statistical.Statistical.predict

    def predict(self: statistical.Statistical, h: int, known: pd.DataFrame) -> pd.DataFrame:
        asked.append(self.name)
        return real(self, h, known)

    monkeypatch.setattr(statistical.Statistical, "predict", predict)
    return asked


def test_training_keeps_their_evidence_and_learns_their_weights(mixed: Business) -> None:
    """At the six origins that all share; weights by the names of the components, rows of backtests by theirs."""
    blend = loads(file_of(mixed, "blend").read_bytes()).content
    assert blend.components == (*OURS, *OTHERS)
    assert len(blend.pooled) == len(blend.components)
    assert sum(blend.pooled) == pytest.approx(1, abs=1e-3)
    evidence = evidence_of(file_of(mixed, "evidence").read_bytes()).content
    assert set(evidence.others) == set(OTHERS)
    assert all(set(each.origins) == set(blend.origins) for each in evidence.others.values())
    rows = mixed.warehouse.read(BACKTESTS).query("kind == 'evidence'")
    n_rows = rows.groupby("model").size()
    assert (n_rows[list(OTHERS)] > 0).all()
    assert n_rows["sba"] == n_rows["panel"]


def test_the_number_is_of_all_components_and_adds_up(mixed: Business) -> None:
    """By the stored weights: half the mix, half the median of ours; what an other model says is level.

    Who has no model of its own is blended of the panel and the others. The prediction needs no setting.
    """
    rows = forecast(mixed)
    own = rows[rows["method"] == "blend"]
    assert set(own[KEY].itertuples(index=False, name=None)) == {*TRAINED, NEW}
    said = pd.DataFrame([json.loads(text) for text in own["yhat_others"]], index=own.index)[list(OTHERS)]
    numbers = own[["yhat_prophet", "yhat_panel", "yhat_panel_log"]].join(said)
    blend = loads(file_of(mixed, "blend").read_bytes()).content
    names = ["/".join(parts) for parts in own[KEY].itertuples(index=False, name=None)]
    weights = np.array([blend.weights[name] for name in names])
    weights = np.where(numbers.notna(), weights, 0.0)
    weights /= weights.sum(axis=1, keepdims=True)
    mix = (weights * numbers.fillna(0.0).to_numpy()).sum(axis=1)
    np.testing.assert_allclose(own["yhat"], (mix + numbers.iloc[:, :3].median(axis=1)) / 2, rtol=1e-9)
    np.testing.assert_allclose(own[list(COMPONENTS)].sum(axis=1), own["yhat"], rtol=1e-9)
    assert ((own["yhat_lower"] <= own["yhat"]) & (own["yhat"] <= own["yhat_upper"])).all()
    assert own.loc[own["SKU_ID"] == "NEW", "yhat_prophet"].isna().all()


def test_a_week_later_only_the_newest_origin_is_asked(mixed: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """None is new within four weeks; in the fourth one is, of each model; forced, all six."""
    asked = counted_calls(monkeypatch)
    for number, day in enumerate(("2026-12-02", "2026-12-09", "2026-12-16", "2026-12-23")):
        week = business_lines().assign(date=lambda lines: pd.to_datetime(lines["date"]))
        newest = week[week["date"] > "2026-11-15"]
        newest = newest.assign(date=(newest["date"] + pd.Timedelta(weeks=number + 1)).dt.date)
        mixed.sell(newest, f"week {number}")
        assert mixed("train", *WITH, "--as-of", day) == 0
    assert sorted(asked) == sorted(OTHERS)


def test_the_bridge_names_who_joined_and_who_left(kept: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts add up whoever came or went; with the same sales the whole change is the blend's."""
    monkeypatch.setenv("TUNE", "off")
    business = sold(tmp_path / "business", kept)
    business.already("train", *BLEND)
    before = forecast(business)
    sell_a_week(business)
    assert business("train", *AS_OF, *BLEND, "--blend-models", "seasonal_naive") == 0
    joined = forecast(business, *AS_OF)
    assert "seasonal_naive" in joined.loc[joined["method"] == "blend", "yhat_others"].iloc[0]
    assert len(before) == len(joined)
    checked_parts(business)
    rows = business.rows(CHANGES)
    told = rows[(rows["level"] == "combination") & (rows["method"] == "blend")]
    assert {json.dumps(json.loads(text)) for text in told["blend_change"]} == {
        '{"joined": ["seasonal_naive"], "left": []}'
    }
    assert rows["why"].str.contains("now in the blend: seasonal_naive").any()

    assert business("train", *AS_OF, *BLEND, "--blend-models", "sba") == 0
    forecast(business, *AS_OF)
    revised = business.rows(REVISIONS)
    left = {'{"joined": ["sba"], "left": ["seasonal_naive"]}'}
    assert {text for text in revised["blend_change"].dropna() if revised["level"].eq("combination").any()} == left


def test_a_what_if_is_of_the_same_blend(mixed: Business, tmp_path: Path) -> None:
    """The plan as it is gives what is published, and a promotion moves it by what the models that know it say."""
    rows = forecast(mixed)
    plan = tmp_path / "plan.csv"
    plan.write_text(
        "unit;channel;SKU_ID;starts_on;ends_on;discount_perc;covers_through\n"
        "Пермь;KA;A1;2026-11-30;2026-12-06;25;2027-01-10\n",
        encoding="utf-8",
    )
    assert mixed("predict", *BLEND, "--scenario", "deep", "--promotions", str(plan)) == 0
    played = mixed.warehouse.read(SCENARIOS).sort_values([*KEY, "ds"], ignore_index=True)
    np.testing.assert_allclose(played["baseline_yhat"], rows["yhat"], rtol=1e-12)
    assert played["difference"].abs().max() > 1


def test_two_tasks_publish_what_one_does(mixed: Business, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each asks the others of its own combinations."""
    whole = forecast(mixed)
    for index in range(2):
        with monkeypatch.context() as environment:
            environment.setenv("CLOUD_RUN_EXECUTION", "again")
            environment.setenv("CLOUD_RUN_TASK_INDEX", str(index))
            environment.setenv("CLOUD_RUN_TASK_COUNT", "2")
            assert mixed("predict", *BLEND) == 0
    rows = mixed.warehouse.read(FORECASTS).sort_values([*KEY, "ds"], ignore_index=True)
    assert set(rows["run_id"]) != set(whole["run_id"])
    names = ["yhat", "yhat_lower", "yhat_upper", "yhat_others", *COMPONENTS]
    pd.testing.assert_frame_equal(rows[names], whole[names], rtol=1e-12)


def test_a_component_that_nobody_makes_here_is_left_out_and_said(mixed: Business, shown: Callable[[], str]) -> None:
    """As in a file of the library with a model of one's own: the others count for it, and the run says so."""
    path = file_of(mixed, "blend")
    blend = loads(path.read_bytes()).content
    known = forecast(mixed)
    path.write_bytes(dumps(replace(blend, components=(*OURS, "sba", "mine"))).payload)
    shown()
    rows = forecast(mixed)
    said = shown()
    assert "_panel/blend: no numbers of mine, with which it was learnt: the other components count for it" in said
    own = rows["method"] == "blend"
    assert own.any()
    assert set(json.loads(rows.loc[own, "yhat_others"].iloc[0])) == {"sba"}
    assert (rows.loc[own, "yhat"] != known.loc[own, "yhat"]).any()


def test_a_file_of_three_components_is_read_as_before(mixed: Business) -> None:
    """What takes part is what was learnt: of a model that only stands beside, the number does not change."""
    assert mixed("train", *BLEND, "--force") == 0
    blend = loads(file_of(mixed, "blend").read_bytes()).content
    assert blend.components == OURS
    alone, beside = forecast(mixed), forecast(mixed, "--models", "sba")
    assert alone["yhat_others"].isna().all()
    assert beside["yhat_others"].notna().any()
    assert (beside["yhat"] == alone["yhat"]).all()


WRONG = {
    "ours": (("--blend-models", "panel,ets"), "ours take part in any case"),
    "nothing is blended": (("--forecaster", "panel", "--blend-models", "ets"), "FORECASTER=panel blends nothing"),
    "no such name": (("--blend-models", "lstm"), "no model lstm; there are prophet"),
}


@pytest.mark.parametrize(("flags", "said"), WRONG.values(), ids=WRONG)
def test_a_setting_without_effect_is_refused(
    untrained: Business, flags: tuple[str, ...], said: str, shown: Callable[[], str]
) -> None:
    """One line, exit 2, before anything is read."""
    assert untrained("train", *flags) == 2
    assert said in shown()


class Last:
    """A model of one's own: the last known week."""

    name = "last"

    def fit(self, history: pd.DataFrame) -> Last:
        self.level = history.groupby("unique_id")["y"].last()
        return self

    def predict(self, h: int, known: pd.DataFrame) -> pd.DataFrame:
        return known.assign(last=known["unique_id"].map(self.level))


class Broken(Last):
    """One that fails wherever it is asked."""

    name = "broken"

    def fit(self, history: pd.DataFrame) -> Broken:
        raise RuntimeError("no licence")


def test_a_model_of_ones_own_is_blended_in_the_library() -> None:
    """It has a share of the number; one that fails at every origin takes no part, which is said."""
    lines = business_lines()
    plain = sk.Forecaster(models=[Last()], tune="off", workers=1).fit(lines)
    forecaster = sk.Forecaster(models=[Last(), Broken()], blend=["last", "broken"], tune="off", workers=1).fit(lines)
    notes = "\n".join(forecaster.notes)
    assert "broken: it failed at 6 past origins: RuntimeError: no licence" in notes
    assert "broken takes no part: fewer than 3 past origins tell what it is worth" in notes
    assert ", last " in notes
    found, alone = forecaster.predict(), plain.predict()
    own = found["method"] == "blend"
    assert (found.loc[own, "skucast"] != alone.loc[own, "skucast"]).any()
    parts = sk.explain(found[own])
    total = parts.groupby(["unique_id", "ds"])["value"].sum()
    np.testing.assert_allclose(total, found[own].set_index(["unique_id", "ds"])["skucast"].reindex(total.index))


NOT_THERE = {
    "none of the models": (
        {"models": [Last()], "blend": ["ets"]},
        "blend: ets: expected names of models beside ours, there are last",
    ),
    "nothing is blended": ({"models": ["prophet", Last()], "blend": "last"}, "prophet alone is published"),
}


@pytest.mark.parametrize(("given", "said"), NOT_THERE.values(), ids=NOT_THERE)
def test_the_library_refuses_what_cannot_take_part(given: dict[str, object], said: str) -> None:
    """Before anything is fitted."""
    with pytest.raises(InputError, match=said):
        sk.Forecaster(**given)  # type: ignore[arg-type]

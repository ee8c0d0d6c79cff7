"""The bridge from one run's forecasts to the next: parts that add up, each where it belongs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from skucast.core.tables.changes import PARTS
from skucast.core.tables.forecasts import COMPONENTS
from skucast.scorecard.bridge import EXPECTED, NOTHING_BETWEEN, ROW, Between, changes_of, expected_of, rolled_up

THEN, NOW = pd.Timestamp("2026-11-15"), pd.Timestamp("2026-11-22")
WEEKS = {1: pd.Timestamp("2026-11-29"), 2: pd.Timestamp("2026-12-06")}


def row(cutoff: pd.Timestamp = NOW, sku: str = "A", week: int = 1, **other: Any) -> dict[str, Any]:
    """Return a forecast that is all level, of 100, but for what is given; without `yhat` the components' sum."""
    given = {
        "cutoff": cutoff,
        "unit": "P",
        "channel": "KA",
        "SKU_ID": sku,
        "ds": WEEKS[week],
        "final": np.nan,
        "data_cutoff": cutoff,
    }
    made = {"method": "prophet", "status": "ok", "model_version": "2026-11-01-a"}
    files = {"panel_version": None, "blend_version": None}
    parts = dict.fromkeys(COMPONENTS, 0.0) | {"level": 100.0} | {n: v for n, v in other.items() if n in COMPONENTS}
    return {**given, **made, **files, **parts, "yhat": max(0.0, sum(parts.values())), **other}


def frame(*rows: dict[str, Any]) -> pd.DataFrame:
    return pd.DataFrame(rows).astype(dict.fromkeys(["yhat", "final", *COMPONENTS], "float64"))


def parts_of(before: pd.DataFrame, after: pd.DataFrame, between: Between = NOTHING_BETWEEN) -> dict[str, float]:
    """Return the parts that are not 0, of one combination and week."""
    found = changes_of(before, after, between).iloc[0]
    assert found[list(PARTS)].sum() == pytest.approx(found["change"], abs=1e-9)
    assert found["change"] == pytest.approx(found["final"] - found["final_before"], abs=1e-9)
    return {name: round(found[name], 9) for name in PARTS if abs(found[name]) > 1e-9}


def test_the_components_of_one_model_tell_the_change():
    """Where model and plan are as they were, each component's difference is a part of its own name."""
    before = frame(row(THEN, carry_over=20.0, promo=5.0))
    after = frame(row(carry_over=-10.0, promo=5.0, yearly=3.0, level=98.0))
    assert parts_of(before, after) == {"new_sales": -30.0, "season": 3.0, "level_and_trend": -2.0}


def test_what_is_cut_at_0_is_a_part_of_its_own():
    """Components may add up to less than nothing; the forecast is 0, and the difference is said."""
    before, after = frame(row(THEN)), frame(row(carry_over=-130.0))
    assert parts_of(before, after) == {"new_sales": -130.0, "bounds": 30.0}


def test_the_planners_word_is_counted_beside_the_models():
    """An override that was set since is its difference to the forecast, and one withdrawn the same backwards."""
    before, after = frame(row(THEN)), frame(row(level=110.0, final=150.0))
    assert parts_of(before, after) == {"level_and_trend": 10.0, "override": 40.0}
    assert parts_of(frame(row(THEN, final=150.0)), frame(row())) == {"override": -50.0}


def test_new_and_gone_articles_are_parts_of_the_sums():
    """What only one of the runs forecasts of a week that both forecast is a change as a whole."""
    before, after = frame(row(THEN), row(THEN, "B", level=7.0)), frame(row(), row(sku="C", level=9.0, final=10.0))
    found = changes_of(before, after).set_index("SKU_ID")
    assert found.loc["B", ["gone_articles", "final", "change"]].tolist() == [-7.0, 0.0, -7.0]
    assert found.loc["C", ["new_articles", "override", "final_before", "change"]].tolist() == [9.0, 1.0, 0.0, 10.0]


def test_weeks_of_one_run_alone_are_no_change():
    """The last week of this run was not forecast by the last one."""
    found = changes_of(frame(row(THEN)), frame(row(), row(week=2)))
    assert found["ds"].tolist() == [WEEKS[1]]


def test_a_retrained_model_is_told_apart_from_new_sales():
    """What the old model makes of the new sales is the sales' part, what the new one makes of them the model's."""
    before, after = frame(row(THEN)), frame(row(level=130.0, model_version="2026-11-22-b"))
    planned = frame(row(carry_over=-20.0)).assign(model=50.0, panel=0.0)
    found = changes_of(before, after, Between(planned=planned))
    assert parts_of(before, after, Between(planned=planned)) == {"new_sales": -20.0, "model": 50.0}
    assert found["model_change"].tolist() == ["retrained"]


def test_a_version_that_is_kept_no_more_is_not_guessed_at():
    """Without the old model on the new sales the two are one part, whatever the components say."""
    before, after = frame(row(THEN)), frame(row(level=130.0, yearly=-20.0, model_version="2026-11-22-b"))
    assert parts_of(before, after) == {"model_and_data": 10.0}


def test_a_rollback_is_called_one():
    """A model of an earlier week than the one before it was put back."""
    before, after = frame(row(THEN)), frame(row(model_version="2026-10-18-c"))
    assert changes_of(before, after)["model_change"].tolist() == ["rolled_back"]


def test_panel_and_blend_have_parts_of_their_own():
    """Of another panel and other weights each step is its own; what is left is that of the weights."""
    old = {"method": "blend", "panel_version": "2026-11-01-p", "blend_version": "2026-11-01-q"}
    new = {**old, "panel_version": "2026-11-22-p", "blend_version": "2026-11-22-q", "model_version": "2026-11-22-b"}
    planned = frame(row(level=90.0, **old)).assign(model=5.0, panel=2.0)
    found = parts_of(frame(row(THEN, **old)), frame(row(level=96.0, **new)), Between(planned=planned))
    assert found == {"level_and_trend": -10.0, "model": 5.0, "panel": 2.0, "blend": -1.0}


def test_a_changed_plan_is_all_that_it_does_through_the_lag_too():
    """The forecast with the plan of then is what the sales alone have changed; the rest is the plan's."""
    before, after = frame(row(THEN, promo=30.0)), frame(row(carry_over=-5.0))
    unplanned = frame(row(promo=30.0, carry_over=10.0))
    assert parts_of(before, after, Between(unplanned=unplanned)) == {"new_sales": 10.0, "plan": -45.0}


def test_restated_sales_come_first():
    """What the last run would have said with the sales as they are known now is no news of this week."""
    restated = frame(row(level=80.0))
    found = parts_of(frame(row(THEN)), frame(row(level=85.0)), Between(restated=restated))
    assert found == {"data_restated": -20.0, "level_and_trend": 5.0}


@pytest.mark.parametrize(
    ("then", "now"),
    [
        ({"method": "mean_8", "status": "no_model", "model_version": None}, {}),
        ({}, {"method": "zero", "status": "inactive", "level": 0.0}),
        ({}, {"status": "phase_out", "level": 50.0}),
        ({"method": "panel"}, {"method": "blend"}),
    ],
)
def test_another_way_to_make_the_number_is_one_part(then, now):
    """A fallback that became a model, an article that is given up or replaced: the whole change is that."""
    before, after = frame(row(THEN, **{"level": 70.0, **then})), frame(row(**{"yearly": 2.0, **now}))
    assert list(parts_of(before, after)) == ["other_method"]


def test_a_model_that_came_back_is_told_from_the_sales_by_what_made_the_number_before():
    """The panel alone, on the new sales, then the blend instead of it."""
    old = {"method": "panel", "panel_version": "2026-11-01-p"}
    planned = frame(row(level=90.0, **old)).assign(model=0.0, panel=0.0)
    after = frame(row(level=120.0, **{**old, "method": "blend"}))
    found = parts_of(frame(row(THEN, **old)), after, Between(planned=planned))
    assert found == {"level_and_trend": -10.0, "other_method": 30.0}


def test_fallbacks_of_the_same_kind_are_compared_by_their_level():
    """A mean of weeks moves with the weeks."""
    plain = {"method": "mean_8", "status": "short_history", "model_version": None}
    assert parts_of(frame(row(THEN, **plain)), frame(row(level=90.0, **plain))) == {"level_and_trend": -10.0}


def drawn(random: np.random.Generator, cutoff: pd.Timestamp) -> pd.DataFrame:
    """Return the rows of a run about most of 300 articles: whatever numbers, methods, versions and words there are."""
    rows = []
    for number in range(300):
        if random.random() < 0.1:
            continue
        made = {
            "method": random.choice(["prophet", "blend", "mean_8"]),
            "status": random.choice(["ok", "refreshed", "capped", "inactive"], p=[0.6, 0.2, 0.1, 0.1]),
            "model_version": random.choice([None, "2026-11-01-a", "2026-11-08-b"]),
            "panel_version": random.choice([None, "2026-11-01-p"]),
        }
        for week in WEEKS:
            parts = dict(zip(COMPONENTS, random.normal(0, 10 ** random.integers(0, 7), len(COMPONENTS)), strict=True))
            final = random.choice([np.nan, 1000 * random.random()])
            rows.append(row(cutoff, f"A{number}", week, **parts, **made, final=final))
    return frame(*rows)


@pytest.mark.slow
def test_parts_add_up_whatever_lies_between():
    """For every combination, week and sum the parts are the change, and the change is the difference."""
    random = np.random.default_rng(17)
    before, after, planned, other = (drawn(random, cutoff) for cutoff in (THEN, NOW, NOW, NOW))
    steps = planned.assign(model=random.normal(0, 100, len(planned)), panel=-1.0)
    between = Between(restated=other, unplanned=other, planned=steps)
    for each in (NOTHING_BETWEEN, between, replace(between, planned=None)):
        changes = changes_of(before, after, each).assign(sales_surprise=np.nan, replaced=np.nan)
        means = {name: 1e4 * random.random(len(changes)) for name in EXPECTED}
        rows = rolled_up(changes.assign(**means))
        assert (rows[list(PARTS)].sum(axis=1) - rows["change"]).abs().max() <= 0.005
        assert (rows["final"] - rows["final_before"] - rows["change"]).abs().max() <= 0.005


def test_sums_are_those_of_their_combinations():
    """One row per unit, channel, article and in all; `*` for what is summed."""
    before = frame(row(THEN), row(THEN, "B", level=50.0))
    after = frame(row(level=90.0), row(sku="B", level=80.0))
    changes = changes_of(before, after).assign(sales_surprise=[np.nan, 4.0], replaced=[np.nan, 75.0])
    changes = changes.assign(expected_before=changes["final_before"], expected=changes["final"])
    changes = changes.assign(expected_replaced=changes["replaced"], expected_surprise=changes["sales_surprise"])
    rows = rolled_up(changes).set_index(["level", "SKU_ID"])
    total = rows.loc[("total", "*")]
    assert total[["final_before", "final", "change", "level_and_trend", "n_combinations"]].tolist() == [
        150,
        170,
        20,
        20,
        2,
    ]
    assert total[["sales_surprise", "replaced"]].tolist() == [4.0, 90.0 + 75.0]
    assert rows.loc[("SKU_ID", "A"), ["change", "n_combinations"]].tolist() == [-10, 1]
    assert not rows.reset_index().duplicated(["level", "unit", "channel", "SKU_ID", "ds"]).any()
    assert set(ROW) <= set(rolled_up(changes))


def test_sums_are_of_expected_values():
    """As totals are: what lies between the middles and the means is a part of its own."""
    changes = changes_of(frame(row(THEN)), frame(row(level=90.0))).assign(sales_surprise=np.nan, replaced=np.nan)
    rows = rolled_up(
        changes.assign(expected_before=104.0, expected=97.0, expected_replaced=np.nan, expected_surprise=-8.0)
    ).set_index("level")
    total = rows.loc["total", ["final_before", "final", "change", "level_and_trend", "bounds"]].tolist()
    assert total == [104.0, 97.0, -7.0, -10.0, 3.0]
    assert rows.loc["combination", ["final", "bounds"]].tolist() == [90.0, 0.0]


def test_what_is_added_up_is_the_planners_word_or_the_expected_value():
    """Without either it is the forecast."""
    rows = frame(row(final=150.0), row(final=100.0), row())
    rows = rows.assign(override_id=["one", None, None], yhat_mean=[110.0, 111.0, np.nan])
    assert expected_of(rows).tolist() == [150.0, 111.0, 100.0]

"""A change in words."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from skucast.core.tables.changes import MODEL_CHANGES, PARTS
from skucast.core.tables.forecasts import STATUSES
from skucast.scorecard.bridge_texts import clauses_of, why, why_of


def changed(level: str = "combination", **other: Any) -> dict[str, Any]:
    """Return a change of these parts."""
    parts = dict.fromkeys(PARTS, 0.0) | {name: value for name, value in other.items() if name in PARTS}
    change = sum(parts.values())
    facts = dict.fromkeys(["plan_change", "model_change", "method", "method_before", "status", "status_before"])
    numbers = {
        "change": change,
        "final_before": 500.0,
        "final": 500.0 + change,
        "sales_surprise": None,
        "n_weeks": 1,
        "new_weeks": 1,
    }
    return {**facts, **numbers, **parts, "level": level, **other}


WITHDRAWN = {
    "kind": "withdrawn",
    "depth_before": 20.0,
    "starts_on_before": "2026-11-30",
    "ends_on_before": "2026-12-06",
}


def test_the_largest_part_comes_first():
    """What a planner reads: the change, last week's sales, the promotion that was withdrawn."""
    text = why(
        changed(new_sales=-95.0, plan=-40.0, season=15.0, sales_surprise=-80.0, plan_change=json.dumps([WITHDRAWN]))
    )
    assert text == (
        "-120: last week's sales were 80 below the forecast (-95), the promotion of 20 % from 30 November to "
        "6 December was withdrawn (-40), the time of the year counts for more (+15)"
    )


def test_what_goes_against_the_change_stands_behind():
    """A part that is larger than the rest, and goes the other way, does not come first."""
    assert why(changed(level_and_trend=50.0, new_sales=-80.0, season=-30.0)).startswith(
        "-60: last week's sales pull it down"
    )
    text = why(changed(level_and_trend=100.0, new_sales=-60.0, season=-60.0))
    assert text.index("higher (+100)") > text.index("(-60)")


def test_small_parts_are_not_named():
    """Of a large change a small part is no reason; of no change there is none."""
    assert why(changed(level_and_trend=100.0, season=5.0)) == "+105: the level of recent weeks is higher (+100)"
    assert why(changed(level_and_trend=0.01)) == "0: nothing has changed"
    assert why(changed(level_and_trend=1.2)) == "+1.2: nothing has changed"


def test_sales_that_point_the_other_way_are_not_called_the_reason():
    """A lag may work against the surprise, where more than one week is new."""
    assert "above" not in why(changed(new_sales=-95.0, sales_surprise=80.0))
    text = why(changed(new_sales=-95.0, sales_surprise=-80.0, new_weeks=2))
    assert "the sales of the weeks since were 80 below the forecast (-95)" in text


@pytest.mark.parametrize(
    ("change", "text"),
    [
        (
            {"kind": "added", "depth": 25.0, "starts_on": "2026-12-01", "ends_on": "2026-12-03"},
            "a promotion of 25 % from 1 December to 3 December was added (+9.0)",
        ),
        (
            {**WITHDRAWN, "kind": "deeper", "depth": 30.0, "starts_on": "2026-11-30", "ends_on": "2026-12-06"},
            "the promotion from 30 November to 6 December is 30 % instead of 20 % (+9.0)",
        ),
        ({"kind": "none_planned"}, "the plan now says that there is no promotion (+9.0)"),
    ],
)
def test_changes_of_the_plan_are_named(change, text):
    """By their depth and days."""
    assert text in why(changed(plan=9.0, final=50.0, final_before=41.0, plan_change=json.dumps([change])))


def test_several_changes_of_a_week_share_their_effect():
    """Each is named, and what they do together stands with the last."""
    added = {"kind": "added_without_depth", "starts_on": "2026-12-07", "ends_on": "2026-12-07"}
    text = why(changed(plan=-40.0, plan_change=json.dumps([WITHDRAWN, added])))
    assert text.endswith("was withdrawn, a promotion from 7 December to 7 December was added (-40)")


def test_every_part_has_words_in_both_directions():
    """Of combinations and of sums, whatever their status and model."""
    for name in PARTS:
        for sign in (-1.0, 1.0):
            for level in ("combination", "total"):
                text = why(changed(level, **{name: 60.0 * sign}))
                assert f"({60 * sign:+.0f})" in text
    for status in STATUSES:
        assert "(+60)" in why(
            changed(other_method=60.0, status=status, status_before="ok", method="zero", method_before="blend")
        )
    for kind in MODEL_CHANGES:
        assert "its model was" in why(changed(model=60.0, model_change=kind))


def test_a_clause_keeps_numbers_and_days_as_such():
    """So that a page can say it in another language."""
    clause = clauses_of(changed(plan=-40.0, plan_change=json.dumps([WITHDRAWN])))[0]
    assert clause.values == {
        "depth_before": 20.0,
        "day_from_before": "2026-11-30",
        "day_to_before": "2026-12-06",
        "effect": -40.0,
    }


def test_rows_of_a_frame_are_said_one_by_one():
    """Missing facts in a frame are None or NaN, or missing as a table gives them."""
    rows = pd.DataFrame([changed(new_sales=-95.0), changed("total", new_sales=-95.0, sales_surprise=-80.0)])
    rows["new_weeks"] = pd.array([1, None], dtype="Int64")
    assert [text[:4] for text in why_of(rows)] == ["-95:", "-95:"]


def test_sales_that_are_late_are_said():
    """A change then has other reasons, or there is none; a week that is skipped is told as weeks in a sum."""
    assert why(changed(new_weeks=0)) == "0: no newer sales have been delivered"
    assert why(changed(plan=-40.0, new_weeks=0)).endswith("(-40), no newer sales have been delivered")
    text = why(changed("total", new_sales=-95.0, sales_surprise=-80.0, n_weeks=2, new_weeks=float("nan")))
    assert "the sales of the weeks since were 80 below" in text


BLENDS = {
    "joined": ({"joined": ["ets", "theta"], "left": []}, "+60: now in the blend: ets, theta (+60)"),
    "left": ({"joined": [], "left": ["ets"]}, "+60: no longer in the blend: ets (+60)"),
    "both": ({"joined": ["ces"], "left": ["ets"]}, "+60: now in the blend: ces, no longer: ets (+60)"),
}


@pytest.mark.parametrize(("change", "said"), BLENDS.values(), ids=BLENDS)
def test_who_joined_the_blend_or_left_it_is_named(change: dict[str, list[str]], said: str) -> None:
    """Of a combination and of sums; other weights of the same models are no news of whom."""
    for level in ("combination", "total"):
        assert why(changed(level, blend=60.0, blend_change=json.dumps(change))) == said
    assert why(changed(blend=60.0)) == "+60: the models count with other weights (+60)"

"""Which combinations are trained anew: how long their alert is open, what was tried, and what does not help."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
from builders import CUTOFF, WEDNESDAY

from skucast.core.combination import KEY, Combination
from skucast.core.tables.records import RETRAININGS
from skucast.core.weeks import WEEK
from skucast.scorecard.retraining import Bounds, due, with_retrainings

KNOWN = {Combination("Пермь", "KA", sku) for sku in ("A1", "YOUNG", "OVER", "QUIET", "PLAN", "SMALL", "LARGE")}
BOUNDS = Bounds(open_weeks=4, per_week=20, cool_down_weeks=8)
NOTHING = pd.DataFrame({name: pd.Series(dtype="object") for name in RETRAININGS.column_names}).astype(
    {"cutoff": "datetime64[us]"}
)


def alert(sku: str, weeks: int = 4, **changed: Any) -> dict[str, Any]:
    """Return an alert that has been open for so many weeks."""
    row = {
        **dict(zip(KEY, ("Пермь", "KA", sku), strict=True)),
        "alert_id": f"wape-{sku}",
        "state": "still_open",
        "opened": pd.Timestamp(CUTOFF - (weeks - 1) * WEEK),
        "n_open_weeks": weeks,
        "reason": "unexplained",
        "evidence": "none of the usual causes",
        "lost_volume": 10.0,
        "acknowledged_until": pd.NaT,
    }
    return row | changed


def table(*rows: dict[str, Any]) -> pd.DataFrame:
    """Return the alerts of a week."""
    return pd.DataFrame(list(rows)).astype({"acknowledged_until": "datetime64[us]"})


def asked(sku: str, *weeks_ago: int, state: str = "done") -> pd.DataFrame:
    """Return what was asked for so many weeks ago."""
    names = dict(zip(KEY, ("Пермь", "KA", sku), strict=True))
    rows = [{**names, "cutoff": pd.Timestamp(CUTOFF - ago * WEEK), "state": state} for ago in weeks_ago]
    return pd.DataFrame(rows).reindex(columns=RETRAININGS.column_names)


def wanted(alerts: pd.DataFrame, before: pd.DataFrame = NOTHING, bounds: Bounds = BOUNDS) -> list[str]:
    """Return the articles that are trained anew, in their order."""
    return [each.sku_id for each, _, _ in due(alerts, before, CUTOFF, WEDNESDAY, bounds, KNOWN).wanted]


def test_an_alert_is_acted_on_when_it_has_been_open_for_so_many_weeks() -> None:
    """Not before, not when it is over, not the system's, and not one that somebody has acknowledged."""
    others = [
        alert("YOUNG", 3),
        alert("OVER", state="resolved"),
        alert("*", unit="*", channel="*", rule="no_run"),
        alert("QUIET", acknowledged_until=pd.Timestamp(WEDNESDAY)),
    ]
    assert wanted(table(alert("A1"), *others)) == ["A1"]


def test_several_alerts_of_one_combination_are_one_training() -> None:
    """Named by the one that has been open for longest."""
    rows = table(alert("A1", 4), alert("A1", 6, alert_id="bias-A1"))
    found = due(rows, NOTHING, CUTOFF, WEDNESDAY, BOUNDS, KNOWN)
    assert found.wanted == [(Combination("Пермь", "KA", "A1"), "bias-A1", 6)]


def test_the_limit_takes_what_training_can_mend_and_then_the_largest() -> None:
    """A promotion without a plan comes last, whatever it cost; the others wait."""
    rows = table(
        alert("PLAN", reason="promotion_without_plan", lost_volume=900.0),
        alert("SMALL", lost_volume=5.0),
        alert("LARGE", lost_volume=50.0),
    )
    assert wanted(rows) == ["LARGE", "SMALL", "PLAN"]
    found = due(rows, NOTHING, CUTOFF, WEDNESDAY, Bounds(4, 2, 8), KNOWN)
    assert [each.sku_id for each, _, _ in found.wanted] == ["LARGE", "SMALL"]
    assert [each.sku_id for each in found.later] == ["PLAN"]


def test_a_combination_rests_for_the_cool_down() -> None:
    """Seven weeks ago is too young, eight are not; a refusal counts for nothing; an earlier alert's training counts."""
    rows = table(alert("A1", 20))
    assert wanted(rows, asked("A1", 7)) == []
    assert wanted(rows, asked("A1", 8)) == ["A1"]
    assert wanted(rows, asked("A1", 1, state="refused")) == ["A1"]
    assert wanted(table(alert("A1", 4)), asked("A1", 6, state="asked")) == []


def test_what_training_makes_no_model_of_is_left_out() -> None:
    """It is not in the sales, or was sold for too short a time: told apart, and none of the limit."""
    found = due(table(alert("GONE"), alert("A1")), NOTHING, CUTOFF, WEDNESDAY, Bounds(4, 1, 8), KNOWN)
    assert [each.sku_id for each in found.untrainable] == ["GONE"]
    assert [each.sku_id for each, _, _ in found.wanted] == ["A1"]


def test_what_two_trainings_have_not_mended_is_given_up() -> None:
    """For this alert: one that is opened again later begins anew."""
    found = due(table(alert("A1", 30)), asked("A1", 20, 10), CUTOFF, WEDNESDAY, BOUNDS, KNOWN)
    assert ([each.sku_id for each in found.given_up], found.wanted) == (["A1"], [])
    assert wanted(table(alert("A1", 15)), asked("A1", 20, 10)) == ["A1"]
    resting = due(table(alert("A1", 30)), asked("A1", 20, 3), CUTOFF, WEDNESDAY, BOUNDS, KNOWN)
    assert [each.sku_id for each in resting.resting] == ["A1"]


def test_the_evidence_says_when_it_was_tried_and_when_it_is_given_up() -> None:
    """Requests of the week itself are not told: a repeat of it gives the same rows."""

    def evidence(before: pd.DataFrame, cutoff: date = CUTOFF) -> str:
        return str(with_retrainings(table(alert("A1", 30)), before, cutoff)["evidence"].iloc[0])

    assert evidence(asked("A1", 0)) == "none of the usual causes"
    assert evidence(asked("A1", 10)).endswith(
        f"; for this alert it was to be trained anew in week {CUTOFF - 10 * WEEK}"
    )
    twice = evidence(asked("A1", 20, 10))
    assert f"in weeks {CUTOFF - 20 * WEEK}, {CUTOFF - 10 * WEEK}, and is not again: training does not mend it" in twice

"""How a plan differs from what it was, by promotion."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from skucast.core.combination import Combination
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import validate
from skucast.regressors.plan_changes import plan_changes
from skucast.regressors.promotions import Plan

ONE, OTHER = Combination("P", "KA", "A"), Combination("P", "KA", "B")
WEEKS = [date(2026, 11, 29), date(2026, 12, 6), date(2026, 12, 13)]
THEN, NOW = datetime.fromisoformat("2026-11-18T20:00"), datetime.fromisoformat("2026-11-25T20:00")
EARLY, LATE = THEN - timedelta(days=1), NOW - timedelta(days=1)


def said(
    known_from: datetime, starts_on: str, ends_on: str, depth: float | None = 20.0, **other: object
) -> dict[str, object]:
    """Return a row of the plan about the first article."""
    names = {"unit": "P", "channel": "KA", "SKU_ID": "A", "plan_id": "one", "cancelled": False, "note": None}
    row = {"starts_on": pd.Timestamp(starts_on), "ends_on": pd.Timestamp(ends_on), "discount_perc": depth}
    return {**names, **row, "known_from": pd.Timestamp(known_from), **other}


def found(*rows: dict[str, object]) -> dict[tuple[str, date], list[dict[str, object]]]:
    """Return the changes by article and week."""
    plan = Plan(validate(PROMOTIONS, pd.DataFrame(rows)), [ONE, OTHER])
    changes = plan_changes(plan, [ONE, OTHER], THEN, NOW, WEEKS)
    return {(each.sku_id, ds): json.loads(text) for (each, ds), text in changes.items()}


def kinds(*rows: dict[str, object]) -> dict[date, list[object]]:
    """Return the kinds of change of each week of the first article."""
    return {ds: [change["kind"] for change in changes] for (_, ds), changes in found(*rows).items()}


def test_a_promotion_that_was_added_is_named_by_depth_and_days():
    """Of its article alone, in each week that it touches."""
    changes = found(said(LATE, "2026-12-05", "2026-12-08"))
    assert list(changes) == [("A", WEEKS[1]), ("A", WEEKS[2])]
    assert changes["A", WEEKS[1]] == [
        {"kind": "added", "starts_on": "2026-12-05", "ends_on": "2026-12-08", "depth": 20.0}
    ]


def test_nothing_new_is_no_change():
    """What both runs knew is none, nor is what is said after this one."""
    assert not found(said(EARLY, "2026-11-30", "2026-12-06"), said(NOW + timedelta(days=1), "2026-12-07", "2026-12-13"))


def test_one_that_was_called_off_is_withdrawn():
    """A cancellation known since."""
    rows = said(EARLY, "2026-11-30", "2026-12-06"), said(LATE, "2026-11-30", "2026-12-06", None, cancelled=True)
    assert kinds(*rows) == {WEEKS[1]: ["withdrawn"]}


@pytest.mark.parametrize(
    ("starts_on", "ends_on", "depth", "kind"),
    [
        ("2026-11-30", "2026-12-06", 30.0, "deeper"),
        ("2026-11-30", "2026-12-06", 10.0, "shallower"),
        ("2026-12-02", "2026-12-08", 20.0, "moved"),
        ("2026-12-07", "2026-12-13", 20.0, "moved"),
        ("2026-12-02", "2026-12-08", 30.0, "moved_and_changed"),
    ],
)
def test_a_correction_says_what_it_corrects(starts_on, ends_on, depth, kind):
    """Another depth, other days that meet the old ones or that are as many, or both."""
    changes = kinds(said(EARLY, "2026-11-30", "2026-12-06"), said(LATE, starts_on, ends_on, depth))
    assert changes[WEEKS[1]] == [kind]


def test_a_promotion_has_its_own_days_beyond_the_weeks_that_are_told():
    """One that began before them is not said to begin with them."""
    changes = found(said(LATE, "2026-11-20", "2026-11-25"))
    assert changes["A", WEEKS[0]][0]["starts_on"] == "2026-11-20"


def test_a_plan_that_now_covers_a_week_says_so():
    """Nothing is planned, and now that is known."""
    rows = said(LATE, "2026-11-30", "2026-12-06", np.nan, plan_id="cover")
    assert kinds(rows) == {WEEKS[1]: ["none_planned"]}

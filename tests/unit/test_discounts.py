"""Discounts that are delivered in another measure than percent, by some units or for some time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import history_of, line, series, sunday

from skucast.core.combination import Combination
from skucast.sales.discounts import deepest_discounts, in_percent

NORTH, SOUTH = {"unit": "Север"}, {"unit": "Юг"}


def promoted(discount: float | None, every: int = 2, weeks: range = range(40), **names: Any) -> list[dict[str, Any]]:
    """Return a line on the Sunday of every week, with that discount in every second one."""
    return [line(sunday(ago), 5, promo=discount if ago % every == 0 else None, **names) for ago in weeks]


def discounts(history: Any, **names: str) -> set[float]:
    """Return the different discounts of a combination's weeks."""
    return {round(each, 6) for each in series(history, "promo_discount_perc", **names)}


def test_a_unit_of_fractions_counts_in_percent(warehouse, run):
    """One branch writes 0.3 and the other 30: both are 30, and the branch is named."""
    history = history_of(warehouse, [*promoted(30, **NORTH), *promoted(0.3, **SOUTH)], run)
    assert discounts(history, **NORTH) == discounts(history, **SOUTH) == {0.0, 30.0}
    (text,) = history.report.warnings
    assert text.startswith("promo_discount_perc of Юг/KA, 1 article in weeks ")
    assert "never exceeds 0.3: taken for fractions (0.3 for 30 %) and counted as percent" in text


def test_a_unit_of_flags_tells_the_days_of_a_promotion_alone(warehouse, run):
    """1 for any promotion: no depth is learnt that a plan in percent could be multiplied with; the days are."""
    history = history_of(warehouse, [*promoted(30, **NORTH), *promoted(1, **SOUTH)], run)
    assert discounts(history, **SOUTH) == {0.0}
    assert set(series(history, "promo_days", **SOUTH)) == {0.0, 1.0}
    assert "Юг/KA, 1 article" in history.report.warnings[0]
    assert "taken for a flag" in history.report.warnings[0]
    assert history.deepest_discounts == {Combination("Север", "KA", "A1"): 30.0}


@pytest.mark.slow
@pytest.mark.parametrize(("discount", "depth"), [(0.2, 20.0), (1.0, 0.0)])
def test_all_units_in_another_measure(warehouse, run, discount, depth):
    """There is nothing to compare with, and no discount beyond 1: fractions are percent, flags have no depth."""
    history = history_of(warehouse, promoted(discount), run)
    assert discounts(history) == {0.0, depth}
    assert len(history.report.warnings) == 1


def test_a_unit_that_changed_its_measure(warehouse, run):
    """Fractions, then percent since a year: each part by itself. Flags count as deep as is usual there."""
    lines = [*promoted(0.25, weeks=range(20, 40)), *promoted(25, weeks=range(20))]
    flags = [*promoted(1, weeks=range(20, 40), **SOUTH), *promoted(30, weeks=range(20), **SOUTH)]
    history = history_of(warehouse, [*lines, *flags], run)
    assert discounts(history) == {0.0, 25.0}
    assert discounts(history, **SOUTH) == {0.0, 30.0}


def test_one_article_in_another_measure(warehouse, run):
    """An article of fractions among articles of percent, in the same weeks of the same unit."""
    history = history_of(warehouse, [*promoted(30), *promoted(0.3, SKU_ID="B2")], run)
    assert discounts(history, SKU_ID="B2") == {0.0, 30.0}


def test_a_small_discount_among_others_is_one(warehouse, run):
    """Half a percent in a few weeks, by the price list: percent, as delivered."""
    lines = [*promoted(30), *promoted(0.5, every=10, SKU_ID="B2")]
    history = history_of(warehouse, lines, run)
    assert discounts(history, SKU_ID="B2") == {0.0, 0.5}
    assert history.report.warnings == []


def test_a_price_in_the_sales_is_no_discount():
    """8,990 in a table that nobody checks: 100 at most, said, and no depth that a plan could be compared with."""
    rows = {"ds": pd.Timestamp(sunday(0)), "promo_discount_perc": [8990.0, 30.0], "SKU_ID": ["A1", "B2"]}
    known = pd.DataFrame(rows).assign(unit="P", channel="KA", n_bad_discount=0, n_bad_flag=0)
    known = known.assign(least_discount=known["promo_discount_perc"], most_discount=known["promo_discount_perc"])
    found, (text,) = in_percent(known)
    assert found["promo_discount_perc"].tolist() == [100.0, 30.0]
    assert text.startswith("promo_discount_perc beyond 100 in 1 week of combinations, first P/KA/A1")
    assert deepest_discounts(found) == {Combination("P", "KA", "B2"): 30.0}


# --- Several measures, prices and nonsense within one unit ----------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize("weeks", [range(10), range(0, 40, 4), range(30, 40)], ids=["last ten", "half", "first ten"])
def test_fractions_for_some_time_or_in_some_promotions(warehouse, run, weeks):
    """0.3 beside 30 in one unit, in the last ten weeks or in half of the promotions: all are 30, and said."""
    lines = [each for ago in range(40) for each in promoted(0.3 if ago in weeks else 30, weeks=range(ago, ago + 1))]
    history = history_of(warehouse, [*lines, *promoted(20, SKU_ID="B2")], run)
    assert discounts(history) == {0.0, 30.0}
    (text,) = history.report.warnings
    assert "taken for fractions" in text


@pytest.mark.slow
def test_fractions_of_one_article_for_some_time(warehouse, run):
    """One of thirty articles is in fractions in the last ten weeks: too few to tell by the unit, enough by itself."""
    others = [each for number in range(30) for each in promoted(25, SKU_ID=f"S{number}")]
    lines = [*promoted(0.3, weeks=range(10)), *promoted(30, weeks=range(10, 40)), *others]
    history = history_of(warehouse, lines, run)
    assert discounts(history) == {0.0, 30.0}
    assert "1 article in weeks" in history.report.warnings[0]


@pytest.mark.slow
def test_flags_for_some_time(warehouse, run):
    """1 in the last ten weeks: as deep as is usual there."""
    history = history_of(warehouse, [*promoted(1, weeks=range(10)), *promoted(30, weeks=range(10, 40))], run)
    assert discounts(history) == {0.0, 30.0}
    assert "taken for a flag" in history.report.warnings[0]


def test_small_discounts_by_the_price_list_stay(warehouse, run):
    """0.3 to 4.5 % and 30 % in one unit: where there are discounts of all kinds, 0.3 is one of them."""
    lines = [each for ago in range(40) for each in promoted((0.3, 30, 4.5, 2)[ago // 2 % 4], weeks=range(ago, ago + 1))]
    history = history_of(warehouse, lines, run)
    assert discounts(history) == {0.0, 0.3, 2.0, 4.5, 30.0}
    assert history.report.warnings == []


def test_a_discount_below_0_is_said():
    """Three lines of -30 in a table that nobody checks: how many, and the first of them."""
    rows = {"ds": pd.Timestamp(sunday(4)), "SKU_ID": ["A1", "B2"], "promo_discount_perc": [0.0, 30.0]}
    known = pd.DataFrame(rows).assign(
        unit="P", channel="KA", n_bad_flag=0, n_bad_discount=[3, 0], least_discount=[np.nan, 30.0]
    )
    found, (text,) = in_percent(known.assign(most_discount=known["least_discount"]))
    assert found["promo_discount_perc"].tolist() == [0.0, 30.0]
    assert text.startswith("promo_discount_perc is below 0, or infinite, in 3 lines, first P/KA/A1 in week 2026-10-25")


@pytest.mark.slow
@pytest.mark.parametrize("place", [0, 20])
@pytest.mark.parametrize("names", [{}, {"SKU_ID": "NEW"}], ids=["its article", "a new article"])
def test_a_price_as_discount_is_bounded(warehouse, run, place, names):
    """89.90 where nothing was deeper than 30: counted as 30, no depth that a plan may have, and said."""
    lines = [*promoted(30, weeks=range(2, 20)), *promoted(20, weeks=range(22, 40)), *promoted(25, SKU_ID="B2")]
    price = promoted(89.9, weeks=range(place, place + 1), **names)
    history = history_of(warehouse, [*lines, *price, *promoted(None, weeks=range(40), SKU_ID="NEW")], run)
    assert max(history.weeks["promo_discount_perc"]) == max(history.deepest_discounts.values()) == 30.0
    (text,) = history.report.warnings
    assert f"in week {sunday(place)}: 89.9 where at most 30 is usual: taken for a price" in text


def test_a_deep_sale_is_believed(warehouse, run):
    """50 % once, and 70 % of an article that had 40 %: sales, not prices."""
    lines = [*promoted(30, weeks=range(2, 40)), *promoted(50, weeks=range(1))]
    other = [*promoted(40, weeks=range(2, 40), SKU_ID="B2"), *promoted(70, weeks=range(1), SKU_ID="B2")]
    history = history_of(warehouse, [*lines, *other], run)
    assert history.deepest_discounts == {Combination("Пермь", "KA", "A1"): 50.0, Combination("Пермь", "KA", "B2"): 70.0}
    assert history.report.warnings == []

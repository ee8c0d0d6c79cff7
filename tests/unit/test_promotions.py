"""The promotions plan as it was known at a moment, week by week, and the ladder that a forecast climbs down."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, deliver, line, sunday, week
from hypothesis import given, settings
from hypothesis import strategies as st
from stubs import weeks_of

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import Combination
from skucast.core.run import Run
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.tables.validation import empty, validate
from skucast.core.weeks import WeekClock
from skucast.regressors.future import Archive, ahead_at
from skucast.regressors.promotions import Plan, PlannedWeeks, promotions_ahead, usable_rows
from skucast.sales.history import build_history

A1, B2, TF = Combination("Пермь", "KA", "A1"), Combination("Пермь", "KA", "B2"), Combination("Пермь", "TF", "A1")
ALL_THREE = [A1, B2, TF]
MONDAY = CUTOFF + timedelta(days=1)
WEEKS = [sunday(-step) for step in (1, 2, 3, 4)]
SENT = datetime.fromisoformat("2026-11-20T09:00")
LATER = SENT + timedelta(days=1)
NOW = datetime.fromisoformat("2026-11-25T20:00")


def row(first: int, last: int, discount: float | None = 30.0, **other: Any) -> dict[str, Any]:
    """Return a row of the plan; days count from the Monday after the cutoff, 0 = that Monday."""
    days = {"starts_on": MONDAY + timedelta(days=first), "ends_on": MONDAY + timedelta(days=last)}
    names = {"unit": "Пермь", "channel": "KA", "SKU_ID": "A1"}
    said = {"discount_perc": discount, "known_from": SENT, "plan_id": "P1", "cancelled": None, "note": None}
    return {**names, **days, **said, **other}


def covered(first: int = 0, last: int = 27, **other: Any) -> dict[str, Any]:
    """Return the statement that the plan is complete for these days, by default for four weeks."""
    return row(first, last, None, plan_id="coverage", **other)


def plan(*rows: dict[str, Any], grain: Any = "day", combinations: Any = ALL_THREE) -> Plan:
    """Return the plan of these rows."""
    frame = pd.DataFrame(rows) if rows else empty(PROMOTIONS)
    return Plan(validate(PROMOTIONS, frame), combinations, grain)


def weeks_planned(*rows: dict[str, Any], of: Combination = A1, at: datetime = NOW, grain: Any = "day") -> PlannedWeeks:
    """Return what the rows say of one combination's next four weeks."""
    return plan(*rows, grain=grain).as_of(at, WEEKS)[of]


# --- What a row means -----------------------------------------------------------------------------------------------


def test_a_promotion_over_a_week_boundary_counts_in_both() -> None:
    """Thursday to the next Tuesday at 35 %: four days of the first week, two of the second; means over seven days."""
    found = weeks_planned(row(3, 8, 35.0))
    assert found.discount.tolist() == pytest.approx([20.0, 10.0, 0.0, 0.0])
    assert found.days.tolist() == [4.0, 2.0, 0.0, 0.0]
    assert found.is_covered.tolist() == [True, True, False, False]


def test_a_row_that_covers_a_week_has_seven_promotion_days() -> None:
    """As in a history of weekly rows, whose discount is how deep it was; of two, the mean over their days."""
    found = weeks_planned(row(3, 8, 35.0), grain="week")
    assert found.days.tolist() == [7.0, 7.0, 0.0, 0.0]
    assert found.discount.tolist() == pytest.approx([35.0, 35.0, 0.0, 0.0])
    found = weeks_planned(row(0, 2, 10.0), row(3, 3, 50.0), grain="week")
    assert found.discount.tolist() == pytest.approx([20.0, 0.0, 0.0, 0.0])


@pytest.mark.slow
@pytest.mark.parametrize(("grain", "expected"), [("day", (20.0, 4.0)), ("week", (35.0, 7.0))])
def test_history_and_plan_say_the_same_of_one_promotion(
    warehouse: DuckDBWarehouse, run: Run, grain: Any, expected: tuple[float, float]
) -> None:
    """Thursday to Sunday at 35 %: as the sales tell it once it is over, and as the plan did before, in both grains."""
    days = [WEEKS[0] - timedelta(days=6 - number) for number in range(7)]
    promo = [35.0 if number > 2 else 0.0 for number in range(7)]
    daily = [line(day, 10.0, promo=percent) for day, percent in zip(days, promo, strict=True)]
    lines = daily if grain == "day" else [line(days[0], 70.0, promo=35.0)]
    earlier = [each for label in (sunday(0), sunday(1)) for each in week(label, 7)] if grain == "day" else []
    deliver(warehouse, [*earlier, *lines], run)
    sold = build_history(warehouse.weekly_sales(WeekClock(), WEEKS[0]), WeekClock(), WEEKS[0], grain=grain).weeks.iloc[
        -1
    ]
    planned = weeks_planned(row(3, 6, 35.0), grain=grain)
    assert (sold["promo_discount_perc"], sold["promo_days"]) == pytest.approx(expected)
    assert (planned.discount[0], planned.days[0]) == pytest.approx(expected)


def test_a_plan_that_is_complete_knows_of_no_promotion() -> None:
    """Covered to the 20th day: the first two weeks are, the third in part, which says nothing."""
    found = weeks_planned(covered(0, 19))
    assert found.is_covered.tolist() == [True, True, False, False]
    assert not found.days.any()


def test_nothing_is_known_without_a_row() -> None:
    """Of another combination neither."""
    assert not weeks_planned().is_known
    other = weeks_planned(row(0, 6), of=B2)
    assert not other.is_known
    assert not other.is_covered.any()


@pytest.mark.parametrize(
    ("names", "hit"),
    [
        ({"unit": "*", "channel": "*", "SKU_ID": "*"}, {A1, B2, TF}),
        ({"channel": "*"}, {A1, TF}),
        ({"unit": "*", "SKU_ID": "*"}, {A1, B2}),
        ({"unit": " Пермь ", "SKU_ID": "B2"}, {B2}),
        ({"unit": "Омск"}, set()),
    ],
)
def test_a_star_names_all(names: dict[str, str], hit: set[Combination]) -> None:
    """Of unit, channel and SKU_ID alone and together; names are cleaned as those of the sales are."""
    found = plan(row(0, 6, **names)).as_of(NOW, WEEKS)
    assert {combination for combination, weeks in found.items() if weeks.is_known} == hit
    assert {combination for combination, weeks in found.items() if weeks.days[0] == 7} == hit


# --- The newest statement counts ------------------------------------------------------------------------------------


def test_nothing_is_known_before_it_was_said() -> None:
    """Not a microsecond."""
    assert weeks_planned(row(0, 6), at=SENT).days[0] == 7
    assert not weeks_planned(row(0, 6), at=SENT - timedelta(microseconds=1)).is_known


def test_a_newer_row_wins_on_its_days() -> None:
    """30 % on all days, then 10 % on the first two of them."""
    found = weeks_planned(row(0, 6, 30.0), row(0, 1, 10.0, plan_id="P2", known_from=LATER))
    assert found.discount[0] == pytest.approx((5 * 30 + 2 * 10) / 7)


def test_a_correction_moves_a_promotion() -> None:
    """The same promotion a week later: its first week is free again, and covered where the plan was complete."""
    found = weeks_planned(covered(), row(0, 6), row(7, 13, known_from=LATER))
    assert found.days.tolist() == [0.0, 7.0, 0.0, 0.0]
    assert found.is_covered.all()


def test_a_correction_for_one_article_leaves_the_others() -> None:
    """One promotion of two articles; the second is corrected."""
    rows = [row(0, 6), row(0, 6, SKU_ID="B2"), row(7, 13, SKU_ID="B2", known_from=LATER)]
    assert weeks_planned(*rows).days[0] == 7
    assert weeks_planned(*rows, of=B2).days.tolist() == [0.0, 7.0, 0.0, 0.0]


def test_a_cancellation_takes_it_back() -> None:
    """From when it is known; before, the promotion stands."""
    rows = [row(0, 6), row(0, 6, cancelled=True, known_from=LATER)]
    assert weeks_planned(*rows).days.tolist() == [0.0] * 4
    assert weeks_planned(*rows).is_covered.tolist() == [True, False, False, False]
    assert weeks_planned(*rows, at=SENT).days[0] == 7


def test_a_cancellation_is_about_its_own_promotion_alone() -> None:
    """Another promotion on some of its days stands, whether it was known before, with it or after."""
    other = row(3, 9, 15.0, plan_id="P2")
    for known_from in (SENT - timedelta(days=1), SENT, LATER, NOW):
        rows = [row(0, 6), row(0, 6, cancelled=True, known_from=LATER), {**other, "known_from": known_from}]
        assert weeks_planned(*rows).days.tolist() == [4.0, 3.0, 0.0, 0.0]
        assert weeks_planned(*rows[::-1]).discount[0] == pytest.approx(4 * 15 / 7)


def test_a_cancellation_without_the_promotions_name_is_about_its_names_and_days() -> None:
    """A file's rows have names of their own."""
    rows = [row(0, 6, plan_id="a-2"), row(0, 6, plan_id="b-2", cancelled=True, known_from=LATER)]
    assert weeks_planned(*rows).days.tolist() == [0.0] * 4


def test_of_two_equally_precise_rows_the_deeper_discount_counts() -> None:
    """One by channel, one by article, said at the same moment, in any order."""
    rows = [row(0, 6, 10.0, channel="*"), row(0, 6, 40.0, unit="*", plan_id="A")]
    assert weeks_planned(*rows).discount[0] == weeks_planned(*rows[::-1]).discount[0] == pytest.approx(40)


def test_an_article_has_promotions_on_its_selling_days_alone() -> None:
    """Monday to Friday, as its history has them: a whole week at 30 % is 30 % on 5 days; a weekend is none."""
    weekdays = {A1: (True,) * 5 + (False,) * 2}
    rows = validate(
        PROMOTIONS, pd.DataFrame([row(0, 6), row(7, 11), row(14, 15), row(26, 27)]).assign(plan_id=list("abcd"))
    )
    found = Plan(rows, [A1, B2], selling_days=weekdays).as_of(NOW, WEEKS)[A1]
    assert found.discount.tolist() == pytest.approx([30.0, 30.0, 12.0, 0.0])
    assert found.days.tolist() == [5.0, 5.0, 2.0, 0.0]


def test_a_price_counts_as_the_deepest_discount_that_there_was() -> None:
    """89.90 planned where 30 was the most: 30, and said; of B2, whose depth nobody knows, the plan is believed."""
    rows = validate(PROMOTIONS, pd.DataFrame([row(0, 6, 89.9), row(0, 6, 89.9, SKU_ID="B2")]))
    said = Plan(rows, [A1, B2], deepest={A1: 30.0})
    found = said.as_of(NOW, WEEKS)
    assert (found[A1].discount[0], found[B2].discount[0]) == (pytest.approx(30.0), pytest.approx(89.9))
    assert found[A1].days[0] == 7.0
    assert said.too_deep(NOW, WEEKS) == {A1: (89.9, 30.0)}
    assert said.too_deep(NOW, WEEKS[1:]) == {}


def test_a_little_deeper_is_not_worth_a_word() -> None:
    """35 where 30 was the most: nothing is known of its effect, so it counts as 30, but it is no mistake."""
    rows = validate(PROMOTIONS, pd.DataFrame([row(0, 6, 35.0)]))
    said = Plan(rows, [A1], deepest={A1: 30.0}).and_these(validate(PROMOTIONS, pd.DataFrame([row(7, 13, 36.0)])))
    assert said.as_of(NOW, WEEKS)[A1].discount[:2].tolist() == pytest.approx([30.0, 30.0])
    assert said.too_deep(NOW, WEEKS) == {}


def test_a_plan_of_ones_is_named_where_discounts_were_percent() -> None:
    """1 planned where 30 was the most may be a flag; of an article that had 2, or of no known depth, it is 1 %."""
    rows = validate(PROMOTIONS, pd.DataFrame([row(0, 6, 1.0), row(0, 6, 1.0, SKU_ID="B2")]))
    assert [Plan(rows, [A1, B2], deepest={A1: most}).like_flags(NOW, WEEKS) for most in (30.0, 2.0)] == [{A1: 30.0}, {}]


def test_selling_days_turn_with_the_week() -> None:
    """Weeks that end on Wednesday begin on Thursday: a Thursday and Friday at 30 % are two of five selling days."""
    wednesdays = [day + timedelta(days=3) for day in WEEKS]
    rows = validate(PROMOTIONS, pd.DataFrame([row(3, 4)]))
    found = Plan(rows, [A1], selling_days={A1: (True,) * 5 + (False,) * 2}).as_of(NOW, wednesdays)[A1]
    assert found.days.tolist() == [2.0, 0.0, 0.0, 0.0]
    assert found.discount[0] == pytest.approx(12)


def test_rows_that_mean_nothing_are_passed_over_and_counted() -> None:
    """Blank, turned round, a fraction, beyond 100, an unknown article; a missing plan_id is no harm."""
    good = row(0, 6, plan_id=None)
    bad = [
        dict.fromkeys(good),
        row(6, 0),
        row(0, 6, 0.3),
        row(0, 6, 130.0),
        row(0, 6, SKU_ID="\u0410" + "1"),
        row(0, 6, unit=""),
    ]
    usable, wrong = usable_rows(validate(PROMOTIONS, pd.DataFrame([good, *bad])), ALL_THREE)
    assert len(usable) == 1
    assert usable["plan_id"].notna().all()
    assert wrong == {
        "names, days or known_from missing": 2,
        "ends before it starts": 1,
        "discount_perc outside 0 to 100": 1,
        "discount_perc is a fraction (0.3 for 30)": 1,
        "unknown unit, channel or SKU_ID": 1,
    }


def test_a_plan_that_is_sent_anew_replaces_the_old_one() -> None:
    """What is no longer in it is off, although nobody cancelled it."""
    found = weeks_planned(covered(), row(0, 6), covered(known_from=LATER), row(7, 13, plan_id="P9", known_from=LATER))
    assert found.days.tolist() == [0.0, 7.0, 0.0, 0.0]


def test_of_one_plan_the_promotion_and_the_more_precise_row_count() -> None:
    """30 % for all, 10 % for one article, and the plan complete for that article: all said at once."""
    rows = [row(0, 6, 30.0, SKU_ID="*"), row(0, 6, 10.0, plan_id="P2"), covered()]
    assert weeks_planned(*rows).discount[0] == pytest.approx(10)
    assert weeks_planned(*rows, of=B2).discount[0] == pytest.approx(30)
    assert weeks_planned(row(0, 6, 30.0, SKU_ID="*"), covered()).discount[0] == pytest.approx(30)


ROWS = st.lists(
    st.builds(
        lambda first, length, discount, hours, sku, cancelled, plan_id: row(
            first,
            first + length,
            discount,
            known_from=SENT + timedelta(hours=hours),
            SKU_ID=sku,
            cancelled=cancelled,
            plan_id=plan_id,
        ),
        st.integers(-20, 30),
        st.integers(0, 20),
        st.sampled_from([None, 0.0, 10.0, 30.0]),
        st.integers(0, 3),
        st.sampled_from(["A1", "B2", "*"]),
        st.sampled_from([None, False, True]),
        st.sampled_from(["P1", "P2", "P3"]),
    ),
    max_size=8,
    unique_by=lambda each: (each["known_from"], each["SKU_ID"], each["plan_id"]),
)


def slow(rows: list[dict[str, Any]], sku: str, day: date) -> tuple[float, bool]:
    """Return discount and whether anything is said, looking at one day of one article at a time."""
    mine = [each for each in rows if each["SKU_ID"] in (sku, "*")]
    alive = [
        each
        for each in mine
        if not any(
            (other["plan_id"], other["SKU_ID"]) == (each["plan_id"], each["SKU_ID"])
            and other["known_from"] > each["known_from"]
            for other in mine
        )
        and each["starts_on"] <= day <= each["ends_on"]
    ]
    if not alive:
        return 0.0, False
    standing = [each for each in alive if not each["cancelled"] and not any(calls_off(off, each) for off in alive)]
    if not standing:
        return 0.0, any(each["cancelled"] for each in alive)
    best = max(
        standing,
        key=lambda each: (
            each["known_from"],
            each["discount_perc"] is not None,
            each["SKU_ID"] != "*",
            each["discount_perc"] or 0.0,
        ),
    )
    return best["discount_perc"] or 0.0, True


def calls_off(off: dict[str, Any], row: dict[str, Any]) -> bool:
    """Whether the first row calls the second one off: the same names and days, then or later."""
    same = all(off[name] == row[name] for name in ("SKU_ID", "starts_on", "ends_on"))
    return bool(off["cancelled"]) and same and off["known_from"] >= row["known_from"]


@given(ROWS)
@settings(deadline=None, max_examples=60)
@pytest.mark.slow
def test_the_plan_equals_a_look_at_every_day(rows: list[dict[str, Any]]) -> None:
    """Whatever is said, in whatever order, by whom."""
    found = plan(*rows, combinations=[A1, B2]).as_of(NOW, WEEKS)
    for combination in (A1, B2):
        for step in range(4):
            said = [slow(rows, combination.sku_id, MONDAY + timedelta(days=7 * step + day)) for day in range(7)]
            planned = found[combination]
            assert planned.discount[step] == pytest.approx(sum(percent for percent, _ in said) / 7)
            assert planned.days[step] == sum(percent > 0 for percent, _ in said)
            assert planned.is_covered[step] == (all(known for _, known in said) or planned.days[step] > 0)


# --- The ladder -----------------------------------------------------------------------------------------------------


def test_the_ladder_of_a_forecast() -> None:
    """Planned, none, and, beyond the plan, the mean of the last 26 weeks."""
    weeks = weeks_of([100.0] * 30).assign(
        promo_discount_perc=[0.0] * 17 + [20.0] * 13, promo_days=[0.0] * 17 + [7] * 13
    )
    values, source = promotions_ahead(weeks, weeks_planned(row(3, 6, 35.0), covered(0, 13)), 4)
    assert source.tolist() == ["planned", "none", "expected", "expected"]
    assert values["promo_discount_perc"].tolist() == pytest.approx([20.0, 0.0, 10.0, 10.0])
    assert values["promo_days"].tolist() == pytest.approx([4.0, 0.0, 3.5, 3.5])


def test_without_a_plan_all_is_expected() -> None:
    """Of a combination without any promotion too: nobody has said that there will be none."""
    values, source = promotions_ahead(weeks_of([1.0] * 3), None, 2)
    assert (source.tolist(), values["promo_days"].tolist()) == (["expected"] * 2, [0.0] * 2)


# --- What was known then --------------------------------------------------------------------------------------------


PAST = weeks_of([100.0] * 30, last=sunday(4))
COMING = weeks_of([100.0] * 4, promo=25.0)


def test_an_origin_knows_the_plan_of_then() -> None:
    """What the plan said by then, not what came to pass."""
    archive = Archive({sunday(4): weeks_planned(covered(), row(0, 6))}, has_plan=True)
    known, label = ahead_at(PAST, COMING, archive)
    assert (known.promo_source.tolist(), label) == (["planned", "none", "none", "none"], "plan")
    assert known.regressors["promo_discount_perc"].tolist() == pytest.approx([30.0, 0.0, 0.0, 0.0])


@pytest.mark.parametrize("plans", [{}, {sunday(4): weeks_planned()}])
def test_before_the_first_plan_promotions_are_those_that_came(plans: dict[date, PlannedWeeks]) -> None:
    """Where forecasts now have a plan; labelled, because nobody knew them all."""
    known, label = ahead_at(PAST, COMING, Archive(plans, has_plan=True))
    assert label == "perfect_plan"
    assert known.regressors["promo_discount_perc"].tolist() == [25.0] * 4


def test_without_any_plan_an_origin_knows_what_a_forecast_knows() -> None:
    """The recent average."""
    known, label = ahead_at(PAST, COMING, Archive())
    assert (set(known.promo_source), label) == ({"expected"}, "expected")
    assert known.regressors["promo_discount_perc"].tolist() == [0.0] * 4


def test_a_shorter_origin_takes_the_first_weeks() -> None:
    """The last origin may have fewer weeks left than the plan was asked for."""
    archive = Archive({sunday(4): weeks_planned(row(0, 6))}, has_plan=True)
    known, _ = ahead_at(PAST, COMING.iloc[:2], archive)
    assert np.shape(known.regressors["promo_days"]) == (2,)

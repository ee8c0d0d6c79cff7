"""Promotions without a depth: in the sales, in a planner's file, in the plan's table."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, deliver, history_of, line, series, sunday
from plans import CLOCK, KNOWN, RUN_AT, nothing_else, plan

from skucast.core.combination import Combination
from skucast.core.tables.sales import PROMOTIONS, SALES
from skucast.core.tables.validation import validate
from skucast.regressors.promotion_files import PlanFile, read_plan
from skucast.regressors.promotions import Plan, is_promotion
from skucast.sales.loading import read_delivery, read_file

A1 = Combination("Пермь", "KA", "A1")
WEEKS = [date(2026, 12, 6), date(2026, 12, 13)]
NOW = datetime.fromisoformat("2026-11-25T20:00:00")


def flagged(is_promo: bool | None, promo: float | None = None, weeks: range = range(20), **names: Any) -> list[Any]:
    """Return a line on the Sunday of every week, promoted in every second one."""
    return [
        line(sunday(ago), 5, promo=promo if ago % 2 == 0 else None, is_promo=is_promo and ago % 2 == 0, **names)
        for ago in weeks
    ]


# --- Sales ----------------------------------------------------------------------------------------------------------


def test_a_flag_without_a_discount_is_as_deep_as_the_article_usually_is(warehouse, run):
    """Of the combination itself, else of the SKU elsewhere, else of all that there is."""
    lines = [
        *flagged(None, 30, weeks=range(10)),
        *flagged(True, None, weeks=range(10, 20)),
        *flagged(True, None, unit="Юг"),
        *flagged(True, None, SKU_ID="C3"),
        *flagged(None, 10, SKU_ID="B2", weeks=range(40)),
    ]
    history = history_of(warehouse, lines, run)
    assert set(series(history, "promo_discount_perc")) == {0.0, 30.0}
    assert set(series(history, "promo_discount_perc", unit="Юг")) == {0.0, 30.0}
    assert set(series(history, "promo_discount_perc", SKU_ID="C3")) == {0.0, 10.0}
    assert series(history, "is_promo") == [ago % 2 == 0 for ago in range(18, -1, -1)]
    assert history.report.warnings == []
    assert "weeks with a promotion without a discount: 25" in history.report.repairs()


def test_a_business_without_any_depth_has_its_days(warehouse, run):
    """Nothing to multiply a plan with: the days with a promotion alone teach."""
    history = history_of(warehouse, flagged(True), run)
    assert set(series(history, "promo_discount_perc")) == {0.0}
    assert series(history, "promo_days")[-2:] == [0.0, 1.0]
    assert history.deepest_discounts == {}
    assert history.usual_depths.of(A1) == 0.0


def test_a_discount_is_a_promotion_whatever_the_flag_says(warehouse, run):
    """And a flag with a discount of 0 is a promotion without one: a display."""
    lines = [line(sunday(1), 5, promo=20, is_promo=False), line(sunday(0), 5, promo=0, is_promo=True)]
    history = history_of(warehouse, [*flagged(None, weeks=range(2, 10)), *lines], run)
    assert series(history, "promo_discount_perc")[-2:] == [20.0, 0.0]
    assert series(history, "promo_days")[-2:] == [1.0, 1.0]


def test_lines_of_one_day_with_and_without_a_depth(warehouse, run):
    """The day is the mean of its lines: a known 40, an unknown one that counts 20, and one without a promotion."""
    day = sunday(0)
    lines = [line(day, 5, promo=40), line(day, 5, is_promo=True), line(day, 5, is_promo=False)]
    history = history_of(warehouse, [*flagged(None, 20, weeks=range(1, 20)), *lines], run)
    assert series(history, "promo_discount_perc")[-1] == pytest.approx((40 + 20 + 0) / 3)


def test_a_flag_of_a_return_is_no_promotion(warehouse, run):
    """As with a discount: only what was sold tells."""
    history = history_of(warehouse, [*flagged(None, weeks=range(1, 9)), line(sunday(0), -2, is_promo=True)], run)
    assert not any(series(history, "is_promo"))


def test_a_table_of_ours_from_before_has_no_flag(warehouse, run):
    """It is read as it was, also where SALES_COLUMNS names the flag for files."""
    with warehouse._file.transaction() as connection:
        warehouse._tables.ensure(connection, SALES)
        for name in ("is_promo", "promo_type"):
            connection.execute(f"ALTER TABLE {warehouse._tables.name(SALES)} DROP COLUMN {name}")
        connection.execute(
            f"INSERT INTO {warehouse._tables.name(SALES)} VALUES (DATE '{CUTOFF}', 'P', 'KA', 'A', 3, 20, NULL, 'b')"
        )
    weeks = warehouse.weekly_sales(CLOCK, CUTOFF)
    assert weeks[["quantity", "promo_days", "no_depth_share"]].iloc[0].tolist() == [3.0, 1, 0.0]
    deliver(warehouse, flagged(True, weeks=range(4)), run)
    assert warehouse.weekly_sales(CLOCK, CUTOFF)["promo_days"].sum() == 3


@pytest.mark.parametrize(
    ("yes", "no"), [("yes", "no"), ("1", "0"), ("TRUE", "FALSE"), ("да", "нет"), ("ja", "nein"), ("1.0", "0.0")]
)
def test_a_file_says_it_in_several_ways(tmp_path, yes, no):
    """Also where it has no column of discounts; empty is not said."""
    path = tmp_path / "sales.csv"
    rows = [f"2026-11-16,P,KA,A{number},1,{word}" for number, word in enumerate([yes, no, ""])]
    path.write_text("\n".join(["date,unit,channel,SKU_ID,quantity,IS_PROMO", *rows]), encoding="utf-8")
    found, unused = read_file(path, SALES, {})
    assert found["is_promo"].tolist() == [True, False, pd.NA]
    assert found["Promo_discount_perc"].isna().all()
    assert unused == []


@pytest.mark.parametrize(
    ("name", "cells", "flags"),
    [
        ("promo", ["yes", "no", ""], [True, False, None]),
        ("Акция", ["1", "0", "1"], [True, False, True]),
        ("promo", ["yes", "summer", ""], None),
        ("promo", ["30", "0", ""], None),
        ("flag", ["yes", "no", ""], None),
    ],
)
def test_a_flag_by_another_name_is_taken_if_it_is_one(tmp_path, name, cells, flags):
    """And that is said; a column that has other words or numbers stays unused, and one that may be about anything."""
    path = tmp_path / "sales.csv"
    rows = [f"2026-11-16;P;KA;A{number};1;{cell}" for number, cell in enumerate(cells)]
    path.write_text("\n".join([f"date;unit;channel;SKU_ID;quantity;{name}", *rows]), encoding="utf-8")
    found = read_delivery(path, SALES, {})
    (read,) = [rows["is_promo"].astype("object") for rows in found.rows]
    assert [None if pd.isna(flag) else flag for flag in read] == (flags or [None] * 3)
    assert found.unused == ([] if flags else [name])
    assert any("tells which lines were sold in a promotion" in note for note in found.notes) == bool(flags)


def test_a_flag_in_a_parquet_by_another_name(tmp_path):
    """True and false, or whole numbers."""
    names = {"date": ["2026-11-16"] * 2, "unit": "P", "channel": "KA", "SKU_ID": ["A", "B"], "quantity": 1.0}
    for flags in ([True, False], [1, 0], [1.0, 0.0]):
        path = tmp_path / "sales.parquet"
        pd.DataFrame(names | {"promo": flags}).to_parquet(path)
        assert read_file(path, SALES, {})[0]["is_promo"].tolist() == [True, False]
    pd.DataFrame(names | {"promo": [30, 0]}).to_parquet(path)
    assert read_file(path, SALES, {})[1] == ["promo"]


# --- Files of a plan --------------------------------------------------------------------------------------------------


HEADER = "unit,channel,SKU_ID,starts_on,ends_on,covers_through,is_promo"


def planned(found: PlanFile, usual: float = 25.0, grain: Any = "day") -> list[list[float]]:
    """Return discount and days of the two weeks, as a plan with these rows has them."""
    weeks = Plan(found.rows, [A1], grain, usual={A1: usual}).as_of(NOW, WEEKS)[A1]
    return [weeks.discount.round(2).tolist(), weeks.days.tolist()]


def test_a_row_without_a_discount_is_a_promotion() -> None:
    """With days and an empty discount it can be nothing else; it counts as deep as is usual for the article."""
    found = plan("Пермь,KA,A1,2026-11-30,2026-12-06,,2026-12-31,,,,", nothing_else())
    assert not len(found.rejected)
    assert is_promotion(found.rows).tolist() == [True, False]
    assert planned(found) == [[25.0, 0.0], [7.0, 0.0]]
    assert planned(found, usual=0.0) == [[0.0, 0.0], [7.0, 0.0]]


def test_a_file_of_flags_needs_no_column_of_discounts() -> None:
    """`is_promo` says of each row what it is; without it the column is missing."""
    rows = ["Пермь,KA,A1,2026-11-30,2026-12-02,2026-12-31,ja", "*,*,*,,,,"]
    found = plan(*rows, header=HEADER)
    assert planned(found) == [[pytest.approx(25 * 3 / 7, abs=0.01), 0.0], [3.0, 0.0]]
    (said, _) = plan(*rows, header=HEADER.replace("is_promo", "promo")).rejected["reason"]
    assert said == "the file has no column discount_perc; not used: 'promo'"


def test_what_a_flag_may_not_say() -> None:
    """Neither yes nor no; no promotion on days; a promotion without days."""
    found = plan(
        "Пермь,KA,A1,2026-11-30,2026-12-02,2026-12-31,maybe",
        "Пермь,KA,A1,2026-11-30,2026-12-02,,no",
        "Пермь,KA,A1,,,,yes",
        header=HEADER,
    )
    assert found.rejected["reason"].tolist() == [
        "is_promo 'maybe' is neither yes nor no",
        "is_promo 'no' and no discount_perc, but the row has days",
        "starts_on is empty, but the row has is_promo; ends_on is empty, but the row has is_promo",
    ]


def test_where_another_row_says_how_deep_it_is_that_counts() -> None:
    """A leaflet's row without a price beside the price list's: neither is refused; nor if that names less."""
    flag = "Пермь,KA,A1,2026-11-30,2026-12-06,,2026-12-31,,,,"
    for known in ("Пермь,KA,A1,2026-11-30,2026-12-06,40,,,,,", "Пермь,*,*,2026-11-30,2026-12-06,40,,,,,"):
        for rows in ([flag, known], [known, flag]):
            found = plan(*rows)
            assert not len(found.rejected)
            assert planned(found)[0] == [40.0, 0.0]


def test_a_discount_of_0_is_a_promotion_if_the_file_says_so() -> None:
    """A display: days without a discount. Without the flag it is none, as before."""
    header = f"{HEADER},discount_perc"
    for flag, days in (("yes", 7.0), ("", 0.0)):
        found = plan(f"Пермь,KA,A1,2026-11-30,2026-12-06,2026-12-31,{flag},0", header=header)
        assert planned(found) == [[0.0, 0.0], [days, 0.0]]


def test_a_called_off_promotion_without_a_discount() -> None:
    """It takes back the one of the same names and days."""
    found = plan("Пермь,KA,A1,2026-11-30,2026-12-06,,2026-12-31,yes,,,", nothing_else())
    assert planned(found) == [[0.0, 0.0], [0.0, 0.0]]


# --- The plan's table -------------------------------------------------------------------------------------------------


def statement(**cells: Any) -> dict[str, Any]:
    """Return a row of the table: the first week, without a discount, known for long."""
    names = dict(zip(("unit", "channel", "SKU_ID"), A1.parts, strict=True))
    days = {"starts_on": WEEKS[0] - timedelta(days=6), "ends_on": WEEKS[0]}
    return {**names, **days, "discount_perc": None, "known_from": RUN_AT, "plan_id": "p", **cells}


def weeks_of(*rows: dict[str, Any], at: datetime = NOW, grain: Any = "day") -> Any:
    """Return what such a table says of the two weeks."""
    return Plan(validate(PROMOTIONS, pd.DataFrame(rows)), [A1], grain, usual={A1: 25.0}).as_of(at, WEEKS)[A1]


@pytest.mark.parametrize(("flag", "days"), [(True, 7.0), (False, 0.0), (None, 0.0)])
def test_a_row_of_the_table_is_a_promotion_if_it_says_so(flag, days):
    """Else one without a discount says that nothing else is planned."""
    found = weeks_of(statement(is_promo=flag))
    assert found.days.tolist() == [days, 0.0]
    assert found.discount.tolist() == [25.0 if flag else 0.0, 0.0]
    assert found.is_covered.tolist() == [True, False]


def test_a_promotion_without_a_depth_counts_from_when_it_was_known():
    """Not before, and a newer statement overrules it."""
    later = RUN_AT + timedelta(minutes=5)
    rows = [statement(is_promo=True), statement(known_from=later, plan_id="coverage")]
    before, between, after = (weeks_of(*rows, at=at) for at in (RUN_AT - timedelta(days=1), RUN_AT, later))
    assert not before.is_known
    assert between.days.tolist() == [7.0, 0.0]
    assert after.days.tolist() == [0.0, 0.0]
    assert after.is_covered.tolist() == [True, False]


def test_where_sales_are_weekly_it_counts_seven_days():
    """As any promotion on any day does there."""
    found = weeks_of(statement(is_promo=True, ends_on=WEEKS[0] - timedelta(days=4)), grain="week")
    assert [found.discount.tolist(), found.days.tolist()] == [[25.0, 0.0], [7.0, 0.0]]


def test_the_template_has_the_column():
    """And a file in the template's columns is read."""
    content = f"{HEADER},note\nПермь,KA,A1,2026-11-30,2026-12-06,2026-12-31,yes,x".encode()
    assert len(read_plan("plan.csv", content, KNOWN, RUN_AT, CLOCK).rows) == 2

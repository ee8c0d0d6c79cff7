"""Planners' files: good rows as the table wants them, what the file covers, and what the planners' page says."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path

import pytest
from builders import excel
from plans import CLOCK, KNOWN, RUN_AT, coverage, line, nothing_else, plan, promotions, reasons

from skucast.core.combination import Combination
from skucast.core.tables.sales import PROMOTIONS
from skucast.regressors.promotion_files import read_plan, rejected_csv
from skucast.regressors.promotion_lines import Reason

# --- Good rows ------------------------------------------------------------------------------------------------------


def test_a_row_becomes_a_promotion_and_its_coverage() -> None:
    """Both fit the table, are known from the run on, and have names that no other file gives."""
    found = plan(line())
    assert list(found.rows.columns) == PROMOTIONS.column_names
    assert promotions(found) == [("Пермь/KA/A1", "2026-11-30", "2026-12-06", 30.0)]
    assert coverage(found) == [("Пермь/KA/A1", "2026-11-23", "2026-12-31")]
    assert (found.rows["known_from"] == RUN_AT).all()
    assert not found.rows["cancelled"].any()
    first, second = found.rows["plan_id"]
    assert re.fullmatch(r"[0-9a-f]{12}-2", first)
    assert second == f"{first[:12]}-coverage"
    assert not len(found.rejected)
    assert found.covers_through == date(2026, 12, 31)


def test_a_plan_saved_by_a_russian_excel_says_the_same() -> None:
    """Semicolons, decimal commas, days as 30.11.2026; headers in any case and order, columns of the planner's own."""
    header = "SKU_ID;Channel; UNIT ;Covers_Through;starts_on;ENDS_ON;discount_perc;акция"
    found = plan(
        "A1;KA;Пермь;31.12.2026;30.11.2026;6.12.2026;12,5;зима", "*;KA;Пермь;;7.12.2026;8.12.2026;30%;", header=header
    )
    assert promotions(found) == [
        ("Пермь/KA/A1", "2026-11-30", "2026-12-06", 12.5),
        ("Пермь/KA/*", "2026-12-07", "2026-12-08", 30.0),
    ]
    assert found.unused == ["акция"]
    assert not len(found.rejected)


def test_a_plan_in_excel_says_the_same() -> None:
    """Cells with real days and numbers, an article that looks like a number."""
    content = excel(
        ["unit", "channel", "SKU_ID", "starts_on", "ends_on", "discount_perc", "covers_through"],
        ["Чайковский", "TF", 9752, date(2026, 11, 30), date(2026, 12, 6), 12.5, date(2026, 12, 31)],
    )
    found = read_plan("plan.xlsx", content, KNOWN, RUN_AT, CLOCK)
    assert promotions(found) == [("Чайковский/TF/9752", "2026-11-30", "2026-12-06", 12.5)]


@pytest.mark.parametrize(
    ("cell", "cancelled"),
    [
        ("yes", True),
        ("TRUE", True),
        ("1", True),
        ("Да", True),
        ("no", False),
        ("false", False),
        ("0", False),
        ("нет", False),
        ("", False),
    ],
)
def test_a_promotion_is_called_off_in_either_language(cell: str, cancelled: bool) -> None:
    """It stays a row of its own: with the plan_id of the promotion, for the table to tell which."""
    rows = plan(line(cancelled=cell, plan_id="BF-1", note="дорого")).rows
    assert rows.iloc[0][["cancelled", "plan_id", "note"]].tolist() == [cancelled, "BF-1", "дорого"]


def test_names_are_told_apart_as_everywhere() -> None:
    """Blanks around them and the form of their letters do not matter."""
    assert promotions(
        plan(line(unit=" Пермь ", channel="ON TRADE"), line(unit="Чайковский", channel="TF", SKU_ID="9752"))
    ) == [
        ("Пермь/ON TRADE/A1", "2026-11-30", "2026-12-06", 30.0),
        ("Чайковский/TF/9752", "2026-11-30", "2026-12-06", 30.0),
    ]


def test_the_promotion_of_the_running_week_may_be_sent_although_it_has_ended() -> None:
    """Monday and Tuesday are over on Wednesday, but the week is forecast."""
    assert reasons(line(starts_on="2026-11-23", ends_on="2026-11-24")) == []
    assert reasons(line(starts_on="2026-11-16", ends_on="2026-11-22")) == [
        "ends_on 2026-11-22 is before the running week"
    ]


def test_the_running_week_is_that_of_the_business() -> None:
    """At 21:30 UTC on Sunday it is Monday in Moscow."""
    sunday = datetime.fromisoformat("2026-11-22T21:30:00")
    assert coverage(plan(line(), run_at=sunday))[0][1] == "2026-11-23"
    assert coverage(plan(line(), run_at=datetime.fromisoformat("2026-11-22T20:30:00")))[0][1] == "2026-11-16"


# --- What the file covers -------------------------------------------------------------------------------------------


def test_a_row_without_days_says_that_nothing_else_is_planned() -> None:
    """Then the file covers what such rows name, and nothing else."""
    found = plan(line(), nothing_else("Пермь"), nothing_else("Чайковский", "TF"))
    assert coverage(found) == [
        ("Пермь/*/*", "2026-11-23", "2026-12-31"),
        ("Чайковский/TF/*", "2026-11-23", "2026-12-31"),
    ]
    assert len(promotions(found)) == 1


def covered_names(*lines: str) -> list[str]:
    """Return the names that a file of these lines says to cover."""
    return [names for names, _, _ in coverage(plan(*lines))]


def test_a_row_that_lacks_days_and_discount_switches_no_other_coverage_off() -> None:
    """The planner has not decided about B2 yet: the other article's promotion moves all the same."""
    assert covered_names(line(), nothing_else("Пермь", "KA", "B2")) == ["Пермь/KA/A1", "Пермь/KA/B2"]


@pytest.mark.parametrize("total", [nothing_else("Итого"), nothing_else("Пермь", "KA", "A1") + "x" * 501])
def test_a_rejected_row_without_days_takes_nothing_away(total: str) -> None:
    """A total below the plan, or a mistake in the note: what the promotions say is whole."""
    assert covered_names(line(), total) == ["Пермь/KA/A1"]


def test_what_is_said_to_be_complete_is_believed_beside_a_rejected_row() -> None:
    """Its own names too: the planner has said so."""
    broken = line(starts_on="2026-12-07", ends_on="2026-12-08", discount_perc="viel")
    assert covered_names(line(), broken, nothing_else("Пермь", "KA", "A1")) == ["Пермь/KA/A1"]
    assert covered_names(line(), broken, nothing_else("Пермь", "KA", "B2")) == ["Пермь/KA/B2"]


@pytest.mark.parametrize("mistake", [{"discount_perc": "#N/A"}, {"discount_perc": "12,5"}])
def test_names_of_a_row_that_cannot_be_read_are_not_covered(mistake: dict[str, str]) -> None:
    """The row is a promotion of these names, whatever else it says."""
    broken = line(starts_on="2026-12-07", ends_on="2026-12-08", **mistake).replace('"12,5"', "12,5,,,,,")
    assert len(plan(line(), broken).rejected) == 1
    assert covered_names(line(), broken) == []


def test_names_within_a_set_that_is_complete_need_no_row_of_their_own() -> None:
    """Those outside do."""
    others = line(unit="Чайковский", channel="TF", SKU_ID="9752")
    assert covered_names(line(), others, nothing_else("*", "KA")) == ["*/KA/*", "Чайковский/TF/9752"]


def test_without_such_a_row_it_covers_the_names_of_its_rows() -> None:
    """Each once."""
    second = line(starts_on="2026-12-07", ends_on="2026-12-08")
    other = line(unit="*", channel="ON TRADE", SKU_ID="*")
    assert [names for names, _, _ in coverage(plan(line(), second, other))] == ["*/ON TRADE/*", "Пермь/KA/A1"]


def test_a_promotion_that_runs_already_is_covered_from_its_first_day() -> None:
    """It is the earliest of the file."""
    assert coverage(plan(line(starts_on="2026-11-16")))[0][1] == "2026-11-16"


def test_names_of_a_rejected_row_are_not_covered() -> None:
    """With a hole in it the plan would say "no promotion" where there is one; a copy of a row makes no hole."""
    broken = line(starts_on="2026-12-07", ends_on="2026-12-08", discount_perc="viel")
    assert coverage(plan(line(), broken)) == []
    assert len(promotions(plan(line(), broken))) == 1
    assert len(coverage(plan(line(), line()))) == 1


def test_an_archive_is_covered_from_its_oldest_row_on() -> None:
    """Days of the business, without a time their beginning; coverage never outdates a row of its own file."""
    old = line(starts_on="2026-03-02", ends_on="2026-03-08", known_from="2026-02-20")
    later = line(starts_on="2026-03-16", ends_on="2026-03-22", known_from="25.02.2026 10:15")
    found = plan(old, later)
    assert not len(found.rejected)
    assert found.rows["known_from"].dt.strftime("%m-%d %H:%M").tolist() == [
        "02-19 21:00",
        "02-25 07:15",
        "02-19 21:00",
        RUN_AT.strftime("%m-%d %H:%M"),
    ]
    assert coverage(found) == [
        ("Пермь/KA/A1", "2026-02-16", "2026-11-22"),
        ("Пермь/KA/A1", "2026-11-23", "2026-12-31"),
    ]


def test_rows_of_an_archive_may_correct_each_other() -> None:
    """The later one counts: the table keeps both."""
    days = {"starts_on": "2026-11-02", "ends_on": "2026-11-08"}
    before, after = line(known_from="2026-10-20", **days), line(known_from="2026-10-24", discount_perc="20", **days)
    assert [discount for *_, discount in promotions(plan(before, after))] == [30.0, 20.0]


# --- The planners' page ---------------------------------------------------------------------------------------------


def documented_reasons() -> dict[str, str]:
    """Return what to do by reason, from the table of the planners' page; … stands for what a row fills in."""
    page = (Path(__file__).parents[2] / "docs" / "promotions.md").read_text(encoding="utf-8")
    table = page.split("<!-- reasons:start -->")[1].split("<!-- reasons:end -->")[0]
    cells = [row.strip("| ").split(" | ") for row in table.strip().splitlines()[2:]]
    return {reason.strip("`"): advice for reason, advice in cells}


def test_the_planners_page_lists_every_reason_and_what_to_do() -> None:
    """No other ones."""
    assert set(documented_reasons()) == {re.sub(r"\{\w+\}", "…", reason) for reason in Reason}
    assert all(len(advice) > 10 for advice in documented_reasons().values())


def test_the_worked_example_comes_out_as_the_page_says() -> None:
    """Its file gives the two promotions and the rejected row."""
    page = (Path(__file__).parents[2] / "docs" / "promotions.md").read_text(encoding="utf-8")
    example = page.split("<!-- example:start -->")[1].split("<!-- example:end -->")[0]
    sent, said, rejected = (block.strip() for block in example.split("```")[1::2])
    known = [
        Combination("Пермь", "KA", "ЦУП00009752"),
        Combination("Пермь", "KA", "ЦУП00012345"),
        Combination("Чайковский", "TF", "ЦУП00012345"),
    ]
    found = read_plan("plan-48.csv", sent.encode(), known, RUN_AT, CLOCK)
    assert "2 promotions added, complete through 2026-12-20 for 2 sets of names; 1 of 3 rows refused" in said
    assert (len(promotions(found)), len(coverage(found)), found.covers_through) == (2, 2, date(2026, 12, 20))
    assert rejected_csv(found).decode("utf-8-sig").splitlines() == rejected.splitlines()

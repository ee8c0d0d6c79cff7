"""Planners' files: good rows as the table wants them, every other row with its reason, and what the file covers."""

from __future__ import annotations

import csv
import io
import random
import re
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from builders import excel

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.tables.sales import PROMOTIONS
from skucast.core.weeks import WeekClock
from skucast.regressors.promotion_files import PlanFile, read_plan, rejected_csv
from skucast.regressors.promotion_lines import Reason

RUN_AT = datetime.fromisoformat("2026-11-25T19:00:00")
"""A Wednesday evening; its week began on Monday the 23rd."""

CLOCK = WeekClock()
HEADER = "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through,cancelled,known_from,plan_id,note"
KNOWN = [
    Combination("Пермь", "KA", "A1"),
    Combination("Пермь", "KA", "B2"),
    Combination("Пермь", "ON TRADE", "A1"),
    Combination("Чайковский", "TF", "9752"),
]


def plan(*lines: str, header: str = HEADER, run_at: datetime = RUN_AT) -> PlanFile:
    """Return what a CSV of these lines says."""
    content = "\n".join([header, *lines]).encode()
    return read_plan("plan.csv", content, KNOWN, run_at, CLOCK)


def line(**cells: str) -> str:
    """Return a line that is good but for what is given."""
    good = {
        "unit": "Пермь",
        "channel": "KA",
        "SKU_ID": "A1",
        "starts_on": "2026-11-30",
        "ends_on": "2026-12-06",
        "discount_perc": "30",
        "covers_through": "2026-12-31",
    }
    text = io.StringIO()
    csv.DictWriter(text, HEADER.split(","), restval="").writerow(good | cells)
    return text.getvalue().strip()


def nothing_else(unit: str = "*", channel: str = "*", sku_id: str = "*") -> str:
    """Return the line that says that nothing else is planned for these names."""
    return line(unit=unit, channel=channel, SKU_ID=sku_id, starts_on="", ends_on="", discount_perc="")


def reasons(*lines: str) -> list[str]:
    """Return the reasons of the rows that are rejected."""
    return plan(*lines).rejected["reason"].tolist()


def promotions(found: PlanFile) -> list[tuple[object, ...]]:
    rows = found.rows[found.rows["discount_perc"].notna()]
    return [
        (
            "/".join((row.unit, row.channel, row.SKU_ID)),
            str(row.starts_on.date()),
            str(row.ends_on.date()),
            row.discount_perc,
        )
        for row in rows.itertuples()
    ]


def coverage(found: PlanFile) -> list[tuple[str, str, str]]:
    """Return which names the file says to cover, from when, through when."""
    rows = found.rows[found.rows["discount_perc"].isna()]
    return [
        ("/".join((row.unit, row.channel, row.SKU_ID)), str(row.starts_on.date()), str(row.ends_on.date()))
        for row in rows.itertuples()
    ]


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


# --- Rejected rows --------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cells", "reason"),
    [
        ({"unit": "=B1"}, "unit holds '=B1', an error or a formula without a result"),
        ({"discount_perc": "#Н/Д"}, "discount_perc holds '#Н/Д', an error or a formula without a result"),
        ({"ends_on": "#REF!"}, "ends_on holds '#REF!', an error or a formula without a result"),
        ({"channel": ""}, "channel is empty"),
        ({"channel": "K\x07A"}, "channel 'K\\x07A': has a control character; remove it at the source"),
        ({"SKU_ID": "A*"}, "SKU_ID 'A*': only a * alone stands for all"),
        ({"unit": "Перм"}, "unit 'Перм' is unknown (closest: Пермь)"),
        ({"SKU_ID": "ЦУП"}, "SKU_ID 'ЦУП' is unknown (none alike of 3 known)"),
        ({"channel": "TF"}, "Пермь/TF/A1 has no sales (closest: Пермь/KA/A1, Пермь/ON TRADE/A1, Пермь/KA/B2)"),
        (
            {"unit": "Чайковский", "channel": "*"},
            "Чайковский/*/A1 has no sales (closest: Чайковский/TF/9752, Пермь/KA/A1)",
        ),
        ({"starts_on": ""}, "starts_on is empty, but the row has ends_on"),
        ({"starts_on": "11/12/2026"}, "starts_on '11/12/2026' is no day such as 2026-11-25 or 25.11.2026"),
        ({"starts_on": "1.12.26"}, "starts_on '1.12.26' is no day such as 2026-11-25 or 25.11.2026"),
        ({"starts_on": "2026-11-31"}, "starts_on '2026-11-31' is no day such as 2026-11-25 or 25.11.2026"),
        ({"starts_on": "46351"}, "starts_on '46351' is no day such as 2026-11-25 or 25.11.2026"),
        ({"starts_on": "2026-11-30 10:00:00"}, "starts_on '2026-11-30 10:00:00' is no day such as"),
        ({"ends_on": "2026-11-29"}, "ends_on 2026-11-29 is before starts_on 2026-11-30"),
        ({"starts_on": "2062-11-30", "ends_on": "2062-12-06"}, "starts_on 2062-11-30 is more than 2 years away"),
        ({"starts_on": "2020-11-30"}, "starts_on 2020-11-30 is more than 2 years away"),
        ({"starts_on": "2026-11-02", "ends_on": "2026-11-08"}, "ends_on 2026-11-08 is before the running week"),
        ({"ends_on": "2027-01-01"}, "ends_on 2027-01-01 is after covers_through 2026-12-31"),
        ({"discount_perc": ""}, "discount_perc is empty, but the row has days"),
        ({"discount_perc": "a third"}, "discount_perc 'a third' is no number such as 30 or 12,5"),
        ({"discount_perc": "nan"}, "discount_perc 'nan' is no number such as 30 or 12,5"),
        ({"discount_perc": "1e1"}, "discount_perc '1e1' is no number such as 30 or 12,5"),
        ({"discount_perc": "101"}, "discount_perc 101 is not within 0 to 100"),
        ({"discount_perc": "-5"}, "discount_perc -5 is not within 0 to 100"),
        ({"discount_perc": "0,3"}, "discount_perc 0,3 is a fraction; write 30"),
        ({"cancelled": "может"}, "cancelled 'может' is neither yes nor no"),
        ({"known_from": "yesterday"}, "known_from 'yesterday' is no day or time such as"),
        ({"known_from": "2026-11-25 25:00"}, "known_from '2026-11-25 25:00' is no day or time such as"),
        ({"known_from": "2026-11-25 22:01"}, "known_from 2026-11-25 22:01 is in the future"),
        ({"known_from": "2026-11-20"}, "known_from is for promotions that are over, but this one ends on"),
        ({"note": "x" * 501}, "note has more than 500 characters"),
        ({"plan_id": "x" * 501}, "plan_id has more than 500 characters"),
    ],
)
def test_a_row_that_does_not_fit_says_why(cells: dict[str, str], reason: str) -> None:
    """It is the only one: the good row beside it is kept."""
    found = plan(line(SKU_ID="B2"), line(**cells))
    assert len(promotions(found)) == 1
    assert found.rejected["line"].tolist() == ["3"]
    assert found.rejected["reason"].item().startswith(reason)


def test_all_that_is_wrong_with_a_row_is_said_at_once() -> None:
    """In the order of its columns."""
    (said,) = reasons(line(unit="Перм", discount_perc="0.3", cancelled="?"))
    assert said.split("; ", 1)[0] == "unit 'Перм' is unknown (closest: Пермь)"
    assert said.endswith("discount_perc 0.3 is a fraction; write 30; cancelled '?' is neither yes nor no")


def test_a_row_is_taken_once() -> None:
    """The second one is a mistake, or a copy; the note makes no difference."""
    assert reasons(line(), line(note="again")) == ["the same as line 2"]
    assert reasons(nothing_else(), nothing_else()) == ["the same as line 2"]


def test_two_discounts_for_the_same_names_and_days_are_both_rejected() -> None:
    """Nobody can tell which one is meant; other names, other days, the same discount and a cancelled one may be."""
    overlapping = line(starts_on="2026-12-06", ends_on="2026-12-10", discount_perc="20")
    assert reasons(line(), overlapping) == [
        "overlaps line 3, which gives the same names another discount",
        "overlaps line 2, which gives the same names another discount",
    ]
    assert reasons(line(), line(starts_on="2026-12-07", ends_on="2026-12-10", discount_perc="20")) == []
    assert reasons(line(), line(SKU_ID="*", discount_perc="20")) == []
    assert reasons(line(), line(starts_on="2026-12-06", ends_on="2026-12-10")) == []
    assert reasons(line(), line(discount_perc="20", cancelled="yes")) == []


@pytest.mark.slow
def test_a_row_is_rejected_exactly_if_it_clashes_with_another() -> None:
    """As looking at all pairs says; the row that is named is one of them."""
    chance = random.Random(7)
    for _ in range(200):
        rows = [
            (*sorted(f"2026-12-{day}" for day in chance.choices(range(10, 30), k=2)), chance.choice(["10", "20", "30"]))
            for _ in range(chance.randint(2, 7))
        ]
        found = plan(
            *(
                line(starts_on=start, ends_on=end, discount_perc=percent, plan_id=str(number))
                for number, (start, end, percent) in enumerate(rows)
            )
        )
        rivals = {
            str(number + 2): {
                f"overlaps line {other + 2}, which gives the same names another discount"
                for other, (start, end, percent) in enumerate(rows)
                if start <= rows[number][1] and rows[number][0] <= end and percent != rows[number][2]
            }
            for number in range(len(rows))
        }
        said = dict(zip(found.rejected["line"], found.rejected["reason"], strict=True))
        assert said.keys() == {number for number, reasons in rivals.items() if reasons}
        assert all(reason in rivals[number] for number, reason in said.items())


@pytest.mark.slow
@pytest.mark.parametrize("days", [("2026-11-30", "2026-11-30"), ("2026-11-30", "2026-12-01")])
def test_a_file_of_rows_that_clash_is_read_to_its_end(days: tuple[str, str]) -> None:
    """10,000 rows have 50 million pairs; for each row one of them is found at once, wherever in the file it stands."""
    same = [line(starts_on=days[0], ends_on=days[0], discount_perc="10", plan_id=str(row)) for row in range(10_000)]
    clashing = [
        line(starts_on=days[1], ends_on=days[1], discount_perc=str(20 + row % 2), plan_id=str(row))
        for row in range(10_000)
    ]
    n_rejected = 20_000 if days[0] == days[1] else 10_000
    assert len(plan(*same, *clashing).rejected) == n_rejected


def test_a_comma_that_shifts_a_row_costs_that_row_only() -> None:
    """12,5 between commas are two cells; what stands in the wrong column is not looked at."""
    shifted = "Пермь,KA,B2,2026-11-30,2026-12-06,12,5,2026-12-31,,,,,"
    found = plan(line(), shifted + ",x")
    assert found.rejected["reason"].tolist() == ["more cells than columns"]
    assert len(promotions(found)) == 1


def test_a_thousand_unknown_names_are_rejected_without_looking_for_each() -> None:
    """A wrong file must not hold up the forecast."""
    said = reasons(*(line(SKU_ID=f"X{number}") for number in range(300)))
    assert len(said) == 300
    assert sum("none alike" in each or "closest" in each for each in said) == 100


# --- The file as a whole --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        ([line(covers_through=""), line(SKU_ID="B2", covers_through="")], "the file has no covers_through in any row"),
        (
            [line(), line(SKU_ID="B2", covers_through="30.12.2026")],
            "the file has more than one covers_through: 2026-12-31, 30.12.2026",
        ),
        ([line(), line(covers_through="soon")], "covers_through 'soon' is no day such as 2026-11-25 or 25.11.2026"),
        ([line(covers_through="2062-12-31")], "covers_through 2062-12-31 is more than 2 years away"),
    ],
)
def test_without_one_day_that_it_covers_a_file_says_nothing(lines: Sequence[str], reason: str) -> None:
    """Every row of it is rejected."""
    found = plan(*lines)
    assert not len(found.rows)
    assert list(found.rows.columns) == PROMOTIONS.column_names
    assert found.rejected["reason"].tolist() == [reason] * len(lines)
    assert found.covers_through is None


def test_one_covers_through_is_enough_however_it_is_written() -> None:
    """Blank in the other rows, or the same day as the other people write it."""
    assert reasons(line(), line(SKU_ID="B2", covers_through=""), line(SKU_ID="*", covers_through="31.12.2026")) == []


def test_a_plan_that_is_over_covers_nothing() -> None:
    """Last year's file, sent again."""
    old = nothing_else().replace("2026-12-31", "2025-12-31")
    assert reasons(old) == ["covers_through 2025-12-31 is before the first day of the plan, 2026-11-23"]


def test_columns_that_are_missing_are_named() -> None:
    """All of them."""
    found = plan("Пермь,KA,2026-11-30", header="unit,channel,starts_on")
    assert found.rejected["reason"].tolist() == [
        "the file has no column SKU_ID, ends_on, discount_perc, covers_through"
    ]


def test_a_file_that_cannot_be_read_is_an_error() -> None:
    """There are no rows to reject."""
    with pytest.raises(InputError, match=r"^plan.pdf: expected a .csv or .xlsx file$"):
        read_plan("plan.pdf", b"", KNOWN, RUN_AT, CLOCK)


# --- The file of rejected rows --------------------------------------------------------------------------------------


def test_rejected_rows_go_back_as_they_came() -> None:
    """The planner's own columns in their order, the line, the reason; with the mark by which Excel sees UTF-8."""
    header = "зона;unit;channel;SKU_ID;starts_on;ends_on;discount_perc;covers_through"
    found = plan("1;Перм;KA;A1;30.11.2026;6.12.2026;12,5;31.12.2026", header=header)
    content = rejected_csv(found)
    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig").splitlines() == [
        f"{header};line;reason",
        "1;Перм;KA;A1;30.11.2026;6.12.2026;12,5;31.12.2026;2;unit 'Перм' is unknown (closest: Пермь)",
    ]


def test_rejected_rows_can_be_corrected_and_sent() -> None:
    """What was added is passed over."""
    text = rejected_csv(plan(line(unit="Перм"))).decode("utf-8-sig").replace("Перм,", "Пермь,")
    again = read_plan("again.csv", text.encode(), KNOWN, RUN_AT, CLOCK)
    assert len(promotions(again)) == 1
    assert again.unused == []


def test_opening_rejected_rows_runs_nothing() -> None:
    """A cell that begins like a formula is text in Excel too; numbers stay numbers."""
    found = plan(line(unit='=HYPERLINK("http://x";"y")', discount_perc="-5"), line(unit="@SUM(1)"))
    rows = list(csv.DictReader(io.StringIO(rejected_csv(found).decode("utf-8-sig"))))
    assert [row["unit"][:2] for row in rows] == ["'=", "'@"]
    assert rows[0]["discount_perc"] == "-5"


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
    assert "2 promotions added, complete through 2026-12-20 for 2 sets of names; 1 row rejected" in said
    assert (len(promotions(found)), len(coverage(found)), found.covers_through) == (2, 2, date(2026, 12, 20))
    assert rejected_csv(found).decode("utf-8-sig").splitlines() == rejected.splitlines()

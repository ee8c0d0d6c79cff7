"""Planners' files: every row that does not fit goes back with its reason, and so does a file that says nothing."""

from __future__ import annotations

import csv
import io
import random
from collections.abc import Sequence

import pytest
from plans import CLOCK, HEADER, KNOWN, RUN_AT, line, nothing_else, plan, promotions, reasons

from skucast.core.errors import InputError
from skucast.core.tables.sales import PROMOTIONS
from skucast.regressors.promotion_files import read_plan, rejected_csv

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


def test_a_fault_of_the_file_hides_none_of_its_rows() -> None:
    """Both are said at once: of the file in every row, of a row in its own; nothing is said of a missing column."""
    ours = ["unit,channel,SKU_ID,starts_on,ends_on,discount_perc", "Пермь,KA,A9,2026-11-30,2026-12-06,30"]
    ours += ["Пермь,KA,A1,30.02.2026,2026-12-06,0.3", "Пермь,KA,A1,2026-11-30,2026-12-06,30"]
    said = plan(*ours[1:], header=ours[0]).rejected["reason"].tolist()
    file = "the file has no column covers_through"
    assert said[0] == f"{file}; SKU_ID 'A9' is unknown (closest: A1, 9752)"
    assert said[1].startswith(f"{file}; starts_on '30.02.2026' is no day")
    assert said[1].endswith("discount_perc 0.3 is a fraction; write 30")
    assert said[2] == file
    said = reasons(line(covers_through="2027-01-01", ends_on="2027-01-02"), line(SKU_ID="A9", note="x" * 501))
    assert said[0] == "the file has more than one covers_through: 2026-12-31, 2027-01-01"
    assert said[1].startswith(said[0])
    assert "SKU_ID 'A9' is unknown" in said[1]
    assert "note has more than 500 characters" in said[1]


@pytest.mark.parametrize("column", HEADER.split(",")[:7])
def test_a_column_that_is_missing_is_said_once(column: str) -> None:
    """As the reason of every row, which has no other for it."""
    rows = list(csv.DictReader(io.StringIO("\n".join([HEADER, line(), line(SKU_ID="B2")]))))
    header = [name for name in HEADER.split(",") if name != column]
    lines = [",".join(row[name] for name in header) for row in rows]
    assert plan(*lines, header=",".join(header)).rejected["reason"].unique().tolist() == [
        f"the file has no column {column}"
    ]

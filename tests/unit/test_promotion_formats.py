"""Plans as they are exported: what stands around the table, how days are written, the template as it was delivered."""

from __future__ import annotations

import csv
import io
from datetime import date

import pytest
from plans import CLOCK, KNOWN, RUN_AT, line, nothing_else, plan, promotions, reasons

from skucast.regressors.promotion_files import PlanFile, read_plan, rejected_csv

HEADER = "unit;channel;SKU_ID;starts_on;ends_on;discount_perc;covers_through"
UNIT, CHANNEL, SKU = KNOWN[0].parts
NAMES = f"{UNIT};{CHANNEL};{SKU}"
ROW = f"{NAMES};07.12.2026;13.12.2026;30;31.12.2026"


def read(text: str, name: str = "plan.csv") -> PlanFile:
    """Return what the text says."""
    return read_plan(name, text.encode(), KNOWN, RUN_AT, CLOCK)


@pytest.mark.parametrize(
    "text",
    [
        f"sep=;\n{HEADER}\n{ROW}\n",
        f"План промо на декабрь;;;;;;\n{HEADER}\n{ROW}\n",
        f"{HEADER}\n{NAMES};07.12.2026 0:00:00;13.12.2026 23:59:59;30;31.12.2026 0:00:00\n",
        f"{HEADER}\n{ROW}\n".replace(";", "|"),
        f"{HEADER}\n{NAMES};2026-12-07T00:00:00;2026-12-13;30%;31.12.2026;;\n",
    ],
)
def test_a_plan_as_it_is_exported_is_read(text: str) -> None:
    """The line of Excel, a title, days with their times, bars, blank cells beyond the header."""
    found = read(text)
    assert found.rejected.empty
    (row,) = found.rows[found.rows["discount_perc"].notna()].itertuples()
    assert (row.starts_on.date(), row.ends_on.date()) == (date(2026, 12, 7), date(2026, 12, 13))
    assert row.discount_perc == 30.0


@pytest.mark.parametrize("line", [f"{NAMES};;;;", "Пермь;KA;Total 5W40;;06.12.2026;30;", "Пермь;KA;Total 5W40;;;;"])
def test_a_line_with_a_word_for_totals_is_judged_as_any_other(line: str) -> None:
    """A note that begins so, an article that is named so and lacks its days: it is no line of totals."""
    found = read(f"{HEADER};note\n{ROW};\n{line};всего 1 акция\n")
    assert found.notes == []
    assert found.n_lines == 2


@pytest.mark.parametrize("name", ["Итого", "ВСЕГО:", "Пермь итог"])
def test_a_total_of_the_business_or_a_unit_is_left_out(name: str) -> None:
    """Whichever name it stands in the place of."""
    assert read(f"{HEADER}\n{ROW}\n{name};;;;;30;\n").notes == ["1 line of totals left out (line 3)"]


def test_a_line_of_totals_is_left_out() -> None:
    """It is none of the refused rows, but said."""
    found = read(f"{HEADER}\n{ROW}\nИтого;;;;;30;\n")
    assert found.rejected.empty
    assert found.notes == ["1 line of totals left out (line 3)"]
    assert len(promotions(found)) == 1


def test_a_whole_number_beside_fractions_is_refused() -> None:
    """1 beside 0,3 may be all of the price or a hundredth; 1 alone is one percent."""
    assert reasons(line(discount_perc="1")) == []
    said = reasons(line(discount_perc="1"), line(channel="TF", SKU_ID="B2", discount_perc="0,3"))
    assert "discount_perc 1 is a fraction; write 100, or 1%" in said[0]


def test_refused_rows_keep_every_cell() -> None:
    """A line longer than the header comes back whole, the last cells under no heading; sent again it is too long."""
    text = f"{HEADER}\n{ROW};13;x\n".replace(";", ",")
    found = read(text)
    assert found.n_lines == 1
    rows = list(csv.reader(io.StringIO(rejected_csv(found).decode("utf-8-sig"))))
    assert rows[0] == [*HEADER.split(";"), "line", "reason", "", ""]
    assert [*rows[1][:7], *rows[1][9:]] == [*ROW.split(";"), "13", "x"]
    again = read(rejected_csv(found).decode("utf-8-sig"))
    assert again.rejected["reason"].str.startswith("more cells than columns").all()


def test_a_file_without_a_header_comes_back_whole() -> None:
    """Its first line is taken for the header; every cell of the others stands in the file of refused rows."""
    found = read(f"План\n{ROW}\n")
    content = rejected_csv(found).decode("utf-8-sig")
    assert all(cell in content for cell in ROW.split(";"))


LEFT = {
    "starts_on": "2026-12-16",
    "ends_on": "2026-12-20",
    "discount_perc": "20",
    "covers_through": "2026-12-20",
    "note": "example: the last days of a week",
}
"""The template's example of the first article, four weeks ahead."""


@pytest.mark.parametrize("covers_through", ["2026-12-20", "2026-12-31"])
def test_an_example_that_was_left_is_refused_alone(covers_through: str) -> None:
    """Beside a promotion of one's own; also where the plan's last day is another by now, which ends no week."""
    mine = line(SKU_ID="B2", covers_through=covers_through)
    assert reasons(line(**LEFT | {"covers_through": covers_through}), mine) == [
        "an example of the template, unchanged; put your promotion in its place, or delete the row"
    ]


@pytest.mark.parametrize(
    "edited",
    [
        {"SKU_ID": "B2"},
        {"channel": "*"},
        {"unit": "Чайковский", "channel": "*", "SKU_ID": "*"},
        {"starts_on": "2026-12-15"},
        {"ends_on": "2026-12-19"},
        {"starts_on": "2026-12-09", "ends_on": "2026-12-13"},
        {"discount_perc": "25"},
        {"note": ""},
    ],
    ids=str,
)
def test_an_edited_example_is_a_promotion(edited: dict[str, str]) -> None:
    """Other names, days or another discount make it one, whatever its note still says; so does a note of one's own."""
    assert reasons(line(**LEFT | edited)) == []


def test_an_unedited_template_of_an_earlier_version_says_nothing() -> None:
    """Neither its examples nor that nothing else is planned: every row of it is refused."""
    examples = [LEFT, LEFT | {"unit": "Чайковский", "channel": "TF", "SKU_ID": "9752"}]
    over_the_end = {"starts_on": "2026-12-11", "ends_on": "2026-12-15", "note": "example: over a week's end"}
    rest = nothing_else("Пермь").replace("2026-12-31", LEFT["covers_through"])
    found = plan(*(line(**each) for each in examples), line(**LEFT | over_the_end | {"discount_perc": "15"}), rest)
    assert found.rows.empty
    assert len(found.rejected) == found.n_lines == 4
    assert "the file holds nothing but the template's examples" in found.rejected["reason"].iloc[-1]


def test_nothing_planned_is_a_plan() -> None:
    """Coverage alone is no template."""
    assert plan(nothing_else()).rejected.empty

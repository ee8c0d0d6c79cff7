"""Files that somebody sends for the first time: what reads them not says what is wrong and what to do, in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from skucast.core.errors import InputError
from skucast.core.tables.sales import SALES
from skucast.runtime.column_map import parse_column_map
from skucast.sales.loading import read_file

LINE = "2026-11-16,Пермь,KA,A1,5\n"


def refusal(text: str, mapping: str = "", name: str = "sales.csv") -> str:
    """Return why such a file is refused."""
    Path(name).write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        read_file(Path(name), SALES, parse_column_map(mapping))
    return str(caught.value)


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("data,unit,channel,SKU_ID,quantity", "date=data"),
        ("date,unit,channel,SKU_ID,quantiy", "quantity=quantiy"),
        ("date,unit,channel,SKUID,quantity", "SKU_ID=SKUID"),
        ("date,branch,channel,sku,qty", "'unit=branch;SKU_ID=sku;quantity=qty'"),
        (
            "Дата,Подразделение,Канал сбыта,Артикул,Кол-во",
            "'date=Дата;unit=Подразделение;channel=Канал сбыта;SKU_ID=Артикул;quantity=Кол-во'",
        ),
    ],
)
def test_columns_that_are_named_otherwise_are_guessed(header: str, columns: str) -> None:
    """The flag is given as it can be typed, and with it the file is read."""
    said = refusal(f"{header}\n{LINE}")
    assert said.endswith(f"; name them with --columns ours=theirs;..., perhaps --columns {columns}")
    rows, _ = read_file(Path("sales.csv"), SALES, parse_column_map(columns.strip("'")))
    assert rows["quantity"].tolist() == [5.0]


def test_what_was_mapped_stays_in_the_guess() -> None:
    """So that the flag is the whole one."""
    said = refusal(f"day,unit,channel,SKU_ID,qty\n{LINE}", "date=day")
    assert "no column quantity; found day, unit, channel, SKU_ID, qty; " in said
    assert said.endswith(", perhaps --columns 'date=day;quantity=qty'")


def test_what_nobody_can_guess_is_said_without_a_guess() -> None:
    """A table with a column a month has no day and no quantity; of a long header the first names are shown."""
    said = refusal("month,unit,channel,SKU_ID,jan,feb\n2026,U,C,A1,5,6\n")
    assert "no column date, quantity; found month, unit, channel, SKU_ID, jan, feb; name them with --columns" in said
    assert refusal(",".join(f"c{number}" for number in range(99))).endswith(
        "c18, c19 and 79 more; name them with --columns ours=theirs;..."
    )


def test_lines_without_a_header_are_no_header() -> None:
    """What they are is shown, and the names that belong above them."""
    said = refusal(LINE * 2)
    assert (
        "the first line is no header but 2026-11-16, Пермь, KA, A1, 5; write the columns' names above it: date" in said
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read as csv (it is empty); nothing was loaded"),
        ("<html><table><tr><td>date</td></tr></table></html>", "is a web page under another name; open it in"),
        ("date,unit,channel,SKU_ID,quantity\n45981,U,C,A1,5\n", "in Excel format the column as a date"),
        ("date,unit,channel,SKU_ID,quantity\n2106-11-17,U,C,A1,5\n", "row 2: date lies in 1990 to 2099, but not here"),
        (
            f'date,unit,channel,SKU_ID,quantity\n{LINE}2026-11-16,"U,C,A1,5\n',
            "quotation mark after line 2 is not closed",
        ),
    ],
)
def test_other_wrong_files_say_what_to_do(text: str, said: str) -> None:
    """Empty, a web page, days as Excel counts them, a year far away, a quotation mark."""
    assert said in refusal(text)

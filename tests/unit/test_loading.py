"""Own data: files of sales become rows, and whatever does not fit is named by row and column with nothing written."""

from __future__ import annotations

import hashlib
from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from builders import excel
from pandas.testing import assert_frame_equal
from sales_files import GOOD, HEADER, csv

from skucast.core.errors import InputError
from skucast.core.tables.sales import SALES
from skucast.sales.loading import read_delivery, read_file


def read(path: Path, **mapping: str) -> pd.DataFrame:
    """Return the file's rows."""
    return read_file(path, SALES, mapping)[0]


def refusal(path: Path, **mapping: str) -> str:
    """Return the line that says why the file is refused."""
    with pytest.raises(InputError) as caught:
        read_file(path, SALES, mapping)
    return str(caught.value)


# --- What is read ---------------------------------------------------------------------------------------------------


def test_a_csv_becomes_sales_rows():
    """Text becomes days and numbers; columns that are missing but optional are NULL."""
    rows = read(csv(GOOD, "2026-11-17,Пермь,ON TRADE,ЦУП00009752,-3,"))
    assert list(rows.columns) == SALES.column_names
    assert rows["date"].dt.date.tolist() == [date(2026, 11, 16), date(2026, 11, 17)]
    assert rows["SKU_ID"].tolist() == ["ЦУП00009752"] * 2
    assert rows["quantity"].tolist() == [12.0, -3.0]
    assert rows["Promo_discount_perc"].isna().tolist() == [False, True]
    assert rows["stock"].isna().all()


def test_a_csv_may_start_with_a_byte_order_mark():
    """Spreadsheets save one; the first column is found all the same."""
    path = csv(GOOD)
    path.write_text(path.read_text(encoding="utf-8"), encoding="utf-8-sig")
    assert read(path)["quantity"].tolist() == [12.0]


def test_a_parquet_file_becomes_the_same_rows():
    """Typed columns give what their texts give: dates, decimals of a database, article numbers with NULLs."""
    frame = pd.DataFrame(
        {
            "date": [date(2026, 11, 16), date(2026, 11, 17)],
            "unit": ["Пермь", None],
            "channel": ["KA", "KA"],
            "SKU_ID": [9752, None],
            "quantity": pd.Series([12, 5], dtype="int32"),
            "stock": [1.5, None],
        }
    )
    frame.to_parquet("sales.parquet")
    rows = read(Path("sales.parquet"))
    assert rows["SKU_ID"].tolist()[0] == "9752"
    assert rows["date"].dt.date.tolist() == [date(2026, 11, 16), date(2026, 11, 17)]
    assert rows["quantity"].tolist() == [12.0, 5.0]
    assert rows["unit"].isna().tolist() == [False, True]


def test_semicolons_and_excel_give_the_same_rows():
    """What Excel saves where a comma is the decimal sign, and its own files."""
    expected = read(csv(GOOD))
    semicolons = csv(GOOD.replace(",", ";"), header=HEADER.replace(",", ";"), name="semicolons.csv")
    assert_frame_equal(read(semicolons), expected)
    cells = ["2026-11-16", "Пермь", "ON TRADE", "ЦУП00009752", 12, 20]
    Path("sales.xlsx").write_bytes(excel(HEADER.split(","), cells))
    assert_frame_equal(read(Path("sales.xlsx")), expected)


def test_columns_may_be_named_otherwise():
    """A mapping ours=theirs finds them; columns that nobody asked for are listed, not loaded."""
    path = csv("2026-11-16,x,Пермь,KA,A1,12", header="day,manager,unit,channel,item,qty")
    rows, unused = read_file(path, SALES, {"date": "day", "SKU_ID": "item", "quantity": "qty"})
    assert rows["quantity"].tolist() == [12.0]
    assert rows["SKU_ID"].tolist() == ["A1"]
    assert unused == ["manager"]


def test_one_of_their_columns_may_be_two_of_ours():
    """A source without channels can name its unit twice; both are filled."""
    rows = read(csv("2026-11-16,Пермь,A1,12", header="date,unit,SKU_ID,quantity"), channel="unit")
    assert rows[["unit", "channel"]].to_numpy().tolist() == [["Пермь", "Пермь"]]


def test_names_that_look_like_missing_values_are_names():
    """A channel `NA` and a unit `None` are text; only an empty cell and NULL are missing."""
    rows = read(csv("2026-11-16,None,NA,nan,1,", "2026-11-16,,NULL,A1,1,"))
    assert rows.iloc[0][["unit", "channel", "SKU_ID"]].tolist() == ["None", "NA", "nan"]
    assert rows.iloc[1][["unit", "channel"]].isna().all()


def test_placeholder_rows_are_loaded():
    """Rows with NULL keys are part of the source; history ignores and counts them."""
    assert len(read(csv(GOOD, ",,,,,"))) == 2


def test_blank_lines_are_no_rows():
    """A blank line between two rows and at the end adds nothing."""
    assert len(read(csv(GOOD, "", GOOD, ""))) == 2


def test_a_cell_of_two_lines_loses_no_row():
    """A quoted note over two lines and a blank line later: four rows, numbered by the line each starts on."""
    lines = ['2026-11-16,U,C,S,1,"two', 'lines"', "2026-11-17,U,C,S,2,x", "", "2026-11-18,U,C,S,3,x"]
    path = csv(*lines, "2026-11-19,U,C,S,4,x", header="date,unit,channel,SKU_ID,quantity,note")
    rows = read(path)
    assert rows["quantity"].tolist() == [1.0, 2.0, 3.0, 4.0]
    path.write_text(path.read_text(encoding="utf-8").replace("S,4", "S,many"), encoding="utf-8")
    assert "column quantity, row 7: found 'many'" in refusal(path)


def test_a_day_may_carry_a_time_of_its_own_day():
    """Midnight, or any time without a zone, is the day; the basic form without dashes too."""
    rows = read(
        csv(*(GOOD.replace("2026-11-16", day) for day in ("2026-11-16T00:00:00", "2026-11-16 09:30", "20261116")))
    )
    assert rows["date"].dt.date.unique().tolist() == [date(2026, 11, 16)]


def test_a_line_longer_than_the_header_is_named():
    """Six fields under a header of six are fine, seven are not: nothing may slip into another column."""
    with pytest.raises(InputError, match="line 2 has 7 fields"):
        read(csv(GOOD + ",x"))


def test_the_same_bytes_are_the_same_file():
    """The hash is about the content, not the name."""
    one, copy, other = csv(GOOD), csv(GOOD, name="copy.csv"), csv(GOOD, GOOD, name="other.csv")
    digests = [read_delivery(path, SALES, {}).digest for path in (one, copy, other)]
    assert digests[0] == digests[1] == hashlib.sha256(one.read_bytes()).hexdigest()
    assert digests[2] != digests[0]


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2026-11-16,Пермь,KA,A1,many,", "column quantity, row 3: found 'many', expected a finite number"),
        ('2026-11-16,Пермь,KA,A1,"1,5,6",', "column quantity, row 3: found '1,5,6', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,nan,", "column quantity, row 3: found 'nan', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,NA,", "column quantity, row 3: found 'NA', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,inf,", "column quantity, row 3: found 'inf', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,-Infinity,", "column quantity, row 3: found '-Infinity', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,1e999,", "column quantity, row 3: found '1e999', expected a finite number"),
        ("2026-02-29,Пермь,KA,A1,1,", "column date, row 3: found '2026-02-29', expected a date such as 2026-11-22"),
        ("31.11.2026,Пермь,KA,A1,1,", "column date, row 3: found '31.11.2026', expected a date such as 2026-11-22"),
        ("2026,Пермь,KA,A1,1,", "column date, row 3: found '2026', expected a date such as 2026-11-22"),
        ("2026-11,Пермь,KA,A1,1,", "column date, row 3: found '2026-11', expected a date such as 2026-11-22"),
        ("2026-11-16T22:00:00Z,U,KA,A1,1,", "expected a date such as 2026-11-22, without a time zone"),
        ("2026-11-16 22:00:00+03:00,U,KA,A1,1,", "expected a date such as 2026-11-22, without a time zone"),
        ("2026-11-16,Пермь,KA,4.60701E+12,1,", "column SKU_ID, row 3: '4.60701E+12' looks like a number that a spread"),
        ("2026-11-16,Пермь,KA,A1", "line 3 has 4 fields, the header 6 (a comma not quoted, or the file cut off?)"),
        ("2026-11-16,Пермь,KA,..,1,", "column SKU_ID, row 3: '..' not a usable name, because it means a folder"),
        ("2026-11-16,Пермь,KA,A\x07B,1,", r"column SKU_ID, row 3: 'A\x07B' has a control character"),
        ("2026-11-16,Пермь,K\u0085A,A1,1,", r"column channel, row 3: 'K\x85A' has a control character"),
        ("2026-11-16,Пермь,KA,A1,1,140", "row 3: Promo_discount_perc is a percentage, 0 to 100"),
        ("2026-11-16,Пермь,KA,A1,1,-5", "row 3: Promo_discount_perc is a percentage, 0 to 100"),
        ("2026-11-16,Пермь,KA,A1,1,half", "column Promo_discount_perc, row 3: found 'half', expected a finite number"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_row_and_column(line, message):
    """The row is the line of the CSV, where the header is line 1; the file and the outcome are in the same line."""
    text = refusal(csv(GOOD, line))
    assert text.startswith("sales.csv: ")
    assert message in text
    assert text.endswith("; nothing was loaded")


def test_every_name_that_does_not_fit_is_named_with_its_rows():
    """Two barcodes that Excel has shortened to one: all its rows are counted, the first five are named."""
    shortened, quoted = "2026-11-16,Пермь,KA,4.60701E+12,1,", '2026-11-16,Пермь,KA,"1,23E+05",1,'
    text = refusal(csv(*[shortened] * 7, GOOD, quoted))
    assert "column SKU_ID, rows 2, 3, 4, 5, 6 and 2 more: '4.60701E+12' looks like" in text
    assert "  column SKU_ID, row 10: '1,23E+05' looks like" in text


def test_an_invisible_character_in_a_name_is_no_fault():
    """The name is that of the article without it, once it is with the sales."""
    rows, _ = read_file(csv("2026-11-16,Пермь,KA,A\u200b1,1,"), SALES, {})
    assert rows["SKU_ID"].tolist() == ["A\u200b1"]


def test_rows_of_a_parquet_file_count_from_one():
    """The second row is row 2, whatever index the file carries."""
    frame = pd.DataFrame({"date": ["2026-11-16"] * 2, "unit": "U", "channel": "C", "SKU_ID": "S"}, index=[70, 80])
    frame.assign(quantity=[1.0, float("inf")]).to_parquet("sales.parquet")
    assert "column quantity, row 2: found inf, expected a finite number" in refusal(Path("sales.parquet"))


def test_instants_of_a_parquet_file_are_no_dates():
    """A typed column with a time zone is refused too: which business day it means cannot be told."""
    frame = pd.DataFrame({"date": pd.to_datetime(["2026-11-16T22:00:00Z"]), "unit": "U", "channel": "C", "SKU_ID": "S"})
    frame.assign(quantity=1.0).to_parquet("sales.parquet")
    assert "column date, row 1: found" in refusal(Path("sales.parquet"))


def test_missing_columns_are_named_with_ours_and_what_was_found():
    """The message shows which names the file has, so that the mapping can be written."""
    text = refusal(csv("2026-11-16,U,C,S", header="date,unit,channel,item"), quantity="qty")
    assert "no column SKU_ID, qty (quantity); found date, unit, channel, item" in text
    assert "--columns ours=theirs" in text


def test_a_mapped_column_that_is_not_there_is_missing():
    """An optional column may be absent, but not when it was named: a typing error would lose all promotions."""
    assert "no column discuont (Promo_discount_perc)" in refusal(csv(GOOD), Promo_discount_perc="discuont")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.csv", None, "missing.csv: no such file"),
        ("sales.pdf", b"%PDF", "sales.pdf: expected a .csv, .xlsx or .parquet file"),
        ("sales.xlsx", b"PK", "sales.xlsx: cannot be read as xlsx (BadZipFile"),
        ("sales.csv", b"", "sales.csv: cannot be read as csv"),
        ("sales.csv", f"{HEADER}\n".encode(), "sales.csv: no rows; nothing was loaded"),
        (
            "sales.csv",
            f"{HEADER}\n{GOOD}\n".encode("cp866"),
            "sales.csv: not UTF-8 text; save it as CSV UTF-8, or as .xlsx",
        ),
        ("sales.csv", f"{HEADER}\n{'x' * 131_073}\n".encode(), "sales.csv: line 2 cannot be read as csv (field larger"),
        ("sales.csv", f"{HEADER}\n{GOOD},1,2,3\n{GOOD}\n".encode(), "sales.csv: "),
        ("sales.csv", f'{HEADER}\n"{GOOD}\n'.encode(), "sales.csv: "),
        ("sales.parquet", b"", "sales.parquet: cannot be read as parquet"),
        ("sales.parquet", b"PAR1 truncated", "sales.parquet: cannot be read as parquet"),
    ],
)
def test_a_file_that_cannot_be_read_is_one_clear_line(name, content, message):
    """Missing, empty, foreign, truncated, ragged or not UTF-8: the file is named, without a traceback."""
    if content is not None:
        Path(name).write_bytes(content)
    text = refusal(Path(name))
    assert text.startswith(message)
    assert "\n" not in text

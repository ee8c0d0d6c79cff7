"""Own data: files of sales become rows, and whatever does not fit is named by row and column with nothing written."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest
from builders import CUTOFF, excel
from pandas.testing import assert_frame_equal

from skucast.backends.warehouse.opening import open_warehouse
from skucast.core.errors import InputError
from skucast.core.tables.records import LOADS, RUNS
from skucast.core.tables.sales import LOCATIONS, SALES
from skucast.core.weeks import WeekClock
from skucast.entry.cli import main
from skucast.sales.loading import content_hash, read_file

HEADER = "date,unit,channel,SKU_ID,quantity,Promo_discount_perc"
GOOD = "2026-11-16,Пермь,ON TRADE,ЦУП00009752,12,20"


def csv(*lines: str, header: str = HEADER, name: str = "sales.csv") -> Path:
    """Write a CSV of these lines and return its path."""
    path = Path(name)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


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
    assert rows["quantity"].to_dict() == {2: 1.0, 4: 2.0, 6: 3.0, 7: 4.0}
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
    assert content_hash(csv(GOOD)) == content_hash(csv(GOOD, name="copy.csv"))
    assert content_hash(csv(GOOD)) != content_hash(csv(GOOD, GOOD, name="other.csv"))


# --- What is refused ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("2026-11-16,Пермь,KA,A1,many,", "column quantity, row 3: found 'many', expected a finite number"),
        ('2026-11-16,Пермь,KA,A1,"1,5",', "column quantity, row 3: found '1,5', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,nan,", "column quantity, row 3: found 'nan', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,NA,", "column quantity, row 3: found 'NA', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,inf,", "column quantity, row 3: found 'inf', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,-Infinity,", "column quantity, row 3: found '-Infinity', expected a finite number"),
        ("2026-11-16,Пермь,KA,A1,1e999,", "column quantity, row 3: found '1e999', expected a finite number"),
        ("2026-02-29,Пермь,KA,A1,1,", "column date, row 3: found '2026-02-29', expected a date such as 2026-11-22"),
        ("16.11.2026,Пермь,KA,A1,1,", "column date, row 3: found '16.11.2026', expected a date such as 2026-11-22"),
        ("2026,Пермь,KA,A1,1,", "column date, row 3: found '2026', expected a date such as 2026-11-22"),
        ("2026-11,Пермь,KA,A1,1,", "column date, row 3: found '2026-11', expected a date such as 2026-11-22"),
        ("2026-11-16T22:00:00Z,U,KA,A1,1,", "expected a date such as 2026-11-22, without a time zone"),
        ("2026-11-16 22:00:00+03:00,U,KA,A1,1,", "expected a date such as 2026-11-22, without a time zone"),
        ("2026-11-16,Пермь,KA,A\u200b1,1,", "column SKU_ID, row 3: 'A\\u200b1' has an invisible character, U+200B"),
        ("2026-11-16,Пермь,KA,A1", "line 3 has 4 fields, the header 6 (a comma not quoted, or the file cut off?)"),
        ("2026-11-16,Пермь,KA,..,1,", "column SKU_ID, row 3: '..' not a usable name, because it means a folder"),
        ("2026-11-16,Пермь,KA,A\x07B,1,", r"column SKU_ID, row 3: 'A\x07B' has a control character"),
        ("2026-11-16,Пермь,K\u0085A,A1,1,", r"column channel, row 3: 'K\x85A' has a control character"),
        ("2026-11-16,Пермь,KA,A1,1,140", "first row 3: Promo_discount_perc is a percentage, 0 to 100"),
        ("2026-11-16,Пермь,KA,A1,1,-5", "first row 3: Promo_discount_perc is a percentage, 0 to 100"),
        ("2026-11-16,Пермь,KA,A1,1,half", "column Promo_discount_perc, row 3: found 'half', expected a finite number"),
    ],
)
def test_a_value_that_does_not_fit_is_named_by_row_and_column(line, message):
    """The row is the line of the CSV, where the header is line 1; the file and the outcome are in the same line."""
    text = refusal(csv(GOOD, line))
    assert text.startswith("sales.csv: ")
    assert message in text
    assert text.endswith("; nothing was loaded")


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
    assert "no column SKU_ID (SKU_ID), qty (quantity); found date, unit, channel, item" in text
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
            f"{HEADER}\n{GOOD}\n".encode("cp1251"),
            "sales.csv: not UTF-8 text; save it as CSV UTF-8, or as .xlsx",
        ),
        (
            "sales.csv",
            f"{HEADER}\n{GOOD}\n".encode("utf-16"),
            "sales.csv: not UTF-8 text; save it as CSV UTF-8, or as .xlsx",
        ),
        ("sales.csv", f"{HEADER}\n{'x' * 131_073}\n".encode(), "sales.csv: line 2 cannot be read as csv (field larger"),
        ("sales.csv", f"{HEADER}\n{GOOD},1,2,3\n{GOOD}\n{GOOD},9\n".encode(), "sales.csv: "),
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


# --- python -m skucast load -----------------------------------------------------------------------------------------


@pytest.fixture
def load(warehouse, capsys):
    """Return a function that runs `python -m skucast load` into the fixture's warehouse: exit code, what it said."""

    def call(path: str | Path, *flags: str) -> tuple[int, str]:
        code = main(["load", str(path), "--table", "sales", "--warehouse", f"duckdb:{warehouse.path}", *flags])
        return code, capsys.readouterr().err

    return call


def test_load_adds_the_file_to_the_warehouse(load, warehouse):
    """Exit code 0, the rows are there, and the run has its row."""
    code, said = load(csv(GOOD, GOOD))
    assert code == 0
    assert "2 rows added to distributor_sales_frozen_sample_1" in said
    assert warehouse.read(SALES)["quantity"].tolist() == [12.0, 12.0]
    assert warehouse.read(RUNS)[["job", "exit_code", "n_rows"]].to_numpy().tolist() == [["load", 0, 2]]


def test_load_maps_columns_and_says_which_it_left(load, warehouse):
    """`--columns ours=theirs` names them on the command line."""
    path = csv("2026-11-16,U,C,S,5,x", header="day,unit,channel,SKU_ID,qty,manager")
    code, said = load(path, "--columns", "date=day;quantity=qty")
    assert code == 0
    assert "columns not used: manager" in said
    assert warehouse.read(SALES)["quantity"].tolist() == [5.0]


@pytest.mark.slow
def test_sales_columns_name_the_file_s_columns_and_the_jobs_go_on(load, warehouse, monkeypatch, settings):
    """SALES_COLUMNS=quantity=qty loads qty into quantity, and the loaded table is read by its own names."""
    monkeypatch.setenv("SALES_COLUMNS", "quantity=qty")
    path = csv("2026-11-16,U,C,S,5", header="date,unit,channel,SKU_ID,qty")
    assert load(path)[0] == 0
    assert warehouse.read(SALES)["quantity"].tolist() == [5.0]
    weeks = open_warehouse(settings()).weekly_sales(WeekClock(), CUTOFF)
    assert weeks["quantity"].tolist() == [5.0]
    assert load(csv(GOOD, name="ours.csv"), "--columns", "")[0] == 0


@pytest.mark.slow
def test_the_same_file_is_never_loaded_twice(load, warehouse):
    """The second load, under whatever name, exits 2, says when the first was, and adds nothing."""
    assert load(csv(GOOD))[0] == 0
    for name in ("sales.csv", "copy.csv"):
        code, said = load(csv(GOOD, name=name))
        assert code == 2
        assert f"{name}: the same content was loaded on 2" in said
        assert "as sales.csv; nothing was added" in said
    assert len(warehouse.read(SALES)) == 1
    assert len(warehouse.read(LOADS)) == 1
    assert len(warehouse.read(RUNS)) == 1


@pytest.mark.slow
def test_another_file_of_the_same_days_is_added(load, warehouse):
    """A restatement is another file: its lines add up with the first."""
    assert load(csv(GOOD))[0] == 0
    assert load(csv(GOOD.replace(",12,", ",-2,"), name="restated.csv"))[0] == 0
    assert sorted(warehouse.read(SALES)["quantity"]) == [-2.0, 12.0]


@pytest.mark.parametrize("line", ["2026-11-16,U,C,S,many,", "2026-11-16,U,C,..,1,", "2026-11-16,U,C,S,1,140"])
def test_a_bad_file_exits_2_and_writes_nothing(load, warehouse, line):
    """One clear line, no warehouse file."""
    code, said = load(csv(GOOD, line))
    assert code == 2
    assert said.count("\n") == 1
    assert "sales.csv: " in said
    assert not warehouse.path.exists()


def test_a_bad_mapping_exits_2_and_writes_nothing(load, warehouse):
    """A mapping of a column that sales do not have is refused."""
    code, said = load(csv(GOOD), "--columns", "menge=qty")
    assert code == 2
    assert "'menge=qty': expected ours=theirs" in said
    assert not warehouse.path.exists()


PLACES = "unit,latitude,longitude"


@pytest.fixture
def load_locations(warehouse, capsys):
    """Return a function that loads a file of locations: exit code, what it said."""

    def call(path: Path, *flags: str, place: str | None = None) -> tuple[int, str]:
        where = place or f"duckdb:{warehouse.path}"
        code = main(["load", str(path), "--table", "locations", "--warehouse", where, *flags])
        return code, capsys.readouterr().err

    return call


@pytest.mark.slow
def test_locations_are_what_the_last_file_says(load_locations, warehouse):
    """A corrected file replaces the one before as a whole; the same file twice is no mistake."""
    code, said = load_locations(csv("Пермь,58.0,56.2", "Казань,55.8,49.1", header=PLACES))
    assert code == 0
    assert "distributor_locations in" in said
    assert "holds 2 locations now, those of sales.csv" in said
    corrected = csv("Пермь,58.01,56.25", header=PLACES)
    assert [load_locations(corrected)[0] for _ in range(2)] == [0, 0]
    assert warehouse.read(LOCATIONS).to_numpy().tolist() == [["Пермь", 58.01, 56.25]]


def test_columns_of_locations_may_be_named_otherwise(load_locations, warehouse, monkeypatch):
    """By `--columns`; what SALES_COLUMNS says of the sales is no matter here."""
    monkeypatch.setenv("SALES_COLUMNS", "unit=nowhere")
    path = csv("Пермь,58.0,56.2,x", header="branch,lat,lon,city")
    code, said = load_locations(path, "--columns", "unit=branch;latitude=lat;longitude=lon")
    assert code == 0
    assert "columns not used: city" in said
    assert warehouse.read(LOCATIONS)["unit"].tolist() == ["Пермь"]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("Пермь,91,56.2", "latitude lies in -90 to 90"),
        ("Пермь,,56.2", "column latitude, row 2: found nan, expected a value"),
        ("Пермь,58°,56.2", "column latitude, row 2: found '58°', expected a finite number"),
        ("Пермь,58,56.2\nПермь,59,56.2", "rows repeat a key"),
        (".,58,56.2", "column unit, row 2: '.' not a usable name"),
    ],
)
def test_a_wrong_location_is_named_and_nothing_is_loaded(load_locations, warehouse, line, message):
    """What does not fit is told by row and column; exit code 2."""
    code, said = load_locations(csv(line, header=PLACES))
    assert code == 2
    assert message in said
    assert not warehouse.path.exists()


def test_locations_in_the_cloud_are_their_owners_matter(load_locations):
    """As the sales there."""
    code, said = load_locations(csv("Пермь,58.0,56.2", header=PLACES), place="bigquery://some-project/some_dataset")
    assert code == 2
    assert "locations come there from their own pipeline" in said


def test_the_warehouse_may_come_from_the_environment(monkeypatch, warehouse, capsys):
    """WAREHOUSE and SALES_TABLE say where to."""
    monkeypatch.setenv("WAREHOUSE", "duckdb:other/place.duckdb")
    monkeypatch.setenv("SALES_TABLE", "my_sales")
    assert main(["load", str(csv(GOOD)), "--table", "sales"]) == 0
    assert "1 row added to my_sales in duckdb:other/place.duckdb" in capsys.readouterr().err
    assert Path("other/place.duckdb").exists()
    assert not warehouse.path.exists()

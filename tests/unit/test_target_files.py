"""Files of targets as people have them: from Excel, in Windows-1251, with the source's names, or one item a line."""

from __future__ import annotations

import io

import openpyxl
import pytest

from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.targets import resolve_targets
from skucast.runtime.target_files import targets_in

PERM, KAZAN = Combination("Пермь", "KA", "ЦУП00009752"), Combination("Казань", "KA", "ЦУП00009753")
KNOWN = [PERM, KAZAN, Combination("Казань", "TF", "ЦУП00009753")]
THEIRS = {"unit": "Филиал", "SKU_ID": "artikul"}


def chosen(content: bytes, name: str = "bad.csv", known: list[Combination] = KNOWN) -> list[Combination]:
    """Return the known combinations that the file names."""
    return resolve_targets(targets_in(name, content, THEIRS)[0], known)


def excel(*rows: tuple[str | None, ...]) -> bytes:
    """Return an Excel file with these rows."""
    book, file = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(file)
    return file.getvalue()


@pytest.mark.parametrize(
    "content",
    [
        "unit,channel,SKU_ID\nПермь,KA,ЦУП00009752\nКазань,KA,ЦУП00009753\n",
        "\ufeffSKU_ID,note, unit ,channel\r\nЦУП00009752,bad,Пермь,KA\r\n\r\nЦУП00009753,,Казань,KA\r\n",
        "\ufeffunit;channel;SKU_ID\r\nПермь;KA;ЦУП00009752\r\n;;\r\nКазань;KA;ЦУП00009753\r\n;;\r\n",
        "sep=;\r\nUnit;Channel;sku_id;;\r\nПермь;KA;ЦУП00009752;;\r\nКазань;KA;ЦУП00009753;;\r\n",
        "Филиал\tchannel\tARTIKUL\nПермь\tKA\tЦУП00009752\nказань\tKA\tЦУП00009753\n",
        "Плохие модели;;\n;;\nФилиал;channel;SKU_ID\nПермь;KA;ЦУП00009752\nКазань;KA;ЦУП00009753\n",
        "Пермь/KA/ЦУП00009752\n\n  Казань/KA/ЦУП00009753\n",
        '"Пермь/KA/ЦУП00009752"\r\n;;\r\nКазань/KA/ЦУП00009753;;\r\n',
    ],
)
@pytest.mark.parametrize("encoding", ["utf-8", "cp1251", "utf-16"])
def test_a_file_names_the_same_however_it_was_saved(content: str, encoding: str) -> None:
    """Commas, semicolons, tabs; our column names or the source's; marks, titles and empty rows; each encoding."""
    plain = content if encoding == "utf-8" else content.removeprefix("\ufeff")
    assert chosen(plain.encode(encoding)) == [KAZAN, PERM]


def test_an_excel_file_is_read_as_it_is() -> None:
    """With columns, or one target a row; any name of a file that has no ending of a table is text."""
    table = excel(
        ("unit", "channel", "SKU_ID"), ("Пермь", "KA", "ЦУП00009752"), (None, None, None), ("Казань", "*", "*")
    )
    assert chosen(table, "bad.xlsx") == sorted(KNOWN)
    assert chosen(excel(("Пермь/KA/ЦУП00009752",), ("Казань/KA/*",)), "bad.xlsx") == [KAZAN, PERM]
    assert chosen("Пермь/KA/ЦУП00009752\n".encode(), "bad") == [PERM]


def test_names_in_columns_may_hold_separators() -> None:
    """In a file's columns a slash, a comma and a percent sign are part of the name."""
    odd = Combination("А/Б", "KA, TF", "50%25")
    assert chosen('unit,channel,SKU_ID\nА/Б,"KA, TF",50%25\n'.encode(), known=[*KNOWN, odd]) == [odd]


def test_names_in_lines_may_hold_commas_and_an_at() -> None:
    """A line is one item, whatever stands in it."""
    odd = Combination("@alerts", "KA, TF", "A;1")
    assert chosen(b"@alerts/KA, TF/A;1\n", known=[*KNOWN, odd]) == [odd]


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        ("", "set but empty"),
        ("unit;channel;SKU_ID\n;;\n", "set but empty"),
        ("unit;channel;SKU_ID\nПермь;;A1\n", r"line 2: channel is empty; write \* for any"),
        ("unit;channel\nПермь;KA\n", "no column SKU_ID; found unit, channel; rename them"),
        ("unit;канал;артикул\nПермь;KA;A1\n", "no column .*set SALES_COLUMNS='channel=канал;SKU_ID=артикул'"),
        ("Пермь/KA/A1\nПермь/KA\n", "line 2: target 'Пермь/KA': expected Unit/Channel/SKU_ID"),
        ("Юнит;Канал;Артикул\nПермь;KA;A1\n", ".*set SALES_COLUMNS='unit=Юнит;channel=Канал;SKU_ID=Артикул'"),
        ("Где;Канал;Артикул\nПермь;KA;A1\n", ".*set SALES_COLUMNS='channel=Канал;SKU_ID=Артикул;unit=COLUMN'"),
        ("@alerts\n", "line 1: target '@alerts': .*three parts.*; words and other files stand beside a file"),
        ("gs://bucket/a.csv\n", "line 1: target 'gs://bucket/a.csv': .*; words and other files stand beside a file"),
        ("unit;channel;SKU_ID\nА/Б;..;A1\n", r"line 2: target 'А/Б/\.\./A1': channel '\.\.': not a usable name"),
    ],
)
def test_a_file_that_is_no_list_of_targets_says_where(content: str, problem: str) -> None:
    """One line with the file and its line."""
    with pytest.raises(InputError, match=f"^file bad.csv: {problem}"):
        targets_in("bad.csv", content.encode(), {})


def test_what_was_guessed_of_a_file_is_said() -> None:
    """The encoding of a file of Windows-1251 is; a file of UTF-8 needs no word."""
    text = "unit;channel;SKU_ID\nПермь;KA;ЦУП00009752\n"
    assert targets_in("a.csv", text.encode("cp1251"), {})[1] == ["a.csv: read as Windows-1251 text"]
    assert targets_in("a.csv", text.encode(), {})[1] == []


def test_a_row_of_totals_is_left_out_and_said() -> None:
    """As a pivot table ends with one; an article of that name in a whole row is one."""
    text = "unit;channel;SKU_ID\nПермь;KA;ЦУП00009752\nИтого;;\n"
    assert targets_in("a.csv", text.encode(), {}) == (["Пермь/KA/ЦУП00009752"], ["a.csv: line 3 of totals left out"])


def test_an_old_excel_file_is_refused_with_a_way_out() -> None:
    """An .xls cannot be read; the message says how to save it."""
    with pytest.raises(InputError, match=r"save it as \.xlsx"):
        targets_in("a.xls", b"", {})

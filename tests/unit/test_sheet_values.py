"""Days and numbers as people write them, and what can mean two things."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from skucast.sheets.numbers import Numbers
from skucast.sheets.values import Days

DAY = date(2026, 11, 22)


def days(*texts: str | None) -> list[date | None] | str:
    """Return the days that a column of these texts has, or why they are two things."""
    reader, values = Days(), pd.Series(texts, dtype="str")
    reader.learn(values.dropna())
    found = reader.read(values)
    return reader.problem() or [None if pd.isna(each) else each.date() for each in found]


def numbers(*texts: str | None, separator: str = ",", **kind: bool) -> list[float] | str:
    """Return the numbers that a column of these texts has, or why they are two things."""
    reader, values = Numbers(separator, **kind), pd.Series(texts, dtype="str")
    reader.learn(values.dropna())
    return reader.problem() or reader.read(values).tolist()


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-22",
        "20261122",
        "22.11.2026",
        " 22.11.2026 0:00:00",
        "2026-11-22T09:30:00.5",
        "2026/11/22",
        "22/11/2026",
    ],
)
def test_a_day_is_read_as_it_is_written(text: str) -> None:
    """With a time of its own day too."""
    assert days(text, None) == [DAY, None]


def test_slashes_are_read_as_one_cell_of_the_column_tells() -> None:
    """Where none does, or two differ, the column is refused; a point always has the day first."""
    assert days("11/22/2026", "02/03/2026") == [DAY, date(2026, 2, 3)]
    assert days("22/11/2026", "02/03/2026", "02-03-2026") == [DAY, date(2026, 3, 2), date(2026, 3, 2)]
    assert days("02.03.2026", "11/22/2026") == [date(2026, 3, 2), DAY]
    assert "two days to two people" in days("02/03/2026", "2026-11-22")
    assert "with the month first" in days("22/11/2026", "11/22/2026")
    assert days("03/03/2026") == [date(2026, 3, 3)]


@pytest.mark.parametrize(
    "text",
    ["2026", "2026-11", "46348", "22.11.26", "11.22.2026", "2026-02-29", "2026-11-22 25:00", "2026-11-22T22:00Z"],
)
def test_what_is_no_whole_day_is_none(text: str) -> None:
    """Parts of days, Excel's numbers, a year of two digits, days that do not exist, time zones."""
    assert days(text) == [None]


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("12", "-3", "1.5", "1e3"), [12, -3, 1.5, 1000]),
        (("1,5", "12,345"), [1.5, 12.345]),
        (("0,500", "12,345"), [0.5, 12.345]),
        (("1 234,5", "1\u00a0234\u202f567"), [1234.5, 1234567]),
        (("1,234.5", "12,345"), [1234.5, 12345]),
        (("1.234,5", "12.345"), [1234.5, 12345]),
        (("1,234,567", "12,345"), [1234567, 12345]),
        (("1.234", "5", "0.5"), [1.234, 5, 0.5]),
        (("\u22125", " 7 "), [-5, 7]),
        (("1.5", "12,345"), [1.5, 12345]),
    ],
)
def test_a_column_tells_what_its_commas_are(texts: tuple[str, ...], expected: list[float]) -> None:
    """Decimal signs or between thousands, as one clear cell has them."""
    assert numbers(*texts) == expected


@pytest.mark.parametrize(
    ("texts", "expected"),
    [
        (("1.020", "980"), [1020, 980]),
        (("1.020", "980", "1.025"), [1020, 980, 1025]),
        (("1,020", "980"), [1020, 980]),
        (("-1.020", "980", "0"), [-1020, 980, 0]),
        (("1.020", "980", "1.020,5"), [1020, 980, 1020.5]),
        (("1.020", "980", "12,5"), [1020, 980, 12.5]),
        (("1.020", "980", "0.5"), [1.02, 980, 0.5]),
        (("1.025", "1025"), [1.025, 1025]),
        (("1.000", "12.000", "980.000"), [1, 12, 980]),
        (("1.000", "12.000", "3.250"), [1, 12, 3.25]),
        (("1'020", "980"), [1020, 980]),
        (("1\u00a0020", "1 020", "1\u202f020,5"), [1020, 1020, 1020.5]),
    ],
)
def test_a_point_is_what_all_cells_of_a_column_tell(texts: tuple[str, ...], expected: list[float]) -> None:
    """Fixed decimals are in every cell, as few as can be never end in 0, marks of thousands are missing below."""
    assert numbers(*texts) == expected
    assert numbers(*(f" {text}\u00a0" for text in texts)) == expected


@pytest.mark.parametrize(
    ("texts", "separator"),
    [
        (("1.020",), ","),
        (("1.025", "980"), ","),
        (("1.025", "980"), ";"),
        (("1.020", "1020"), ","),
        (("1.020", "2.340"), ","),
        (("1,020", "980"), ";"),
        (("1.020", "12,5", "12.5"), ","),
        (("1,020", "1.020.000", "12.5"), ","),
    ],
)
def test_a_mark_that_may_be_either_is_refused(texts: tuple[str, ...], separator: str) -> None:
    """No number is a thousand times too large or too small."""
    said = numbers(*texts, separator=separator)
    assert f"has {texts[0]!r}, a number of thousands or one with decimals, and no cell tells which" in said


def test_what_was_concluded_is_said() -> None:
    """Where a cell is clear by itself nothing is to be said."""
    for texts, note in ((("980", "1.025", "1.020"), "'1.020' was read as 1020"), (("1.020", "1.020,5"), None)):
        reader = Numbers(",")
        reader.learn(texts)
        assert (reader.note() or "").startswith(note or "nothing") is (note is not None)


def test_small_numbers_and_those_of_excel_have_decimals() -> None:
    """A discount and a place on earth are below a thousand; a cell of Excel that is a number has no thousands' mark."""
    assert numbers("12.500", "12,500", is_small=True) == [12.5, 12.5]
    assert numbers("1.025", "980", from_excel=True) == [1.025, 980]
    assert numbers("1.020", "980", from_excel=True) == [1020, 980]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("120-", -120),
        ("1.020,50-", -1020.5),
        ("(120)", -120),
        ("( 1 020,5 )", -1020.5),
        ("- 120", -120),
        ("\u2013120", -120),
        ("120 ₽", 120),
        ("$1,020.50", 1020.5),
        ("-€120", -120),
        ("(120 €)", -120),
        ("1 020,50 руб.", 1020.5),
        ("120р.", 120),
        ("EUR 12.50", 12.5),
    ],
)
def test_signs_stand_where_people_put_them(text: str, expected: float) -> None:
    """A minus behind the number or brackets around it, a currency on either side."""
    assert numbers(text) == [expected]


def test_two_currencies_are_two_measures() -> None:
    """One column of both is no number."""
    assert numbers("120 €", "120 $") == "has amounts in $ and in €; one column has one measure"


def test_a_comma_that_may_be_either_is_refused() -> None:
    """But not where semicolons stand between cells: there it is the decimal sign."""
    assert "'12,345', a number of thousands or one with decimals" in numbers("12,345", "7")
    assert numbers("12,345", "7", separator=";") == [12.345, 7]


@pytest.mark.parametrize(
    "text",
    [
        "many",
        "1,2,3",
        "1,23,456.7",
        "12 34",
        "1.2.3",
        "5 шт",
        "--1",
        "-1-",
        "(-1)",
        "(1",
        "5 р €",
        "=A1",
        "1_000",
        "1,,5",
    ],
)
def test_what_is_no_number_is_none(text: str) -> None:
    """Whatever stands in it."""
    found = numbers(text, separator=";")
    assert isinstance(found, list)
    assert np.isnan(found[0])


def test_a_percent_sign_belongs_to_a_percentage() -> None:
    """30% is 30 where percent are meant, and no quantity."""
    assert numbers("30%", "12,5 %", is_percent=True) == [30, 12.5]
    assert np.isnan(numbers("30%")[0])

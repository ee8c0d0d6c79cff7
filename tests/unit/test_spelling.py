"""Spellings and twins: which names are one, how they differ, which may be one, which are none."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.core.spelling import difference, fold, is_nobody, is_shortened, is_total
from skucast.core.twins import likeness, twins, twins_of


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("АРТ00101", "AРT00101"),
        ("АРТ00101", "арт00101"),
        ("КА", "KA"),
        ("НОРЕСТХУВМК", "HOPECTXYBMK"),
        ("Тёмный шоколад", "ТЕМНЫЙ  ШОКОЛАД"),
        ("ON TRADE", "ON\u00a0TRADE"),
        ("ON TRADE", " ON  TRADE\u2009"),
        ("KA", "K\u200bA\ufeff"),
        ("Йошкар-Ола", unicodedata.normalize("NFD", "Йошкар‑Ола")),
        ("ABC12", "ＡＢＣ１２"),
        ("Сыр «Б&Д»", 'Сыр "Б&Д"'),
        ("9752", "9752.0"),
        ("9752", "9752.000000000"),
        ("9752", "9752,0"),
        ("4607012345678", "4.607012345678E+12"),
        ("Сок 10×2", "Сок 10х2"),
    ],
)
def test_safe_spellings_of_a_name_fold_alike(name: str, other: str) -> None:
    """What people and programs write for the same name is the same, whichever comes first."""
    assert fold(name) == fold(other)
    assert likeness(name, other) is None


@pytest.mark.parametrize(
    ("name", "other"),
    [
        ("0075", "75"),
        ("9752", "9753"),
        ("Сок 1л", "Сок 2л"),
        ("м²", "м2"),
        ("9.000", "9"),
        ("1.5", "1.50"),
        ("1,000", "1"),
        ("2E10", "20000000000"),
        ("4.60701E+12", "4607010000000"),
        ("AB0", "ABO"),
        ("Сыр", "Сир"),
    ],
)
def test_names_that_may_mean_two_things_stay_two(name: str, other: str) -> None:
    """Zeros, digits, decimals, powers and letters that look different are never joined by themselves."""
    assert fold(name) != fold(other)


@given(st.text(max_size=20))
def test_folding_twice_changes_nothing(name: str) -> None:
    """The fold of a fold is the fold, so joining what was joined joins nothing more."""
    assert fold(fold(name)) == fold(name)


def test_a_difference_is_said_with_code_points() -> None:
    """Latin A and T among Cyrillic letters are named; what nobody sees is a code point alone."""
    assert difference("АРТ1", "AРT1") == "A U+0041 for А U+0410, T U+0054 for Т U+0422"
    assert difference("KA", "KA\u200b") == "U+200B for nothing"
    assert difference("ON TRADE", "ON\u00a0TRADE") == "U+00A0 for U+0020"


@pytest.mark.parametrize(
    ("name", "other", "how"),
    [
        ("0075", "75", "leading zeros"),
        ("ЦУП00009752", "цуп9752", "leading zeros"),
        ("АРТ-1", "АРТ1", "punctuation"),
        ("ON-TRADE", "ON TRADE", "punctuation"),
        ("AB01", "ABO1", "digits for letters"),
        ("9752", "9725", "transposed"),
        ("Шоколад", "Шоклоад", "transposed"),
        ("Шоколад", "Шоколат", "one letter"),
        ("Шоколад", "Шоколадд", "one letter"),
        ("9752", "9753", None),
        ("Сок 1л", "Сок 2л", None),
        ("Сок 1.05л", "Сок 1.5л", None),
        ("Кола", "Кола2", None),
    ],
)
def test_twins_are_named_by_their_likeness(name: str, other: str, how: str | None) -> None:
    """Nearly the same names are found among others, in either order; another digit is another article."""
    assert likeness(name, other) == likeness(other, name) == how
    found = [each[2] for each in twins([name, other, "Вода", "77"])]
    assert found == ([how] if how else [])
    assert twins_of(other, [name, "Вода"]) == ([name] if how else [])


@pytest.mark.parametrize(
    "name", ["4.60701E+12", "1.23E+05", "1,23E+05", "4.60701Е+12", "1e+05", "4.60701E12", "4,6E12"]
)
def test_a_number_that_a_spreadsheet_shortened_is_known(name: str) -> None:
    """Fewer digits than the power of ten needs: the rest is lost, whichever E and decimal separator it has."""
    assert is_shortened(name)


@pytest.mark.parametrize("name", ["2E10", "12E5", "1E12", "1.5E5", "4.607012345678E+12", "E+12", "9752", "Сок E+"])
def test_other_names_are_not_shortened_numbers(name: str) -> None:
    """A code with an E in it is one, and a number whose digits are all there has lost none."""
    assert not is_shortened(name)


@pytest.mark.parametrize("name", ["Итого", "ИТОГО:", " всего ", "Total", "Grand  Total", "Sum", "Общий итог", "Тоtal"])
def test_words_for_totals_are_no_names(name: str) -> None:
    """Whatever their case, blanks, colon or look-alike letters."""
    assert is_total(name)


@pytest.mark.parametrize("name", ["Colgate Total", "Totally", "Итоговый", "Summer", "Сок всего лета", "Итого Юг"])
def test_a_name_that_merely_contains_such_a_word_is_one(name: str) -> None:
    """An article with "Total" in its name is sold."""
    assert not is_total(name, {fold("Север")})


def test_a_total_of_a_known_group_is_no_name() -> None:
    """As a pivot table writes it below a group: the group's name and the word, in either order."""
    groups = {fold("Север")}
    assert is_total("Север Итог", groups)
    assert is_total("Итого по Север:", groups)


def test_what_says_that_there_is_no_name_is_none() -> None:
    """Broken formulas and the blanks of a pivot table; NA and None are names of channels and units."""
    assert all(map(is_nobody, ["(blank)", "(Пусто)", "#Н/Д", "#N/A", "nan", "NULL"]))
    assert not any(map(is_nobody, ["NA", "None", "Н/Д"]))

"""Names in doubt: which likenesses are said, and when; few of sound articles."""

from __future__ import annotations

import pandas as pd
import pytest
from builders import CUTOFF

from skucast.core.combination import KEY
from skucast.sales.suspected_names import suspected_names

NOTHING: dict[str, frozenset[str]] = {}


def sold(**weeks: tuple[int, int]) -> pd.DataFrame:
    """Return weekly sums of 10 for each article, from so many weeks before the cutoff to so many; `_` is a blank."""
    rows = [
        ("Север", "KA", name.replace("_", " "), pd.Timestamp(CUTOFF) - pd.Timedelta(weeks=n))
        for name, (first, last) in weeks.items()
        for n in range(last, first + 1)
    ]
    return pd.DataFrame(rows, columns=[*KEY, "ds"]).assign(quantity=10.0, returns_quantity=0.0)


def said(rows: pd.DataFrame) -> list[str]:
    """Return what is in doubt."""
    return list(suspected_names(rows, frozenset(), NOTHING))


@pytest.mark.parametrize(
    ("old", "new", "how"),
    [
        ("0075", "75", "leading zeros"),
        ("Шоколад", "Шоклоад", "two characters in another order"),
        ("Шоколад", "Шоколат", "one letter"),
        ("9752", "9725", "two characters in another order"),
        ("AB0001", "ABO001", "digits that look like letters"),
        ("Сок_томат", "Соктомат", "punctuation"),
    ],
)
def test_a_name_that_begins_when_its_twin_ends_is_in_doubt(old: str, new: str, how: str) -> None:
    """Both spellings, what differs, since when, and the two commands that decide it."""
    (text,) = said(sold(**{old: (60, 10), new: (9, 0), "Вода": (60, 0)}))
    old = old.replace("_", " ")
    assert text.startswith(f"SKU_ID {new!r} may be {old!r}, but for {how} (")
    assert "; it begins in the week to 2026-09-20, when the other ends: `python -m skucast names merge " in text


@pytest.mark.parametrize(
    ("one", "other"),
    [("Шоколад", "Шоколат"), ("9752", "9725"), ("AB0001", "ABO001"), ("Сок_1л", "Сок_2л"), ("9752", "9753")],
)
def test_articles_of_a_series_are_none(one: str, other: str) -> None:
    """Names that are sold side by side, or that differ in a digit, are two."""
    assert said(sold(**{one: (60, 0), other: (60, 0)})) == []


def test_an_article_that_follows_another_is_none() -> None:
    """A successor with another number is no spelling of its predecessor."""
    assert said(sold(**{"9752": (60, 10), "9753": (9, 0)})) == []


def test_a_slip_among_many_weeks_is_in_doubt() -> None:
    """One week of swapped letters; swapped digits are another article, however rare."""
    (text,) = said(sold(Шоколад=(60, 0), Шоклоад=(30, 30)))
    assert text.startswith("SKU_ID 'Шоклоад' may be 'Шоколад', but for two characters in another order")
    assert said(sold(**{"9752": (60, 0), "9725": (30, 30)})) == []


def test_lost_zeros_and_punctuation_are_always_said() -> None:
    """Both are sold side by side, by two programs: nobody names two articles so."""
    assert len(said(sold(**{"0075": (60, 0), "75": (60, 0)}))) == 1
    assert len(said(sold(**{"ON-TRADE": (60, 0), "ON_TRADE": (60, 0)}))) == 1
    assert said(sold(**{"1-11": (60, 0), "11-1": (60, 0)})) == []


def test_what_has_not_sold_for_half_a_year_is_not_said() -> None:
    """No forecast depends on it."""
    assert said(sold(**{"0075": (90, 60), "75": (59, 30), "Вода": (90, 0)})) == []


def test_a_shortened_number_is_named() -> None:
    """Until somebody says that it is a name; what it stands for cannot be known."""
    rows = sold(**{"4.60701E+12": (20, 0)})
    (text,) = said(rows)
    assert text.startswith("SKU_ID '4.60701E+12' looks like a number that a spreadsheet shortened: its last digits are")
    assert list(suspected_names(rows, frozenset(), {"SKU_ID": frozenset({"4.60701E+12"})})) == []


def test_what_was_decided_is_not_said_again() -> None:
    """Whichever way, and in whichever order the names stand."""
    rows = sold(**{"0075": (60, 10), "75": (9, 0)})
    assert list(suspected_names(rows, {("SKU_ID", frozenset({"75", "0075"}))}, NOTHING)) == []


def test_a_unit_that_goes_on_under_another_name_is_in_doubt() -> None:
    """In all of its series from some week on."""
    articles = {f"Товар{n}": (60, 0) for n in range(5)}
    rows = sold(**articles)
    moved = rows["ds"] > rows["ds"].max() - pd.Timedelta(weeks=8)
    renamed = rows.assign(unit=rows["unit"].mask(moved, "Севре"))
    (text,) = said(renamed)
    assert text.startswith("unit 'Севре' may be 'Север'")

"""What people say of the work list in a file: read line by line, what is wrong comes back with its reason."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from work_lines import PERM, alert, lines, of_system

from skucast.core.weeks import WeekClock
from skucast.regressors.promotion_files import PlanFile
from skucast.regressors.work_files import read_words
from skucast.scorecard.work_list import line_id, names_of

SAID_AT = pd.Timestamp("2026-11-25 09:00").to_pydatetime()
IT = line_id("combination", "Пермь/KA/A1")


def known() -> dict[str, Any]:
    """Return two lines, one of a combination and one of the whole, by their names."""
    late = of_system("sales_late", "late", value=2.0, value_limit=0.0, weeks=2)
    both = lines(alert(PERM), late).to_dict("records")
    return {name: line for line in both for name in names_of(line)}


def read(*rows: str, header: str = "line_id,state,until,owner,comment,author") -> PlanFile:
    """Return what a file of these rows says on the tests' Wednesday."""
    return read_words("words.csv", "\n".join([header, *rows]).encode(), known(), SAID_AT, WeekClock())


def test_what_is_said_is_kept_with_what_was_known_of_the_line() -> None:
    """By whom and when, up to which day its parts were opened, and how large it was."""
    found = read(f"{IT},done,,,a new price,Anna", "sales_late,snoozed,06.12.2026,Boris,,Anna").rows
    combination, late = found.to_dict("records")
    assert [combination[name] for name in ("line_id", "about", "unit", "channel", "SKU_ID")] == [
        IT,
        "Пермь/KA/A1",
        *PERM,
    ]
    assert (combination["state"], combination["comment"], combination["author"]) == ("done", "a new price", "Anna")
    assert (combination["seen_through"], combination["size"]) == (pd.Timestamp("2026-11-22"), 400.0)
    assert combination["known_from"] == pd.Timestamp(SAID_AT)
    assert (late["state"], late["snoozed_until"]) == ("snoozed", pd.Timestamp("2026-12-06"))
    assert (late["owner"], late["size"], late["seen_through"]) == ("Boris", 2.0, pd.Timestamp("2026-11-15"))


@pytest.mark.parametrize("name", [IT, "Пермь/KA/A1", "пермь/ka/a1", " wape-A1 "])
def test_a_line_is_called_by_any_of_its_names(name: str) -> None:
    """Its own, what it is about in any case, an alert's."""
    assert read(f"{name},done,,,,Anna").rows["line_id"].tolist() == [IT]


@pytest.mark.parametrize(
    ("row", "why"),
    [
        (f"{IT},done,,,,", "author is empty"),
        (f"{IT},,,,,Anna", "nothing is said: give state, owner or comment"),
        (f"{IT},gone,,,,Anna", "state 'gone' is none of done, snoozed, open"),
        (f"{IT},snoozed,,,,Anna", "snoozed needs until, the day on which it is on the list again"),
        (f"{IT},done,2026-12-06,,,Anna", "until is for what is snoozed"),
        (f"{IT},snoozed,12/06/2026,,,Anna", "until '12/06/2026' is no day such as 2026-11-25 or 25.11.2026"),
        (f"{IT},snoozed,2026-11-25,,,Anna", "until 2026-11-25 has come: give a later day than 2026-11-25"),
        (f"{IT},snoozed,2029-01-01,,,Anna", "until 2029-01-01 is more than 2 years away"),
        (f"{IT},,,{'o' * 101},,Anna", "owner has more than 100 characters"),
        ("sales_lat,done,,,,Anna", "'sales_lat' is on no line of the work list (closest: sales_late"),
        (",done,,,,Anna", "line_id is empty"),
        (f"{IT},#N/A,,,,Anna", "state holds '#N/A', an error or a formula without a result"),
        (f"{IT},done,,,,Anna,more", "more cells than columns"),
    ],
)
def test_what_is_wrong_comes_back_with_its_reason(row: str, why: str) -> None:
    """And the other rows are kept."""
    found = read(row, "sales_late,done,,,,Anna")
    assert found.rows["about"].tolist() == ["sales_late"]
    assert found.rejected["reason"].item().startswith(why)


def test_a_second_word_about_a_line_in_one_file_is_refused() -> None:
    """Which of them counts nobody could say; the same again is no contradiction."""
    found = read(f"{IT},done,,,,Anna", f"{IT},open,,,,Anna", f"{IT},done,,,,Anna")
    assert len(found.rows) == 1
    assert found.rejected["reason"].tolist() == ["is about the same line as line 2", "the same as line 2"]
    assert found.n_repeated == 1


def test_a_file_without_its_columns_is_refused_line_by_line() -> None:
    """The missing ones are named."""
    assert read("done", header="state").rejected["reason"].item() == "the file has no column line_id, author"

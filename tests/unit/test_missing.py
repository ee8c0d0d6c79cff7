"""What was active lately and is not in the sales any more: who it is, how it is named, what is carried on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, sunday

from skucast.core.combination import KEY, Combination
from skucast.scorecard.missing import NOTHING_MISSING, carried, missing_of, newest_status

PERM = [Combination("Пермь", channel, sku) for channel in ("KA", "TF") for sku in ("A1", "B2")]
IZHEVSK = [Combination("Ижевск", "KA", sku) for sku in ("A1", "B2", "C3")]


@pytest.mark.parametrize(
    ("there", "names"),
    [
        (IZHEVSK, "Пермь (4 combinations)"),
        ([*IZHEVSK, *PERM[:2]], "Пермь/TF (2 combinations)"),
        ([*IZHEVSK[1:], *PERM], "Ижевск/KA/A1"),
        ([*IZHEVSK[1:], *PERM[2:]], "Пермь/KA (2 combinations), Ижевск/KA/A1"),
    ],
)
def test_the_largest_part_that_is_missing_is_named(there: list[Combination], names: str) -> None:
    """A unit as a whole, a channel of a unit, single articles of one that is there."""
    assert missing_of([*PERM, *IZHEVSK], there).names == names


def test_many_missing_articles_are_counted() -> None:
    """The first five by name, then how many more."""
    many = [Combination("Пермь", "KA", f"S{number}") for number in range(9)]
    found = missing_of(many, [Combination("Пермь", "KA", "X")])
    assert found.names == "Пермь/KA/S0, Пермь/KA/S1, Пермь/KA/S2, Пермь/KA/S3, Пермь/KA/S4 and 4 more"
    assert str(found).startswith("9 combinations were active lately and are not in the sales at all: ")


def test_another_spelling_is_not_missing() -> None:
    """The ledger knows an article as it was spelt before: case, a letter of the other alphabet, 9752.0."""
    before = [Combination("ПЕРМЬ", "КА", "9752.0")]
    assert missing_of(before, [Combination("Пермь", "KA", "9752")]) == NOTHING_MISSING


def test_a_name_that_was_merged_into_another_is_not_missing() -> None:
    """The ledger has the article of the old code; since its merge the sales have it under the new one."""
    old, new = Combination("Пермь", "KA", "OLD1"), Combination("Пермь", "KA", "N2")
    assert missing_of([old], [new], {"SKU_ID": {"old1": "N2"}}) == NOTHING_MISSING
    assert missing_of([old], [new]).combinations == (old,)


def test_a_total_that_was_forecast_is_not_missing() -> None:
    """Rows of totals counted as a channel once; they are left out of the sales by now."""
    assert missing_of([Combination("Пермь", "Итого", "A1")], PERM) == NOTHING_MISSING


def row(combination: Combination, cutoff: int, step: int, yhat: float, status: str = "ok") -> dict[str, Any]:
    """Return one row of the ledger; the cutoff in weeks before that of the tests."""
    return {
        **dict(zip(KEY, combination.parts, strict=True)),
        "cutoff": pd.Timestamp(sunday(cutoff)),
        "ds": pd.Timestamp(sunday(cutoff - step)),
        "step": step,
        "is_open_week": step == 1,
        "yhat": yhat,
        "status": status,
    }


def test_what_was_carried_on_says_nothing_of_sales() -> None:
    """Inactive, then missing for a week: inactive still; forecast, then carried on twice: what it was."""
    ledger = pd.DataFrame(
        [
            row(PERM[0], 2, 1, 0.0, "inactive"),
            row(PERM[0], 1, 1, 0.0, "sales_missing"),
            row(PERM[1], 3, 1, 5.0),
            row(PERM[1], 2, 1, 5.0, "sales_missing"),
            row(PERM[1], 1, 1, 5.0, "sales_missing"),
        ]
    )
    assert newest_status(ledger) == {PERM[0]: "inactive", PERM[1]: "ok"}


def test_a_name_of_the_ledger_that_is_none_by_now_is_passed_over() -> None:
    """Forecast before names with invisible characters were refused: nobody can deliver it, so nobody misses it."""
    old = row(PERM[0], 1, 1, 5.0) | {"SKU_ID": "A\u200b1"}
    assert newest_status(pd.DataFrame([old, row(PERM[1], 1, 1, 5.0)])) == {PERM[1]: "ok"}


def test_the_forecast_before_is_carried_on_and_its_last_week_repeated() -> None:
    """Forecast 10, 20, 30 a week before the cutoff: 20, 30 and again 30, labelled; of another one there is nothing."""
    ledger = pd.DataFrame([row(PERM[0], 1, step, 10.0 * step) for step in (1, 2, 3)] + [row(PERM[0], 2, 1, 99.0)])
    weeks = pd.DataFrame([row(PERM[1], 0, step, 1.0) for step in (1, 2, 3)])
    found = carried(ledger, missing_of(PERM[::2], PERM[1::2]), weeks)
    assert list(found) == list(ledger)
    assert found["yhat"].tolist() == [20.0, 30.0, 30.0]
    assert found["step"].tolist() == [1, 2, 3]
    assert found["ds"].dt.date.tolist() == [sunday(-1), sunday(-2), sunday(-3)]
    assert found["cutoff"].dt.date.unique().tolist() == [CUTOFF]
    assert found["status"].unique().tolist() == ["sales_missing"]

"""What was active lately and is not in the sales any more: who it is, how it is named, what is carried on."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, sunday

from skucast.core.combination import KEY, Combination
from skucast.scorecard.missing import NOTHING_MISSING, carried, lost_of, missing_of, newest_status

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


def weeks_of(combination: Combination, sold: dict[int, float], n_weeks: int = 40, usual: float = 5.0) -> pd.DataFrame:
    """Return its history: the usual, but for what it sold so many weeks back."""
    names = dict(zip(KEY, combination.parts, strict=True))
    rows = [
        {**names, "ds": pd.Timestamp(sunday(back)), "y": sold.get(back, usual)} for back in range(n_weeks - 1, -1, -1)
    ]
    return pd.DataFrame(rows)


def scored(combination: Combination, sold: dict[int, float]) -> pd.DataFrame:
    """Return what was scored of it, by weeks back."""
    names = dict(zip(KEY, combination.parts, strict=True))
    rows = [{**names, "ds": pd.Timestamp(sunday(back)), "actual_first": y} for back, y in sold.items()]
    return pd.DataFrame(rows, columns=[*KEY, "ds", "actual_first"])


def known(combination: Combination, cutoff: int, status: str = "ok") -> pd.DataFrame:
    """Return the first step of a forecast that knew all sales of its cutoff."""
    found = pd.DataFrame([row(combination, cutoff, 1, 5.0, status)])
    return found.assign(data_cutoff=found["cutoff"])


SILENT = dict.fromkeys(range(14), 0.0)
"""The newest fourteen weeks without a sale."""


@pytest.mark.parametrize("status", ["ok", "capped", "no_model", "load_failed"])
def test_a_forecast_that_knew_sales_which_are_gone_tells_of_a_loss(status: str) -> None:
    """Forecast one week ago as active, silent for fourteen weeks by now: that week's run knew a sale since."""
    found = lost_of(weeks_of(PERM[0], SILENT), known(PERM[0], 1, status), scored(PERM[0], {}), CUTOFF, 13)
    assert found == [PERM[0]]


def test_weeks_that_were_scored_and_are_gone_tell_of_a_loss() -> None:
    """Six silent weeks, three of which were scored with sales: lost; of a single one nobody knows."""
    weeks = weeks_of(PERM[0], dict.fromkeys(range(6), 0.0))
    nothing = known(PERM[0], 1)
    assert lost_of(weeks, nothing, scored(PERM[0], {4: 5.0, 3: 4.0, 2: 6.0}), CUTOFF, 13) == [PERM[0]]
    assert lost_of(weeks, nothing, scored(PERM[0], {3: 4.0}), CUTOFF, 13) == []


def test_an_article_that_has_just_stopped_has_lost_nothing() -> None:
    """Silent for fourteen weeks; runs knew it as active up to thirteen weeks after its last sale, scores knew zeros."""
    weeks = weeks_of(PERM[0], SILENT)
    assert lost_of(weeks, known(PERM[0], 2), scored(PERM[0], {14: 5.0, 13: 0.0, 5: 0.0}), CUTOFF, 13) == []
    assert lost_of(weeks, known(PERM[0], 1, "inactive"), scored(PERM[0], {}), CUTOFF, 13) == []


def test_weeks_that_are_not_known_are_no_loss() -> None:
    """Its unit is late, or it was out of stock: unknown, not without a sale; nor is a week that is not delivered."""
    unknown = weeks_of(PERM[0], dict.fromkeys(range(14), float("nan")))
    assert lost_of(unknown, known(PERM[0], 1), scored(PERM[0], {2: 5.0, 1: 5.0}), CUTOFF, 13) == []
    early = weeks_of(PERM[0], {})
    assert (
        lost_of(early[early["ds"] < pd.Timestamp(sunday(1))], known(PERM[0], 0), scored(PERM[0], {}), CUTOFF, 13) == []
    )


def test_a_sale_of_a_seldom_sold_article_that_was_taken_back_is_no_loss() -> None:
    """It sells in one of four weeks; one sale in the last thirteen weeks was corrected to nothing."""
    seldom = {back: 0.0 if back % 4 or back < 14 else 1.0 for back in range(40)}
    assert lost_of(weeks_of(PERM[0], seldom), known(PERM[0], 1), scored(PERM[0], {3: 1.0}), CUTOFF, 13) == []


def test_what_has_lost_weeks_is_told_apart() -> None:
    """One is not there at all, one lacks its newest weeks: counted together, and said."""
    text = str(missing_of(PERM[:2], PERM[2:], lost=PERM[:1]))
    assert text.startswith(
        "2 combinations were active lately and are not in the sales at all, or (1 of them) with weeks"
    )

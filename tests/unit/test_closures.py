"""Weeks of 0 that are no demand: closures that have ended, and weeks without a row if the settings say so."""

from __future__ import annotations

from math import nan

import numpy as np
import pandas as pd
import pytest
from builders import history_of, series, sunday, week

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY
from skucast.core.run import Run
from skucast.sales.closures import closed_weeks, closure_texts, without_closures
from skucast.sales.history import with_lag

SOLD = [100.0, 90.0, 110.0, 95.0, 105.0]


def selling(n: int) -> list[float]:
    return (SOLD * (n // 5 + 1))[:n]


def weeks_of(*several: list[float], stockouts: bool = False, rows: bool = True) -> pd.DataFrame:
    """Return the weeks of articles A0, A1, ...; unknown ones are out of stock, or have not been delivered."""
    parts = [
        pd.DataFrame(
            {
                **dict(zip(KEY, ("Пермь", "KA", f"A{number}"), strict=True)),
                "ds": pd.date_range(end=sunday(0), periods=len(y), freq="W-SUN"),
                "y": y,
                "n_lines": [1.0 if rows or value > 0 else nan for value in y],
            }
        )
        for number, y in enumerate(several)
    ]
    weeks = pd.concat(parts, ignore_index=True)
    return weeks.assign(is_stockout=weeks["y"].isna() & stockouts)


def closed(y: list[float], **other: bool) -> list[int]:
    """Return the places of the weeks that count as closed."""
    return np.flatnonzero(closed_weeks(weeks_of(y, **other))).tolist()


def test_a_run_of_six_weeks_is_a_closure_for_what_sells_in_every_other_week() -> None:
    """Five are not, nor is a run that still lasts: the rule of what is inactive has that."""
    assert closed([*selling(40), *[0.0] * 6, *selling(20)]) == [*range(40, 46)]
    assert closed([*selling(40), *[0.0] * 5, *selling(20)]) == []
    assert closed([*selling(40), *[0.0] * 20]) == []


def test_it_is_over_with_the_first_week_that_sells_as_before() -> None:
    """Not with a last remainder: a tenth of what was usual, or one sale and then nothing again."""
    assert closed([*selling(40), *[0.0] * 9, 100.0]) == [*range(40, 49)]
    assert closed([*selling(40), *[0.0] * 9, 10.0]) == []
    assert closed([*selling(40), *[0.0] * 9, 100.0, 0.0, 0.0]) == []


def test_what_seldom_sells_was_not_closed() -> None:
    """One week in three without a sale makes six of them no surprise; one in twenty-five does."""
    now_and_then = [100.0, 90.0, 0.0] * 13
    assert closed([*now_and_then, *[0.0] * 6, *now_and_then]) == []
    nearly_always = [*selling(24), 0.0] * 2
    assert closed([*nearly_always[:-1], 95.0, *[0.0] * 6, *nearly_always]) == [*range(50, 56)]


def test_what_comes_and_goes_was_not_closed() -> None:
    """Ten weeks on the shelf, ten off, all the time: that is how it sells."""
    assert closed([*selling(10), *[0.0] * 10] * 4 + selling(10)) == []


def test_a_season_is_no_closure() -> None:
    """Twelve weeks without a sale in the same part of both years, or a week or two beside it."""
    year = [*selling(40), *[0.0] * 12]
    assert closed(year * 2 + selling(20)) == []
    assert closed([*year, *selling(42), *[0.0] * 12, *selling(20)]) == []
    assert closed([*selling(52), *year, *selling(20)]) == [*range(92, 104)]


def test_a_long_run_needs_another_year_that_sold() -> None:
    """Twenty weeks in the first year may be a season; with a year before or after that sold in them they are none."""
    assert closed([*selling(30), *[0.0] * 20, *selling(20)]) == []
    assert closed([*selling(30), *[0.0] * 20, *selling(60)]) == [*range(30, 50)]
    assert closed([*selling(80), *[0.0] * 20, *selling(20)]) == [*range(80, 100)]
    assert closed([*selling(30), *[0.0] * 13, *selling(20)]) == [*range(30, 43)]


def test_what_had_faded_was_not_closed() -> None:
    """Its sales fell week by week before they ended."""
    assert closed([*selling(40), 60.0, 30.0, 15.0, 5.0, *[0.0] * 9, *selling(20)]) == []


def test_weeks_that_are_not_known_join_a_run() -> None:
    """Out of stock they sold nothing either; of a delivery that failed nobody knows."""
    assert closed([*selling(40), 0.0, 0.0, nan, nan, 0.0, 0.0, *selling(9)], stockouts=True) == [*range(40, 46)]
    assert closed([*selling(40), 0.0, 0.0, nan, nan, 0.0, 0.0, *selling(9)]) == []
    assert closed([*selling(40), *[0.0] * 3, nan, *[0.0] * 3, *selling(9)]) == [*range(40, 47)]


def test_every_combination_is_judged_by_itself() -> None:
    """One was closed, one sold on, one was closed at its end and the next begins: nothing leaks."""
    weeks = weeks_of([*selling(30), *[0.0] * 8, *selling(10)], selling(48), [*selling(40), *[0.0] * 8], selling(48))
    found = without_closures(weeks, "zero")
    assert found.loc[found["is_closed"], "SKU_ID"].unique().tolist() == ["A0"]
    assert found.loc[found["is_closed"], "y"].isna().all()
    assert found["y"].isna().sum() == 8
    assert closure_texts(found) == [f"Пермь/KA/A0: 8 weeks, {sunday(17)} to {sunday(10)}"]
    assert closed_weeks(weeks[:0]).tolist() == []


def test_the_history_repairs_and_reports_a_closure(warehouse: Warehouse, run: Run) -> None:
    """Unknown in y, a lag of what was usual, flagged, counted, named; the week of the reopening is as it was."""
    days = [n for n in range(40) if not 8 <= n < 15]
    lines = [each for n in days for each in week(sunday(n), 100.0)]
    other = [each for n in range(40) for each in week(sunday(n), 50.0, SKU_ID="B2")]
    history = history_of(warehouse, [*lines, *other], run)
    is_closed = series(history, "is_closed")
    assert [n for n, flag in enumerate(is_closed) if flag] == [*range(25, 32)]
    weeks = next(history.split())[1]
    assert weeks["y"].isna().tolist() == is_closed
    assert with_lag(weeks)["y_lag1"].tolist()[1:] == [100.0] * 39
    report = history.report
    assert (report.n_closed_weeks, report.n_zero_filled_weeks, report.n_missing_weeks) == (7, 0, 0)
    assert report.closures == [f"Пермь/KA/A1: 7 weeks, {sunday(14)} to {sunday(8)}"]
    assert "weeks of closures counted as unknown: 7" in report.repairs()
    assert report.warnings == []


# --- Weeks without a row --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("missing", "expected"), [("zero", 0.0), ("unknown", nan)])
def test_a_week_without_a_row_is_what_the_setting_says(missing: str, expected: float) -> None:
    """Of what sells every week; the weeks after its last sale are 0 either way."""
    found = without_closures(weeks_of([*selling(9), 0.0, *selling(9), 0.0], rows=False), missing)  # type: ignore[arg-type]
    assert found["y"].tolist() == pytest.approx([*selling(9), expected, *selling(9), 0.0], nan_ok=True)
    assert found["is_missing"].sum() == (missing == "unknown")


def test_a_row_that_says_nothing_was_sold_is_believed() -> None:
    """Only what has no row can be missing."""
    found = without_closures(weeks_of([*selling(9), 0.0, *selling(9)]), "unknown")
    assert found["y"].tolist()[9] == 0.0


def test_without_a_row_nothing_was_sold_of_what_seldom_sells() -> None:
    """A row in half of the weeks only, or rows that often say 0: those without are no surprise."""
    every_other = without_closures(weeks_of([100.0, 0.0] * 12, rows=False), "unknown")
    assert not every_other["is_missing"].any()
    weeks = weeks_of([*selling(8), 0.0, 0.0, *selling(8), 0.0, 95.0])
    weeks.loc[8, "n_lines"] = nan
    assert without_closures(weeks, "unknown")["is_missing"].sum() == 0


def test_the_history_takes_the_setting(warehouse: Warehouse, run: Run) -> None:
    """A week is lacking among twenty: counted as unknown, not as 0."""
    lines = [each for n in range(20) if n != 5 for each in week(sunday(n), 100.0)]
    other = [each for n in range(20) for each in week(sunday(n), 50.0, SKU_ID="B2")]
    history = history_of(warehouse, [*lines, *other], run, missing="unknown")
    assert [n for n, y in enumerate(series(history)) if np.isnan(y)] == [14]
    assert (history.report.n_missing_weeks, history.report.n_zero_filled_weeks) == (1, 0)

"""Promotions beside their forecasts: uplift expected and realised, the dip after it, what is not planned again."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from skucast.core.combination import KEY
from skucast.core.weeks import WeekClock
from skucast.scorecard.promotion_review import expected_uplift, not_planned_again, post_mortem, weeks_of

CLOCK = WeekClock()
A, B, C = ("Пермь", "KA", "A1"), ("Пермь", "TF", "A1"), ("Казань", "KA", "B2")
NAMES = pd.DataFrame([A, B, C], columns=KEY)
SUNDAYS = [pd.Timestamp(2026, 11, day) for day in (1, 8, 15, 22, 29)]


def promotions(*rows: tuple[tuple[str, str, str], str, str]) -> pd.DataFrame:
    """Return promotions of names, first and last day."""
    found = [(*names, pd.Timestamp(first), pd.Timestamp(last)) for names, first, last in rows]
    return pd.DataFrame(found, columns=[*KEY, "starts_on", "ends_on"])


def rows_of(names: tuple[str, str, str], **columns: list[Any]) -> pd.DataFrame:
    """Return one row of these names for each value of the columns."""
    return pd.DataFrame(columns).assign(**dict(zip(KEY, names, strict=True)))


def test_a_promotion_has_the_weeks_and_combinations_that_its_names_stand_for() -> None:
    """Wednesday to Tuesday are two weeks, five days and two; `*` as a channel are two, `*` alone all three."""
    found = weeks_of(
        promotions((("Пермь", "*", "A1"), "2026-11-04", "2026-11-10"), (("*", "*", "*"), "2026-11-16", "2026-11-16")),
        NAMES,
        CLOCK,
    )
    first = found[found["place"] == 0].sort_values(["channel", "ds"])
    assert list(zip(first["channel"], first["ds"], first["days"], strict=True)) == [
        ("KA", SUNDAYS[1], 5),
        ("KA", SUNDAYS[2], 2),
        ("TF", SUNDAYS[1], 5),
        ("TF", SUNDAYS[2], 2),
    ]
    assert found[found["place"] == 1]["days"].tolist() == [1, 1, 1]


def test_the_expected_uplift_is_the_part_of_the_forecast() -> None:
    """40 + 20 pieces over 200 without it; a week beyond the forecast is counted; two in one week share by days."""
    forecasts = rows_of(A, ds=SUNDAYS[1:3], yhat=[140.0, 120.0], promo=[40.0, 20.0])
    long = (A, "2026-11-02", "2026-11-22")
    (row,) = expected_uplift(promotions(long), forecasts, CLOCK, NAMES).to_dict("records")
    assert row == {"uplift": 60.0, "without": 200.0, "n_combinations": 1, "n_weeks": 3, "n_forecast": 2}
    both = promotions((A, "2026-11-02", "2026-11-04"), (A, "2026-11-05", "2026-11-05"))
    assert expected_uplift(both, forecasts, CLOCK, NAMES)["uplift"].tolist() == [30.0, 10.0]
    (none,) = expected_uplift(promotions((C, "2026-11-02", "2026-11-03")), forecasts, CLOCK, NAMES).to_dict("records")
    assert (none["n_combinations"], none["n_forecast"]) == (1, 0)
    assert pd.isna(none["uplift"])


def test_what_came_of_a_promotion_is_judged_by_the_last_forecast_before_it() -> None:
    """Sold 170 and 90 where 100 and 100 were forecast without it; the forecast of its second week is no yardstick."""
    before = rows_of(
        A, cutoff=[SUNDAYS[0]] * 4, ds=SUNDAYS[1:], yhat=[150.0, 130.0, 100.0, 90.0], promo=[50.0, 30.0, 0.0, 0.0]
    )
    older = before.assign(cutoff=SUNDAYS[0] - pd.Timedelta(weeks=1), promo=999.0)
    during = before.assign(cutoff=SUNDAYS[1], promo=-999.0)
    sales = rows_of(A, ds=SUNDAYS[1:], y=[170.0, 90.0, 80.0, float("nan")])
    forecasts = pd.concat([before, older, during])
    (row,) = post_mortem(promotions((A, "2026-11-02", "2026-11-15")), forecasts, sales, CLOCK, NAMES).to_dict("records")
    assert row == {"forecast": 80.0, "realised": 60.0, "dip": -20.0, "n_judged": 2, "n_rows": 2, "n_dip": 1}


def test_without_sales_or_a_forecast_nothing_is_judged() -> None:
    """And another promotion right after it leaves no dip to be told."""
    forecasts = rows_of(A, cutoff=[SUNDAYS[1]], ds=[SUNDAYS[2]], yhat=[150.0], promo=[50.0])
    sales = rows_of(A, ds=SUNDAYS[1:4], y=[170.0, 120.0, 110.0])
    found = post_mortem(
        promotions((A, "2026-11-02", "2026-11-08"), (A, "2026-11-09", "2026-11-15")), forecasts, sales, CLOCK, NAMES
    )
    assert found["n_judged"].tolist() == [0, 1]
    assert pd.isna(found["realised"][0])
    assert found["realised"][1] == 20.0
    assert found["n_dip"].tolist() == [0, 0]


def test_last_year_s_promotions_that_are_not_planned_now() -> None:
    """A was promoted a week after the same week and is not planned; B is planned a week later; C was in spring."""
    then = [pd.Timestamp(2025, 11, 30), pd.Timestamp(2025, 12, 7)]
    sales = pd.concat(
        [
            rows_of(A, ds=then, is_promo=[True, True], promo_depth=[20.0, 35.0], promo_days=[5.0, 7.0]),
            rows_of(B, ds=then, is_promo=[True, False], promo_depth=[20.0, float("nan")], promo_days=[5.0, 0.0]),
            rows_of(C, ds=[pd.Timestamp(2025, 5, 4)], is_promo=[True], promo_depth=[20.0], promo_days=[5.0]),
        ]
    )
    planned = rows_of(B, ds=[pd.Timestamp(2026, 12, 6)])
    coming = [date(2026, 11, 29), date(2026, 12, 6)]
    (row,) = not_planned_again(sales, planned, NAMES, coming).to_dict("records")
    assert (row["channel"], row["last_year_from"], row["last_year_to"]) == ("KA", *then)
    assert (row["depth"], row["days"]) == (35.0, 12.0)
    assert not_planned_again(sales, planned, NAMES.iloc[1:], coming).empty


@pytest.mark.parametrize("names", [NAMES, NAMES.iloc[:0]])
def test_without_any_promotion_there_is_nothing_of_it(names: pd.DataFrame) -> None:
    """Empty frames with their columns, whoever is forecast."""
    none = promotions()
    forecasts = rows_of(A, cutoff=[SUNDAYS[0]], ds=[SUNDAYS[1]], yhat=[1.0], promo=[0.0])
    sales = rows_of(A, ds=[SUNDAYS[1]], y=[1.0], is_promo=[False], promo_depth=[float("nan")], promo_days=[0.0])
    assert expected_uplift(none, forecasts, CLOCK, names).empty
    assert post_mortem(none, forecasts, sales, CLOCK, names).empty
    assert not_planned_again(sales, none.assign(ds=none["starts_on"]), names, [date(2026, 11, 29)]).empty

"""Totals with every forecast: of all rows that are published, also where a run wrote some of them."""

import pandas as pd
import pytest
from business import Business

from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.totals import TOTALS


def total(business: Business, step: int) -> pd.Series:
    """Return the total of the newest cutoff at this step, 0 = all weeks."""
    rows = business.rows(TOTALS)
    newest = rows[rows["cutoff"] == rows["cutoff"].max()]
    return newest[(newest["level"] == "total") & (newest["step"] == step)].iloc[0]


def test_totals_are_those_of_what_is_published(business: Business) -> None:
    """Four weeks and their sum; a targeted run changes them with its rows, and a second run changes nothing."""
    business.already("predict")
    rows, totals = business.rows(FORECASTS), business.rows(TOTALS)
    for step in range(5):
        its = rows if step == 0 else rows[rows["step"] == step]
        assert total(business, step)["yhat"] == pytest.approx(its["yhat"].sum())
        assert total(business, step)["yhat_upper"] < its["yhat_upper"].sum()
    assert total(business, 0)["n_combinations"] == 6
    assert set(totals["correlation_source"]) == {"default"}
    assert business("predict", "--target-combinations", "Пермь/KA/A1", "--horizon-weeks", "2") == 0
    assert total(business, 3)["n_combinations"] == 5
    assert total(business, 0)["yhat"] == pytest.approx(business.rows(FORECASTS)["yhat"].sum())
    assert business("predict") == 0
    assert business.rows(TOTALS).equals(totals)

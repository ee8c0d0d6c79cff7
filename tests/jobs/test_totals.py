"""Totals and orders with every forecast: of all rows that are published, also where a run wrote some of them."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from business import Business

from skucast.backends.warehouse.duckdb.warehouse import DuckDBWarehouse
from skucast.core.combination import KEY
from skucast.core.errors import WarehouseError
from skucast.core.run import Run
from skucast.core.tables.contract import ALL, Table
from skucast.core.tables.forecasts import FORECASTS
from skucast.core.tables.orders import ORDER_RULES, ORDERS, ORDERS_METRICS
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.totals import TOTALS, TOTALS_METRICS


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


def test_orders_come_with_the_forecast_under_the_terms_of_settings_and_rules(
    business: Business, run: Run, shown: Callable[[], str]
) -> None:
    """By default two weeks at 95 %; by class, with a rule for an article, beyond the forecast; switched off."""
    business.already("predict")
    orders = business.rows(ORDERS).set_index(KEY)
    expected = business.rows(FORECASTS).query("step <= 2").groupby(KEY)["yhat"].sum()
    assert orders["expected_demand"].to_dict() == pytest.approx(expected.to_dict())
    assert (orders["order_up_to"] >= orders["expected_demand"]).all()
    assert set(orders["service_level"]) == {0.95}
    rules = pd.DataFrame([{**dict.fromkeys(KEY, ALL), "SKU_ID": sku, "service_level": 0.6} for sku in ("A1", "none")])
    business.warehouse.replace(ORDER_RULES, rules, ALL, run=run)
    assert business("predict", "--service-level", "A=0.98,B=0.95,C=0.9", "--review-weeks", "4") == 0
    said = shown()
    assert "1 order rule about nothing that is forecast: */*/none" in said
    assert "the stock of 6 combinations must last for up to 5 weeks, longer than is forecast" in said
    by_class = business.rows(ORDERS).set_index(KEY)
    is_ruled = by_class.index.get_level_values("SKU_ID") == "A1"
    assert set(by_class.loc[is_ruled, "service_level"]) == {0.6}
    others = by_class[~is_ruled]
    assert (others["service_level"] == others["abc_class"].map({"A": 0.98, "B": 0.95, "C": 0.9})).all()
    assert business("predict", "--service-level", "off") == 0
    assert business.rows(ORDERS).set_index(KEY).equals(by_class)


def test_what_may_not_be_written_yet_stops_no_forecast_and_no_scorecard(
    business: Business, monkeypatch: pytest.MonkeyPatch, shown: Callable[[], str]
) -> None:
    """An account without the rights for the new tables: warnings, exit 0, forecasts and metrics are there."""
    new = {table.label for table in (TOTALS, ORDERS, TOTALS_METRICS, ORDERS_METRICS)}
    real = DuckDBWarehouse.replace

    def denied(self: DuckDBWarehouse, table: Table, *args: Any, **more: Any) -> int:
        if table.label in new:
            raise WarehouseError(f"{table.name}: access denied")
        return real(self, table, *args, **more)

    monkeypatch.setattr(DuckDBWarehouse, "replace", denied)
    assert business("predict", "--as-of", "2026-10-28") == 0
    assert "totals and orders of this forecast are not there: WarehouseError: distributor_forecast_totals" in shown()
    assert len(business.rows(FORECASTS)) == 24
    assert business("monitor") == 0
    assert "totals_metrics are not written" in shown()
    assert len(business.rows(METRICS))
    assert not len(business.rows(TOTALS))

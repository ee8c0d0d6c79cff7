"""Forecasters side by side: the same rows, the scorecard's metrics, and the SQL that asks BigQuery's own."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from skucast.backends.warehouse.bigquery import rivals_sql
from skucast.core.tables.scorecard import SCORED
from skucast.scorecard.rivals import side_by_side

CUTOFF = pd.Timestamp("2026-11-01")


def row(sku: str, y: float | None, yhat: float) -> dict[str, object]:
    """Return a scored row of one week."""
    numbers = {"y": y, "yhat": yhat, "yhat_lower": yhat - 1, "yhat_upper": yhat + 1, "scale": 1.0, "sq_scale": 1.0}
    empty = dict.fromkeys(SCORED.column_names)
    week = {"cutoff": CUTOFF, "unit": "U", "channel": "C", "SKU_ID": sku, "ds": CUTOFF + pd.Timedelta(weeks=1)}
    return {**empty, **week, **numbers, "step": 1, "status": "ok", "method": "blend", "data_cutoff": CUTOFF}


def scored(*rows: dict[str, object]) -> pd.DataFrame:
    """Return our rows; what is nothing is a number that is none."""
    frame = pd.DataFrame(list(rows))
    floats = [name for name in frame if name.startswith(("y", "baseline", "previous", "scale", "sq_"))]
    return frame.astype(dict.fromkeys(floats, "float64"))


def answers(**yhat: float) -> pd.DataFrame:
    """Return a rival's numbers by article."""
    week = {"cutoff": CUTOFF, "unit": "U", "channel": "C", "ds": CUTOFF + pd.Timedelta(weeks=1)}
    rows = [{**week, "SKU_ID": sku, "yhat": n, "yhat_lower": n - 5, "yhat_upper": n + 5} for sku, n in yhat.items()]
    return pd.DataFrame(rows)


def test_each_is_scored_on_the_rows_that_all_have() -> None:
    """A and B are common: ours is 1 + 2 off 30 pieces, theirs 4 + 0; C has no answer of one of them, D no sales."""
    ours = scored(row("A", 10, 11), row("B", 20, 22), row("C", 50, 0), row("D", None, 7))
    found = side_by_side(ours, {"one": answers(A=14, B=20), "two": answers(A=10, B=20, C=50, D=1)})
    by_name = found.set_index("forecaster")
    assert list(by_name.index) == ["skucast", "one", "two"]
    assert list(by_name["n"]) == [2, 2, 2]
    assert list(by_name["wape"]) == pytest.approx([3 / 30, 4 / 30, 0])
    assert list(by_name["bias_ratio"]) == pytest.approx([3 / 30, 4 / 30, 0])
    assert list(by_name["coverage"]) == [0.5, 1.0, 1.0]
    assert list(by_name["n_unanswered"]) == [0, 1, 0]


def test_an_answer_of_another_origin_is_none() -> None:
    """The same week forecast later is another row."""
    later = answers(A=10).assign(cutoff=CUTOFF + pd.Timedelta(weeks=1))
    found = side_by_side(scored(row("A", 10, 11)), {"one": later}).set_index("forecaster")
    assert list(found["n_unanswered"]) == [0, 1]


def test_the_query_of_ai_forecast_knows_the_sales_up_to_the_day() -> None:
    """Its arguments are those of Google's reference; nothing later than the newest sales of then is given."""
    sql = rivals_sql.ai_forecast("p.d.weeks", date(2026, 11, 1), 4)
    assert "AI.FORECAST(" in sql
    for part in ("data_col => 'y'", "timestamp_col => 'week'", "horizon => 4", "confidence_level => 0.8"):
        assert part in sql
    assert "id_cols => ['unit', 'channel', 'SKU_ID']" in sql
    assert "origin IS NULL AND y IS NOT NULL AND ds <= DATE '2026-11-01'" in sql
    assert "promo" not in sql


def test_the_model_is_trained_up_to_the_day_and_asked_with_the_plan_of_the_origin() -> None:
    """Promotions are regressors of the past; those of the weeks to come are what the origin knew of them."""
    training = rivals_sql.model("p.d.model", "p.d.weeks", date(2026, 11, 1), 4)
    assert "MODEL_TYPE = 'ARIMA_PLUS_XREG'" in training
    assert "TIME_SERIES_ID_COL = ['unit', 'channel', 'SKU_ID']" in training
    assert "ds <= DATE '2026-11-01'" in training
    assert "promo_discount_perc, promo_days" in training
    query = rivals_sql.of_model("p.d.model", "p.d.weeks", date(2026, 11, 8), 4)
    assert query.index("STRUCT(4 AS horizon, 0.8 AS confidence_level)") < query.index("origin = DATE '2026-11-08'")

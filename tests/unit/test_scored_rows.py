"""Which stored forecasts count in the score, and what a new article's baselines are."""

from __future__ import annotations

from math import nan
from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, sunday
from test_monitoring import A, B, C, forecast, history, matched

from skucast.core.combination import KEY
from skucast.core.tables.scorecard import METRICS
from skucast.core.tables.validation import validate
from skucast.scorecard.monitoring import match, score


def gone(combination: tuple[str, str, str], yhat: float = 0.0) -> dict[str, Any]:
    """Return the stored forecast of a combination that counted as no longer sold."""
    return forecast(combination, 1, 1, yhat) | {
        "status": "inactive",
        "method": "zero",
        "yhat_lower": 0.0,
        "yhat_upper": yhat,
    }


@pytest.mark.slow
def test_a_zero_for_what_is_no_longer_sold_lifts_no_figure() -> None:
    """Half the articles are gone and sold nothing: figures are those of the others alone, the gone are counted."""
    weeks = history(A=[5, 10], B=[0, 0], C=[0, 0])
    alone = score(matched([forecast(A, 1, 1, 12.0)], weeks))
    both = score(matched([forecast(A, 1, 1, 12.0), gone(B), gone(C)], weeks))
    figures = ["n", "sum_actual", "n_covered", "coverage", "wape", "mae", "fva", "smape"]
    total = [rows[(rows["level"] == "total") & (rows["step"] == 0)].iloc[0] for rows in (alone, both)]
    assert total[1][figures].tolist() == total[0][figures].tolist()
    assert total[1]["coverage"] == 0.0
    assert total[1][["n_left_out", "n_inactive", "n_failed"]].tolist() == [2, 2, 0]


def test_a_sale_of_what_was_no_longer_sold_is_an_error() -> None:
    """Forecast 0 because nothing was sold for long, and 8 were sold: scored like any other forecast."""
    row = matched([gone(A)], history(A=[0, 8])).iloc[0]
    assert (row["y"], row["yhat"]) == (8.0, 0.0)
    assert pd.isna(row["left_out"])


def test_only_a_zero_of_that_status_is_left_out() -> None:
    """A model's own 0 that came true counts, and so does a number that was not 0; an unknown week stays unknown."""
    weeks = history(A=[5, 0], B=[5, 0], C=[5, nan])
    weeks.loc[weeks["y"].isna(), "is_stockout"] = True
    rows = matched([forecast(A, 1, 1, 0.0), gone(B, 3.0), gone(C)], weeks).set_index("SKU_ID")
    assert rows.loc["A1", "left_out"].isna().all()
    assert rows.loc["B2", "left_out"] == "stockout"


def test_fallbacks_for_failed_models_are_scored_apart() -> None:
    """A's model made 12 of 10 sold, B's failed and its fallback made 30 of 20: 20 % off, and beside it 50 %."""
    failed = forecast(B, 1, 1, 30.0) | {"status": "load_failed", "method": "mean_8"}
    found = score(matched([forecast(A, 1, 1, 12.0), failed], history(A=[5, 10], B=[5, 20])))
    total = found[(found["level"] == "total") & (found["step"] == 0)].iloc[0]
    assert total[["n", "n_failed", "sum_actual", "sum_abs_error"]].tolist() == [1, 1, 10, 2]
    assert total[["sum_actual_failed", "sum_forecast_failed", "sum_abs_error_failed"]].tolist() == [20, 30, 10]
    assert (total["wape"], total["wape_failed"]) == (0.2, 0.5)


def test_scores_of_before_the_count_are_read() -> None:
    """Rows that were stored without the count of what is no longer sold, and without the sums apart, say NULL there."""
    rows = score(matched([forecast(A, 1, 1, 12.0)], history(A=[5, 10])))
    made = rows.assign(
        window="week",
        window_start=CUTOFF,
        window_end=CUTOFF,
        actual_first=nan,
        actuals_through=CUTOFF,
        run_id="monitor-1",
        created_at=CUTOFF,
    )
    new = ["n_inactive", "sum_actual_failed", "sum_forecast_failed", "sum_abs_error_failed", "wape_failed"]
    assert validate(METRICS, made.drop(columns=new))[new].isna().all(axis=None)
    assert validate(METRICS, made)["n_inactive"].eq(0).all()


def test_the_first_baselines_of_a_new_article_are_what_it_had_sold() -> None:
    """The week it came on sale in is not whole, so the history begins a week later; the baselines knew it."""
    first = pd.DataFrame([dict(zip([*KEY, "ds", "y"], [*A, pd.Timestamp(sunday(1)), 30.0], strict=True))])
    stored = pd.DataFrame([forecast(A, 1, 1, 8.0), forecast(B, 1, 1, 8.0)])
    rows = match(stored, history(A=[50], B=[5, 7]), sunday(9), CUTOFF, first).set_index("channel")
    names = ["baseline_last_week", "baseline_mean_4", "baseline_last_year"]
    assert rows.loc["KA", names].tolist() == [30.0, 30.0, 30.0]
    assert rows.loc["TF", names].tolist() == [5.0, 5.0, 5.0]

"""Reasons: each from its own evidence, the first of several, in numbers a planner can check."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from builders import CUTOFF, sunday
from stubs import weeks_of

from skucast.core.combination import KEY
from skucast.core.tables.alerts import REASONS
from skucast.scorecard.reasons import _LOOK, Evidence, probable_reason

WINDOW = 5


def rows_of(errors: list[float], weeks: pd.DataFrame, **changed: Any) -> pd.DataFrame:
    """Return one forecast of each of the last weeks, so much too high; `changed` columns hold for all, or one each."""
    last = weeks.tail(len(errors))
    frame = pd.DataFrame(
        {
            **dict(zip(KEY, ("U", "C", "S"), strict=True)),
            "cutoff": last["ds"].to_numpy() - pd.Timedelta(weeks=1),
            "ds": last["ds"].to_numpy(),
            "y": last["y"].to_numpy(),
            "yhat": last["y"].fillna(0.0).to_numpy() + errors,
            "promo_source": "none",
            "model_cutoff": pd.Timestamp(sunday(4)),
            "status": "ok",
            "data_cutoff": last["ds"].to_numpy() - pd.Timedelta(weeks=1),
        }
    )
    return frame.assign(**changed)


def reason_of(weeks: pd.DataFrame, rows: pd.DataFrame, low_volume: float = 20.0) -> tuple[str, str]:
    """Return the reason and the evidence for the window of five weeks."""
    return probable_reason(Evidence(weeks, rows, sunday(WINDOW - 1), CUTOFF, low_volume))


def steady(n_weeks: int = 60, level: float = 100.0) -> pd.DataFrame:
    """Return weeks that sell the same, a little more every other week."""
    return weeks_of([level + week % 2 for week in range(n_weeks)])


def promoted(weeks: pd.DataFrame, *back: int) -> pd.DataFrame:
    """Return the weeks with promotions so many weeks before the last."""
    return weeks.assign(is_promo=weeks["ds"].isin([pd.Timestamp(sunday(each)) for each in back]))


def test_a_promotion_that_no_plan_named() -> None:
    """Two promoted weeks make 120 of an error of 150, forecast too low: 80 %."""
    weeks = promoted(steady(), 0, 1)
    reason, evidence = reason_of(weeks, rows_of([10, 10, 10, -60, -60], weeks))
    assert reason == "promotion_without_plan"
    assert evidence == (
        "2 weeks of the window had a promotion that no plan named; forecasts of them, too low, are 80 % of the error"
    )


def test_a_promotion_that_was_planned_is_another_matter() -> None:
    """Nor is one that was forecast too high, or hardly matters for the error."""
    weeks = promoted(steady(), 0, 1)
    assert reason_of(weeks, rows_of([10, 10, 10, -60, -60], weeks, promo_source="planned"))[0] == "unexplained"
    assert reason_of(weeks, rows_of([10, 10, 10, 60, 60], weeks))[0] == "unexplained"
    assert reason_of(weeks, rows_of([60, 60, 10, -10, -10], weeks))[0] == "unexplained"


def test_a_planned_promotion_without_uplift() -> None:
    """One week, planned and forecast 80 too high, sold as usual; it is two thirds of the error."""
    weeks = steady()
    sources = ["none", "none", "none", "none", "planned"]
    reason, evidence = reason_of(weeks, rows_of([10, 10, 10, 10, 80], weeks, promo_source=sources))
    assert reason == "plan_without_uplift"
    assert evidence == (
        "a promotion was planned for 1 week that sold 101 a week, as weeks without one do (100); "
        "their forecasts are 67 % of the error"
    )
    sold_more = weeks.assign(y=weeks["y"].where(weeks["ds"] < pd.Timestamp(CUTOFF), 150.0))
    rows = rows_of([10, 10, 10, 10, 80], sold_more, promo_source=sources)
    assert reason_of(sold_more, rows)[0] == "unexplained"


def test_weeks_out_of_stock() -> None:
    """Any of the last eight, also before the window; longer ago does not count."""
    weeks = steady()
    empty = weeks["ds"].isin([pd.Timestamp(sunday(6)), pd.Timestamp(sunday(7))])
    rows = rows_of([50] * 5, weeks)
    assert reason_of(weeks.assign(is_stockout=empty), rows) == ("stockout", "2 of the last 8 weeks were out of stock")
    long_ago = weeks.assign(is_stockout=weeks["ds"] == pd.Timestamp(sunday(8)))
    assert reason_of(long_ago, rows)[0] == "unexplained"


def test_a_level_shift() -> None:
    """Five weeks at 50 after 100: each is less than the mean before. One week back at 110 and it is none."""
    weeks = weeks_of([100.0] * 40 + [50.0] * 5)
    reason, evidence = reason_of(weeks, rows_of([50] * 5, weeks))
    assert reason == "level_shift"
    assert evidence == (
        "the last 5 weeks sold 50.0 a week, each of them less than the 100.0 of the 26 weeks before the window"
    )
    back = weeks_of([100.0] * 40 + [30.0, 30.0, 30.0, 30.0, 110.0])
    assert reason_of(back, rows_of([50] * 5, back))[0] == "unexplained"


def test_a_young_level_shift() -> None:
    """The last two weeks, each half as much again as before or more; the weeks of the window before them as usual."""
    young = weeks_of([100.0] * 43 + [160.0, 155.0])
    reason, evidence = reason_of(young, rows_of([-50] * 5, young))
    assert reason == "level_shift"
    assert evidence.startswith("the last 2 weeks sold 157.5 a week, each of them more than the 100.0")
    small, single = weeks_of([100.0] * 43 + [190.0, 140.0]), weeks_of([100.0] * 44 + [190.0])
    assert reason_of(small, rows_of([-50] * 5, small))[0] == "unexplained"
    assert reason_of(single, rows_of([-50] * 5, single))[0] == "unexplained"


def test_a_stale_model() -> None:
    """Thirteen weeks old at the end of the window; twelve is not; the newest model of the window counts.

    A refreshed one is as new as the sales that it was fitted to.
    """
    weeks = steady()
    old = pd.Timestamp(sunday(13))
    reason, evidence = reason_of(weeks, rows_of([50] * 5, weeks, model_cutoff=old))
    assert reason == "stale_model"
    assert evidence.endswith(f"was trained on sales up to {sunday(13)}, 13 weeks before its end")
    newer = [old, old, old, old, pd.Timestamp(sunday(12))]
    assert reason_of(weeks, rows_of([50] * 5, weeks, model_cutoff=newer))[0] == "unexplained"
    fallback = rows_of([50] * 5, weeks, model_cutoff=pd.Series([pd.NaT] * 5, dtype="datetime64[us]"))
    assert reason_of(weeks, fallback)[0] == "unexplained"
    refreshed = rows_of([50] * 5, weeks, model_cutoff=old, status="refreshed")
    assert reason_of(weeks, refreshed)[0] == "unexplained"


def test_a_data_gap() -> None:
    """A week that is not known and was not out of stock, or forecasts made on late sales."""
    weeks = steady()
    gap = weeks.assign(y=weeks["y"].mask(weeks["ds"] == pd.Timestamp(sunday(9))))
    rows = rows_of([50] * 5, weeks)
    assert reason_of(gap, rows) == ("data_gap", "the sales of 1 of the last 13 weeks are not known")
    late = rows.assign(data_cutoff=rows["data_cutoff"] - pd.to_timedelta([7, 7, 7, 0, 0], unit="D"))
    assert reason_of(weeks, late) == ("data_gap", "3 of 5 forecasts of the window were made on sales that were late")


def test_low_volume() -> None:
    """Fewer pieces than the limit, or every other week without a sale."""
    few, sparse = steady(level=15.0), weeks_of([0.0, 80.0] * 30)
    assert reason_of(few, rows_of([9] * 5, few)) == (
        "low_volume",
        "15.5 a week were sold over the last 26 weeks, 0 of them without a sale",
    )
    assert reason_of(sparse, rows_of([50] * 5, sparse)) == (
        "low_volume",
        "40.0 a week were sold over the last 26 weeks, 13 of them without a sale",
    )


def test_a_new_sku() -> None:
    """25 weeks of history; 26 is not new."""
    weeks = steady(25)
    assert reason_of(weeks, rows_of([50] * 5, weeks)) == ("new_sku", f"sold since week {sunday(24)}, 25 weeks")
    assert reason_of(steady(26), rows_of([50] * 5, steady(26)))[0] == "unexplained"


def test_without_evidence_it_is_unexplained() -> None:
    """Three of five too high, of some 500 sold 250 wrong."""
    weeks = steady()
    reason, evidence = reason_of(weeks, rows_of([50, 50, 50, -50, -50], weeks))
    assert reason == "unexplained"
    assert evidence.startswith("none of the usual causes: 3 of 5 forecasts were too high, the others too low or right")


def test_the_first_reason_in_order_is_told() -> None:
    """Every cause at once: the promotion. Without it the level shift, before the old model."""
    weeks = promoted(weeks_of([10.0] * 15 + [30.0] * 5), 0, 1, 2, 3, 4).assign(is_stockout=False)
    rows = rows_of([-25] * 5, weeks, model_cutoff=pd.Timestamp(sunday(30)))
    assert reason_of(weeks, rows)[0] == "promotion_without_plan"
    assert reason_of(weeks.assign(is_promo=False), rows)[0] == "level_shift"


def test_nothing_is_known_of_it() -> None:
    """No weeks and no forecasts: unexplained, and no error."""
    weeks = steady(3).head(0)
    assert reason_of(weeks, rows_of([50] * 3, steady(3)).head(0))[0] == "unexplained"


def test_the_order_is_that_of_the_contract() -> None:
    """Which the documentation shows."""
    assert list(_LOOK) == list(REASONS)


@pytest.mark.parametrize("reason", list(_LOOK))
def test_no_evidence_breaks_without_any_scored_week(reason: str) -> None:
    """A window that was out of stock as a whole."""
    weeks = weeks_of([100.0] * 20 + [float("nan")] * 5).assign(is_stockout=[False] * 20 + [True] * 5)
    rows = rows_of([50] * 5, weeks)
    found = _LOOK[reason](Evidence(weeks, rows, sunday(WINDOW - 1), CUTOFF, 20.0))
    assert found is None or isinstance(found, str)

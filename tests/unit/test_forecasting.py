"""The forecast of one combination: always a row, always with the reason for its method."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from math import nan

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, WEDNESDAY, sunday
from pandas.testing import assert_frame_equal
from stubs import forecast_one, stored, stub_model, weeks_of

from skucast.core.combination import KEY, Combination
from skucast.core.errors import ModelError, ModelNotFound
from skucast.core.tables.forecasts import COMPONENTS, FORECASTS, STATUSES
from skucast.core.tables.validation import validate
from skucast.core.weeks import WeekClock
from skucast.forecast.artifact import StoredModel
from skucast.forecast.forecasting import Horizon, forecast_all, start, start_without_model
from skucast.forecast.prophet.model import Regressor
from skucast.regressors.promotions import PlannedWeeks

ARTICLE = Combination("Пермь", "ON TRADE", "ЦУП00009752")
HORIZON = Horizon(
    clock=WeekClock(),
    today=WEDNESDAY,
    cutoff=CUTOFF,
    data_cutoff=CUTOFF,
    horizon_weeks=4,
    min_history_weeks=26,
    inactive_after_weeks=13,
    n_paths=50,
)
STEADY = [100.0] * 29 + [140.0]
"""30 weeks; the last one is above the others."""

MISSING = ModelNotFound("no model")
BROKEN = ModelError("truncated")


def forecast(
    y: list[float], model: StoredModel | ModelError | None, horizon: Horizon = HORIZON, promo: float = 0.0
) -> pd.DataFrame:
    """Return the forecast of these sales, checked against the table's contract."""
    rows = forecast_one(ARTICLE, weeks_of(y, last=horizon.data_cutoff, promo=promo), model, horizon)
    validate(FORECASTS, rows.assign(run_id="r", created_at=pd.Timestamp("2026-11-25")))
    return rows


# --- Status and method ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "method", "y", "model", "yhat"),
    [
        ("ok", "prophet", STEADY, stored(), [120.0, 110.0, 105.0, 102.5]),
        ("capped", "prophet", STEADY, stored(stub_model(500.0, y_max=150.0)), [450.0] * 4),
        ("no_model", "ses", STEADY, MISSING, [112.0] * 4),
        ("no_model", "ses", STEADY, None, [112.0] * 4),
        ("short_history", "ses", STEADY[-20:], MISSING, [112.0] * 4),
        ("load_failed", "ses", STEADY, BROKEN, [112.0] * 4),
        ("load_failed", "ses", STEADY[-20:], BROKEN, [112.0] * 4),
        ("inactive", "zero", [100.0] * 20 + [0.0] * 13, stored(), [0.0] * 4),
        ("inactive", "zero", [100.0] * 20 + [0.0] * 13, BROKEN, [0.0] * 4),
    ],
)
def test_every_combination_gets_a_number_and_a_reason(
    status: str, method: str, y: list[float], model: StoredModel | ModelError | None, yhat: list[float]
) -> None:
    """Four rows whatever happened; smoothing takes 0.3 of the last week: 0.7 * 100 + 0.3 * 140 = 112."""
    rows = forecast(y, model)
    assert set(rows["status"]) == {status}
    assert set(rows["method"]) == {method}
    assert rows["yhat"].tolist() == pytest.approx(yhat)


def test_a_model_that_fails_while_forecasting_is_replaced() -> None:
    """The fallback, with a status of its own."""
    endless = stored(stub_model(1e308, mean_lag=-1e308, carry_over=0.9))
    starts = [start(ARTICLE, weeks_of([*STEADY[:-1], 1e308]), endless, HORIZON)]
    rows = forecast_all(starts, HORIZON, lambda found: start_without_model(found, weeks_of(STEADY), HORIZON))
    assert (rows["status"].unique().tolist(), rows["yhat"].tolist()) == (
        ["forecast_failed"],
        pytest.approx([112.0] * 4),
    )


def test_every_status_is_tested_here() -> None:
    """A new status needs a test above."""
    assert set(STATUSES) == {
        "ok", "capped", "no_model", "short_history", "load_failed", "forecast_failed", "inactive",
        "sales_missing",  # never the forecast of a series: tests/unit/test_missing.py
        "naive_better", "seasonal",  # tests/unit/test_seasons.py
        "new", "announced", "phase_out", "successor",  # tests/unit/test_newcomers.py
        "refreshed", "stale",  # tests/jobs/test_refresh.py
    }  # fmt: skip


def test_twelve_weeks_without_a_sale_are_not_yet_inactive() -> None:
    """Nor are 13 of which one is not known: it may have sold."""
    assert forecast([100.0] * 20 + [0.0] * 12, stored())["status"].tolist() == ["ok"] * 4
    assert forecast([100.0] * 20 + [0.0] * 6 + [nan] + [0.0] * 6, stored())["status"].tolist() == ["ok"] * 4


def test_unknown_weeks_are_no_history() -> None:
    """30 weeks of which 5 are out of stock are 25 known ones, 26 are needed."""
    y = [*STEADY[:20], *[nan] * 5, *STEADY[-5:]]
    assert forecast(y, MISSING)["status"].tolist() == ["short_history"] * 4


def test_the_fallback_is_seasonal_where_that_did_better() -> None:
    """A wave of 52 weeks that repeats itself: last year's weeks, labelled so."""
    wave = 100 + 50 * np.sin(2 * np.pi * np.arange(110) / 52)
    rows = forecast(list(wave), MISSING)
    assert rows["method"].tolist() == ["seasonal_naive"] * 4
    assert rows["yhat"].tolist() == pytest.approx(wave[58:62].tolist())
    assert rows["status"].tolist() == ["no_model"] * 4


def test_the_week_before_may_be_unknown() -> None:
    """Its place as lag is taken by the mean of the four weeks before it, 120: 110, 105 and so on."""
    rows = forecast([100.0] * 25 + [120.0] * 4 + [nan], stored())
    assert rows["yhat"].tolist() == [110.0, 105.0, 102.5, 101.25]


# --- What a row says ------------------------------------------------------------------------------------------------


def test_rows_say_whose_and_which_week_they_are() -> None:
    """Key, step and week labels; version and cutoff of the model, which may be older than the data."""
    model = stored(cutoff=sunday(6))
    rows = forecast(STEADY, model)
    assert rows[KEY].to_numpy().tolist() == [list(ARTICLE.parts)] * 4
    assert rows["step"].tolist() == [1, 2, 3, 4]
    assert rows["ds"].dt.date.tolist() == [sunday(-1), sunday(-2), sunday(-3), sunday(-4)]
    assert set(rows["cutoff"].dt.date) == set(rows["data_cutoff"].dt.date) == {CUTOFF}
    assert set(rows["model_version"]) == {model.version}
    assert set(rows["model_cutoff"].dt.date) == {sunday(6)}


@pytest.mark.parametrize("model", [MISSING, BROKEN, None])
def test_a_fallback_names_no_model(model: ModelError | None) -> None:
    """And is all level: no season, no promotion, no carry-over."""
    rows = forecast(STEADY, model)
    assert rows[["model_version", "model_cutoff"]].isna().all(axis=None)
    assert rows["level"].tolist() == rows["yhat"].tolist()
    assert (rows[[name for name in COMPONENTS if name != "level"]] == 0).all(axis=None)


@pytest.mark.parametrize(
    ("today", "expected"),
    [
        (WEDNESDAY, [True, False, False, False]),
        (date(2026, 11, 23), [True, False, False, False]),
        (date(2026, 11, 29), [True, False, False, False]),
        (date(2026, 12, 9), [True, True, True, False]),
    ],
    ids=["Wednesday", "Monday", "Sunday", "two weeks later"],
)
def test_an_open_week_had_begun(today: date, expected: list[bool]) -> None:
    """Step 1 is the week of 23 to 29 November; forecast on any of its days it is open, later ones are not."""
    assert forecast(STEADY, stored(), replace(HORIZON, today=today))["is_open_week"].tolist() == expected


@pytest.mark.parametrize("model", [stored(), MISSING], ids=["model", "fallback"])
def test_every_week_says_where_its_promotions_are_from(model: StoredModel | ModelError) -> None:
    """Planned, none where the plan covers the week, else expected; the same for a fallback, which does not use them."""
    planned = PlannedWeeks(
        discount=np.array([30.0, 0, 0, 0]),
        days=np.array([7.0, 0, 0, 0]),
        is_covered=np.array([True, True, False, False]),
        is_known=True,
    )
    rows = forecast_one(ARTICLE, weeks_of(STEADY, promo=20.0), model, HORIZON, planned)
    assert rows["promo_source"].tolist() == ["planned", "none", "expected", "expected"]


def test_each_week_has_its_own_promotions() -> None:
    """10 a percent: 300 for a planned 30 %, nothing where none is planned, 200 for the recent average of 20 %."""
    promo = Regressor("promo_discount_perc", 0.1, mu=0.0, std=1.0)
    model = stored(stub_model(100.0, carry_over=None, regressors=(promo,)))
    weeks = weeks_of(STEADY, promo=20.0)
    planned = PlannedWeeks(
        np.array([30.0, 0, 0, 0]), np.array([7.0, 0, 0, 0]), np.array([True, True, False, False]), True
    )
    rows = forecast_one(ARTICLE, weeks, model, HORIZON, planned)
    assert rows["yhat"].tolist() == pytest.approx([400.0, 100.0, 300.0, 300.0])
    assert rows["promo"].tolist() == pytest.approx([300.0, 0.0, 200.0, 200.0])


def test_without_a_plan_promotions_are_expected() -> None:
    """Whether or not there were any lately."""
    assert set(forecast(STEADY, stored(), promo=20.0)["promo_source"]) == {"expected"}
    assert set(forecast(STEADY, stored())["promo_source"]) == {"expected"}


# --- Late sales -----------------------------------------------------------------------------------------------------


def test_late_weeks_are_bridged_by_their_own_forecast() -> None:
    """Sales two weeks late: 120 and 110 stand in for them, so the first step is 105; only steps 1 to 4 are given."""
    rows = forecast(STEADY, stored(cutoff=sunday(2)), replace(HORIZON, data_cutoff=sunday(2)))
    assert rows["yhat"].tolist() == [105.0, 102.5, 101.25, 100.625]
    assert rows["step"].tolist() == [1, 2, 3, 4]
    assert rows["ds"].dt.date.tolist() == [sunday(-1), sunday(-2), sunday(-3), sunday(-4)]
    assert set(rows["data_cutoff"].dt.date) == {sunday(2)}
    assert set(rows["cutoff"].dt.date) == {CUTOFF}


@pytest.mark.parametrize("late", [1, 5])
@pytest.mark.parametrize(("y", "model"), [(STEADY, MISSING), ([100.0] * 20 + [0.0] * 13, stored())])
def test_late_weeks_leave_the_horizon_complete(y: list[float], model: StoredModel | ModelError, late: int) -> None:
    """Also for fallbacks and for what is no longer sold."""
    rows = forecast(y, model, replace(HORIZON, data_cutoff=sunday(late)))
    assert rows["step"].tolist() == [1, 2, 3, 4]


# --- Numbers --------------------------------------------------------------------------------------------------------


def test_the_same_inputs_give_the_same_numbers() -> None:
    """Interval included; another combination or cutoff draws other paths."""
    first, again = forecast(STEADY, stored()), forecast(STEADY, stored())
    assert_frame_equal(first, again)
    other = forecast_one(Combination("Пермь", "KA", "A1"), weeks_of(STEADY), stored(), HORIZON)
    assert other["yhat"].tolist() == first["yhat"].tolist()
    assert (other["yhat_upper"] != first["yhat_upper"]).all()


@pytest.mark.slow
@pytest.mark.parametrize("level", [-100.0, 0.0, 3.0, 100.0, 1e6])
@pytest.mark.parametrize("carry_over", [-3.0, 0.0, 0.5, 3.0])
def test_no_model_gives_impossible_numbers(level: float, carry_over: float) -> None:
    """Finite, never negative, inside the interval: the contract of the table holds for every model."""
    rows = forecast(STEADY, stored(stub_model(level, carry_over)), replace(HORIZON, horizon_weeks=26))
    assert np.isfinite(rows[["yhat", "yhat_lower", "yhat_upper", *COMPONENTS]]).all(axis=None)


def test_a_plan_in_percent_is_not_applied_to_an_effect_of_flags() -> None:
    """A model of before that has learnt 0 and 1: a plan of 30 % counts as 1, and the start says so."""
    learnt = Regressor("promo_discount_perc", beta=0.2, mu=0.1, std=0.3)
    model = replace(stub_model(), regressors=(learnt,), history='{"promo_discount_perc": [0.0, 1.0, 0.0]}')
    planned = PlannedWeeks(np.array([30.0, 0, 0, 0]), np.array([7.0, 0, 0, 0]), np.ones(4, dtype=bool), is_known=True)
    ready = start(ARTICLE, weeks_of(STEADY), stored(model), HORIZON, planned)
    assert ready.has_other_discounts
    assert ready.ahead.regressors["promo_discount_perc"].tolist() == [1.0, 0, 0, 0]
    in_percent = replace(model, history='{"promo_discount_perc": [0.0, 20.0, 0.0]}')
    assert not start(ARTICLE, weeks_of(STEADY), stored(in_percent), HORIZON, planned).has_other_discounts


def test_a_late_unit_is_rolled_through_the_weeks_that_it_lacks() -> None:
    """Two weeks late, from 140: 120 and 110 are bridged, 105 is step 1; the other unit knows its last week."""
    late, current = replace(ARTICLE, unit="Чайковский"), ARTICLE
    horizon = replace(HORIZON, data_cutoff=sunday(2))
    plan = PlannedWeeks(np.arange(6.0), np.full(6, 7.0), np.ones(6, dtype=bool), is_known=True)
    starts = [
        start(late, weeks_of(STEADY, last=sunday(2)), stored(), horizon, plan),
        start(current, weeks_of(STEADY), stored(), horizon, plan),
    ]
    rows = forecast_all(starts, horizon, lambda each: pytest.fail(str(each)))
    validate(FORECASTS, rows.assign(run_id="r", created_at=pd.Timestamp("2026-11-25")))
    by_unit = rows.set_index("unit")
    assert by_unit.loc[late.unit, "yhat"].tolist() == pytest.approx([105.0, 102.5, 101.25, 100.625])
    assert by_unit.loc[current.unit, "yhat"].tolist() == pytest.approx([120.0, 110.0, 105.0, 102.5])
    assert set(by_unit.loc[late.unit, "data_cutoff"]) == {pd.Timestamp(sunday(2))}
    assert set(by_unit.loc[current.unit, "data_cutoff"]) == {pd.Timestamp(CUTOFF)}
    assert [each.ahead.regressors["promo_discount_perc"].tolist() for each in starts] == [
        [0, 1, 2, 3, 4, 5],
        [2, 3, 4, 5],
    ]


def test_a_late_unit_without_a_model_has_a_fallback_of_what_is_known() -> None:
    """Its fallback begins after its own last week, and its rows are those of the run's four steps."""
    horizon = replace(HORIZON, data_cutoff=sunday(2))
    rows = forecast_all([start(ARTICLE, weeks_of(STEADY, last=sunday(2)), None, horizon)], horizon, pytest.fail)
    assert rows["step"].tolist() == [1, 2, 3, 4]
    assert set(rows["data_cutoff"]) == {pd.Timestamp(sunday(2))}

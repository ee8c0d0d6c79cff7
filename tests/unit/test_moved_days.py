"""Days off that a government moves: no holiday, but a working day less, and a working Saturday is one more."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest
from builders import sunday
from models import CLOCK, coming, generated
from stubs import weeks_of

from skucast.core.errors import InputError
from skucast.forecast.prophet.fit import fit
from skucast.forecast.prophet.model import Holiday
from skucast.forecast.prophet.prophet_object import to_prophet
from skucast.forecast.prophet.rollout import roll_forward
from skucast.forecast.prophet.spec import ModelSpec
from skucast.regressors.events import read_events
from skucast.regressors.holidays import WORKING_DAYS, Event, days_off, holiday_weeks, moved_days
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import with_lag

SPAN = (date(2024, 1, 7), date(2026, 12, 27), CLOCK)


def more_days(country: str = "RU", **given: object) -> dict[str, float]:
    """Return how many working days each week has more than usual."""
    found = moved_days(country, *SPAN, **given)
    assert set(found["holiday"]) <= {WORKING_DAYS}
    return {str(ds.date()): round(share * 7, 6) for ds, share in zip(found["ds"], found["share"], strict=True)}


def test_a_moved_day_off_is_no_holiday() -> None:
    """Friday 13 June 2025 was off for 8 March: it is in no holiday's column, and still a day off for deliveries."""
    assert "Day off" not in set(holiday_weeks("RU", *SPAN)["holiday"])
    assert date(2025, 6, 13) in days_off("RU", *SPAN[:2])


def test_the_weeks_of_moved_days() -> None:
    """By hand: Saturdays worked +1, days off in exchange -1, but for those of New Year and of the May block."""
    found = more_days()
    assert found["2025-06-15"] == -1  # Friday 13 June
    assert found["2025-11-02"] == 1  # Saturday 1 November is worked
    assert found["2025-11-09"] == -1  # for Monday 3 November
    assert found["2025-01-05"] == -2  # 30 and 31 December 2024; from 1 January on it is New Year
    assert "2025-05-04" not in found  # Friday 2 May lies in the May block
    assert "2025-05-11" not in found  # Thursday 8 May too


def test_a_day_in_an_event_counts_there_alone() -> None:
    """A fair on 13 June 2025 is an effect of its own."""
    assert "2025-06-15" not in more_days(events=[Event("Fair", date(2025, 6, 13))])


@pytest.mark.parametrize(("country", "same"), [("RUS", "RU"), ("UK", "GB")])
def test_a_country_is_one_however_it_is_named(country: str, same: str) -> None:
    """Blocks, moved days and the holidays' names go by the country, not by the letters that name it."""
    assert more_days(country) == more_days(same)
    pd.testing.assert_frame_equal(holiday_weeks(country, *SPAN), holiday_weeks(same, *SPAN))


@pytest.mark.parametrize("country", ["US", "DE", ""])
def test_a_country_that_moves_no_days_has_none(country: str) -> None:
    """Nothing is learnt where there is nothing: no row, no column."""
    assert more_days(country) == {}


def moved(by_week: dict[int, float]) -> pd.DataFrame:
    """Return working days more, by weeks before the cutoff."""
    rows = [(WORKING_DAYS, pd.Timestamp(sunday(ago)), days / 7) for ago, days in by_week.items()]
    return pd.DataFrame(rows, columns=["holiday", "ds", "share"])


FREE = ModelSpec(holidays_prior_scale=10.0, seasonality_prior_scale=10.0)


def test_one_effect_for_days_more_and_less() -> None:
    """30 a day, on two fewer and on one more: two fewer in the weeks to come are 60 less."""
    days = moved({100: -2.0, 80: 1.0, 60: -1.0, 40: 1.0, 20: -2.0, -3: -2.0})
    weeks = generated(160)
    more = weeks["ds"].map(days.set_index("ds")["share"]).fillna(0.0)
    model = fit(weeks.assign(y=weeks["y"] + 210.0 * more), PROMO_REGRESSORS, days, FREE)
    [column] = model.holidays
    assert (column.name, column.shares[str(sunday(20))], column.shares[str(sunday(-3))]) == (
        WORKING_DAYS,
        -2 / 7,
        -2 / 7,
    )
    effect = roll_forward(model, coming(4), 300.0, seed=1, n_paths=0)["holidays"].tolist()
    assert effect[2] == pytest.approx(-60.0, rel=0.35)
    assert effect[:2] == [0.0, 0.0]


def test_what_was_seen_once_is_not_pooled() -> None:
    """One week of moved days, and one of a holiday: neither has a column, nor do they have one together."""
    weeks = with_lag(weeks_of(100 + np.random.default_rng(3).normal(0, 10, 40)))
    other = pd.DataFrame({"holiday": ["B"], "ds": [pd.Timestamp(sunday(20))], "share": [1.0]})
    assert fit(weeks, PROMO_REGRESSORS, pd.concat([moved({10: -1.0}), other]), ModelSpec()).holidays == ()


def test_the_text_of_a_week_with_fewer_days() -> None:
    """Sevenths as ever, fewer days below 0; files written before mean what they meant."""
    column = Holiday(WORKING_DAYS, 1.0, "2026-01-04*-2 2026-06-14*-1 2026-11-08 2026-11-15*4")
    assert list(column.shares.values()) == [-2 / 7, -1 / 7, 1.0, 4 / 7]


@pytest.mark.slow
def test_prophet_has_the_same_column() -> None:
    """What `to_prophet` gives forecasts the same in a week of fewer days."""
    days = moved({100: -2.0, 60: 1.0, 20: -1.0, -2: -2.0})
    model = fit(generated(120), PROMO_REGRESSORS, days, ModelSpec())
    future = coming(4)
    ours = roll_forward(model, future, 300.0, seed=1, n_paths=0)
    lags = [300.0, *ours["yhat"][:-1]]
    theirs = to_prophet(model).prophet.predict(future.assign(y_lag1=lags))
    assert theirs["yhat"].tolist() == pytest.approx(ours["yhat"].tolist())


def test_an_event_cannot_have_its_name(tmp_path) -> None:
    """The model could not tell them apart."""
    path = tmp_path / "events.csv"
    path.write_text(f"name,date,days_before,days_after\n{WORKING_DAYS},2026-06-12,0,0\n", encoding="utf-8")
    with pytest.raises(InputError, match="means something else to the model"):
        read_events(path)

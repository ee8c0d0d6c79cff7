"""The gate: what jumps against the last run, recent sales and last year at once; what never stops a sound week."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, sunday

from skucast.core.combination import KEY
from skucast.core.errors import InputError
from skucast.scorecard.gate import Evidence, Jump, jumps_of
from skucast.scorecard.gate_sides import known_totals

UNITS = {"Пермь": 400.0, "Чайковский": 300.0, "Кунгур": 200.0, "Лысьва": 100.0}
N_WEEKS = 120


def sales(level: Callable[[str, int], float] = lambda unit, back: UNITS[unit]) -> pd.DataFrame:
    """Return 120 weeks of four units with two channels of one article each; `level` by unit and weeks back."""
    random = np.random.default_rng(14)
    rows = [
        (unit, channel, "A1", pd.Timestamp(sunday(back)), share * level(unit, back) * random.normal(1, 0.05))
        for unit in UNITS
        for channel, share in (("KA", 0.6), ("TF", 0.4))
        for back in range(N_WEEKS - 1, -1, -1)
    ]
    return pd.DataFrame(rows, columns=[*KEY, "ds", "y"]).assign(is_promo=False)


def forecasts(
    weeks_back: int = 0, times: Callable[[str], float] = lambda unit: 1.0, promo: float = 0.0
) -> pd.DataFrame:
    """Return the rows of a run that many weeks ago: the units' levels `times` a factor; `promo` planned on top."""
    rows = [
        (unit, channel, "A1", pd.Timestamp(sunday(weeks_back - step)), step, share * UNITS[unit] * times(unit))
        for unit in UNITS
        for channel, share in (("KA", 0.6), ("TF", 0.4))
        for step in range(1, 5)
    ]
    cutoff = pd.Timestamp(sunday(weeks_back))
    frame = pd.DataFrame(rows, columns=[*KEY, "ds", "step", "yhat"])
    source = "planned" if promo else "expected"
    frame = frame.assign(cutoff=cutoff, data_cutoff=cutoff, promo=frame["yhat"] * promo, promo_source=source)
    return frame.assign(yhat=frame["yhat"] + frame["promo"])


def judged(
    rows: pd.DataFrame, weeks: pd.DataFrame, earlier: pd.DataFrame | None = None, then=None, **known: Any
) -> list[Jump]:
    """Return the jumps of these rows beside a sound run of last week."""
    return jumps_of(Evidence(rows, forecasts(1) if earlier is None else earlier, weeks, CUTOFF, then, **known), 0.5)


def stopping(jumps: list[Jump]) -> list[str]:
    """Return the names of what stops the run."""
    return [jump.name for jump in jumps if jump.stops]


def test_a_sound_week_has_no_jump() -> None:
    """The level as ever, noise of 5 %: nothing is listed."""
    assert judged(forecasts(), sales()) == []


def test_a_first_run_passes_whatever_it_says() -> None:
    """No earlier forecast: there is nothing to compare."""
    assert judged(forecasts(times=lambda _: 9.0), sales(), earlier=forecasts().head(0)) == []


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.3, 2.0, 1000.0])
def test_a_unit_that_jumps_alone_stops_the_run_and_is_named_with_its_articles(factor: float) -> None:
    """One unit of four: it is named, with last run, recent weeks, last year, and what moved most."""
    found = judged(forecasts(times=lambda unit: factor if unit == "Чайковский" else 1.0), sales())
    assert "unit Чайковский" in stopping(found)
    assert not [name for name in stopping(found) if "Кунгур" in name or "Лысьва" in name]
    text = str(next(jump for jump in found if jump.name == "unit Чайковский"))
    assert "last run 300" in text
    assert "last year" in text
    assert "Чайковский/KA/A1 180 to" in text


def test_a_season_as_last_year_had_it_is_no_jump() -> None:
    """Forecast twice the recent weeks and the last run, as the same weeks of last year: passes."""
    weeks = sales(lambda unit, back: UNITS[unit] * (2 if 48 <= back <= 51 or 100 <= back <= 103 else 1))
    assert stopping(judged(forecasts(times=lambda _: 2.0), weeks)) == []


def test_a_forecast_that_returns_to_recent_sales_is_no_jump() -> None:
    """The last run was wrong, this one is what is sold: mending a forecast is never stopped."""
    assert stopping(judged(forecasts(), sales(), earlier=forecasts(1, lambda _: 3.0))) == []


@pytest.mark.slow
def test_a_planned_promotion_explains_a_jump_but_not_one_beyond_all_that_was_ever_sold() -> None:
    """A plan that doubles sales as promotions did before is listed with its cause; one of twenty times stops."""
    weeks = sales(lambda unit, back: UNITS[unit] * (2 if back in (30, 80) else 1))
    planned = judged(forecasts(promo=1.0), weeks)
    assert stopping(planned) == []
    assert {jump.cause for jump in planned} == {"explained by what is known of promotions"}
    assert "all units" in stopping(judged(forecasts(promo=19.0), weeks))


@pytest.mark.slow
def test_sales_loaded_twice_are_found_although_the_history_has_doubled_with_them() -> None:
    """Every known week is double what the last run knew of it: recent sales and last year excuse nothing."""
    weeks = sales()
    then = known_totals(weeks[weeks["ds"] < pd.Timestamp(CUTOFF)], sunday(1))
    doubled = weeks.assign(y=weeks["y"] * 2)
    found = judged(forecasts(times=lambda _: 2.0), doubled, then=then)
    assert "all units" in stopping(found)
    assert "loaded twice, or in part?" in str(found[0])
    assert stopping(judged(forecasts(), weeks, then=then)) == []


def test_a_unit_that_is_gone_from_the_sales_does_not_pass_as_shrinkage() -> None:
    """No sales and no rows of one unit any more, whose forecast was 300 a week: stops, and asks for its delivery."""
    rows, weeks = (each[each["unit"] != "Чайковский"] for each in (forecasts(), sales()))
    found = judged(rows, weeks)
    assert "unit Чайковский" in stopping(found)
    assert "is its delivery missing?" in str(next(jump for jump in found if jump.name == "unit Чайковский"))


@pytest.mark.slow
def test_a_late_unit_is_no_excuse_for_its_own_fall_and_its_unknown_weeks_are_not_judged() -> None:
    """Its newest week is unknown: no jump while it is bridged; a forecast that falls all the same stops."""
    weeks = sales()
    weeks.loc[(weeks["unit"] == "Пермь") & (weeks["ds"] == pd.Timestamp(CUTOFF)), "y"] = np.nan
    assert judged(forecasts(), weeks) == []
    assert "unit Пермь" in stopping(judged(forecasts(times=lambda unit: 0.2 if unit == "Пермь" else 1.0), weeks))


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.0, 0.3, 3.0, 10_000.0])
def test_a_newest_week_far_from_what_was_forecast_of_it_stops_before_forecasts_follow(factor: float) -> None:
    """One unit's newest week as zeros or a multiple: found although the forecast has not moved yet."""
    weeks = sales(lambda unit, back: UNITS[unit] * (factor if unit == "Пермь" and back == 0 else 1))
    found = judged(forecasts(), weeks)
    assert "unit Пермь" in stopping(found)
    assert {jump.kind for jump in found} == {"newest week"}


@pytest.mark.slow
def test_a_small_group_is_listed_and_stops_nothing() -> None:
    """A tenth unit of 5 pieces a week at four times its level: in the list, marked, not stopped."""
    small = {"unit": "Оса", "channel": "TF"}
    weeks = sales()
    weeks = pd.concat([weeks, weeks[(weeks["unit"] == "Лысьва") & (weeks["channel"] == "KA")].assign(**small, y=5.0)])
    old, new = (
        pd.concat([each, each[(each["unit"] == "Лысьва") & (each["channel"] == "KA")].assign(**small, yhat=yhat)])
        for each, yhat in ((forecasts(1), 5.0), (forecasts(), 20.0))
    )
    found = judged(new, weeks, earlier=old)
    assert [jump.name for jump in found if jump.is_small] == ["unit Оса"]
    assert stopping(found) == []


def test_a_unit_whose_weeks_usually_swing_is_not_stopped_by_another_swing() -> None:
    """Two weeks in eight sell four times the others, as ever: no jump."""
    weeks = sales(lambda unit, back: UNITS[unit] * (4 if back % 4 == 0 else 1))
    assert stopping(judged(forecasts(times=lambda _: 1.75), weeks, earlier=forecasts(1, lambda _: 1.1))) == []


@pytest.mark.slow
def test_sales_that_were_late_last_time_explain_what_follows_from_them() -> None:
    """The last run bridged a week; what the week brought moves the forecast: listed with its cause."""
    earlier = forecasts(1).assign(data_cutoff=pd.Timestamp(sunday(3)))
    found = judged(forecasts(times=lambda _: 2.0), sales(), earlier=earlier)
    assert found
    assert all("late when the last run was made" in jump.cause for jump in found)


def of(frame: pd.DataFrame, *units: str) -> pd.DataFrame:
    """Return the rows of these units."""
    return frame[frame["unit"].isin(units)]


OLD = ("Кунгур", "Лысьва")
"""300 of 1,000 a week: with the two others the business has more than three times as much."""


@pytest.mark.slow
@pytest.mark.parametrize("n_weeks", [1, 2, 30])
def test_a_new_unit_passes_and_explains_the_total(n_weeks: int) -> None:
    """Two of four units have no earlier forecast: their own totals are not judged, that of the business names them."""
    weeks = sales(lambda unit, back: UNITS[unit] if unit in OLD or back < n_weeks else 0.0)
    found = judged(forecasts(), weeks, earlier=of(forecasts(1), *OLD))
    assert stopping(found) == []
    assert all("Пермь/" in jump.cause and jump.cause.endswith("new") for jump in found)
    assert found or n_weeks == 30


def test_new_names_while_others_are_missing_explain_nothing() -> None:
    """The branch that was called Кунгур is late and a larger one is new: perhaps another spelling, so it stops."""
    weeks = sales(lambda unit, back: UNITS[unit] if unit in OLD or back < 1 else 0.0)
    found = judged(forecasts(), weeks, earlier=of(forecasts(1), *OLD), late=[("Кунгур", "*")])
    assert "all units" in stopping(found)
    assert "while unit Кунгур is missing: another spelling?" in found[0].hint


def test_a_unit_that_has_closed_passes() -> None:
    """Silent for 13 weeks, which count as 0 from now on; the last run still bridged them."""
    weeks = sales(lambda unit, back: 0.0 if unit == "Лысьва" and back < 13 else UNITS[unit])
    then = known_totals(of(sales(), *(set(UNITS) - {"Лысьва"})), sunday(1))
    rows = forecasts(times=lambda unit: 0.0 if unit == "Лысьва" else 1.0)
    assert judged(rows, weeks, then=then) == []


def test_one_channel_that_falls_to_nothing_stops_the_run() -> None:
    """KA sold nothing in the newest week, in any unit; TF as ever."""
    weeks = sales()
    weeks.loc[(weeks["channel"] == "KA") & (weeks["ds"] == pd.Timestamp(CUTOFF)), "y"] = 0.0
    found = judged(forecasts(), weeks)
    assert "channel KA" in stopping(found)
    assert not [name for name in stopping(found) if "TF" in name]


@pytest.mark.slow
def test_new_year_passes_in_the_first_year_and_stops_on_no_other_week() -> None:
    """Half of the usual sales in a week of public holidays, 40 weeks of history: listed with its cause."""
    weeks = sales(lambda unit, back: UNITS[unit] * (0.45 if back == 0 else 1))
    weeks = weeks[weeks["ds"] > pd.Timestamp(sunday(40))]
    assert "all units" in stopping(judged(forecasts(), weeks))
    found = judged(forecasts(), weeks, closed=[pd.Timestamp(CUTOFF)])
    assert {jump.cause for jump in found} == {"explained by public holidays, of which no last year is known"}


@pytest.mark.slow
def test_a_newest_week_that_was_published_with_is_not_asked_about_again() -> None:
    """The last run knew the doubled week and was accepted: the next one passes; one that knew half of it does not."""
    weeks = sales(lambda unit, back: UNITS[unit] * (2.5 if back == 0 else 1))
    knew = known_totals(weeks, CUTOFF)
    assert "all units" in stopping(judged(forecasts(), weeks))
    assert judged(forecasts(), weeks, then=knew) == []
    assert "all units" in stopping(judged(forecasts(), weeks, then=knew.assign(y=knew["y"] / 2)))


@pytest.mark.slow
def test_a_second_week_as_the_accepted_one_is_no_jump() -> None:
    """Last week's 2.5 times was accepted; this week sold as much, the forecasts have not followed yet."""
    weeks = sales(lambda unit, back: UNITS[unit] * (2.5 if back <= 1 else 1))
    before = weeks[weeks["ds"] < pd.Timestamp(CUTOFF)]
    assert stopping(judged(forecasts(), weeks, then=known_totals(before, sunday(1)))) == []
    assert "all units" in stopping(judged(forecasts(), weeks))


@pytest.mark.slow
def test_runs_that_share_no_week_are_compared_by_their_means() -> None:
    """A horizon of one week: last run's week is known by now; a doubled unit stops all the same."""
    one = forecasts(1).query("step == 1")
    rows = forecasts(times=lambda unit: 2.0 if unit == "Пермь" else 1.0).query("step == 1")
    assert "unit Пермь" in stopping(judged(rows, sales(), earlier=one))
    assert judged(forecasts().query("step == 1"), sales(), earlier=one) == []


def test_a_promotion_that_has_ended_explains_the_fall_after_it() -> None:
    """The last run had planned it for all weeks, this one knows that there is none."""
    weeks = sales(lambda unit, back: UNITS[unit] * (2 if back <= 8 else 1))
    rows = forecasts().assign(promo_source="none")
    found = judged(rows, weeks, earlier=forecasts(1, promo=1.0))
    assert stopping([jump for jump in found if jump.kind == "forecast"]) == []


def test_no_limit_compares_nothing() -> None:
    """MAX_JUMP=0."""
    evidence = Evidence(forecasts(times=lambda _: 9.0), forecasts(1), sales(), CUTOFF)
    assert jumps_of(evidence, 0.0) == []


@pytest.mark.parametrize(("given", "found"), [("off", 0.0), ("OFF", 0.0), ("0", 0.0), ("0.3", 0.3), ("10", 10.0)])
def test_the_limit_is_a_ratio_or_off(settings, given: str, found: float) -> None:
    """As it is typed."""
    assert settings(max_jump=given).max_jump == found


@pytest.mark.parametrize("given", ["-0.1", "50", "nan", "inf", "much", ""])
def test_a_limit_that_is_none_is_refused_by_name(settings, given: str) -> None:
    """Percent, no number, no finite one: one line with the variable's name."""
    with pytest.raises(InputError, match="MAX_JUMP"):
        settings(max_jump=given)


@pytest.mark.slow
def test_a_unit_that_was_late_excuses_itself_and_nobody_else() -> None:
    """The last run bridged one small branch; all have doubled since: that branch is explained, the business stops."""
    earlier = forecasts(1)
    earlier["data_cutoff"] = earlier["data_cutoff"].mask(earlier["unit"] == "Лысьва", pd.Timestamp(sunday(2)))
    found = judged(forecasts(times=lambda _: 2.0), sales(), earlier=earlier)
    assert "all units" in stopping(found)
    assert "unit Лысьва" not in stopping(found)


@pytest.mark.slow
def test_peaks_that_come_a_week_later_than_last_year_hide_no_doubled_week() -> None:
    """Every eighth week is a peak, last year's a week earlier: what is usual is told by the nearest of last year's."""
    weeks = sales(lambda unit, back: UNITS[unit] * (1.6 if (back + (back > 51)) % 8 == 4 else 1))
    weeks["y"] *= np.where(weeks["ds"] == pd.Timestamp(CUTOFF), 2.2, 1.0)
    assert "all units" in stopping(judged(forecasts(), weeks))


@pytest.mark.slow
def test_sales_loaded_twice_are_found_before_any_model_has_followed() -> None:
    """All weeks have doubled, the forecasts are what they were: the newest week beside what was known then stops it."""
    weeks = sales()
    then = known_totals(weeks[weeks["ds"] < pd.Timestamp(CUTOFF)], sunday(1))
    found = judged(forecasts(), weeks.assign(y=weeks["y"] * 2), then=then)
    assert "all units" in stopping(found)
    assert {jump.kind for jump in found} == {"newest week"}
    assert "loaded twice, or in part?" in found[0].hint

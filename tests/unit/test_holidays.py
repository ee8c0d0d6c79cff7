"""Holidays on weekly data: moved to their week, blocks as shares of it, local events, the hardly seen ones together."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from builders import CUTOFF, history_of, line, sunday
from models import CLOCK, coming, generated, holidays_of
from stubs import future_frame, plan, weeks_of

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import Combination
from skucast.core.errors import InputError
from skucast.core.run import Run
from skucast.core.weeks import Anchor, WeekClock
from skucast.dashboard import words
from skucast.forecast.artifact import loads
from skucast.forecast.prophet.as_published import history_frame
from skucast.forecast.prophet.design import design, week_grid, window
from skucast.forecast.prophet.fit import fit
from skucast.forecast.prophet.model import Holiday
from skucast.forecast.prophet.prophet_object import to_prophet
from skucast.forecast.prophet.rollout import roll_forward, roll_forward_mean
from skucast.forecast.prophet.spec import ModelSpec
from skucast.forecast.training import Material, make_recipe, train
from skucast.regressors.events import read_events
from skucast.regressors.future import last_known
from skucast.regressors.holidays import OTHER_HOLIDAYS, Event, calendar_digest, days_off, holiday_weeks
from skucast.regressors.promotions import PROMO_REGRESSORS
from skucast.sales.history import with_lag

FREE = ModelSpec(holidays_prior_scale=10.0, yearly_min_weeks=1000)
"""Free holidays and no season, which would take a part of what comes at the same time every year."""

ANCHORS: tuple[Anchor, ...] = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")


def days_in_weeks(name: str, year: int, country: str = "RU", clock: WeekClock = CLOCK) -> dict[str, float]:
    """Return the days (share of the week x 7) of a holiday from New Year to New Year by its weeks' labels."""
    found = holiday_weeks(country, clock.label(date(year, 1, 1)), date(year, 12, 31), clock)
    rows = found[found["holiday"] == name]
    return {str(ds.date()): share * 7 for ds, share in zip(rows["ds"], rows["share"], strict=True)}


# --- Days to weeks --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("anchor", "label"), [("SUN", "2025-11-09"), ("WED", "2025-11-05"), ("TUE", "2025-11-04")])
def test_a_holiday_is_moved_to_the_label_of_its_week(anchor: Anchor, label: str) -> None:
    """4 November 2025, one day, is a Tuesday: it is the whole value of the week that holds it, whatever day ends it."""
    assert days_in_weeks("Unity Day", 2025, clock=WeekClock(anchor)) == {label: 7.0}


def test_a_block_over_a_week_boundary_is_in_both_weeks() -> None:
    """1 January 2026 is a Thursday: four days of New Year are in each of two weeks; Christmas Day is one of them."""
    assert days_in_weeks("New Year", 2026) == pytest.approx({"2026-01-04": 4, "2026-01-11": 4})
    assert days_in_weeks("New Year", 2026, clock=WeekClock("WED")) == pytest.approx({"2026-01-07": 7, "2026-01-14": 1})
    names = set(holiday_weeks("RU", date(2026, 1, 4), date(2026, 12, 27), CLOCK)["holiday"])
    assert not names & {"New Year Holidays", "Christmas Day", "Holiday of Spring and Labor", "Victory Day"}


@pytest.mark.slow
@pytest.mark.parametrize("anchor", ANCHORS)
@pytest.mark.parametrize("year", range(2022, 2029))
def test_the_days_of_a_block_add_up(anchor: Anchor, year: int) -> None:
    """New Year has 8 days in every year, however weeks are cut; May has 9."""
    clock = WeekClock(anchor)
    assert sum(days_in_weeks("New Year", year, clock=clock).values()) == pytest.approx(8)
    assert sum(days_in_weeks("May holidays", year, clock=clock).values()) == pytest.approx(9)


def test_may_bridges_its_working_days() -> None:
    """1 to 9 May 2026, Friday to Saturday week: 3 and 6 days; Monday 11, off instead of Saturday, is none of them."""
    assert days_in_weeks("May holidays", 2026) == pytest.approx({"2026-05-03": 3, "2026-05-10": 6})


def test_elsewhere_several_days_in_a_row_are_a_block() -> None:
    """The feast of 2025 in Turkey is Sunday 30 March to Tuesday 1 April: 1 and 2 days."""
    found = days_in_weeks("Eid al-Fitr", 2025, "TR")
    assert found == pytest.approx({"2025-03-30": 1, "2025-04-06": 2})


def test_a_day_off_instead_of_a_holiday_is_not_the_holiday() -> None:
    """Christmas is on 25 December, though Friday 24 was off in 2010 and Monday 26 in 2011: one week, and no block."""
    friday = WeekClock("FRI")
    for year, label in ((2010, "2010-12-31"), (2011, "2011-12-30"), (2012, "2012-12-28")):
        assert days_in_weeks("Christmas Day", year, "US", friday) == {label: 7.0}


def test_a_holiday_that_is_always_moved_is_there() -> None:
    """Colombia's Epiphany is kept on a Monday: in 2026 on 12 January."""
    assert days_in_weeks("Epiphany", 2026, "CO") == {"2026-01-18": 7.0}


def test_a_part_of_the_country_has_its_holidays_too() -> None:
    """Bavaria has Epiphany, Germany as a whole has not."""
    given = ("DE", date(2026, 1, 4), date(2026, 2, 1), CLOCK)
    assert "Epiphany" not in set(holiday_weeks(*given)["holiday"])
    found = holiday_weeks(*given, subdivision="BY").set_index("holiday")
    assert found.loc["Epiphany", "ds"] == pd.Timestamp("2026-01-11")


# --- Local events ---------------------------------------------------------------------------------------------------


def test_an_event_has_its_days_before_and_after() -> None:
    """Friday 12 June with two days before and three after: Wednesday to Monday, five and one; no country needed."""
    fair = Event("Fair", date(2026, 6, 12), 2, 3)
    found = holiday_weeks("", date(2026, 1, 4), date(2026, 12, 27), CLOCK, events=[fair])
    assert list(found) == ["holiday", "ds", "share"]
    assert found["ds"].tolist() == [pd.Timestamp("2026-06-14"), pd.Timestamp("2026-06-21")]
    assert (found["share"] * 7).tolist() == pytest.approx([5, 1])


def test_a_name_means_one_thing_in_every_year() -> None:
    """Three days once and one day in the year after: 3/7 and 1/7, not 3/7 and 1."""
    fairs = [Event("Fair", date(2025, 6, 11), 1, 1), Event("Fair", date(2026, 6, 10))]
    found = holiday_weeks("", date(2025, 1, 5), date(2026, 12, 27), CLOCK, events=fairs)
    assert (found["share"] * 7).tolist() == pytest.approx([3, 1])


def test_an_event_of_a_holidays_name_adds_its_days() -> None:
    """Russia Day 2026 is a Friday; the local calendar has the two days before too; no day counts twice."""
    longer = [Event("Russia Day", date(2026, 6, 12), 2, 0)]
    found = holiday_weeks("RU", date(2026, 6, 14), date(2026, 6, 14), CLOCK, events=longer)
    assert found[["holiday", "share"]].values.tolist() == [["Russia Day", pytest.approx(3 / 7)]]


def test_equal_events_have_an_equal_digest() -> None:
    """In any order; another day, or more days around it, is another calendar; no events, no digest."""
    events = [Event("Fair", date(2026, 6, 12), 1, 0), Event("City Day", date(2026, 6, 12))]
    digests = {calendar_digest(events), calendar_digest(events[::-1])}
    assert len(digests) == 1
    for other in (dataclasses.replace(events[0], days_after=1), dataclasses.replace(events[0], day=date(2026, 6, 13))):
        assert calendar_digest([other, events[1]]) not in digests
    assert calendar_digest([]) == ""


def calendar(*lines: str, header: str = "name,date,days_before,days_after") -> Path:
    """Write a calendar of these lines and return its path."""
    path = Path("calendar.csv")
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path


def test_a_calendar_is_read() -> None:
    """Sorted by name and day; columns in any order, blanks around cells; no number means no days around."""
    path = calendar("2026-06-12, Ярмарка ,,3", "2025-06-12,City Day,0,", header="date,name,days_before,days_after")
    assert read_events(path) == (Event("City Day", date(2025, 6, 12)), Event("Ярмарка", date(2026, 6, 12), 0, 3))


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Fair,2026-02-30,0,0"], "line 2: date '2026-02-30': expected a date such as 2026-06-12, from 1990 to 2099"),
        (["Fair,12.06.2026,0,0"], "line 2: date '12.06.2026': expected a date such as"),
        (["Fair,2206-06-12,0,0"], "line 2: date '2206-06-12': expected a date such as"),
        (["Fair,,0,0"], "line 2: date '': expected a date such as"),
        (["A,2026-06-12,0,0", "", "Fair,2026-06-12,-1,0"], "line 4: days_before '-1': expected a whole number from 0"),
        (["Fair,2026-06-12,0,1.5"], "line 2: days_after '1.5': expected a whole number from 0 to 30"),
        (["Fair,2026-06-12,0,31"], "line 2: days_after '31': expected a whole number from 0 to 30"),
        ([",2026-06-12,0,0"], "line 2: name '': empty; give a name"),
        (["trend,2026-06-12,0,0"], "line 2: name 'trend' means something else to the model; choose another"),
        (["promo_days,2026-06-12,0,0"], "line 2: name 'promo_days' means something else"),
        ([f"{OTHER_HOLIDAYS},2026-06-12,0,0"], f"line 2: name '{OTHER_HOLIDAYS}' means something else"),
        (["Fair,2026-06-12,0,0", "Fair,2026-06-12,2,0"], "line 3: 'Fair' on 2026-06-12 is there twice; keep one"),
        (["Fair,x,0,0", ",2026-06-12,0,0"], "line 2: date 'x': .* (and 1 more line that do not fit)"),
        (["Fair,2026-06-12,0"], "line 2 has 3 fields, the header 4"),
        ([], "no events; add some, or leave HOLIDAY_CALENDAR empty"),
    ],
)
def test_a_line_that_does_not_fit_is_named(lines: list[str], expected: str) -> None:
    """File, line, what was found and what was expected, in one line."""
    with pytest.raises(InputError) as caught:
        read_events(calendar(*lines))
    text = str(caught.value)
    assert text.startswith("calendar.csv")
    for part in expected.split(" .* "):
        assert part in text
    assert "\n" not in text


def test_a_calendar_that_is_none_is_refused() -> None:
    """No file; a column misspelt, which would be no days around; not UTF-8."""
    with pytest.raises(InputError, match=r"missing\.csv: no such file"):
        read_events(Path("missing.csv"))
    with pytest.raises(InputError, match="found the columns name, date, before, days_after, expected name, date"):
        read_events(calendar("Fair,2026-06-12,0,0", header="name,date,before,days_after"))
    Path("old.csv").write_bytes("name,date,days_before,days_after\nЯрмарка,2026-06-12,0,0\n".encode("cp866"))
    with pytest.raises(InputError, match="not UTF-8"):
        read_events(Path("old.csv"))


# --- In the model ---------------------------------------------------------------------------------------------------


def rows_of(**weeks: dict[int, float]) -> pd.DataFrame:
    """Return holidays: by name, the share by weeks before the cutoff."""
    rows = [(name, pd.Timestamp(sunday(back)), share) for name, by in weeks.items() for back, share in by.items()]
    return pd.DataFrame(rows, columns=["holiday", "ds", "share"])


def columns_of(holidays: pd.DataFrame, n_weeks: int = 40) -> dict[str, dict[str, float]]:
    """Return the holiday columns of a model of that many weeks: values by label, those to come too."""
    model = fit(weeks_of_noise(n_weeks), PROMO_REGRESSORS, holidays, ModelSpec())
    return {holiday.name: holiday.shares for holiday in model.holidays}


def weeks_of_noise(n_weeks: int) -> pd.DataFrame:
    """Return weeks around 100 with a lag."""
    return with_lag(weeks_of(100 + np.random.default_rng(3).normal(0, 10, n_weeks)))


@pytest.mark.slow
def test_what_was_hardly_seen_is_pooled() -> None:
    """A twice, B and C once, D only to come: A alone, the others together, in a week of two of them the larger."""
    found = columns_of(rows_of(A={30: 1.0, 4: 1.0}, B={20: 1.0, -3: 4 / 7}, C={10: 3 / 7, -3: 2 / 7}, D={-8: 1.0}))
    assert found == {
        "A": {str(sunday(30)): 1.0, str(sunday(4)): 1.0},
        OTHER_HOLIDAYS: {
            str(sunday(20)): 1.0,
            str(sunday(10)): 3 / 7,
            str(sunday(-3)): 4 / 7,
            str(sunday(-8)): 1.0,
        },
    }


def test_a_pool_seen_in_one_week_teaches_nothing() -> None:
    """B and C in the same week, and never else: no column."""
    assert columns_of(rows_of(B={20: 1.0, -3: 1.0}, C={20: 1.0})) == {}


def test_a_young_combination_still_has_a_holiday_effect() -> None:
    """Half a year that saw June's and November's holiday once each, 60 more in either; so has the next New Year."""
    weeks = weeks_of_noise(26)
    holidays = holidays_of(weeks)
    seen = weeks["ds"].isin(holidays["ds"])
    assert seen.sum() == 2
    weeks["y"] += 60.0 * seen
    model = fit(with_lag(weeks), PROMO_REGRESSORS, holidays, FREE)
    assert [holiday.name for holiday in model.holidays] == [OTHER_HOLIDAYS]
    effect = roll_forward(model, coming(8), 100.0, seed=1, n_paths=0).set_index("ds")["holidays"]
    assert effect["2027-01-03"] == pytest.approx(3 / 7 * 60.0, rel=0.35)
    assert effect["2027-01-10"] == pytest.approx(5 / 3 * effect["2027-01-03"])
    assert effect["2026-12-13"] == 0


def test_a_block_acts_by_its_days() -> None:
    """70 more in a whole week of New Year: 40 in four days of it; found again in a fit."""
    weeks = generated(160)
    new_year = holidays_of(weeks).query("holiday == 'New Year'")
    shares = weeks["ds"].map(new_year.set_index("ds")["share"]).fillna(0.0)
    model = fit(weeks.assign(y=weeks["y"] + 350.0 * shares), PROMO_REGRESSORS, new_year, FREE)
    effect = roll_forward(model, coming(10), 300.0, seed=1, n_paths=0).set_index("ds")["holidays"]
    assert effect["2027-01-10"] / effect["2027-01-03"] == pytest.approx(5 / 3)
    alone = 7 / 3 * effect["2027-01-03"]
    assert alone == pytest.approx(350.0 - 60.0, rel=0.2)  # `generated` has 60 less in the week of 1 January


def test_a_holiday_says_its_weeks_in_a_text() -> None:
    """A label alone is the whole value, as in files written before there were shares; `*4` is four of seven days."""
    assert Holiday("A", 1.0, "2026-01-04 2027-01-03*4 2027-01-10*7").shares == {
        "2026-01-04": 1.0,
        "2027-01-03": 4 / 7,
        "2027-01-10": 1.0,
    }
    assert Holiday("A", 1.0, "").shares == {}


@pytest.mark.parametrize("n_weeks", [40, 160])
@pytest.mark.parametrize("mode", ["additive", "multiplicative"])
@pytest.mark.slow
def test_shares_are_plain_prophets_regressors(n_weeks: int, mode: str) -> None:
    """A `Prophet` of its own, its holidays handed over as regressors: the same columns, scales and forecasts."""
    from prophet import Prophet

    weeks = generated(n_weeks)
    spec = ModelSpec(seasonality_mode=mode)  # type: ignore[arg-type]
    model = fit(weeks, PROMO_REGRESSORS, holidays_of(weeks), spec)
    assert (OTHER_HOLIDAYS in {holiday.name for holiday in model.holidays}) == (n_weeks == 40)
    assert any("*" in holiday.weeks for holiday in model.holidays)
    ours = to_prophet(model).prophet
    plain = Prophet(
        changepoint_prior_scale=spec.changepoint_prior_scale,
        seasonality_mode=mode,
        seasonality_prior_scale=spec.seasonality_prior_scale,
        yearly_seasonality=False,
        weekly_seasonality=False,
        daily_seasonality=False,
        uncertainty_samples=0,
    )
    if model.yearly:
        plain.add_seasonality("yearly", 365.25, len(model.yearly) // 2)
    for holiday in model.holidays:
        plain.add_regressor(holiday.name, prior_scale=spec.holidays_prior_scale, standardize=False)
    for regressor in model.regressors:
        plain.add_regressor(regressor.name, prior_scale=10.0)

    def with_holidays(frame: pd.DataFrame) -> pd.DataFrame:
        labels = frame["ds"].dt.strftime("%Y-%m-%d")
        return frame.assign(**{each.name: labels.map(each.shares).fillna(0.0) for each in model.holidays})

    history = history_frame(model)
    theirs, mine = plain.preprocess(with_holidays(history)), to_prophet(model).prophet.preprocess(history)
    np.testing.assert_allclose(mine.X, theirs.X, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(mine.sigmas, theirs.sigmas)
    plain.params = ours.params
    ours.uncertainty_samples = 0
    future = coming(30, y_lag1=300.0)
    expected = plain.predict(with_holidays(future))
    found = ours.predict(future)
    np.testing.assert_allclose(found["yhat"], expected["yhat"], rtol=1e-9)
    assert found["holidays"].abs().max() > 0


def test_the_pooled_column_is_in_prophets_order() -> None:
    """Prophet sorts by name: the pool stands between a name before and a name after it."""
    weeks = weeks_of_noise(40)
    holidays = rows_of(zoo={30: 1.0, 3: 1.0}, B={20: 1.0}, C={10: 3 / 7}, apple={15: 4 / 7, 2: 2 / 7})
    first = weeks["ds"].iloc[0].to_numpy().astype("datetime64[D]")
    grid = week_grid(first, np.datetime64(CUTOFF), holidays)
    found = design(window(weeks, PROMO_REGRESSORS, grid), grid, ModelSpec())
    assert [column.name for column in found.holiday_columns] == ["apple", OTHER_HOLIDAYS, "zoo"]
    model = fit(weeks, PROMO_REGRESSORS, holidays, ModelSpec())
    inputs = to_prophet(model).prophet.preprocess(history_frame(model))
    np.testing.assert_allclose(inputs.X, found.X, rtol=1e-12)


# --- From daily sales to the forecast of the holiday's week ---------------------------------------------------------

TUESDAY = date(2025, 11, 4)
"""Unity Day 2025; the three before it were a Friday, a Saturday and a Monday."""


def daily_sales() -> list[dict[str, object]]:
    """Return some 20 a day up to Sunday 2 November 2025, and 150 more on every 4 November."""
    random = np.random.default_rng(5)
    days = [TUESDAY - timedelta(days=number) for number in range(2, 7 * 175)]
    return [line(day, 20.0 + random.integers(-3, 4) + 150.0 * ((day.month, day.day) == (11, 4))) for day in days[::-1]]


def test_a_holiday_on_a_tuesday_has_its_effect(warehouse: Warehouse) -> None:
    """What 4 November added to its weeks, the forecast adds to the week of Tuesday 4 November 2025, and to no other."""
    cutoff = date(2025, 11, 2)
    run = Run("train", "train-test", datetime.fromisoformat("2025-11-05T19:00:00"), date(2025, 11, 5), cutoff)
    history = history_of(warehouse, daily_sales(), run)
    [(combination, weeks)] = history.split()
    recipe = make_recipe(plan(spec=FREE), CLOCK, weeks["ds"].iloc[0].date(), history.data_cutoff)
    models = loads(train(combination, Material(weeks), recipe).stored.payload).models
    targets = CLOCK.targets(cutoff, 4)
    rows = roll_forward_mean(models, future_frame(weeks, targets), last_known(weeks), seed=1, n_paths=0)
    assert combination == Combination("Пермь", "KA", "A1")
    assert rows["ds"].iloc[0] == pd.Timestamp("2025-11-09")
    assert rows["holidays"].iloc[0] == pytest.approx(150.0, rel=0.15)
    assert rows["yhat"].iloc[0] - rows["yhat"].iloc[3] == pytest.approx(150.0, rel=0.2)
    assert rows["holidays"].iloc[1:].tolist() == [0.0] * 3


@pytest.mark.slow
def test_unmoved_the_same_holiday_has_none_in_prophet(warehouse: Warehouse) -> None:
    """Why dates are moved: Prophet, given 4 November itself and weeks labelled by Sundays, never meets the day."""
    from prophet import Prophet

    cutoff = date(2025, 11, 2)
    run = Run("train", "train-test", datetime.fromisoformat("2025-11-05T19:00:00"), date(2025, 11, 5), cutoff)
    weeks = history_of(warehouse, daily_sales(), run).weeks[["ds", "y"]]
    effects = {}
    for kind in ("unmoved", "moved"):
        days = [date(year, 11, 4) for year in range(2022, 2026)]
        days = [CLOCK.label(day) for day in days] if kind == "moved" else [d for d in days if d.weekday() != 6]
        holidays = pd.DataFrame({"holiday": "Unity Day", "ds": pd.to_datetime(days)})
        prophet = Prophet(holidays=holidays, weekly_seasonality=False, yearly_seasonality=False).fit(weeks)
        forecast = prophet.predict(pd.DataFrame({"ds": pd.to_datetime(["2025-11-09"])}))
        effects[kind] = forecast["holidays"].iloc[0]
    assert effects["unmoved"] == 0
    assert effects["moved"] == pytest.approx(150.0, rel=0.15)


def test_days_off_are_the_holidays_and_blocks_of_the_span() -> None:
    """New Year's eight days and the Defender's day; nothing outside, nothing without a country."""
    first, last = date(2026, 1, 2), date(2026, 2, 23)
    found = days_off("RU", first, last)
    assert {date(2026, 1, day) for day in range(2, 9)} | {date(2026, 2, 23)} <= found
    assert date(2026, 1, 1) not in found
    assert date(2026, 1, 20) not in found
    assert days_off("", first, last) == frozenset()
    event = Event("Fair", date(2026, 2, 10), days_after=1)
    assert days_off("", first, last, events=[event]) == {date(2026, 2, 10), date(2026, 2, 11)}


def test_the_catalogue_has_every_holiday_of_russia() -> None:
    """Also the blocks, which are none of the library's: the page names them in its reader's language."""
    found = holiday_weeks("RU", date(2005, 1, 2), date(2035, 12, 30), CLOCK)["holiday"]
    assert set(found) == set(words.HOLIDAYS)

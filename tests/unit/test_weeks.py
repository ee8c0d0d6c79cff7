"""The week clock: labels, cutoffs and steps, for every day that a week may end on."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import get_args

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from skucast.core.weeks import WEEK, Anchor, WeekClock, weeks_between

CLOCK = WeekClock()
CLOCKS = st.sampled_from([WeekClock(anchor) for anchor in get_args(Anchor)])
DAYS = st.dates(date(1990, 1, 1), date(2100, 12, 31))


# --- Labels ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("day", "label"),
    [
        (date(2026, 11, 16), date(2026, 11, 22)),  # Monday
        (date(2026, 11, 21), date(2026, 11, 22)),  # Saturday
        (date(2026, 11, 22), date(2026, 11, 22)),  # Sunday
        (date(2026, 11, 23), date(2026, 11, 29)),  # the next Monday
        (date(2026, 12, 31), date(2027, 1, 3)),  # a week across the year's end
        (date(2027, 1, 1), date(2027, 1, 3)),
        (date(2024, 2, 29), date(2024, 3, 3)),
        (date(2023, 12, 31), date(2023, 12, 31)),  # a year that ends on a Sunday
        (date(2024, 1, 1), date(2024, 1, 7)),
    ],
)
def test_a_week_is_named_by_the_sunday_that_ends_it(day, label):
    """Monday to Sunday share one label, across months and years."""
    assert CLOCK.label(day) == label


@pytest.mark.parametrize(
    ("anchor", "label", "start"),
    [
        ("MON", date(2026, 11, 30), date(2026, 11, 24)),
        ("TUE", date(2026, 11, 24), date(2026, 11, 18)),
        ("WED", date(2026, 11, 25), date(2026, 11, 19)),
        ("THU", date(2026, 11, 26), date(2026, 11, 20)),
        ("FRI", date(2026, 11, 27), date(2026, 11, 21)),
        ("SAT", date(2026, 11, 28), date(2026, 11, 22)),
        ("SUN", date(2026, 11, 29), date(2026, 11, 23)),
    ],
)
def test_a_week_may_end_on_any_day(anchor, label, start):
    """Tuesday 2026-11-24 belongs to the week that ends on the next anchor day, itself included."""
    clock = WeekClock(anchor)
    assert clock.label(date(2026, 11, 24)) == label
    assert clock.start(label) == start


@given(CLOCKS, DAYS)
def test_a_day_lies_between_start_and_label_of_its_week(clock, day):
    """A label is the anchor day 0 to 6 days later, and names all seven days from its start."""
    label = clock.label(day)
    assert label.weekday() == clock.end_weekday
    assert clock.start(label) <= day <= label
    assert {clock.label(clock.start(label) + timedelta(days=n)) for n in range(7)} == {label}


@pytest.mark.slow
@given(CLOCKS, st.lists(DAYS, max_size=20))
def test_a_column_of_days_gets_the_labels_of_its_days(clock, days):
    """`label_days` is `label` for each row; index and time unit stay."""
    column = pd.Series(days, index=range(5, 5 + len(days)), dtype="datetime64[us]")
    labels = clock.label_days(column)
    assert [label.date() for label in labels] == [clock.label(day) for day in days]
    assert labels.index.equals(column.index)
    assert labels.dtype == column.dtype


@given(CLOCKS, DAYS, st.integers(0, 60))
def test_pandas_counts_the_same_weeks(clock, day, n_weeks):
    """The pandas calendar of the anchor has the clock's labels: each end of a period, each step of a range."""
    first = clock.label(day)
    labels = clock.range(first, first + n_weeks * WEEK)
    assert [label.date() for label in labels] == [first, *clock.targets(first, n_weeks)]
    assert pd.Timestamp(day).to_period(clock.frequency).end_time.date() == first


# --- Cutoffs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("today", "cutoff"),
    [
        (date(2026, 11, 21), date(2026, 11, 15)),
        (date(2026, 11, 22), date(2026, 11, 15)),  # on Sunday the week is still running
        (date(2026, 11, 23), date(2026, 11, 22)),  # on Monday it is complete
        (date(2026, 11, 25), date(2026, 11, 22)),
        (date(2027, 1, 1), date(2026, 12, 27)),
    ],
)
def test_the_cutoff_is_the_last_complete_week(today, cutoff):
    """The running week never counts, not even on its last day."""
    assert CLOCK.cutoff(today) == cutoff


@given(CLOCKS, DAYS)
def test_the_week_after_the_cutoff_is_the_running_one(clock, today):
    """Step 1 is the week that holds today, and the cutoff ended before today."""
    cutoff = clock.cutoff(today)
    assert cutoff < today
    assert clock.targets(cutoff, 1) == [clock.label(today)]


def test_friday_midnight_in_moscow_is_friday():
    """At Friday 00:00 Moscow, Thursday 21:00 UTC, the business date is Friday; one second earlier it is Thursday."""
    midnight = datetime(2026, 11, 26, 21, tzinfo=UTC)
    assert CLOCK.today(midnight) == date(2026, 11, 27)
    assert CLOCK.today(midnight - timedelta(seconds=1)) == date(2026, 11, 26)
    assert WeekClock(tz="UTC").today(midnight) == date(2026, 11, 26)


@given(CLOCKS, DAYS)
def test_a_day_ends_with_its_last_moment(clock, day):
    """The moment is of that day, the next of the day after; both are naive UTC."""
    end = clock.end_of(day)
    assert clock.day_of(end) == day
    assert clock.day_of(end + timedelta(microseconds=1)) == day + timedelta(days=1)


def test_the_time_zone_decides_which_week_is_complete():
    """At Sunday 21:00 UTC the week is over in Moscow and still running in London."""
    instant = datetime(2026, 11, 22, 21, tzinfo=UTC)
    clocks = [CLOCK, WeekClock(tz="Europe/London")]
    assert [clock.cutoff(clock.today(instant)) for clock in clocks] == [date(2026, 11, 22), date(2026, 11, 15)]


def test_summer_time_moves_the_business_date():
    """Berlin's midnight is 22:00 UTC in summer and 23:00 UTC in winter."""
    berlin = WeekClock(tz="Europe/Berlin")
    assert berlin.today(datetime(2026, 7, 1, 22, tzinfo=UTC)) == date(2026, 7, 2)
    assert berlin.today(datetime(2026, 12, 1, 22, tzinfo=UTC)) == date(2026, 12, 1)


# --- Steps ----------------------------------------------------------------------------------------------------------


def test_targets_are_the_weeks_after_the_cutoff():
    """Four steps are the four Sundays after the cutoff, here into the next year."""
    targets = [date(2026, 12, 20), date(2026, 12, 27), date(2027, 1, 3), date(2027, 1, 10)]
    assert CLOCK.targets(date(2026, 12, 13), 4) == targets


@pytest.mark.parametrize(("later", "weeks"), [(date(2026, 11, 22), 0), (date(2027, 1, 3), 6), (date(2026, 11, 8), -2)])
def test_weeks_are_counted_from_label_to_label(later, weeks):
    """Six weeks from 22 November to 3 January; backwards is negative."""
    assert weeks_between(date(2026, 11, 22), later) == weeks

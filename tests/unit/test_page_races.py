"""Two jobs write one page: a race ends with the page of what is newest; and how much is read for it."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pandas as pd
import pytest
from boards import monitoring_run

from skucast.jobs.page import Made, Newest, Published, newest_of, shown_weeks, written
from skucast.jobs.page_files import PageFiles
from skucast.runtime.settings import Settings

OLD, NEW = date(2026, 11, 15), date(2026, 11, 22)


def by(cutoff: date, *runs: str) -> Published:
    """Return what these runs have published."""
    return Published(cutoff, frozenset((run, pd.Timestamp("2026-11-25")) for run in runs))


FIRST = Newest(by(OLD, "predict-1"), by(OLD, "monitor-1"))
FORECAST = Newest(by(NEW, "predict-2"), by(OLD, "monitor-1"))
BOTH = Newest(by(NEW, "predict-2"), by(NEW, "monitor-2"))


def test_what_nobody_changes_is_written_once() -> None:
    """The second look finds the same."""
    wrote: list[Newest] = []
    assert written(FIRST, lambda: FIRST, lambda newest: wrote.append(newest) or "path") == "path"
    assert wrote == [FIRST]


@pytest.mark.parametrize("at", range(6))
def test_whenever_the_other_job_comes_between_the_newest_page_stays(at: int) -> None:
    """The other publishes, looks, writes, looks, all before one step of this one's: the page in place is of both."""
    tables, page, steps = [FIRST], [FIRST], iter(range(100))

    def step() -> None:
        if next(steps) == at:
            other()

    def other() -> None:
        tables.append(BOTH if tables[-1] == FORECAST else replace(FIRST, scorecard=BOTH.scorecard))
        written(tables[-1], lambda: tables[-1], put)

    def put(newest: Newest) -> str:
        page.append(newest)
        return "path"

    def look() -> Newest:
        step()
        return tables[-1]

    def write(newest: Newest) -> str:
        step()
        return put(newest)

    step()
    tables.append(FORECAST if tables[-1] == FIRST else BOTH)
    written(look(), look, write)
    if tables[-1] != BOTH:
        other()
    assert page[-1] == BOTH


def test_a_page_made_already_is_used_if_nobody_else_has_published() -> None:
    """The run's own scorecard is new; another's forecast, or another's scorecard of the week, is a reason to look."""
    run = replace(monitoring_run(), run_id="monitor-2", cutoff=NEW)
    made = Made(PageFiles("page", b""), run, FORECAST)
    assert made.is_of(BOTH)
    assert not made.is_of(FORECAST)
    assert not made.is_of(Newest(by(NEW, "predict-2", "predict-3"), BOTH.scorecard))
    assert not made.is_of(Newest(FORECAST.forecast, by(NEW, "monitor-2", "monitor-3")))
    again = Made(PageFiles("page", b""), run, Newest(FORECAST.forecast, by(NEW, "monitor-0")))
    assert again.is_of(Newest(FORECAST.forecast, by(NEW, "monitor-0", "monitor-2")))


def test_the_newest_week_counts_whenever_it_was_published() -> None:
    """An old week that is filled in later is not newer; a first publish that failed names no week."""
    rows = pd.DataFrame(
        [
            ("f", "2026-11-22", "predict-2", pd.Timestamp("2026-11-25")),
            ("f", "2026-11-15", "predict-3", pd.Timestamp("2026-11-26")),
            ("f", "", "", pd.Timestamp("2026-11-24")),
            ("a", "2026-11-15", "monitor-1", pd.Timestamp("2026-11-20")),
        ],
        columns=["table_name", "partition_value", "run_id", "published_at"],
    )
    newest = newest_of(rows, "f", "a")
    assert newest == Newest(
        Published(NEW, frozenset({("predict-2", pd.Timestamp("2026-11-25"))})),
        Published(OLD, frozenset({("monitor-1", pd.Timestamp("2026-11-20"))})),
    )
    assert newest.cutoff == NEW
    assert newest_of(rows[:0], "f", "a") == Newest(None, None)
    assert newest_of(rows[:0], "f", "a").cutoff == date.min


@pytest.mark.parametrize(("n_combinations", "weeks"), [(0, 26), (525, 26), (4_800, 26), (10_000, 12), (50_000, 6)])
def test_what_is_read_for_the_page_is_bounded(n_combinations: int, weeks: int) -> None:
    """Half a year of the usual business, of a huge one fewer weeks, and those of the scorecard in any case."""
    assert shown_weeks(Settings(dashboard_weeks=26, lookback_weeks=5, horizon_weeks=4), n_combinations) == weeks

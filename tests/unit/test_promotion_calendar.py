"""The calendar of a plan: what is over, runs and comes, as it was typed and as it was known while it ran."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd
from plans import CLOCK, KNOWN, RUN_AT, line, nothing_else, plan

from skucast.regressors.promotion_calendar import calendar, difference
from skucast.regressors.promotions import Plan

TODAY = date(2026, 11, 25)


def shown(rows: pd.DataFrame, past_weeks: int = 4) -> list[tuple[str, str, str, str]]:
    """Return state, article, first and last day of each promotion."""
    found = calendar(rows, KNOWN, RUN_AT, TODAY, CLOCK, past_weeks)
    return [(row.state, row.SKU_ID, str(row.starts_on.date()), str(row.ends_on.date())) for row in found.itertuples()]


def sent(*lines: str, days_ago: int) -> pd.DataFrame:
    """Return the rows of a file that came so many days ago."""
    found = plan(*lines, run_at=RUN_AT - timedelta(days=days_ago))
    assert found.rejected.empty
    return found.rows


OVER = line(starts_on="2026-11-12", ends_on="2026-11-16")
RUNS = line(SKU_ID="B2", starts_on="2026-11-20", ends_on="2026-11-25")
COMES = line(SKU_ID="B2", starts_on="2026-12-07", ends_on="2026-12-13", discount_perc="12,5".replace(",", "."))


def test_promotions_are_over_run_or_come() -> None:
    """Although the newest plan has no word of what is over; a promotion that ends today runs."""
    rows = pd.concat([sent(OVER, RUNS, COMES, days_ago=16), sent(RUNS, COMES, nothing_else(), days_ago=1)])
    assert shown(rows) == [
        ("past", "A1", "2026-11-12", "2026-11-16"),
        ("running", "B2", "2026-11-20", "2026-11-25"),
        ("coming", "B2", "2026-12-07", "2026-12-13"),
    ]
    assert [state for state, *_ in shown(rows, past_weeks=0)] == ["running", "coming"]


def test_since_when_a_promotion_is_known_is_when_it_was_said_first() -> None:
    """Not the newest file that says it again."""
    rows = pd.concat([sent(COMES, days_ago=9), sent(COMES, nothing_else(), days_ago=1)])
    (known_from,) = calendar(rows, KNOWN, RUN_AT, TODAY, CLOCK, 4)["known_from"]
    assert known_from == RUN_AT - timedelta(days=9)


def test_what_was_called_off_before_it_ran_is_not_shown_and_what_ran_is() -> None:
    """Called off after ten days it has run for these."""
    long = line(starts_on="2026-11-09", ends_on="2026-12-06")
    rows = pd.concat([sent(long, COMES, days_ago=20), sent(nothing_else(), days_ago=7)])
    assert shown(rows) == [("past", "A1", "2026-11-09", "2026-11-17")]


def test_a_plan_sent_on_wednesday_need_not_name_what_ended_on_tuesday() -> None:
    """Its week is complete from Monday on for the forecast; the promotion took place all the same."""
    ended = line(starts_on="2026-11-19", ends_on="2026-11-24")
    rows = pd.concat([sent(ended, nothing_else(), days_ago=7), sent(COMES, nothing_else(), days_ago=0)])
    assert shown(rows)[0] == ("past", "A1", "2026-11-19", "2026-11-24")


def test_a_file_in_place_of_the_plan_is_told_apart() -> None:
    """One line kept, one with other days, one gone, one new."""
    other = line(channel="ON TRADE", starts_on="2026-12-01", ends_on="2026-12-02")
    rows = sent(RUNS, COMES, line(), days_ago=1)
    more = plan(RUNS, COMES.replace("2026-12-13", "2026-12-14"), other, nothing_else()).rows
    found = difference(rows, more, KNOWN, RUN_AT, date(2026, 11, 23))
    assert (found.n_unchanged, len(found.added), len(found.ended)) == (1, 1, 1)
    assert found.ended["SKU_ID"].tolist() == ["A1"]
    assert found.added["channel"].tolist() == ["ON TRADE"]
    assert [str(day.date()) for day in (found.before["ends_on"].item(), found.after["ends_on"].item())] == [
        "2026-12-13",
        "2026-12-14",
    ]


def test_people_are_shown_what_was_typed() -> None:
    """20 % on five of seven days is 14.3 % as a week's mean; a depth that nobody has said is not the usual one."""
    rows = plan(
        line(starts_on="2026-12-02", ends_on="2026-12-06", discount_perc="20"),
        line(starts_on="2026-12-14", ends_on="2026-12-15", discount_perc=""),
    ).rows
    found = Plan(rows, KNOWN, usual=dict.fromkeys(KNOWN, 17.0)).as_of(
        RUN_AT, [date(2026, 12, day) for day in (6, 13, 20)]
    )
    planned = found[KNOWN[0]]
    assert planned.discount.round(2).tolist() == [14.29, 0, 4.86]
    assert planned.as_typed is not None
    depth, days = planned.as_typed
    assert days.tolist() == [5, 0, 2]
    assert depth[0] == 20
    assert np.isnan(depth[1:]).all()

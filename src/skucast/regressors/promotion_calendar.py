"""The plan as a calendar: promotions that are over, that run and that come; and what a file would change in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.weeks import WEEK, WeekClock
from skucast.regressors.promotion_holding import SHOWN, Statements, holding, keys_of, known_first
from skucast.regressors.promotion_template import covered_by
from skucast.regressors.promotions import Pattern

STATES = ("past", "running", "coming")
CALENDAR = ["state", *SHOWN]
"""Columns of a calendar: `state` is one of `STATES`."""

N_SAME = len(KEY) + 1
"""What a changed version of a promotion has in common with it: its names and its first day."""


def calendar(
    rows: pd.DataFrame,
    known: Sequence[Combination],
    known_at: datetime,
    today: date,
    clock: WeekClock,
    past_weeks: int,
) -> pd.DataFrame:
    """Return the promotions of a plan: `CALENDAR`, in the order of their days.

    Those that run or come are as the plan is known at that moment (naive UTC); those that are over, of so many weeks
    before the running one, as it was known in each week while they ran: what was called off or changed afterwards did
    take place. `rows` are usable ones.
    """
    statements = Statements(rows, known)
    ahead = statements.promotions(known_at, today)
    before = _before(statements, known_at, today, clock, past_weeks, ahead)
    both = pd.concat([part for part in (before, ahead) if len(part)], ignore_index=True) if len(before) else ahead
    starts, ends = both["starts_on"].dt.date, both["ends_on"].dt.date
    state = np.where(ends < today, "past", np.where(starts <= today, "running", "coming"))
    found = known_first(both, rows[rows["known_from"] <= pd.Timestamp(known_at)]).assign(state=state)
    return found.sort_values(["starts_on", "ends_on", *KEY], kind="stable")[CALENDAR].reset_index(drop=True)


def _before(
    statements: Statements, known_at: datetime, today: date, clock: WeekClock, past_weeks: int, ahead: pd.DataFrame
) -> pd.DataFrame:
    """The promotions that are over: of each the last version that was known in a week in which it ran."""
    if statements.is_empty:
        return ahead.iloc[:0]
    this_week = clock.label(today)
    seen = []
    for label in (this_week - WEEK * back for back in range(past_weeks, -1, -1)):
        at, last = min(known_at, clock.end_of(label)), min(label, today - timedelta(days=1))
        if last >= clock.start(label):
            seen.append(statements.held_in(at, clock.start(label), last, clock))
    if not seen:
        return ahead.iloc[:0]
    newest = pd.concat(seen, ignore_index=True).drop_duplicates([*KEY, "starts_on"], keep="last")
    goes_on = {key[:N_SAME] for key in keys_of(ahead)}
    over = newest[np.fromiter((key[:N_SAME] not in goes_on for key in keys_of(newest)), dtype=bool)]
    # Of one that was called off only the days until then took place.
    ends_on = over[["ends_on", "through"]].min(axis=1)
    return over.assign(ends_on=ends_on, is_promo=over["is_promo"].astype("boolean"))[SHOWN]


@dataclass(frozen=True)
class Difference:
    """What a file would change in a plan, from the running week on.

    `added`, `ended`, `before` and `after` have `SHOWN`; a row of `before` and the one of `after` in the same place are
    a promotion that is changed. `n_unchanged` promotions stay; `coverage` has names, the day through which their plan
    is complete now (None = nothing is known) and the one after it.
    """

    added: pd.DataFrame
    ended: pd.DataFrame
    before: pd.DataFrame
    after: pd.DataFrame
    n_unchanged: int
    coverage: list[tuple[Pattern, date | None, date]]


def difference(
    rows: pd.DataFrame, more: pd.DataFrame, known: Sequence[Combination], known_at: datetime, first: date
) -> Difference:
    """Return what the rows of a file would change in a plan, as it holds from a day on."""
    together = pd.concat([part for part in (rows, more) if len(part)], ignore_index=True) if len(more) else rows
    now, then = holding(rows, known, known_at, first), holding(together, known, known_at, first)
    old, new = (dict(zip(keys_of(of.promotions), of.promotions.index, strict=True)) for of in (now, then))
    gone = now.promotions.loc[[place for key, place in old.items() if key not in new]]
    come = then.promotions.loc[[place for key, place in new.items() if key not in old]]
    pairs = _pairs(gone, come)
    is_before = gone.index.isin([before for before, _ in pairs])
    is_after = come.index.isin([after for _, after in pairs])
    was = dict(covered_by(now.coverage))
    return Difference(
        added=come[~is_after],
        ended=gone[~is_before],
        before=gone.loc[[before for before, _ in pairs]],
        after=come.loc[[after for _, after in pairs]],
        n_unchanged=len(old.keys() & new.keys()),
        coverage=[(names, was.get(names), day) for names, day in covered_by(then.coverage) if was.get(names) != day],
    )


def _pairs(gone: pd.DataFrame, come: pd.DataFrame) -> list[tuple[int, int]]:
    """The rows that are one promotion, changed: of the same names, and of the same plan_id or with days in common."""
    if gone.empty or come.empty:
        return []
    both = gone.reset_index(names="before").merge(come.reset_index(names="after"), on=KEY, suffixes=("", "_then"))
    meets = (both["starts_on"] <= both["ends_on_then"]) & (both["starts_on_then"] <= both["ends_on"])
    alike = both[meets | (both["plan_id"] == both["plan_id_then"])]
    single = alike.drop_duplicates("before").drop_duplicates("after")
    return [(int(before), int(after)) for before, after in zip(single["before"], single["after"], strict=True)]

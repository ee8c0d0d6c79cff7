"""Which combinations are trained anew because their alert stays open, and which are not any more."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date

import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.tables.alerts import WRONG_VOLUME
from skucast.core.tables.contract import ALL
from skucast.core.weeks import weeks_between
from skucast.scorecard.alerts import is_quiet

MOST_TRIES = 2
"""Trainings for one alert: what two of them, weeks apart, have not mended no third one will."""

MENDED_BY_TRAINING = ("level_shift", "stale_model", "new_sku", "unexplained")
"""Reasons that come first where not all can be trained anew: the others are about the plan, the stock or the feed."""


@dataclass(frozen=True)
class Bounds:
    """After how many weeks an alert is acted on, how many combinations a week, and how long one then rests."""

    open_weeks: int
    per_week: int
    cool_down_weeks: int


@dataclass(frozen=True)
class Due:
    """Combinations by what becomes of them; `wanted` with the alert and the weeks that it has been open."""

    wanted: list[tuple[Combination, str, int]] = field(default_factory=list)
    later: list[Combination] = field(default_factory=list)
    resting: list[Combination] = field(default_factory=list)
    given_up: list[Combination] = field(default_factory=list)
    untrainable: list[Combination] = field(default_factory=list)


def due(
    alerts: pd.DataFrame,
    asked: pd.DataFrame,
    cutoff: date,
    today: date,
    bounds: Bounds,
    trainable: Collection[Combination],
) -> Due:
    """Return what is to be trained anew in this week.

    `alerts` has the rows of the week, `asked` those of `tables.RETRAININGS` of earlier ones. An alert that somebody has
    acknowledged is left alone, and so is a combination that training makes no model of.
    """
    is_open = (alerts["unit"] != ALL) & (alerts["state"] != "resolved") & ~is_quiet(alerts, today)
    old = alerts[is_open & (alerts["n_open_weeks"] >= bounds.open_weeks)]
    old = old.assign(_cannot=~old["reason"].isin(MENDED_BY_TRAINING))
    longest = old.sort_values(["n_open_weeks", "alert_id"], ascending=[False, True]).drop_duplicates(KEY)
    order = longest.sort_values(["_cannot", WRONG_VOLUME, *KEY], ascending=[True, False, True, True, True])
    before = requests_of(asked, cutoff)
    found = Due()
    for row in order.to_dict("records"):
        combination = Combination(*(str(row[name]) for name in KEY))
        weeks = before.get(combination, [])
        tries = [week for week in weeks if week >= row["opened"].date()]
        if combination not in trainable:
            found.untrainable.append(combination)
        elif weeks and weeks_between(weeks[-1], cutoff) < bounds.cool_down_weeks:
            found.resting.append(combination)
        elif len(tries) >= MOST_TRIES:
            found.given_up.append(combination)
        elif len(found.wanted) == bounds.per_week:
            found.later.append(combination)
        else:
            found.wanted.append((combination, str(row["alert_id"]), int(row["n_open_weeks"])))
    return found


def requests_of(asked: pd.DataFrame, cutoff: date) -> dict[Combination, list[date]]:
    """Return the weeks before this one in which each combination was asked for, oldest first, and not refused."""
    rows = asked[(asked["cutoff"] < pd.Timestamp(cutoff)) & (asked["state"] != "refused")]
    found: dict[Combination, list[date]] = {}
    for week, *names in rows.sort_values("cutoff")[["cutoff", *KEY]].itertuples(index=False, name=None):
        found.setdefault(Combination(*names), []).append(week.date())
    return found


def with_retrainings(alerts: pd.DataFrame, asked: pd.DataFrame, cutoff: date) -> pd.DataFrame:
    """Return the alerts; the evidence of those that training has not mended says when it was tried."""
    before = requests_of(asked, cutoff)
    if not before:
        return alerts
    said = []
    for row in alerts.to_dict("records"):
        weeks = before.get(Combination(*(str(row[name]) for name in KEY)), [])
        tries = [week for week in weeks if week >= row["opened"].date()]
        said.append(f"{row['evidence']}{_tried(tries)}" if tries and row["state"] != "resolved" else row["evidence"])
    return alerts.assign(evidence=pd.Series(said, index=alerts.index, dtype=alerts["evidence"].dtype))


def _tried(weeks: list[date]) -> str:
    named = ", ".join(map(str, weeks))
    if len(weeks) < MOST_TRIES:
        return f"; for this alert it was to be trained anew in week {named}"
    return (
        f"; for this alert it was to be trained anew in weeks {named}, and is not again: training does not mend it; "
        "look at its sales and its plan, or acknowledge it"
    )

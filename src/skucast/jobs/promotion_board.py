"""The promotions that the page shows: the plan as a calendar, beside what was forecast and sold."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.combination import KEY, Combination
from skucast.core.rows import is_about
from skucast.core.run import Run
from skucast.core.weeks import WEEK
from skucast.dashboard.board import Promotions
from skucast.jobs.promotion_plan import PAST_WEEKS, known_at, plan_rows
from skucast.regressors.promotion_calendar import calendar
from skucast.regressors.promotion_holding import about
from skucast.regressors.promotion_template import said_by_planner
from skucast.regressors.promotions import is_promotion
from skucast.regressors.responses import lift_curves
from skucast.runtime.settings import Settings
from skucast.sales.history import History
from skucast.scorecard.promotion_review import (
    AROUND,
    DIP_WEEKS,
    YEAR_WEEKS,
    expected_uplift,
    not_planned_again,
    post_mortem,
    weeks_of,
)

LIFTS = {"all": None, "unit": "unit", "channel": "channel", "SKU_ID": "SKU_ID"}
"""Whose lift curves are shown."""


def promotions_seen(
    settings: Settings,
    warehouse: Warehouse,
    run: Run,
    history: History,
    forecasts: pd.DataFrame,
    one_by_one: Sequence[Combination],
) -> Promotions | None:
    """Return what the page shows of promotions, made of the forecasts given; None where there never was one.

    Promotions of single articles are those of the combinations that the page shows `one_by_one`. Nothing of it is
    stored: the plan is kept as it was known, and so are the forecasts.
    """
    rows, weeks = plan_rows(warehouse, history), history.weeks
    if len(one_by_one) < len(history.combinations):
        rows = about(rows, one_by_one)
    if not is_promotion(rows).any() and not weeks["is_promo"].any():
        return None
    clock = settings.clock
    found = calendar(rows, history.combinations, known_at(settings, run, rows), run.today, clock, PAST_WEEKS)
    newest = forecasts[forecasts["cutoff"] == forecasts["cutoff"].max()]
    combinations = weeks[KEY].drop_duplicates()
    of_plan = weeks_of(found, combinations, clock)
    first = of_plan["ds"].min() if len(of_plan) else weeks["ds"].max()
    sales = weeks.loc[weeks["ds"] >= first, [*KEY, "ds", "y"]]
    is_over = (found["state"] == "past").to_numpy()
    ahead = expected_uplift(found[~is_over], newest, clock, combinations).set_index(found.index[~is_over])
    over = post_mortem(found[is_over], forecasts, sales, clock, combinations).set_index(found.index[is_over])
    counts = of_plan.groupby("place").agg(n_weeks=("ds", "nunique"))
    n_combinations = of_plan.drop_duplicates(["place", *KEY]).groupby("place").size()
    shown = found.assign(
        plan_id=[said_by_planner(each) for each in found["plan_id"]],
        n_weeks=counts["n_weeks"].reindex(found.index, fill_value=0),
        n_combinations=n_combinations.reindex(found.index, fill_value=0),
    )
    return Promotions(
        calendar=shown.join(ahead[["uplift", "without", "n_forecast"]]).join(over),
        not_again=_not_again(weeks, of_plan, newest[is_about(newest, one_by_one)]),
        lifts=lift_curves(weeks, LIFTS),
    )


def _not_again(weeks: pd.DataFrame, of_plan: pd.DataFrame, newest: pd.DataFrame) -> pd.DataFrame:
    """What was on promotion at this time last year, is sold still and not planned for the weeks to come."""
    if newest.empty:
        return not_planned_again(weeks.iloc[:0], of_plan, newest, [weeks["ds"].max().date()])
    coming = sorted(newest["ds"].unique())
    since = pd.Timestamp(coming[0]) - (YEAR_WEEKS + AROUND + DIP_WEEKS) * WEEK
    sold = newest[newest["status"] != "inactive"]
    return not_planned_again(weeks[weeks["ds"] >= since], of_plan, sold, [each.date() for each in coming])

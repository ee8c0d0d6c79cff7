"""What the page shows."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

from skucast.core.run import Run

if TYPE_CHECKING:
    from pandas import DataFrame

    from skucast.dashboard.overrides import Words


@dataclass(frozen=True)
class Due:
    """Until when what is shown is as new as it should be, which the page tells by its reader's clock.

    The newest scorecard's cutoff; the days after the end of a week by which its forecast and its scorecard must be
    there, as the heartbeat counts them; the time zone of the business.
    """

    scorecard: date | None
    forecast_days: int
    scorecard_days: int
    time_zone: str


@dataclass(frozen=True)
class Promotions:
    """The plan's promotions and what is known of their effect; quantities in sales of all their weeks.

    `calendar` has one row per promotion: state (past, running, coming), unit, channel, SKU_ID (`*` = all), starts_on,
    ends_on, discount_perc (percent as typed, NaN = not known), promo_type, plan_id, known_from (UTC); of all of them
    n_combinations, n_weeks; of those that run or come uplift, without, n_forecast; of those that are over forecast,
    realised, dip, n_judged, n_rows, n_dip (see `scorecard.promotion_review`). `not_again` has what was promoted last
    year: unit, channel, SKU_ID, last_year_from, last_year_to, depth, days. `lifts` has by, name, depth, lift, n.
    """

    calendar: DataFrame
    not_again: DataFrame
    lifts: DataFrame


@dataclass(frozen=True)
class Board:
    """What the page shows; every frame may be empty, and the page then says what is missing.

    `metrics` has rows of `tables.METRICS` of one window, `forecasts` rows of `tables.FORECASTS` of all cutoffs shown,
    `alerts` those of `tables.ALERTS` that are not over, `models` the rows of `tables.REGISTRY` about the models behind
    the newest forecasts, `runs` rows of `tables.RUNS`. `scored` has one row per cutoff, combination and `ds` with known
    sales, at most 26 weeks: cutoff, unit, channel, SKU_ID, ds, step, y, yhat, yhat_lower, yhat_upper and the baselines
    (sales per week). `history` has at most 104 weeks a combination: unit, channel, SKU_ID, ds, y (NaN = unknown),
    promo_discount_perc (percent, as it was offered on the promo_days of the week, 0 = none, NaN = a promotion of which
    no depth is known), promo_days; `plan` the weeks to come that have a promotion: unit, channel, SKU_ID, ds, and the
    same two, as they were typed. `holidays` has one row per name and week: holiday,
    ds. `refused` says in words what was refused of the planners' files, `kinds` the class of demand of each
    combination: unit, channel, SKU_ID, demand_class. `retrain` are the commands that train all combinations with an
    open alert anew: on this machine, and on Google Cloud. `totals` has rows of `tables.TOTALS`: the intervals of
    sums; `changes` those of `tables.CHANGES`: why the newest forecast is not what the run before it said;
    `revisions` those of `tables.REVISIONS`: what further runs of its cutoff changed; `orders` those
    of `tables.ORDERS` of the newest forecast; `totals_metrics` and `orders_metrics` the newest ones of these tables.
    `backtests` sums up what would have been published at past origins: unit, channel, SKU_ID, cutoff (that of the
    training), step, `actual` and `abs_error` (sales).
    `locale` is the language of the page, empty = its reader's. Without `due` the page does not say that
    anything is old. `promotions` is None where there never was one. `work` is the work list with what people have said
    of it, open or not, in its order; `work_lines` are on it.
    """

    run: Run
    actuals_through: date
    metrics: DataFrame
    scored: DataFrame
    forecasts: DataFrame
    history: DataFrame
    plan: DataFrame
    holidays: DataFrame
    models: DataFrame
    alerts: DataFrame
    runs: DataFrame
    refused: tuple[str, ...] = ()
    kinds: DataFrame | None = None
    retrain: tuple[str, str] | None = None
    totals: DataFrame | None = None
    changes: DataFrame | None = None
    revisions: DataFrame | None = None
    orders: DataFrame | None = None
    totals_metrics: DataFrame | None = None
    orders_metrics: DataFrame | None = None
    backtests: DataFrame | None = None
    locale: Literal["", "en", "ru"] = ""
    due: Due | None = None
    overrides: Words | None = None
    promotions: Promotions | None = None
    work: DataFrame | None = None
    work_lines: int = 20

    @cached_property
    def sums(self) -> dict[str, Any] | None:
        """Sums by unit and channel, which page and workbooks show (see `totals_data`)."""
        from skucast.dashboard.totals import totals_data

        return totals_data(self)

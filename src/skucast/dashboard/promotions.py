"""The page's promotions: a calendar of the plan with its effect, last year's, and the lift by depth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from skucast.core.combination import KEY
from skucast.dashboard.columns import Columns, coded, iso, short, values, whole

if TYPE_CHECKING:
    from pandas import DataFrame

    from skucast.dashboard.board import Promotions

MAX_ROWS = 1500
"""Promotions on the page: those that run or come first, then those that moved most."""

MAX_CURVES = 200
"""Articles whose lift is on the page: those with the most promotions."""

_NUMBERS = ["discount_perc", "uplift", "without", "forecast", "realised", "dip"]
_COUNTS = ["n_weeks", "n_combinations", "n_forecast", "n_judged", "n_rows", "n_dip"]


def promotions_data(promotions: Promotions | None) -> dict[str, Any] | None:
    """Return the promotions as columns: `calendar`, `not_again` and `lifts`, and how many are `left_out`."""
    if promotions is None:
        return None
    shown = _most_of(promotions.calendar)
    return {
        "calendar": _calendar_columns(shown),
        "left_out": len(promotions.calendar) - len(shown),
        "not_again": _not_again_columns(promotions.not_again),
        "lifts": _lift_columns(_with_most(promotions.lifts)),
    }


def _most_of(calendar: DataFrame) -> DataFrame:
    """The rows that are shown, in the order of their days."""
    moved = calendar["realised"].abs().fillna(0.0)
    order = calendar.assign(_is_over=calendar["state"] == "past", _moved=-moved).sort_values(
        ["_is_over", "_moved"], kind="stable"
    )
    return calendar.loc[order.index[:MAX_ROWS].sort_values()]


def _calendar_columns(rows: DataFrame) -> Columns:
    return {
        **{name: coded(rows[name]) for name in ("state", *KEY, "promo_type", "plan_id")},
        **{name: coded(iso(rows[name])) for name in ("starts_on", "ends_on", "known_from")},
        **{name: whole(rows[name].fillna(0)) for name in _COUNTS},
        **values(rows, _NUMBERS),
    }


def _not_again_columns(rows: DataFrame) -> Columns:
    return {
        **{name: coded(rows[name]) for name in KEY},
        **{name: coded(iso(rows[name])) for name in ("last_year_from", "last_year_to")},
        "days": whole(rows["days"]),
        "depth": short(rows["depth"]),
    }


def _with_most(lifts: DataFrame) -> DataFrame:
    """The curves of all groups but articles, and those of the articles with most weeks on promotion."""
    is_article = lifts["by"] == "SKU_ID"
    most = lifts[is_article].groupby("name")["n"].sum().sort_values(ascending=False, kind="stable").index[:MAX_CURVES]
    return lifts[~is_article | lifts["name"].isin(most)]


def _lift_columns(rows: DataFrame) -> Columns:
    return {
        "by": coded(rows["by"]),
        "name": coded(rows["name"]),
        "n": whole(rows["n"]),
        **values(rows, ["depth", "lift"]),
    }

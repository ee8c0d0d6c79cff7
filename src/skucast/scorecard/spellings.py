"""Forecasts under names that are another by now: what was forecast of its spellings is the forecast of the name."""

from __future__ import annotations

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.forecasts import COMPONENTS, REGRESSOR_EFFECTS
from skucast.sales.names import Names

_ADDED = ["yhat", "yhat_lower", "yhat_upper", *COMPONENTS]
_OR_YHAT = ["yhat_mean", "final"]
"""Where they are not known, yhat stands for them."""
_OF_COMPONENTS = ["yhat_prophet", "yhat_panel", "yhat_panel_log", "final_lower", "final_upper"]


def in_the_names_of_the_sales(forecasts: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Return rows of `tables.FORECASTS` under today's names, one per cutoff, combination and week.

    What was forecast of several spellings is added, as their sales are; all else is that of the largest. Interval ends
    are added too: those of a sum lie a little nearer. Of a component that one of them lacks there is no sum, nor are
    there quantiles of it, or effects of single regressors.
    """
    if not any(names.spellings.values()) and not names.aliases:
        return forecasts
    renamed = names.renamed(forecasts)
    key = ["cutoff", *KEY, "ds"]
    if not renamed.duplicated(key).any():
        return renamed
    largest_first = renamed.sort_values([*key, "yhat"], ascending=[*[True] * len(key), False], kind="stable")
    whole = {name: largest_first[name].fillna(largest_first["yhat"]) for name in _OR_YHAT}
    groups = largest_first.assign(**whole).groupby(key)
    rows = largest_first.drop_duplicates(key).set_index(key)
    rows[[*_ADDED, *_OR_YHAT]] = groups[[*_ADDED, *_OR_YHAT]].sum()
    rows["override_effect"] = groups["override_effect"].sum(min_count=1)
    rows["override_id"] = groups["override_id"].first()
    none_lacks = groups[_OF_COMPONENTS].count().eq(groups.size(), axis=0)
    rows[_OF_COMPONENTS] = groups[_OF_COMPONENTS].sum().where(none_lacks)
    told = ["quantiles", REGRESSOR_EFFECTS]
    rows[told] = rows[told].where(groups.size() == 1)
    return rows.reset_index()[forecasts.columns]

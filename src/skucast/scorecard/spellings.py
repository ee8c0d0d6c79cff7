"""Forecasts under names that are another by now: what was forecast of its spellings is the forecast of the name."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.forecasts import COMPONENTS, REGRESSOR_EFFECTS
from skucast.sales.names import Names

_ADDED = ["yhat", "yhat_lower", "yhat_upper", *COMPONENTS]
_OR_YHAT = ["yhat_mean", "final"]
"""Where they are not known, yhat stands for them."""
_OF_COMPONENTS = ["yhat_prophet", "yhat_panel", "yhat_panel_log", "final_lower", "final_upper"]
_OF_ONE = ["quantiles", REGRESSOR_EFFECTS]


def in_the_names_of_the_sales(forecasts: pd.DataFrame, names: Names) -> pd.DataFrame:
    """Return rows of `tables.FORECASTS` under today's names, one per cutoff, combination and week.

    What was forecast of several spellings is added, as their sales are; all else is that of the largest. Interval ends
    are added too: those of a sum lie a little nearer. Of a component that one of them lacks there is no sum, nor are
    there quantiles of it, or effects of single regressors. Of the columns `yhat` must be there, of the others any.
    """
    if not any(names.spellings.values()) and not names.aliases:
        return forecasts

    def there(wanted: Sequence[str]) -> list[str]:
        return [name for name in wanted if name in forecasts]

    renamed = names.renamed(forecasts)
    key = ["cutoff", *KEY, "ds"]
    if not renamed.duplicated(key).any():
        return renamed
    largest_first = renamed.sort_values([*key, "yhat"], ascending=[*[True] * len(key), False], kind="stable")
    whole = {name: largest_first[name].fillna(largest_first["yhat"]) for name in there(_OR_YHAT)}
    groups = largest_first.assign(**whole).groupby(key)
    rows = largest_first.drop_duplicates(key).set_index(key)
    added = there([*_ADDED, *_OR_YHAT])
    rows[added] = groups[added].sum()
    for name in there(["override_effect"]):
        rows[name] = groups[name].sum(min_count=1)
    for name in there(["override_id"]):
        rows[name] = groups[name].first()
    for name in there(_OF_COMPONENTS):
        rows[name] = groups[name].sum().where(groups[name].count() == groups.size())
    for name in there(_OF_ONE):
        rows[name] = rows[name].where(groups.size() == 1)
    return rows.reset_index()[forecasts.columns]

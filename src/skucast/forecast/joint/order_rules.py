"""Rules of orders that cannot be meant: levels, costs and weeks that the settings would refuse too."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from skucast.core.rows import written
from skucast.core.tables.orders import LEAST_LEVEL, MAX_WEEKS, MOST_LEVEL

_LEVELS = f"from {LEAST_LEVEL:g} to {MOST_LEVEL:g}"


def ratio_of_costs(rules: pd.DataFrame) -> pd.Series:
    """Return the newsvendor's level by the costs of each rule, under / (under + over); NaN where it has none."""
    under, over = (rules[name].astype("float64") for name in ("cost_under", "cost_over"))
    return under / (under + over)


def faults_of(rules: pd.DataFrame) -> list[str]:
    """Return what is wrong with rules, one line each that names the rule: columns of `tables.ORDER_RULES`."""
    rows = rules.assign(rule=written(rules), ratio=ratio_of_costs(rules)).to_dict("records")
    return [f"rule {row['rule']}: {fault}" for row in rows for fault in _faults(row)]


def sensible(rules: pd.DataFrame) -> pd.DataFrame:
    """Return the rules without what is wrong with them: there they say nothing."""
    level, ratio = rules["service_level"], ratio_of_costs(rules)
    has_bad_costs = ratio.notna() & ~ratio.between(LEAST_LEVEL, MOST_LEVEL)
    return rules.assign(
        service_level=level.where(level.between(LEAST_LEVEL, MOST_LEVEL)),
        cost_under=rules["cost_under"].mask(has_bad_costs),
        cost_over=rules["cost_over"].mask(has_bad_costs),
        **{name: rules[name].mask(rules[name] > MAX_WEEKS) for name in ("lead_time_weeks", "review_weeks")},
    )


def _faults(row: Mapping[Any, Any]) -> list[str]:
    found = []
    level, ratio, under, over = (row[name] for name in ("service_level", "ratio", "cost_under", "cost_over"))
    if _is_beyond(level):
        found.append(f"service_level {level:g} is not {_LEVELS}")
    elif pd.isna(level) and _is_beyond(ratio):
        found.append(
            f"cost_under {under:g} and cost_over {over:g} make a level of {ratio:.3g} "
            f"(under / (under + over)), which is not {_LEVELS}"
        )
    for name in ("lead_time_weeks", "review_weeks"):
        weeks = row[name]
        if pd.notna(weeks) and weeks > MAX_WEEKS:
            found.append(f"{name} {weeks} is more than {MAX_WEEKS}")
    return found


def _is_beyond(level: float) -> bool:
    """Whether there is a level and it cannot be meant; a NaN is beyond nothing."""
    return level < LEAST_LEVEL or level > MOST_LEVEL

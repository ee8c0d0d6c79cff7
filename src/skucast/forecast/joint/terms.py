"""Under which terms each combination is ordered: settings, by class where they are, and the rules of the table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.core.rows import written
from skucast.core.tables.contract import ALL
from skucast.forecast.joint.order_rules import ratio_of_costs

ByClass = Mapping[str, float]
"""A value for each class, or one for all, `*`."""

LEAST_CLASS = "C"
"""What has not been sold for long enough to be classed is taken for small."""

PATTERNS = sorted(
    ([name for place, name in enumerate(("channel", "unit", "SKU_ID")) if bits >> place & 1] for bits in range(8)),
    key=len,
)
"""What a rule may name, the broadest first; an article is narrower than a unit, and a unit than a channel."""


@dataclass(frozen=True)
class Defaults:
    """What holds where no rule says anything else."""

    service_level: ByClass
    lead_time_weeks: ByClass
    review_weeks: ByClass

    @property
    def is_by_class(self) -> bool:
        """Whether classes are asked for."""
        return any(ALL not in each for each in (self.service_level, self.lead_time_weeks, self.review_weeks))


def terms_of(keys: pd.DataFrame, defaults: Defaults, classes: pd.Series | None, rules: pd.DataFrame) -> pd.DataFrame:
    """Return the terms of each combination (rows of KEY), in their order.

    Columns `lead_time_weeks`, `review_weeks`, `service_level`, `service_level_source`, `abc_class`. `classes` are the
    combinations' classes in the same order, None = not asked for; `rules` has the columns of `tables.ORDER_RULES`.
    """
    abc = pd.Series([None] * len(keys), dtype="object") if classes is None else classes.fillna(LEAST_CLASS)
    found = pd.DataFrame(
        {
            "lead_time_weeks": _by_class(defaults.lead_time_weeks, abc),
            "review_weeks": _by_class(defaults.review_weeks, abc),
            "service_level": _by_class(defaults.service_level, abc),
            "service_level_source": "setting" if ALL in defaults.service_level else "class",
            "abc_class": abc.to_numpy(dtype="object"),
        }
    )
    for said in _said(keys, rules):
        for name in ("lead_time_weeks", "review_weeks"):
            found[name] = said[name].fillna(found[name])
        level = said["service_level"].fillna(ratio_of_costs(said))
        source = pd.Series(np.where(said["service_level"].notna(), "rule", "costs"), dtype="object")
        found["service_level"] = level.fillna(found["service_level"])
        found["service_level_source"] = source.where(level.notna(), found["service_level_source"])
    return found.astype({"lead_time_weeks": "int64", "review_weeks": "int64"})


def idle_rules(keys: pd.DataFrame, rules: pd.DataFrame) -> list[str]:
    """Return the rules, as `unit/channel/SKU_ID`, that are about none of the combinations."""
    found: list[str] = []
    for named in PATTERNS[1:] if len(rules) else []:
        others = [name for name in KEY if name not in named]
        mine = rules[(rules[named] != ALL).all(axis=1) & (rules[others] == ALL).all(axis=1)]
        if mine.empty:
            continue
        met = pd.MultiIndex.from_frame(mine[named]).isin(pd.MultiIndex.from_frame(keys[named]))
        found += written(mine[~met]).tolist()
    return sorted(found)


def _by_class(values: ByClass, classes: pd.Series) -> pd.Series:
    if ALL in values:
        return pd.Series(values[ALL], index=range(len(classes)), dtype="float64")
    return classes.reset_index(drop=True).map(dict(values)).astype("float64")


def _said(keys: pd.DataFrame, rules: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """What the rules of each pattern say of each combination, the broadest first; NaN = nothing."""
    if rules.empty:
        return
    numbers = rules.drop(columns=KEY).astype("float64")
    for named in PATTERNS:
        others = [name for name in KEY if name not in named]
        mine = (rules[named] != ALL).all(axis=1) & (rules[others] == ALL).all(axis=1)
        if not mine.any():
            continue
        its = pd.concat([rules.loc[mine, named], numbers[mine]], axis=1)
        joined = keys[KEY].merge(its, on=named, how="left") if named else keys[KEY].merge(its, how="cross")
        yield joined.drop(columns=KEY)

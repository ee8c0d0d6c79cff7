"""Totals by week of the business, its units, its channels, and its units' channels."""

from __future__ import annotations

from typing import TypeAlias, cast

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL

Pair: TypeAlias = tuple[str, str]
"""A unit and a channel; `*` stands for all of them."""

Groups: TypeAlias = dict[Pair, list[Pair]]
"""By group the units' channels that are in it."""

Totals: TypeAlias = pd.DataFrame
"""One row per week label, one column per group (`Pair`)."""


def groups_of(*frames: pd.DataFrame) -> Groups:
    """Return every group with the unit/channel pairs in it; of groups that hold the same pairs only the widest."""
    pairs = sorted({pair for each in frames for pair in zip(each["unit"], each["channel"], strict=True)})
    names = [(ALL, ALL), *dict.fromkeys((unit, ALL) for unit, _ in pairs)]
    names += [*dict.fromkeys((ALL, channel) for _, channel in pairs), *pairs]
    groups: Groups = {}
    seen: set[tuple[Pair, ...]] = set()
    for unit, channel in names:
        members = [each for each in pairs if unit in (ALL, each[0]) and channel in (ALL, each[1])]
        if tuple(members) not in seen:
            seen.add(tuple(members))
            groups[unit, channel] = members
    return groups


def group_name(group: Pair) -> str:
    """Return what a group is called: a unit, a channel, both, or all."""
    unit, channel = group
    if unit == ALL:
        return "all units" if channel == ALL else f"channel {channel}"
    return f"unit {unit}" if channel == ALL else f"{unit}/{channel}"


def of_group(rows: pd.DataFrame, group: Pair) -> pd.DataFrame:
    """Return the rows that are about the group."""
    for column, name in zip(("unit", "channel"), group, strict=True):
        rows = rows if name == ALL else rows[rows[column] == name]
    return rows


def totals_of(rows: pd.DataFrame, value: str, groups: Groups) -> Totals:
    """Return the sums by week and group; groups without any row have no column, weeks without one are 0."""
    pairs = rows.groupby(["ds", "unit", "channel"])[value].sum().unstack(["unit", "channel"], fill_value=0)
    columns = cast("list[Pair]", pairs.columns.tolist())
    place = {pair: column for column, pair in enumerate(columns)}
    values = pairs.to_numpy(dtype="float64")
    there = {group: [place[pair] for pair in members if pair in place] for group, members in groups.items()}
    sums = {group: values[:, its].sum(axis=1) for group, its in there.items() if its}
    totals = pd.DataFrame(sums, index=pairs.index)
    totals.columns = pd.Index(list(sums), tupleize_cols=False)
    return totals


def by_pair(rows: pd.DataFrame, value: str) -> dict[Pair, float]:
    """Return the sum of each unit and channel's combinations per week, each the mean of the weeks that it has.

    So a combination that was forecast for fewer weeks than the others counts as a whole one.
    """
    sums = rows.groupby(KEY)[value].mean().groupby(level=["unit", "channel"]).sum()
    return dict(zip(sums.index.tolist(), sums.tolist(), strict=True))

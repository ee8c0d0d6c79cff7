"""Discounts in one measure: percent, whatever measure a unit delivers them in.

Where a unit writes 0.3 for 30 %, or 1 for "there is a promotion", its effect would be learnt per unit of 1, and a plan
in percent would be a hundred times as much.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.words import counted

RUN_WEEKS = 8
"""So many weeks with a promotion in a row, none of them deeper than 1: they are in another measure than the others."""

PLACE = ["unit", "channel"]


def in_percent(known: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the weekly rows with all discounts in percent, and which units deliver them otherwise, in words.

    Judged by unit and channel, and by article: discounts that never exceed 1, or not in many weeks in a row, are
    fractions, or flags where each of them is 1. A flag tells no depth: it counts as deep as is usual there, and as 0
    where no depth is known at all, so that only the days with a promotion teach.
    """
    known, texts = _at_most_100(known)
    promoted = known[known["most_discount"].notna()]
    if not len(promoted):
        return known, texts
    measure = pd.Series("percent", index=known.index, dtype="object")
    usual = pd.Series(np.nan, index=known.index)
    for name, rows in promoted.groupby(PLACE):
        if (rows["most_discount"] > 1).all():  # percent, as nearly everywhere
            continue
        of_week = _by_week(rows)
        found = of_week.where(of_week != "percent", _by_article(rows))
        depth = rows.loc[found == "percent", "most_discount"].median()
        measure.loc[rows.index], usual.loc[rows.index] = found, depth
        texts += _texts("/".join(map(str, name)), rows, found, has_depth=not np.isnan(depth))
    factor = np.where(measure == "fraction", 100.0, np.where(measure == "flag", usual.fillna(0.0), 1.0))
    columns = ("promo_discount_perc", "least_discount", "most_discount")
    changed = known.assign(**{column: known[column] * factor for column in columns})
    no_depth = (measure == "flag") & usual.isna()
    return changed.assign(most_discount=changed["most_discount"].mask(no_depth)), texts


def _at_most_100(known: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows with no discount beyond 100 %, which is a price; of such a week no depth is known."""
    beyond = known["most_discount"] > 100
    if not beyond.any():
        return known, []
    first = "/".join(map(str, known.loc[beyond, KEY].iloc[0]))
    text = (
        f"promo_discount_perc beyond 100 in {counted(int(beyond.sum()), 'week')} of combinations, first {first}: taken "
        "for a price and counted as 100 at most; deliver percent (0 to 100)"
    )
    capped = {name: known[name].clip(upper=100.0) for name in ("promo_discount_perc", "least_discount")}
    return known.assign(**capped, most_discount=known["most_discount"].mask(beyond)), [text]


def deepest_discounts(known: pd.DataFrame) -> dict[Combination, float]:
    """Return the deepest discount that each combination ever had, percent; only of those whose depth is known."""
    deepest = known.groupby(KEY)["most_discount"].max().dropna()
    return {Combination(*map(str, name)): most for name, most in zip(deepest.index, deepest.tolist(), strict=True)}


def _by_week(rows: pd.DataFrame) -> pd.Series:
    """The measure of each row of one unit and channel, by what all its articles have in these weeks."""
    by_week = rows.groupby("ds").agg(least=("least_discount", "min"), most=("most_discount", "max"))
    is_small = (by_week["most"] <= 1).to_numpy(dtype=bool)
    run = np.cumsum(np.diff(is_small, prepend=False))
    length = np.bincount(run)[run]
    is_other = is_small & (is_small.all() | (length >= RUN_WEEKS))
    only_ones = (by_week["least"] == 1).groupby(run).transform("all").to_numpy(dtype=bool)
    of_week = np.where(is_other, np.where(only_ones, "flag", "fraction"), "percent")
    return rows["ds"].map(dict(zip(by_week.index, of_week, strict=True)))


def _by_article(rows: pd.DataFrame) -> pd.Series:
    """The measure of each row of one unit and channel, by what its article has in all its weeks, if those are many."""
    of_article = rows.groupby("SKU_ID")
    most, n_weeks = of_article["most_discount"].transform("max"), of_article["ds"].transform("size")
    is_other = (most <= 1) & (n_weeks >= RUN_WEEKS)
    only_ones = of_article["least_discount"].transform("min") == 1
    names = np.where(is_other, np.where(only_ones, "flag", "fraction"), "percent")
    return pd.Series(names, index=rows.index, dtype="object")


def _texts(name: str, rows: pd.DataFrame, measures: pd.Series, *, has_depth: bool) -> Iterator[str]:
    flag = (
        "counted as deep as promotions usually are there"
        if has_depth
        else "of no known depth: only the days with a promotion teach, and a plan's depth is not used there"
    )
    meaning = {
        "fraction": "taken for fractions (0.3 for 30 %) and counted as percent",
        "flag": f"taken for a flag (1 for any promotion), {flag}",
    }
    for measure, what in meaning.items():
        mine = rows[measures == measure]
        if len(mine):
            first, last, articles = mine["ds"].min().date(), mine["ds"].max().date(), mine["SKU_ID"].nunique()
            yield (
                f"promo_discount_perc of {name}, {counted(articles, 'article')} in weeks {first} to {last}, never "
                f"exceeds {mine['most_discount'].max():g}: {what}; deliver percent (0 to 100)"
            )

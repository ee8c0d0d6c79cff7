"""Discounts in one measure: percent, whatever measure a unit delivers them in.

Where a unit writes 0.3 for 30 %, or 1 for "there is a promotion", its effect would be learnt per unit of 1, and a plan
in percent would be a hundred times as much.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pandas as pd

from skucast.core.combination import KEY, Combination
from skucast.core.words import counted

RUN_WEEKS = 8
"""So many weeks with a promotion in a row, none of them deeper than 1: they are in another measure than the others."""

FEWEST_MIXED, MIXED_SHARE = 4, 0.04
"""So many weeks of combinations, and this share of those with a promotion, are a second measure of unit or article."""

BARELY, TIMES_BARELY = 5.0, 3
"""Where real discounts below 1 % exist, some below this exist too: at least one for so many of them."""

TIMES_DEEPEST, LEAST_PRICE = 1.9, 50.0
"""A discount so many times what is deep for its article, and for its unit and channel, is a price: 89.90 beside 30.
What does not exceed the half is a discount in any case."""

FEWEST_DEPTHS, WRONG_DEPTHS, WRONG_SHARE = 6, 2, 0.02
"""What is deep: the deepest of so many or more, but for two, or this share of them, that may be wrong."""

PLACE = ["unit", "channel"]


def in_percent(known: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """Return the weekly rows with all discounts in percent, and which units deliver them otherwise, in words.

    Judged by unit and channel, and by article: discounts that never exceed 1, or not in many weeks in a row, are
    fractions, or flags where each of them is 1; so are several among others that as percent would be as deep as these.
    A flag tells no depth: it counts as deep as is usual there, and as 0 where no depth is known at all, so that only
    the days with a promotion teach. What is far deeper than all else is a price, and bounded.
    """
    known, texts = _at_most_100(known)
    texts = [*_below_0(known), *_no_flags(known), *texts]
    has_depth = known["most_discount"].notna().to_numpy()
    promoted = known.loc[has_depth, [*KEY, "ds", "least_discount", "most_discount"]].reset_index(drop=True)
    measure, usual = np.full(len(promoted), "percent", dtype="object"), np.full(len(promoted), np.nan)
    of_place = (promoted["most_discount"] <= 1).groupby([promoted[name] for name in PLACE])
    n_small, n_rows = of_place.transform("sum"), of_place.transform("size")
    is_suspect = n_small >= n_rows.clip(upper=FEWEST_MIXED)  # nearly everywhere too few to be anything but percent
    for name, rows in promoted[is_suspect].groupby(PLACE):
        of_week = _by_week(rows)
        found = of_week.where(of_week != "percent", _by_article(rows))
        found = found.where(found != "percent", _by_depth(rows, found == "percent"))
        small = rows.loc[(found == "percent") & (rows["most_discount"] <= 1), "SKU_ID"].value_counts()
        for article in small.index[small >= FEWEST_MIXED]:
            mine = rows[rows["SKU_ID"] == article]
            is_open = found[mine.index] == "percent"
            found.loc[mine.index] = found[mine.index].where(~is_open, _by_depth(mine, is_open))
        if (found == "percent").all():
            continue
        depth = rows.loc[found == "percent", "most_discount"].median()
        measure[rows.index], usual[rows.index] = found, depth
        texts += _texts("/".join(map(str, name)), rows, found, has_depth=not np.isnan(depth))
    if (measure == "percent").all():
        changed, no_depth = known, np.zeros(len(known), dtype=bool)
    else:
        changed, no_depth = _by_measure(known, has_depth, measure, usual)
    bounded, prices = _bounded(changed.assign(most_discount=changed["most_discount"].mask(no_depth)))
    return bounded, [*texts, *prices]


def _by_measure(
    known: pd.DataFrame,
    has_depth: npt.NDArray[np.bool_],
    measure: npt.NDArray[np.object_],
    usual: npt.NDArray[np.float64],
) -> tuple[pd.DataFrame, npt.NDArray[np.bool_]]:
    """The rows in percent, by the measure of those that have a depth; and which have a flag of no known depth."""
    factor, no_depth = np.ones(len(known)), np.zeros(len(known), dtype=bool)
    as_flag = np.where(np.isnan(usual), 0.0, usual)
    factor[has_depth] = np.where(measure == "fraction", 100.0, np.where(measure == "flag", as_flag, 1.0))
    no_depth[has_depth] = (measure == "flag") & np.isnan(usual)
    columns = ("promo_discount_perc", "least_discount", "most_discount")
    return known.assign(**{column: known[column] * factor for column in columns}), no_depth


def _below_0(known: pd.DataFrame) -> Iterator[str]:
    """Say how many lines have a discount that is none; they came as lines without one."""
    wrong = known[known["n_bad_discount"] > 0]
    if len(wrong):
        n_lines = int(wrong["n_bad_discount"].sum())
        yield (
            f"promo_discount_perc is below 0, or infinite, in {counted(n_lines, 'line')}, first "
            f"{_name(wrong)} in week {wrong['ds'].iloc[0].date()}: counted as no discount; deliver percent (0 to 100)"
        )


def _no_flags(known: pd.DataFrame) -> Iterator[str]:
    """Say how many lines have a flag that is neither yes nor no; they came as lines without one."""
    wrong = known[known["n_bad_flag"] > 0]
    if len(wrong):
        yield (
            f"is_promo is neither yes nor no in {counted(int(wrong['n_bad_flag'].sum()), 'line')}, first "
            f"{_name(wrong)} in week {wrong['ds'].iloc[0].date()}: counted as not said; deliver true or false"
        )


def _name(rows: pd.DataFrame) -> str:
    return "/".join(map(str, rows[KEY].iloc[0]))


def _at_most_100(known: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows with no discount beyond 100 %, which is a price; of such a week no depth is known."""
    beyond = known["most_discount"] > 100
    if not beyond.any():
        return known, []
    first = _name(known[beyond])
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


def _bounded(known: pd.DataFrame) -> tuple[pd.DataFrame, list[str]]:
    """The rows with no discount far deeper than all others of its article and of its unit and channel."""
    promoted = known[known["most_discount"].notna()]
    depth, of_article = promoted["most_discount"], [promoted[name] for name in KEY]
    deep, deep_there = _deep(depth, of_article), _deep(depth, [promoted[name] for name in PLACE])
    is_price = (depth > LEAST_PRICE) & (depth > TIMES_DEEPEST * deep_there.clip(lower=deep.fillna(0.0)))
    if not is_price.any():
        return known, []
    limit = depth.mask(is_price).groupby(of_article).transform("max").fillna(deep_there)[is_price]
    rows = promoted[is_price]
    names = ["promo_discount_perc", "least_discount", "most_discount"]
    changed = known.assign(**{name: _replaced(known[name], rows[name].clip(upper=limit)) for name in names})
    first, at_most = _name(rows), limit.iloc[0]
    text = (
        f"promo_discount_perc of {counted(len(rows), 'week')} of combinations is far deeper than all else there, first "
        f"{first} in week {rows['ds'].iloc[0].date()}: {rows['most_discount'].iloc[0]:g} where at most {at_most:g} is "
        "usual: taken for a price and counted as that; correct it at the source"
    )
    return changed, [text]


def _replaced(values: pd.Series, some: pd.Series) -> pd.Series:
    """The values with some of them, by index, in the place of theirs."""
    changed = values.copy()
    changed.loc[some.index] = some
    return changed


def _deep(depth: pd.Series, names: list[pd.Series]) -> pd.Series:
    """What is deep in each row's group; NaN where there are too few to tell."""
    of_group = depth.groupby(names)
    n, order = of_group.transform("size"), of_group.rank(method="first", ascending=False)
    others = depth.where((n >= FEWEST_DEPTHS) & (order > (WRONG_SHARE * n).clip(lower=WRONG_DEPTHS)))
    return others.groupby(names).transform("max")


def _by_depth(rows: pd.DataFrame, is_open: pd.Series) -> pd.Series:
    """The measure of each row of a unit and channel, or article, by whether it is as deep as the others in another."""
    depth = rows["most_discount"]
    small, others = is_open & (depth <= 1), depth[depth > 1]
    n_small, n_barely = int(small.sum()), int((others < BARELY).sum())
    percent = pd.Series("percent", index=rows.index, dtype="object")
    if not len(others) or n_small < max(FEWEST_MIXED, MIXED_SHARE * len(rows), TIMES_BARELY * n_barely):
        return percent
    is_flag = small & (rows["least_discount"] == 1)
    is_fraction = small & ~is_flag & (100 * depth).between(others.min(), others.max())
    return percent.mask(is_fraction, "fraction").mask(is_flag, "flag")


def _by_week(rows: pd.DataFrame) -> pd.Series:
    """The measure of each row of one unit and channel, by what all its articles have in these weeks."""
    labels, week = np.unique(rows["ds"].to_numpy(), return_inverse=True)
    is_small = ~_any_of(rows["most_discount"].to_numpy() > 1, week, len(labels))
    run = np.cumsum(np.diff(is_small, prepend=False))
    length = np.bincount(run)[run]
    is_other = is_small & (is_small.all() | (length >= RUN_WEEKS))
    only_ones = ~_any_of(rows["least_discount"].to_numpy() != 1, run[week], len(labels) + 1)[run]
    of_week = np.where(is_other, np.where(only_ones, "flag", "fraction"), "percent")
    return pd.Series(of_week[week], index=rows.index, dtype="object")


def _any_of(flags: npt.NDArray[np.bool_], group: npt.NDArray[np.int64], n_groups: int) -> npt.NDArray[np.bool_]:
    """Whether any row of each group has the flag."""
    found: npt.NDArray[np.bool_] = np.bincount(group[flags], minlength=n_groups) > 0
    return found


def _by_article(rows: pd.DataFrame) -> pd.Series:
    """The measure of each row of one unit and channel, by what its article has in all its weeks, if those are many."""
    small = rows.loc[rows["most_discount"] <= 1, "SKU_ID"]
    if not len(small) or small.value_counts().iloc[0] < RUN_WEEKS:
        return pd.Series("percent", index=rows.index, dtype="object")
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

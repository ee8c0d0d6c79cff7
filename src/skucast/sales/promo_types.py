"""Types of promotions (deal, display, leaflet), as they are delivered: one for each week, in one spelling."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable

import pandas as pd

from skucast.core.spelling import fold


def types_of_weeks(by_day: pd.Series) -> pd.Series:
    """Return the type that most promoted days of each week have, None where none has one.

    `by_day` are the types of its days, separated by line breaks (`promo_types` of `Warehouse.weekly_sales`). Of several
    with as many days it is the first by the alphabet; of the spellings of one the most frequent.
    """
    found = by_day.dropna().astype("str")
    if not len(found):
        return pd.Series(None, index=by_day.index, dtype="str")
    days = {str(text): int(n) for text, n in found.value_counts().items()}
    every: Counter[str] = Counter()
    for text, n in days.items():
        for name in text.split("\n"):
            every[name] += n
    shown = one_spelling(sorted(every, key=lambda name: (-every[name], name)))
    of_text = {text: most_frequent(shown[name] for name in text.split("\n")) for text in days}
    types = pd.Series(None, index=by_day.index, dtype="object")
    types.loc[found.index] = found.map(of_text)
    return types.astype("str").where(types.notna(), None).astype("str")


def one_spelling(names: Iterable[str], known: Collection[str] = ()) -> dict[str, str]:
    """Return how each name is shown: as the first that is spelt alike, those that are known before the others."""
    names = list(names)
    first: dict[str, str] = {}
    for name in (*known, *names):
        first.setdefault(fold(name), name)
    return {name: first[fold(name)] for name in names}


def most_frequent(names: Iterable[str]) -> str:
    """Return the name that comes most often, of several the first by the alphabet; there is one at least."""
    counts = Counter(names)
    return min(counts, key=lambda name: (-counts[name], name))

"""What a load brought, in the lines that let a person see at once whether it is what they sent."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, clean_name
from skucast.core.quoting import listed
from skucast.core.weeks import WEEK, WeekClock
from skucast.core.words import counted
from skucast.sales.loading_twice import Twice

LAST_WEEKS = 4
MAX_UNITS = 20
"""Units whose weeks are shown."""

MAX_NAMES = 10
"""New names of a kind that are shown."""

SHOWN = 3
"""Combinations that a note names."""

_KINDS = {"unit": "units", "channel": "channels", "SKU_ID": "articles"}


@dataclass
class Brought:
    """The lines of a load, added up while they pass: days, and by combination lines, sold and returned quantities."""

    today: date
    first: date | None = None
    last: date | None = None
    n_nameless: int = 0
    n_without_quantity: int = 0
    n_later: int = 0
    combinations: dict[tuple[str, ...], np.ndarray] = field(default_factory=dict)
    twice: Twice = field(default_factory=Twice)

    def add(self, rows: pd.DataFrame) -> None:
        """Add up some lines of the sales' contract."""
        known = rows.dropna(subset=["date", *KEY])
        self.n_nameless += len(rows) - len(known)
        if not len(known):
            return
        self.twice.add(known)
        quantity = known["quantity"].astype("float64")
        self.n_without_quantity += int(quantity.isna().sum())
        self.n_later += int((known["date"] > pd.Timestamp(self.today)).sum())
        sums = known[KEY].assign(lines=1.0, sold=quantity.clip(lower=0), returned=-quantity.clip(upper=0))
        for parts, *found in sums.groupby(KEY).sum().itertuples(name=None):
            names = tuple(map(clean_name, parts))
            self.combinations[names] = self.combinations.get(names, np.zeros(3)) + found
        first, last = known["date"].min().date(), known["date"].max().date()
        self.first = min(first, self.first or first)
        self.last = max(last, self.last or last)


def summary(
    brought: Brought,
    before: pd.DataFrame,
    after: pd.DataFrame,
    clock: WeekClock,
    left_out: Mapping[str, Collection[str]],
) -> Iterator[str]:
    """Yield what came: period, combinations and total, new names, and the last weeks of each unit in the table now.

    `before` and `after`: the rows of `Warehouse.weekly_sales` then and now, without rows if there were none;
    `left_out`: the names by column that are no names, as on rows of totals.
    """
    wrong = {parts for parts in brought.combinations if _is_left_out(parts, left_out)}
    counting = {parts: sums for parts, sums in brought.combinations.items() if parts not in wrong}
    n_names = [
        counted(len({parts[place] for parts in counting}), kind.removesuffix("s"))
        for place, kind in enumerate(_KINDS.values())
    ]
    _, sold, back = sum(counting.values(), np.zeros(3))
    returned = f", {back:,.10g} returned" if back else ""
    yield (
        f"{brought.first} to {brought.last}: {counted(len(counting), 'combination')} "
        f"({', '.join(n_names)}), {sold:,.10g} sold{returned}"
    )
    yield from _not_counting(brought, wrong)
    yield from _new_names(counting, before)
    yield from _last_weeks(after, clock, brought.today)


def _is_left_out(parts: Sequence[str], left_out: Mapping[str, Collection[str]]) -> bool:
    return any(not part or part in left_out[column] for column, part in zip(KEY, parts, strict=True))


def _not_counting(brought: Brought, wrong: Collection[tuple[str, ...]]) -> Iterator[str]:
    """Which lines will not count, or not yet; nothing if all do."""
    n_wrong = int(sum(brought.combinations[parts][0] for parts in wrong))
    texts = []
    if brought.n_nameless:
        texts.append(f"{counted(brought.n_nameless, 'line')} without a unit, channel, article or date")
    if n_wrong:
        more = ", ..." if len(wrong) > SHOWN else ""
        names = ", ".join("/".join(parts) for parts in sorted(wrong)[:SHOWN])
        texts.append(f"{counted(n_wrong, 'line')} of totals or of nobody ({names}{more})")
    if brought.n_without_quantity:
        texts.append(f"{counted(brought.n_without_quantity, 'line')} without a quantity")
    if texts:
        yield f"not counted as sales: {', '.join(texts)}"
    if brought.n_later:
        yield f"after today, {brought.today}: {counted(brought.n_later, 'line')}, not counted before that week is over"


def _new_names(combinations: Collection[tuple[str, ...]], before: pd.DataFrame) -> Iterator[str]:
    """Names that the table did not have; none where it was empty."""
    if not len(before):
        return
    for place, (column, kind) in enumerate(_KINDS.items()):
        there = set(before[column].dropna())
        new = sorted({parts[place] for parts in combinations} - there)
        if new:
            yield f"new {kind}: {listed(new, MAX_NAMES)}"


def _last_weeks(after: pd.DataFrame, clock: WeekClock, today: date) -> Iterator[str]:
    known = after[(after["ds"] <= pd.Timestamp(clock.label(today))) & after["unit"].notna()]
    if not len(known):
        return
    last = known["ds"].max().date()
    weeks = [last - number * WEEK for number in range(LAST_WEEKS)][::-1]
    sums = known[known["ds"] >= pd.Timestamp(weeks[0])].pivot_table(
        index="unit", columns="ds", values="quantity", aggfunc="sum"
    )
    sums = sums.reindex(index=sorted(known["unit"].unique()), columns=pd.DatetimeIndex(weeks))
    part = " (not over)" if last >= today else ""
    yield f"sold by unit in the weeks that end on {', '.join(f'{each:%Y-%m-%d}' for each in weeks)}{part}:"
    for unit, values in sums.head(MAX_UNITS).iterrows():
        yield f"  {unit}: {', '.join('nothing' if np.isnan(value) else f'{value:,.10g}' for value in values)}"
    if len(sums) > MAX_UNITS:
        yield f"  and {len(sums) - MAX_UNITS} more units"

"""What a load brought, in the lines that let a person see at once whether it is what they sent."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import numpy as np
import pandas as pd

from skucast.core.combination import KEY, clean_name
from skucast.core.weeks import WEEK, WeekClock
from skucast.core.words import counted

LAST_WEEKS = 4
MAX_UNITS = 20
"""Units whose weeks are shown."""

MAX_NAMES = 10
"""New names of a kind that are shown."""

_KINDS = {"unit": "units", "channel": "channels", "SKU_ID": "articles"}


@dataclass
class Brought:
    """The lines of a load, added up while they pass: days, combinations, quantities."""

    first: date | None = None
    last: date | None = None
    sold: float = 0.0
    returned: float = 0.0
    n_lines: int = 0
    combinations: set[tuple[str, ...]] = field(default_factory=set)

    def add(self, rows: pd.DataFrame) -> None:
        """Add up some lines of the sales' contract."""
        known = rows.dropna(subset=["date", *KEY])
        self.n_lines += len(rows)
        names = known[KEY].drop_duplicates().itertuples(index=False, name=None)
        self.combinations |= {tuple(map(clean_name, parts)) for parts in names}
        quantity = rows["quantity"].to_numpy(dtype="float64")
        self.sold += float(np.nansum(quantity.clip(min=0)))
        self.returned -= float(np.nansum(quantity.clip(max=0)))
        if len(known):
            first, last = known["date"].min().date(), known["date"].max().date()
            self.first = min(first, self.first or first)
            self.last = max(last, self.last or last)


def summary(
    brought: Brought, before: pd.DataFrame, after: pd.DataFrame, clock: WeekClock, today: date
) -> Iterator[str]:
    """Yield what came: period, combinations and total, new names, and the last weeks of each unit in the table now.

    `before` and `after`: the rows of `Warehouse.weekly_sales` then and now, without rows if there were none.
    """
    if brought.first is None:
        yield "no line has a day and all names: none of them counts"
        return
    n_names = [counted(len({parts[place] for parts in brought.combinations}), name) for place, name in _each("s")]
    returned = f", {brought.returned:,.10g} returned" if brought.returned else ""
    yield (
        f"{brought.first} to {brought.last}: {counted(len(brought.combinations), 'combination')} "
        f"({', '.join(n_names)}), {brought.sold:,.10g} sold{returned}"
    )
    yield from _new_names(brought, before)
    yield from _last_weeks(after, clock, today)


def _each(plural: str) -> list[tuple[int, str]]:
    return [(place, kind.removesuffix(plural)) for place, kind in enumerate(_KINDS.values())]


def _new_names(brought: Brought, before: pd.DataFrame) -> Iterator[str]:
    """Names that the table did not have; none where it was empty."""
    if not len(before):
        return
    for place, (column, kind) in enumerate(_KINDS.items()):
        there = set(before[column].dropna())
        new = sorted({parts[place] for parts in brought.combinations} - there)
        if new:
            more = f" and {len(new) - MAX_NAMES:,} more" if len(new) > MAX_NAMES else ""
            yield f"new {kind}: {', '.join(new[:MAX_NAMES])}{more}"


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

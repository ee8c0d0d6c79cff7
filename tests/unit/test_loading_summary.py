"""The summary of a load says which lines will not count, and sums up the others alone."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
from sales_files import csv

from skucast.core.combination import KEY
from skucast.core.tables.names import NAMES
from skucast.core.tables.sales import SALES
from skucast.core.tables.validation import empty
from skucast.core.weeks import WeekClock
from skucast.sales.loading import read_delivery
from skucast.sales.loading_summary import Brought, summary
from skucast.sales.names import no_names

TODAY = date(2026, 11, 18)


def said(path: Path) -> list[str]:
    """Return the summary of a load of the file into an empty table, without the weeks."""
    brought = Brought(TODAY)
    rows = pd.concat(read_delivery(path, SALES, {}, lambda _, piece: brought.add(piece)).rows)
    left_out = no_names(rows, empty(NAMES))
    nothing = pd.DataFrame({"ds": pd.Series(dtype="datetime64[ns]"), **{name: [] for name in [*KEY, "quantity"]}})
    return list(summary(brought, nothing, nothing, WeekClock(), left_out))


def test_lines_that_do_not_count_are_said_and_not_summed_up() -> None:
    """Without a name or day, of totals, without a quantity; those after today are counted later."""
    path = csv(
        "2026-11-16,Пермь,KA,A1,12,",
        "2026-11-16,Пермь,KA,A1,-2,",
        "2026-11-16,Пермь,KA,A1,,",
        "2026-11-16,,KA,A1,100,",
        ",Пермь,KA,A1,100,",
        "2026-11-16,Итого,KA,A1,1000,",
        "2026-11-19,Пермь,KA,A1,3,",
    )
    period, wrong, later = said(path)
    assert period == "2026-11-16 to 2026-11-19: 1 combination (1 unit, 1 channel, 1 article), 15 sold, 2 returned"
    assert wrong == (
        "not counted as sales: 2 lines without a unit, channel, article or date, 1 line of totals or of nobody "
        "(Итого/KA/A1), 1 line without a quantity"
    )
    assert later == "after today, 2026-11-18: 1 line, not counted before that week is over"


def test_nothing_is_said_where_all_lines_count() -> None:
    """One line alone."""
    assert len(said(csv("2026-11-16,Пермь,KA,A1,12,"))) == 1

"""Weeks without gaps: where they begin, and what becomes of a week without a row."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from skucast.core.combination import KEY
from skucast.sales.gapless import Gapless, first_weeks

LAST = date(2026, 11, 22)
ROWS = [
    ("A", "2026-11-15", 0.0, "2026-11-09"),
    ("A", "2026-11-22", 4.0, "2026-11-16"),
    ("B", "2026-11-01", 5.0, "2026-10-29"),
    ("B", "2026-11-22", 6.0, "2026-11-16"),
    ("C", "2026-11-22", 0.0, "2026-11-16"),
    ("D", "2026-11-22", 7.0, "2026-11-18"),
]
"""A sells a week after its first row; B's first week is partial and two of its weeks have no row; C never sells; D's
only week is partial."""


def sold(order: list[int]) -> pd.DataFrame:
    """Return the rows in some order."""
    rows = [ROWS[place] for place in order]
    days = {name: pd.to_datetime([row[n] for row in rows]).astype("datetime64[us]") for name, n in (("ds", 1),)}
    return pd.DataFrame(
        {
            "unit": pd.Series([row[0] for row in rows], dtype="str"),
            "channel": pd.Series("k", index=range(len(rows)), dtype="str"),
            "SKU_ID": pd.Series("s", index=range(len(rows)), dtype="str"),
            **days,
            "quantity": [row[2] for row in rows],
            "returns_quantity": 0.0,
            "first_date": pd.to_datetime([row[3] for row in rows]).astype("datetime64[us]"),
        }
    )


def test_weeks_begin_with_a_sale_and_have_no_gap() -> None:
    """In any order of the rows."""
    for order in ([0, 1, 2, 3, 4, 5], [5, 3, 1, 4, 2, 0]):
        rows = sold(order)
        starts, group, dropped = first_weeks(rows, "day")
        gapless = Gapless.of(rows, starts, group, LAST)
        weeks = gapless.weeks()
        y = gapless.spread(rows["quantity"].to_numpy()[gapless.places >= 0], 0.0)
        found = [(unit, str(ds.date()), y) for unit, ds, y in zip(weeks["unit"], weeks["ds"], y, strict=True)]
        assert found == [
            ("A", "2026-11-22", 4.0),
            ("B", "2026-11-08", 0.0),
            ("B", "2026-11-15", 0.0),
            ("B", "2026-11-22", 6.0),
            ("D", "2026-11-22", 7.0),
        ]
        assert dropped[[*KEY, "y"]].values.tolist() == [["B", "k", "s", 5.0]]
        assert str(weeks["ds"].dtype) == "datetime64[us]"


def test_weekly_rows_are_never_partial() -> None:
    """The day of a row of weekly sales says nothing."""
    starts, _, dropped = first_weeks(sold([2, 3]), "week")
    assert starts["start"].tolist() == [pd.Timestamp("2026-11-01")]
    assert not len(dropped)


def test_nothing_sold_has_no_weeks() -> None:
    """Rows of a combination that never sold lie nowhere."""
    rows = sold([4])
    starts, group, _ = first_weeks(rows, "day")
    gapless = Gapless.of(rows, starts, group, LAST)
    assert not len(gapless.weeks())
    assert not len(gapless.spread(np.array([], dtype="float64"), 0.0))
    nobody = rows.iloc[:0]
    starts, group, _ = first_weeks(nobody, "day")
    assert not len(Gapless.of(nobody, starts, group, LAST).weeks())

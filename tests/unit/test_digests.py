"""Digests of histories."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from skucast.sales.digests import digests_of

WEEKS = pd.date_range("2026-11-01", periods=4, freq="W-SUN")


def history() -> pd.DataFrame:
    rows = [
        ("P", "KA", sku, ds, float(number), 0.0, 0.0)
        for sku, weeks in (("A", WEEKS), ("B", WEEKS[2:]))
        for number, ds in enumerate(weeks)
    ]
    return pd.DataFrame(rows, columns=["unit", "channel", "SKU_ID", "ds", "y", "promo_discount_perc", "promo_days"])


def asked(*cutoffs: str, sku: str = "A") -> pd.DataFrame:
    return pd.DataFrame({"unit": "P", "channel": "KA", "SKU_ID": sku, "data_cutoff": pd.to_datetime(list(cutoffs))})


def test_later_weeks_do_not_change_what_was_known():
    """The digest up to a week is the same whatever has come after it, and whichever articles are beside."""
    weeks = history()
    then = weeks[(weeks["ds"] <= "2026-11-15") & (weeks["SKU_ID"] == "A")].reset_index(drop=True)
    assert digests_of(weeks, asked("2026-11-15")) == digests_of(then, asked("2026-11-15"))
    one, other = digests_of(weeks, asked("2026-11-15", "2026-11-22"))
    assert one != other


@pytest.mark.parametrize(
    ("column", "value"), [("y", 1.002), ("y", np.nan), ("promo_discount_perc", 20.0), ("promo_days", 7.0)]
)
def test_another_value_is_another_digest(column, value):
    """Restated sales, unknown ones and another promotion of a known week are seen; those after it are not."""
    weeks = history()
    weeks.loc[1, column] = value
    found, before = (digests_of(each, asked("2026-11-01", "2026-11-22")) for each in (weeks, history()))
    assert found[0] == before[0]
    assert found[1] != before[1]


def test_the_last_digits_do_not_count():
    """A sum of floats that differs in its last digits is the same sales."""
    weeks = history()
    assert (
        digests_of(weeks.assign(y=weeks["y"] + 1e-9), asked("2026-11-22")) == digests_of(weeks, asked("2026-11-22"))
    ).all()


def test_weeks_that_change_places_are_seen():
    """Two weeks that swap their sales are other sales."""
    weeks = history()
    weeks.loc[[1, 2], "y"] = [2.0, 1.0]
    assert digests_of(weeks, asked("2026-11-22")) != digests_of(history(), asked("2026-11-22"))


def test_nothing_known_has_no_digest():
    """An article that is not there, or not yet, has none."""
    assert digests_of(history(), asked("2026-11-01", sku="B")).tolist() == [None]
    assert digests_of(history(), asked("2026-11-22", sku="C")).tolist() == [None]

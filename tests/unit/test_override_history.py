"""What has become of all that was said by overrides: by whose word, and when, it does not hold any more."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.overrides import OVERRIDES
from skucast.core.tables.validation import validate
from skucast.regressors.override_history import history_of

TODAY, RUNNING = date(2026, 11, 26), date(2026, 11, 29)


def said(name: str, day: int, weeks: tuple[str, str], author: str = "Anna", **other: Any) -> dict[str, Any]:
    """Return what was said of all articles of a unit on a day of November, +15 % unless something else is given."""
    return {
        **dict(zip(KEY, ("Пермь", "KA", "*"), strict=True)),
        "override_id": name,
        "ds_from": pd.Timestamp(weeks[0]),
        "ds_to": pd.Timestamp(weeks[1]),
        "kind": "%",
        "value": 15.0,
        "reason": "event",
        "author": author,
        "known_from": pd.Timestamp(f"2026-11-{day} 10:00"),
        "expires_on": pd.NaT,
        "cancelled": False,
        "note": None,
        "batch_id": "b",
    } | other


def became(*rows: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what became of each statement, in their order."""
    found = history_of(validate(OVERRIDES, pd.DataFrame(rows)), pd.Timestamp("2026-11-26 20:00"), TODAY, RUNNING)
    return list(found[["override_id", "became"]].itertuples(index=False, name=None))


DECEMBER = ("2026-12-06", "2026-12-20")
OFF = {"kind": None, "value": None, "cancelled": True}


def test_one_that_is_changed_or_called_off_says_by_whom_and_when() -> None:
    """Every statement of it has its line."""
    assert became(
        said("a", 20, DECEMBER), said("a", 21, DECEMBER, value=20.0), said("a", 22, DECEMBER, "Boris", **OFF)
    ) == [
        ("a", "called off by Boris on 2026-11-22"),
        ("a", "called off by Boris on 2026-11-22"),
        ("a", "calls it off"),
    ]
    assert became(said("a", 20, DECEMBER), said("a", 21, DECEMBER, "Boris", value=20.0)) == [
        ("a", "changed by Boris on 2026-11-21"),
        ("a", "holds"),
    ]


def test_one_that_is_replaced_says_by_which() -> None:
    """By newer ones of the same names, of all of its weeks or of some; other names replace nothing."""
    first = said("a", 20, DECEMBER)
    assert became(first, said("b", 21, ("2026-12-06", "2026-12-27"), "Boris")) == [
        ("a", "replaced by b by Boris on 2026-11-21"),
        ("b", "holds"),
    ]
    assert became(first, said("b", 21, ("2026-12-13", "2026-12-13"), "Boris"))[0] == (
        "a",
        "holds, but for some weeks: replaced by b by Boris on 2026-11-21",
    )
    assert became(first, said("b", 21, DECEMBER, SKU_ID="A1"))[0] == ("a", "holds")


def test_one_under_another_that_was_called_off_says_so() -> None:
    """Where the newer one is called off nothing counts, and the older one does not come back."""
    found = became(said("a", 20, DECEMBER), said("b", 21, DECEMBER), said("b", 22, DECEMBER, "Clara", **OFF))
    assert found[0] == ("a", "called off with b by Clara on 2026-11-22")


def test_what_is_over_or_has_expired_says_so() -> None:
    """An expired one gives way to what was said before."""
    found = became(
        said("a", 20, ("2026-11-22", "2026-11-22")),
        said("b", 20, DECEMBER),
        said("c", 21, DECEMBER, expires_on=pd.Timestamp("2026-11-25")),
    )
    assert found == [("a", "its weeks are over"), ("b", "holds"), ("c", "expired on 2026-11-25")]

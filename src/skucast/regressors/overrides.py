"""The planner's word as it was known at a moment: of every names and week the statement that counts."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, datetime

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.tables.contract import ALL
from skucast.core.weeks import WEEK

LINE_DIGITS = 9
"""More than any file has lines."""

SAID = [*KEY, "ds", "kind", "value", "override_id", "known_from"]
"""Columns of `said_of`."""


def holding(rows: pd.DataFrame, known_at: datetime, today: date) -> pd.DataFrame:
    """Return the rows of `tables.OVERRIDES` that hold on a day, the newest last; those that cancel are among them.

    Of the rows of one override_id the newest counts, if it has not expired. Of what was said at once, what cancels
    comes first: a file may call one off and say another thing of the same weeks.

    Args:
        rows: of one name each, the sales'.
        known_at: nothing that was said later is used, naive UTC.
        today: the day that it is about; one that expires on it still holds.
    """
    known = rows[rows["known_from"] <= pd.Timestamp(known_at)]
    newest = in_order_said(known).drop_duplicates("override_id", keep="last")
    lasts = newest["expires_on"].isna() | (newest["expires_on"] >= pd.Timestamp(today))
    return newest[lasts].reset_index(drop=True)


def in_order_said(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows as they follow each other: of what was said at once, what cancels comes first."""
    order = ["known_from", "_stands", "override_id", "ds_from"]
    return rows.assign(_stands=~rows["cancelled"]).sort_values(order, kind="stable").drop(columns="_stands")


def said_of(held: pd.DataFrame, weeks: Collection[pd.Timestamp]) -> pd.DataFrame:
    """Return what is said of weeks (their labels), one row per names and week: the newest statement, `SAID`.

    Where the newest one cancels, nothing is said.
    """
    by_week = held.merge(pd.DataFrame({"ds": sorted(set(weeks))}, dtype="datetime64[us]"), how="cross")
    in_weeks = by_week[by_week["ds"].between(by_week["ds_from"], by_week["ds_to"])]
    newest = in_weeks.drop_duplicates([*KEY, "ds"], keep="last")
    return newest.loc[~newest["cancelled"], SAID].reset_index(drop=True)


def still_said(held: pd.DataFrame, after: date) -> pd.DataFrame:
    """Return the rows, as of `holding`, that something of still counts in a week after this label.

    One that is called off, over, or of which newer ones of the same names say all weeks, is none of them.
    """
    if held.empty:
        return held
    first = max(pd.Timestamp(after) + WEEK, held["ds_from"].min())
    said = said_of(held, pd.date_range(first, held["ds_to"].max(), freq="7D").astype("datetime64[us]"))
    return held[held["override_id"].isin(said["override_id"]) & ~held["cancelled"]]


def in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows in the order in which they were said; those of one file by their lines, which end their names."""
    line = rows["override_id"].astype("str").str.replace(r"\d+$", lambda found: found[0].zfill(LINE_DIGITS), regex=True)
    return rows.assign(_line=line).sort_values(["known_from", "_line"], kind="stable").drop(columns="_line")


def n_named(rows: pd.DataFrame) -> pd.Series:
    """Return how many of the three names each row has: a narrower scope has more."""
    named: pd.Series = (rows[KEY] != ALL).sum(axis=1)
    return named


def scope_of(names: Collection[str]) -> str:
    """Return the names of an override as they are written: `Unit/*/SKU_ID`."""
    return "/".join(names)

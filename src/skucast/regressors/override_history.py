"""What has become of everything that was ever said by overrides: whether it holds, and else by whose word not."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pandas as pd

from skucast.core.combination import KEY
from skucast.core.texts import Text, in_a_row
from skucast.regressors.overrides import holding, in_order_said

SHOWN = 3
"""Others that a sentence names."""


def history_of(rows: pd.DataFrame, known_at: datetime, today: date, running: date) -> pd.DataFrame:
    """Return the rows of `tables.OVERRIDES` in the order in which they were said, with `became`, a `Text`.

    Args:
        rows: of one name each, the sales'.
        known_at: nothing that was said later is used, naive UTC.
        today: the day that it is about.
        running: label of the week that runs on it: earlier ones are over.
    """
    said = in_order_said(rows[rows["known_from"] <= pd.Timestamp(known_at)]).reset_index(drop=True)
    held = holding(rows, known_at, today).to_dict("records")
    by_names: dict[tuple[Any, ...], list[dict[Any, Any]]] = {}
    for row in held:
        by_names.setdefault(_names(row), []).append(row)
    newest = {row["override_id"]: row for row in said.to_dict("records")}
    last = said.duplicated("override_id", keep="last")
    became = [
        _changed(newest[row["override_id"]])
        if is_earlier
        else _became(row, by_names.get(_names(row), []), today, running)
        for row, is_earlier in zip(said.to_dict("records"), last, strict=True)
    ]
    return said.assign(became=pd.Series(became, index=said.index, dtype="object"))


def _names(row: dict[Any, Any]) -> tuple[Any, ...]:
    return tuple(row[name] for name in KEY)


def _by(row: dict[Any, Any]) -> dict[str, Any]:
    return {"author": row["author"], "day": row["known_from"].date()}


def _changed(newest: dict[Any, Any]) -> Text:
    """What became of a statement whose override was spoken of again."""
    if newest["cancelled"]:
        return Text("called off by {author} on {day}", **_by(newest))
    return Text("changed by {author} on {day}", **_by(newest))


def _became(row: dict[Any, Any], held: list[dict[Any, Any]], today: date, running: date) -> Text:
    """What became of the newest statement of an override; `held` are those of the same names that hold."""
    if row["cancelled"]:
        return Text("calls it off")
    if pd.notna(row["expires_on"]) and row["expires_on"] < pd.Timestamp(today):
        return Text("expired on {day}", day=row["expires_on"].date())
    place = next(number for number, each in enumerate(held) if each["override_id"] == row["override_id"])
    weeks = pd.date_range(row["ds_from"], row["ds_to"], freq="7D")
    others = [_of_week(held[place + 1 :], week) for week in weeks]
    met = {each["override_id"]: each for each in others if each is not None}
    said = in_a_row([_settled_by(each) for each in list(met.values())[:SHOWN]])
    if len(met) > SHOWN:
        said = Text("{said} and {n} more", said=said, n=len(met) - SHOWN)
    if met and None not in others:
        return said
    state = Text("its weeks are over") if row["ds_to"] < pd.Timestamp(running) else Text("holds")
    return Text("{state}, but for some weeks: {others}", state=state, others=said) if met else state


def _settled_by(other: dict[Any, Any]) -> Text:
    by = {"id": other["override_id"], **_by(other)}
    if other["cancelled"]:
        return Text("called off with {id} by {author} on {day}", **by)
    return Text("replaced by {id} by {author} on {day}", **by)


def _of_week(later: list[dict[Any, Any]], week: pd.Timestamp) -> dict[Any, Any] | None:
    """The newest of later statements about a week, None if there is none."""
    return next((each for each in reversed(later) if each["ds_from"] <= week <= each["ds_to"]), None)

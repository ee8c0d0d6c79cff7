"""The template of overrides: what holds now, to be changed and sent back; without any, examples."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from skucast.core.combination import Combination
from skucast.core.tables.contract import ALL
from skucast.core.texts import Text
from skucast.core.weeks import WEEK
from skucast.regressors.override_checks import COLUMNS

MEANINGS = {
    "unit": Text("business unit as in the sales; * = all"),
    "channel": Text("sales channel as in the sales; * = all"),
    "SKU_ID": Text("article as in the sales; * = all"),
    "ds_from": Text("any day of the first week, 2026-12-06 or 06.12.2026"),
    "ds_to": Text("any day of the last week; empty = one week"),
    "kind": Text("= the week's number becomes the value; + it is added; % so many percent are added"),
    "value": Text("of each week, of all combinations of the row together; with + and % it may be negative"),
    "reason": Text("why, one of the reasons that are agreed"),
    "author": Text("who says so"),
    "expires_on": Text("last day on which a forecast uses it; may stay empty"),
    "cancelled": Text("yes = called off; may stay empty"),
    "override_id": Text("which override the row corrects or calls off; empty = a new one"),
    "note": Text("your remark; not used"),
}
"""The columns of a template and what they mean; `known_from` is for archives alone."""

_EXAMPLES = (("%", 15, Text("example: 15 percent more")), ("=", 120, Text("example: 120 pieces")))


def template_rows(
    held: pd.DataFrame, known: Sequence[Combination], running: date, reasons: Sequence[str]
) -> list[dict[str, object]]:
    """Return the overrides that hold from the running week on, by column; none there: examples, refused as they are.

    Sent back unchanged, they change nothing; an example has no author.
    """
    lasting = held[(held["ds_to"] >= pd.Timestamp(running)) & ~held["cancelled"]]
    if len(lasting):
        rows = lasting.sort_values(["ds_from", "override_id"]).to_dict("records")
        own = [{"cancelled": None, "reason": Text(row["reason"])} for row in rows]
        return [{name: _cell(row[name]) for name in MEANINGS} | ours for row, ours in zip(rows, own, strict=True)]
    one, unit = known[0].parts, (known[0].unit, ALL, ALL)
    return [
        dict.fromkeys(MEANINGS)
        | dict(zip(COLUMNS, (*names, running + WEEK, running + WEEK, kind, value, Text(reasons[0])), strict=False))
        | {"note": note}
        for names, (kind, value, note) in zip((unit, one), _EXAMPLES, strict=True)
    ]


def meanings(reasons: Sequence[str]) -> dict[str, Text]:
    """Return what the columns mean, with the reasons that an override may have."""
    return MEANINGS | {"reason": Text("why, one of: {reasons}", reasons=tuple(Text(each) for each in reasons))}


def _cell(value: Any) -> object:
    if pd.isna(value):
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value

"""The template of overrides: what holds now, to be changed and sent back; without any, examples."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from skucast.core.combination import Combination
from skucast.core.tables.contract import ALL
from skucast.core.texts import wording
from skucast.core.weeks import WEEK
from skucast.regressors.override_checks import COLUMNS

MEANINGS = {
    "unit": wording("business unit as in the sales; * = all"),
    "channel": wording("sales channel as in the sales; * = all"),
    "SKU_ID": wording("article as in the sales; * = all"),
    "ds_from": wording("any day of the first week, 2026-12-06 or 06.12.2026"),
    "ds_to": wording("any day of the last week; empty = one week"),
    "kind": wording("= the week's number becomes the value; + it is added; % so many percent are added"),
    "value": wording("of each week, of all combinations of the row together; with + and % it may be negative"),
    "reason": wording("why, one of OVERRIDE_REASONS"),
    "author": wording("who says so"),
    "expires_on": wording("last day on which a forecast uses it; may stay empty"),
    "cancelled": wording("yes = called off; may stay empty"),
    "override_id": wording("which override the row corrects or calls off; empty = a new one"),
    "note": wording("your remark; not used"),
}
"""The columns of a template and what they mean; `known_from` is for archives alone."""

_EXAMPLES = (("%", 15, wording("example: 15 percent more")), ("=", 120, wording("example: 120 pieces")))


def template_rows(
    held: pd.DataFrame, known: Sequence[Combination], running: date, reason: str
) -> list[dict[str, object]]:
    """Return the overrides that hold from the running week on, by column; none there: examples, refused as they are.

    Sent back unchanged, they change nothing; an example has no author.
    """
    lasting = held[(held["ds_to"] >= pd.Timestamp(running)) & ~held["cancelled"]]
    if len(lasting):
        rows = lasting.sort_values(["ds_from", "override_id"]).to_dict("records")
        return [{name: _cell(row[name]) for name in MEANINGS} | {"cancelled": None} for row in rows]
    one, unit = known[0].parts, (known[0].unit, ALL, ALL)
    return [
        dict.fromkeys(MEANINGS)
        | dict(zip(COLUMNS, (*names, running + WEEK, running + WEEK, kind, value, reason), strict=False))
        | {"note": note}
        for names, (kind, value, note) in zip((unit, one), _EXAMPLES, strict=True)
    ]


def _cell(value: Any) -> object:
    if pd.isna(value):
        return None
    return value.date() if isinstance(value, pd.Timestamp) else value

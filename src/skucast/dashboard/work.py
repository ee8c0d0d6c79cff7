"""The work list on the page: its lines with what people have said of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from skucast.core.combination import KEY
from skucast.dashboard.columns import Columns, coded, iso, values, whole

if TYPE_CHECKING:
    from pandas import DataFrame

_TEXTS = [
    *(
        "line_id",
        "kind",
        "about",
        "rules",
        "reason",
        "what",
        "why",
        "why_json",
        "to_do",
        "planned",
        "engineer",
        "command",
    ),
    *("gcloud_command", "state", "owner", "comment", "said_by", "back"),
]
_DAYS = ["opened", "snoozed_until", "said_at"]


def work_data(lines: DataFrame | None, names: DataFrame) -> Columns:
    """Return the lines in their order, `combination` the place of its names on the page, -1 where they are not there.

    `lines` has the columns of `work_list.LINE_COLUMNS` and `work_memory.MEMORY_COLUMNS`.
    """
    import pandas as pd

    if lines is None or lines.empty:
        return {name: [] for name in ["combination", *_TEXTS, *_DAYS, "at_stake", "is_new"]}
    index = pd.MultiIndex.from_frame(names[KEY])
    return {
        "combination": index.get_indexer(pd.MultiIndex.from_frame(lines[KEY])).tolist(),
        **{name: coded(lines[name]) for name in _TEXTS},
        **{name: coded(iso(lines[name])) for name in _DAYS},
        **values(lines, ["at_stake"]),
        "is_new": whole(lines["is_new"]),
    }

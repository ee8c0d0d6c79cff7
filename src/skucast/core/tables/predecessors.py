"""Which articles new ones are like, and which they replace."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import BROUGHT_BY, Column, Table, text

LIKE = tuple(f"like_{name}" for name in KEY)
"""Columns that name the article that another is like."""

PREDECESSORS = Table(
    label="predecessors",
    name="distributor_predecessors",
    meaning="What new articles are like, append-only, known from a moment on: a correction is a new row, and for an "
    "article and one that it is like, the newest row counts.",
    columns=(
        *(
            text(name, f"{name} of the new article; `*` = that of the other one, whichever it is", nullable=True)
            for name in KEY
        ),
        *(
            text(column, f"{name} of the article that it is like; NULL = the same, `*` = all", nullable=True)
            for name, column in zip(KEY, LIKE, strict=True)
        ),
        Column(
            "weight",
            "FLOAT64",
            "ratio, 0 and more",
            "how much this one counts beside others that it is like; with "
            "phase_out_from, the share of its sales that moves; NULL = 1, 0 = withdrawn",
            nullable=True,
        ),
        Column(
            "scale", "FLOAT64", "ratio, above 0", "sales of the new one for one of the other; NULL = 1", nullable=True
        ),
        Column(
            "phase_out_from",
            "DATE",
            "day",
            "first day on which the other one's sales move to the new one; NULL = it stays",
            nullable=True,
        ),
        Column("known_from", "TIMESTAMP", "UTC", "since when this was known; nothing before may use it", nullable=True),
        text("note", "remark, not used", nullable=True),
        BROUGHT_BY,
    ),
    keeps_batches=True,
)
"""All may be NULL, as in the plan of promotions: what means nothing is passed over and counted."""

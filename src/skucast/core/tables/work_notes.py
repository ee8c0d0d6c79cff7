"""What people have said of the lines of the work list: done, snoozed, whose it is, and what they remark."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import BROUGHT_BY, Check, Column, Table, instant, text

WORK_STATES = ("done", "snoozed", "open")
"""It is dealt with; it waits until a day; it is open again, whatever was said before."""

WORK_NOTES = Table(
    label="work_notes",
    name="distributor_work_notes",
    meaning="What people say of the lines of the work list, append-only, known from a moment on: of each line the "
    "newest state counts, the newest owner and the newest comment.",
    columns=(
        text("line_id", "name of the line, the same for as long as it is about the same matter"),
        text("about", "what the line was about: its combination, the rule of the whole, the refused file"),
        *(text(name, f"{name}; `*` = the business as a whole") for name in KEY),
        text("state", "what becomes of the line; NULL = as before", nullable=True, allowed=WORK_STATES),
        Column("snoozed_until", "DATE", "day", "first day on which it is on the list again; NULL = not snoozed", True),
        text("owner", "who sees to it; NULL = as before", nullable=True),
        text("comment", "remark; NULL = none", nullable=True),
        text("author", "who says so"),
        instant("known_from", "when it was said"),
        Column(
            "seen_through",
            "DATE",
            "day",
            "newest day on which a part of the line was opened that the author could know; one opened later is new",
            nullable=True,
        ),
        Column(
            "size",
            "FLOAT64",
            "sales; of the system's rules as the rule",
            "how large it was: the volume at stake, or how far beyond its limit the rule was; NULL = not known",
            nullable=True,
        ),
        BROUGHT_BY,
    ),
    checks=(
        Check(
            "snoozed_until is there if, and only if, the state is snoozed",
            lambda rows: rows["snoozed_until"].notna() == rows["state"].eq("snoozed").fillna(value=False).astype(bool),
        ),
    ),
    keeps_batches=True,
)

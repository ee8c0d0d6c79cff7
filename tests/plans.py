"""Planners' files for tests: lines that are good but for what is given, and what a file of them says."""

from __future__ import annotations

import csv
import io
from datetime import datetime

from skucast.core.combination import Combination
from skucast.core.weeks import WeekClock
from skucast.regressors.promotion_files import PlanFile, read_plan

RUN_AT = datetime.fromisoformat("2026-11-25T19:00:00")
"""A Wednesday evening; its week began on Monday the 23rd."""

CLOCK = WeekClock()
HEADER = "unit,channel,SKU_ID,starts_on,ends_on,discount_perc,covers_through,cancelled,known_from,plan_id,note"
KNOWN = [
    Combination("Пермь", "KA", "A1"),
    Combination("Пермь", "KA", "B2"),
    Combination("Пермь", "ON TRADE", "A1"),
    Combination("Чайковский", "TF", "9752"),
]


def plan(*lines: str, header: str = HEADER, run_at: datetime = RUN_AT) -> PlanFile:
    """Return what a CSV of these lines says."""
    content = "\n".join([header, *lines]).encode()
    return read_plan("plan.csv", content, KNOWN, run_at, CLOCK)


def line(**cells: str) -> str:
    """Return a line that is good but for what is given."""
    good = {
        "unit": "Пермь",
        "channel": "KA",
        "SKU_ID": "A1",
        "starts_on": "2026-11-30",
        "ends_on": "2026-12-06",
        "discount_perc": "30",
        "covers_through": "2026-12-31",
    }
    text = io.StringIO()
    csv.DictWriter(text, HEADER.split(","), restval="").writerow(good | cells)
    return text.getvalue().strip()


def nothing_else(unit: str = "*", channel: str = "*", sku_id: str = "*") -> str:
    """Return the line that says that nothing else is planned for these names."""
    return line(unit=unit, channel=channel, SKU_ID=sku_id, starts_on="", ends_on="", discount_perc="")


def reasons(*lines: str) -> list[str]:
    """Return the reasons of the rows that are rejected."""
    return plan(*lines).rejected["reason"].tolist()


def promotions(found: PlanFile) -> list[tuple[object, ...]]:
    rows = found.rows[found.rows["discount_perc"].notna()]
    return [
        (
            "/".join((row.unit, row.channel, row.SKU_ID)),
            str(row.starts_on.date()),
            str(row.ends_on.date()),
            row.discount_perc,
        )
        for row in rows.itertuples()
    ]


def coverage(found: PlanFile) -> list[tuple[str, str, str]]:
    """Return which names the file says to cover, from when, through when."""
    rows = found.rows[found.rows["discount_perc"].isna()]
    return [
        ("/".join((row.unit, row.channel, row.SKU_ID)), str(row.starts_on.date()), str(row.ends_on.date()))
        for row in rows.itertuples()
    ]

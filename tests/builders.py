"""Small inputs that several tests build on: days, sales lines, what a warehouse makes of them, Excel files."""

from __future__ import annotations

import io
from datetime import date, timedelta
from typing import Any

import openpyxl
import pandas as pd

from skucast.backends.warehouse.protocol import Warehouse
from skucast.core.run import Run
from skucast.core.tables.sales import SALES
from skucast.core.weeks import WeekClock
from skucast.sales.history import History, build_history

WEDNESDAY = date(2026, 11, 25)
"""Business date of the tests' runs."""

CUTOFF = date(2026, 11, 22)
"""Label of the last complete week on that Wednesday, a Sunday."""

NAMES = {"unit": "Пермь", "channel": "KA", "SKU_ID": "A1"}
"""The combination of a sales line that names none."""


def sunday(weeks_before_cutoff: int) -> date:
    """Return the label of the week so many weeks before the cutoff."""
    return CUTOFF - timedelta(weeks=weeks_before_cutoff)


def line(day: str | date | None, quantity: float | None, **other: Any) -> dict[str, Any]:
    """Return one sales line as delivered; `promo=30, stock=0, SKU_ID="B2"` set the rest."""
    promo, stock = other.pop("promo", None), other.pop("stock", None)
    columns = {"date": day, "quantity": quantity, "Promo_discount_perc": promo, "stock": stock}
    return {**NAMES, **columns, **other}


def week(label: date, quantity: float, **other: Any) -> list[dict[str, Any]]:
    """Return the lines of one whole week, the quantity on its Monday and nothing on the other six days."""
    days = [label - timedelta(days=6 - number) for number in range(7)]
    return [line(day, quantity if number == 0 else 0.0, **other) for number, day in enumerate(days)]


def deliver(warehouse: Warehouse, lines: list[dict[str, Any]], run: Run, batch_id: str = "delivery") -> None:
    """Append the lines to the sales table, as one delivery."""
    rows = pd.DataFrame(lines).astype({"quantity": "float64", "Promo_discount_perc": "float64", "stock": "float64"})
    warehouse.append_once(SALES, rows, batch_id=batch_id, source="test", run=run)


def history_of(
    warehouse: Warehouse, lines: list[dict[str, Any]], run: Run, clock: WeekClock | None = None, **options: Any
) -> History:
    """Return the history of these sales: delivered, summed to weeks by the warehouse, cleaned."""
    clock = clock or WeekClock()
    deliver(warehouse, lines, run)
    return build_history(warehouse.weekly_sales(clock, run.cutoff), clock, run.cutoff, **options)


def series(history: History, column: str = "y", **names: str) -> list[Any]:
    """Return one column of one combination, week by week."""
    rows = history.weeks
    for name, part in {**NAMES, **names}.items():
        rows = rows[rows[name] == part]
    return rows[column].tolist()


def excel(*rows: list[object]) -> bytes:
    """Return an Excel file with these rows in its first sheet, and a second sheet."""
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.create_sheet("other").append(["not", "read"])
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()

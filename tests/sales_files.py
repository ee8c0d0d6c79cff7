"""Files of sales for tests."""

from __future__ import annotations

from pathlib import Path

HEADER = "date,unit,channel,SKU_ID,quantity,Promo_discount_perc"
GOOD = "2026-11-16,Пермь,ON TRADE,ЦУП00009752,12,20"


def csv(*lines: str, header: str = HEADER, name: str = "sales.csv") -> Path:
    """Write a CSV of these lines and return its path."""
    path = Path(name)
    path.write_text("\n".join([header, *lines]) + "\n", encoding="utf-8")
    return path

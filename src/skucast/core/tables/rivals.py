"""What forecasters of BigQuery's own are asked with: the history, and what was known of the weeks after each origin."""

from __future__ import annotations

from skucast.core.tables.contract import Column, Table

RIVAL_WEEKS = Table(
    label="rival_weeks",
    name="distributor_rival_weeks",
    meaning="weeks as they are given to BigQuery's own forecasters; a staging table, gone after days",
    columns=(
        Column("origin", "DATE", "Sunday", "origin that knew this of a week to come; none = history", nullable=True),
        Column("unit", "STRING", "name", "unit"),
        Column("channel", "STRING", "name", "channel"),
        Column("SKU_ID", "STRING", "name", "article"),
        Column("ds", "DATE", "Sunday", "the week's label"),
        Column("y", "FLOAT64", "pieces", "sales, none where not known", nullable=True),
        Column("promo_discount_perc", "FLOAT64", "%", "discount"),
        Column("promo_days", "FLOAT64", "days", "days of promotion"),
    ),
)
"""Made for one comparison and dropped after it; no table of the business."""

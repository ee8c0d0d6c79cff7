"""Sales as delivered, and what is known of weeks besides: the plan of promotions, locations, weather."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable

from skucast.core.combination import KEY
from skucast.core.tables.contract import BATCH, BROUGHT_BY, SALES_MEASURE, Check, Column, Table, instant, text

MAX_TYPE = 100
"""Longest type of a promotion, characters."""

_TYPES = "deal, display, leaflet or any other word"

SALES = Table(
    label="sales",
    name="distributor_sales_frozen_sample_1",
    meaning="Sales lines as the source delivers them; read only. Several lines a day, returns as negative lines.",
    columns=(
        Column("date", "DATE", "day", "day of the sale (weekly sources: any day of the week)", nullable=True),
        *(text(name, f"{name} as delivered; NULL marks a placeholder row, ignored", nullable=True) for name in KEY),
        Column("quantity", "FLOAT64", SALES_MEASURE, "sold quantity; negative = return", nullable=True),
        Column(
            "Promo_discount_perc",
            "FLOAT64",
            "percent, 0-100",
            "discount depth; NULL = none, or not known",
            nullable=True,
        ),
        Column("stock", "FLOAT64", SALES_MEASURE, "stock at the end of the day; NULL = not known", nullable=True),
        BROUGHT_BY,
        Column(
            "is_promo",
            "BOOL",
            "true/false",
            "the line was sold in a promotion, also where its discount is not known; NULL = only if it has a discount",
            nullable=True,
        ),
        text("promo_type", f"what kind of promotion it was: {_TYPES}; NULL = not said", nullable=True),
    ),
    keeps_batches=True,
    checks=(
        Check("quantity lies within 1e12", lambda rows: rows["quantity"].isna() | (rows["quantity"].abs() <= 1e12)),
        Check("date lies in 1990 to 2099", lambda rows: rows["date"].isna() | rows["date"].dt.year.between(1990, 2099)),
        Check(
            "Promo_discount_perc is a percentage, 0 to 100",
            lambda rows: rows["Promo_discount_perc"].isna() | rows["Promo_discount_perc"].between(0, 100),
        ),
        Check(
            f"promo_type has at most {MAX_TYPE} characters",
            lambda rows: rows["promo_type"].isna() | (rows["promo_type"].str.len() <= MAX_TYPE),
        ),
    ),
)

DELIVERED = tuple(name for name in SALES.column_names if name != BATCH)
"""What a source of sales tells; which delivery brought a line is noted when it is loaded."""


def sales_with(columns: Iterable[str]) -> Table:
    """Return the contract of the sales with further columns of numbers: those that regressors are declared to be in."""
    more = {name.casefold(): name for name in columns}
    meaning = "a regressor's value, as REGRESSORS declares it; NULL = not known"
    declared = [Column(name, "FLOAT64", "its own measure", meaning, nullable=True) for name in more.values()]
    return dataclasses.replace(SALES, columns=(*SALES.columns, *declared))


ADDED_LATER = frozenset({BATCH, "is_promo", "promo_type"})
"""Columns of the sales that a table of ours from before has not got."""

PROMOTIONS = Table(
    label="promotions",
    name="distributor_promotions",
    meaning="The plan, append-only: what was known of promotions, and from when. A correction or a cancellation is a "
    "new row; for a day, the newest statement about it counts.",
    columns=(
        *(text(name, f"{name}; `*` = all", nullable=True) for name in KEY),
        Column("starts_on", "DATE", "day", "first day", nullable=True),
        Column("ends_on", "DATE", "day", "last day, included", nullable=True),
        Column(
            "discount_perc",
            "FLOAT64",
            "percent, 0-100",
            "discount depth; NULL = not known where is_promo is true, else the plan is complete for these days: no "
            "promotion but those in other rows",
            nullable=True,
        ),
        Column("known_from", "TIMESTAMP", "UTC", "since when this was known; nothing before may use it", nullable=True),
        text("plan_id", "name of the promotion: of rows of one name and combination, the newest counts", nullable=True),
        Column("cancelled", "BOOL", "true/false", "the promotion is called off; NULL = false", nullable=True),
        text("note", "remark, not used", nullable=True),
        BROUGHT_BY,
        Column(
            "is_promo",
            "BOOL",
            "true/false",
            "true = a promotion, also where its discount_perc is not known or 0; NULL = only if it has a discount",
            nullable=True,
        ),
        text("promo_type", f"what kind of promotion it is: {_TYPES}; NULL = not said", nullable=True),
    ),
    keeps_batches=True,
)
"""All may be NULL, because a plan may be a table that people keep: what means nothing is passed over and counted."""

LOCATIONS = Table(
    label="locations",
    name="distributor_locations",
    meaning="Where the units are, for their weather and their public holidays.",
    columns=(
        text("unit", "business unit"),
        Column("latitude", "FLOAT64", "degrees, -90 to 90", "north is positive"),
        Column("longitude", "FLOAT64", "degrees, -180 to 180", "east is positive"),
        text("country", "ISO code of the unit's public holidays; NULL = HOLIDAY_COUNTRY", nullable=True),
        text("subdivision", "part of the country whose holidays count too; NULL = none", nullable=True),
    ),
    key=("unit",),
    checks=(
        Check("latitude lies in -90 to 90", lambda rows: rows["latitude"].between(-90, 90)),
        Check("longitude lies in -180 to 180", lambda rows: rows["longitude"].between(-180, 180)),
    ),
    is_whole=True,
)

WEATHER = Table(
    label="weather",
    name="distributor_weather_daily",
    meaning="Daily weather per unit, append-only: a day is observed once, what was forecast stays as it was forecast.",
    columns=(
        text("unit", "business unit"),
        Column("date", "DATE", "day", "day in the unit's own time"),
        Column("temperature_2m_max", "FLOAT64", "degrees Celsius", "highest; NULL = not known", nullable=True),
        Column("temperature_2m_min", "FLOAT64", "degrees Celsius", "lowest; NULL = not known", nullable=True),
        Column("precipitation_sum", "FLOAT64", "mm", "rain and melted snow; NULL = not known", nullable=True),
        Column("snowfall_sum", "FLOAT64", "cm", "fresh snow; NULL = not known", nullable=True),
        text("kind", "what the numbers are", allowed=("observed", "forecast")),
        instant("fetched_at", "when they were fetched"),
    ),
)

"""Values of declared regressors: what was known of days, past ones and those to come, and from when."""

from __future__ import annotations

from skucast.core.combination import KEY
from skucast.core.tables.contract import BROUGHT_BY, Check, Column, Table, text

REGRESSORS = Table(
    label="regressors",
    name="distributor_regressors",
    meaning="Values of declared regressors, append-only, known from a moment on: for a regressor, a combination and a "
    "day the newest row counts.",
    columns=(
        text("name", "regressor, as it is declared", nullable=True),
        *(text(name, f"{name}; `*` = all", nullable=True) for name in KEY),
        Column("starts_on", "DATE", "day", "first day", nullable=True),
        Column("ends_on", "DATE", "day", "last day, included; NULL = the first one alone", nullable=True),
        Column("value", "FLOAT64", "its own measure", "value of each of these days; NULL = not known", nullable=True),
        Column("known_from", "TIMESTAMP", "UTC", "since when this was known; nothing before may use it", nullable=True),
        text("source", "where it is from; remark, not used", nullable=True),
        BROUGHT_BY,
    ),
    keeps_batches=True,
    checks=(
        Check(
            "starts_on and ends_on lie in 1990 to 2099",
            lambda rows: (
                (rows["starts_on"].isna() | rows["starts_on"].dt.year.between(1990, 2099))
                & (rows["ends_on"].isna() | rows["ends_on"].dt.year.between(1990, 2099))
            ),
        ),
    ),
)
"""All may be NULL, as in the plan of promotions: what means nothing is passed over and counted."""

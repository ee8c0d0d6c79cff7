"""The SQL of the warehouse in DuckDB; names in braces are filled in by the module beside it, values are bound."""

from __future__ import annotations

WEEKLY_SALES = """
WITH lines AS (
    SELECT
        CAST({date} AS DATE) AS day,
        regexp_replace(nfc_normalize(CAST({unit} AS VARCHAR)), '^{blank}+|{blank}+$', '', 'g') AS unit,
        regexp_replace(nfc_normalize(CAST({channel} AS VARCHAR)), '^{blank}+|{blank}+$', '', 'g') AS channel,
        regexp_replace(nfc_normalize(CAST({SKU_ID} AS VARCHAR)), '^{blank}+|{blank}+$', '', 'g') AS sku,
        concat_ws('/', {unit}, {channel}, {SKU_ID}) AS spelling,
        CASE WHEN isfinite(CAST({quantity} AS DOUBLE)) THEN CAST({quantity} AS DOUBLE) END AS quantity,
        CAST({Promo_discount_perc} AS DOUBLE) AS discount,
        CAST({stock} AS DOUBLE) AS stock
    FROM {table}
    WHERE CAST({date} AS DATE) <= $until OR {date} IS NULL
), days AS (
    SELECT
        day, unit, channel, sku,
        sum(quantity) AS quantity,
        sum(greatest(-quantity, 0)) AS returns_quantity,
        avg(coalesce(discount, 0)) FILTER (WHERE quantity > 0) AS discount,
        max(stock) AS stock,
        count(*) AS n_lines,
        count(*) FILTER (WHERE quantity IS NULL) AS n_bad_quantity,
        min(spelling) AS spelling_min,
        max(spelling) AS spelling_max
    FROM lines
    GROUP BY ALL
), weekdays AS (
    SELECT unit, channel, isodow(day) AS weekday, sum(quantity) AS sold
    FROM days WHERE discount IS NOT NULL AND quantity > 0
    GROUP BY ALL
), profile AS (
    SELECT unit, channel, weekday, sold / sum(sold) OVER (PARTITION BY unit, channel) AS share FROM weekdays
), judged AS (
    SELECT days.*, stock <= 0 AND discount IS NULL AS is_empty, coalesce(share, 0) AS share
    FROM days LEFT JOIN profile
        ON days.unit = profile.unit AND days.channel = profile.channel AND isodow(day) = weekday
)
SELECT
    unit, channel, sku AS "SKU_ID",
    day + CAST(($end_weekday - isodow(day) + 8) % 7 AS INTEGER) AS ds,
    coalesce(sum(quantity), 0) AS quantity,
    coalesce(sum(returns_quantity), 0) AS returns_quantity,
    coalesce(avg(discount), 0) AS promo_discount_perc,
    count(*) FILTER (WHERE discount > 0) AS promo_days,
    CAST(coalesce(bit_or(1 << (isodow(day) - 1)) FILTER (WHERE discount IS NOT NULL), 0) AS BIGINT) AS selling_weekdays,
    count(stock) AS stock_days,
    max(stock) AS stock_max,
    count(*) FILTER (WHERE is_empty) AS stockout_days,
    coalesce(sum(share) FILTER (WHERE is_empty), 0) AS stockout_share,
    coalesce(min(day) FILTER (WHERE quantity + returns_quantity > 0), min(day)) AS first_date,
    max(day) AS last_date,
    CAST(sum(n_lines) AS BIGINT) AS n_lines,
    CAST(sum(n_bad_quantity) AS BIGINT) AS n_bad_quantity,
    min(spelling_min) AS spelling_min,
    max(spelling_max) AS spelling_max
FROM judged
GROUP BY ALL
ORDER BY ALL
"""

FIRST_DAY = "SELECT CAST(min(CAST({date} AS DATE)) AS TIMESTAMP) AS first_day FROM {table}"

LATER_SALES = """
SELECT
    coalesce(CAST({unit} AS VARCHAR), '') AS unit,
    count(*) AS n_lines,
    CAST(max(CAST({date} AS DATE)) AS TIMESTAMP) AS last_date
FROM {table} WHERE CAST({date} AS DATE) > $after
GROUP BY ALL
ORDER BY ALL
"""

KEYED = """(
    SELECT
        {day} AS day,
        regexp_replace(nfc_normalize(unit), '^{blank}+|{blank}+$', '', 'g') AS unit,
        regexp_replace(nfc_normalize(channel), '^{blank}+|{blank}+$', '', 'g') AS channel,
        regexp_replace(nfc_normalize("SKU_ID"), '^{blank}+|{blank}+$', '', 'g') AS sku,
        quantity,
        rowid
    FROM {table}
    WHERE date IS NOT NULL AND unit IS NOT NULL AND channel IS NOT NULL AND "SKU_ID" IS NOT NULL
)"""
"""Sales lines by what makes them lines of the same day and combination; a new week begins where an old one does."""

LABEL = "date + CAST(({end_weekday} - isodow(date) + 8) % 7 AS INTEGER)"

OVERLAP = """
WITH new AS (
    SELECT day, unit, channel, sku, count(*) AS n_lines, sum(quantity) AS quantity FROM {new} GROUP BY ALL
), old AS (
    SELECT day, unit, channel, sku, count(*) AS n_lines, sum(quantity) AS quantity FROM {old}
    WHERE day IN (SELECT day FROM new) AND (unit, channel, sku) IN (SELECT (unit, channel, sku) FROM new)
    GROUP BY ALL
)
SELECT
    day AS date, unit, channel, sku AS "SKU_ID",
    old.n_lines, coalesce(old.quantity, 0) AS quantity,
    coalesce(new.n_lines, 0) AS new_lines, coalesce(new.quantity, 0) AS new_quantity
FROM old LEFT JOIN new USING (day, unit, channel, sku)
ORDER BY ALL
"""

REPLACED = """
DELETE FROM {table} WHERE batch_id = ? OR rowid IN (
    SELECT rowid FROM {old} WHERE day IN (SELECT day FROM {new})
    AND (unit, channel, sku) IN (SELECT (unit, channel, sku) FROM {new})
)
"""


def quoted(name: str) -> str:
    """Return the name as SQL takes it, whatever is in it."""
    return '"' + name.replace('"', '""') + '"'

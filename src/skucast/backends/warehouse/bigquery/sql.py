"""The SQL of the warehouse on BigQuery; names in braces are filled in by the modules beside it, values are bound."""

from collections.abc import Sequence

from skucast.backends.warehouse.checks import HAS_ZONE, ZEROS, AnyCase, declared_sources
from skucast.core.declared import Regressor
from skucast.core.flags import NO, YES
from skucast.core.tables.contract import Column
from skucast.core.weeks import SOLD_BY_WEEKDAY

_WITH_ZEROS = ("FLOAT64", "NUMERIC", "BIGNUMERIC")

TRANSACTION = """
BEGIN TRANSACTION;
{statements}
COMMIT TRANSACTION;
"""
"""A script that ends with an error is rolled back by the service. A handler of our own must not do it: when it is the
COMMIT that failed there is nothing to roll back, and its own error would hide the conflict.
"""

SEED = """
INSERT INTO `{publishes}` (table_name, partition_value, run_id, n_rows, published_at)
SELECT @table_name, '', '', 0, @at
FROM (SELECT 1) WHERE NOT EXISTS (SELECT 1 FROM `{publishes}` WHERE table_name = @table_name AND run_id = '');
"""
"""Before the transaction: a row that no run is named in, which two publishers of a table conflict over."""

NOTE = """
DELETE FROM `{publishes}`
WHERE table_name = @table_name AND (run_id = '' OR (partition_value = @partition_text AND run_id = @run_id));
INSERT INTO `{publishes}` (table_name, partition_value, run_id, n_rows, published_at, read_at)
VALUES (@table_name, '', '', 0, @at, NULL), (@table_name, @partition_text, @run_id, @n_rows, @at, @read_at);
"""
"""The row that no run is named in goes and comes anew, whatever slice is published: of two who do that at once one is
aborted. An update that leaves a row as it is would not do: a service may see that nothing changes and leave it out.
"""

NAMED = "run_id != ''"

NOT_OLDER = """
ASSERT NOT EXISTS ({later}) AS '{superseded}';
"""

LATER = """
SELECT run_id, read_at FROM `{publishes}`
WHERE table_name = @table_name AND partition_value = @partition_text AND run_id NOT IN ('', @run_id)
AND read_at > @read_at AND read_at <= @believed {only}
"""
"""Who has published a slice from inputs that were read later; what is noted as of the future is not believed."""

OF_THESE = "AND run_id IN (SELECT old.run_id FROM `{table}` AS old WHERE {slice} = @partition {only})"

IS_NOTED = f"SELECT COUNT(*) AS n FROM `{{publishes}}` WHERE {{named}} AND {NAMED} {{only}}"

ONE_SLICE = "AND partition_value = @partition_text AND run_id = @run_id"

PUBLISH = """
IF EXISTS (SELECT 1 FROM `{table}` AS old WHERE {slice} = @partition {only}) THEN
    DELETE FROM `{table}` AS old WHERE {slice} = @partition {only};
END IF;
INSERT INTO `{table}` ({columns}) {staged};
"""
"""A slice that is not there yet is not deleted: writers of different new slices of one table do not conflict."""

ONLY = """AND EXISTS (
    SELECT 1 FROM UNNEST(@only) AS wanted
    WHERE wanted.unit = old.unit AND wanted.channel = old.channel AND wanted.SKU_ID = old.SKU_ID
)"""

APPEND = """
{first}
INSERT INTO `{table}` ({columns}) {staged};
INSERT INTO `{loads}` (batch_id, table_name, source, n_rows, loaded_at)
VALUES (@batch_id, @table_name, @source, @n_rows, @at);
"""

LATER_SALES = """
SELECT COALESCE({unit}, '') AS unit, COUNT(*) AS n_lines, CAST(MAX({date}) AS STRING) AS last_date
FROM `{table}` WHERE {date} > @after
GROUP BY unit
ORDER BY unit
"""

ONCE = """
ASSERT NOT EXISTS (SELECT 1 FROM `{loads}` WHERE table_name = @table_name AND batch_id = @batch_id)
AS '{twice}';
"""

REPLACING = """
DELETE FROM `{loads}` WHERE table_name = @table_name AND batch_id = @batch_id;
DELETE FROM `{table}` WHERE batch_id = @batch_id;
DELETE FROM `{table}` AS old
WHERE EXISTS (SELECT 1 FROM {new} AS new WHERE new.day = {day})
AND EXISTS (SELECT 1 FROM {new} AS new WHERE new.unit = {unit} AND new.channel = {channel} AND new.sku = {SKU_ID});
"""

UNDO = """
DELETE FROM `{table}` WHERE batch_id = @batch_id;
DELETE FROM `{loads}` WHERE table_name = @table_name AND batch_id = @batch_id;
"""

COUNT = "SELECT COUNT(*) AS n FROM `{table}` WHERE batch_id = @batch_id"

NAME = r"REGEXP_REPLACE(NORMALIZE(old.{name}, NFC), r'^{blank}+|{blank}+$', '')"

DAY = "old.date"

LABEL = "DATE_ADD(old.date, INTERVAL MOD({end_weekday} - MOD(EXTRACT(DAYOFWEEK FROM old.date) + 5, 7) + 7, 7) DAY)"

KEYED = """(
    SELECT {day} AS day, {unit} AS unit, {channel} AS channel, {SKU_ID} AS sku, old.quantity
    FROM {rows} AS old
    WHERE old.date IS NOT NULL AND old.unit IS NOT NULL AND old.channel IS NOT NULL AND old.SKU_ID IS NOT NULL
)"""
"""Sales lines by what makes them lines of the same day and combination; a new week begins where an old one does."""

OVERLAP = """
WITH new_keys AS (
    SELECT day, unit, channel, sku, COUNT(*) AS n_lines, SUM(quantity) AS quantity FROM {new}
    GROUP BY day, unit, channel, sku
), old_keys AS (
    SELECT day, unit, channel, sku, COUNT(*) AS n_lines, SUM(quantity) AS quantity FROM {old}
    GROUP BY day, unit, channel, sku
), days AS (
    SELECT DISTINCT day FROM new_keys
), names AS (
    SELECT DISTINCT unit, channel, sku FROM new_keys
)
SELECT
    old_keys.day AS date, old_keys.unit, old_keys.channel, old_keys.sku AS SKU_ID,
    old_keys.n_lines, COALESCE(old_keys.quantity, 0) AS quantity,
    COALESCE(new_keys.n_lines, 0) AS new_lines, COALESCE(new_keys.quantity, 0) AS new_quantity
FROM old_keys
JOIN days ON old_keys.day = days.day
JOIN names ON old_keys.unit = names.unit AND old_keys.channel = names.channel AND old_keys.sku = names.sku
LEFT JOIN new_keys ON old_keys.day = new_keys.day
    AND old_keys.unit = new_keys.unit AND old_keys.channel = new_keys.channel AND old_keys.sku = new_keys.sku
ORDER BY date, unit, channel, SKU_ID
"""

_SOLD = "\n    ".join(
    f"COALESCE(SUM(IF(MOD(EXTRACT(DAYOFWEEK FROM day) + 5, 7) = {day}, sold, 0)), 0) AS {name},"
    for day, name in enumerate(SOLD_BY_WEEKDAY)
)

WEEKLY_SALES = """
WITH lines AS (
    SELECT
        {date} AS day,
        REGEXP_REPLACE(NORMALIZE({unit}, NFC), r'^{blank}+|{blank}+$', '') AS unit,
        REGEXP_REPLACE(NORMALIZE({channel}, NFC), r'^{blank}+|{blank}+$', '') AS channel,
        REGEXP_REPLACE(NORMALIZE({SKU_ID}, NFC), r'^{blank}+|{blank}+$', '') AS sku,
        ARRAY_TO_STRING([{unit}, {channel}, {SKU_ID}], '/') AS spelling,
        CASE
            WHEN IS_NAN(CAST({quantity} AS FLOAT64)) OR IS_INF(CAST({quantity} AS FLOAT64)) THEN NULL
            ELSE CAST({quantity} AS FLOAT64)
        END AS quantity,
        CASE
            WHEN IS_NAN(CAST({Promo_discount_perc} AS FLOAT64)) OR IS_INF(CAST({Promo_discount_perc} AS FLOAT64))
                OR CAST({Promo_discount_perc} AS FLOAT64) < 0 THEN NULL
            ELSE CAST({Promo_discount_perc} AS FLOAT64)
        END AS discount,
        IS_INF(CAST({Promo_discount_perc} AS FLOAT64)) OR CAST({Promo_discount_perc} AS FLOAT64) < 0 AS is_bad_discount,
        CAST({stock} AS FLOAT64) AS stock,
        COALESCE({is_promo}, FALSE) AS is_flagged,
        {is_bad_flag} AS is_bad_flag,
        NULLIF(TRIM(REGEXP_REPLACE(CAST({promo_type} AS STRING), r'\\s+', ' ')), '') AS promo_type{of_lines}
    FROM `{table}`
    WHERE {date} <= @until OR {date} IS NULL
), days AS (
    SELECT
        day, unit, channel, sku,
        SUM(quantity) AS quantity,
        SUM(GREATEST(-quantity, 0)) AS returns_quantity,
        SUM(GREATEST(quantity, 0)) AS sold,
        AVG(IF(quantity > 0, COALESCE(discount, 0), NULL)) AS discount,
        MIN(IF(quantity > 0 AND discount > 0, discount, NULL)) AS least,
        MAX(IF(quantity > 0 AND discount > 0, discount, NULL)) AS most,
        MAX(stock) AS stock,
        COUNTIF(is_flagged AND quantity > 0) > 0 AS is_flagged,
        AVG(IF(quantity > 0, IF(is_flagged AND discount IS NULL, 1.0, 0.0), NULL)) AS no_depth,
        MIN(IF(quantity > 0 AND (is_flagged OR discount > 0), promo_type, NULL)) AS promo_type,
        COUNT(*) AS n_lines,
        COUNTIF(quantity IS NULL) AS n_bad_quantity,
        COUNTIF(is_bad_discount) AS n_bad_discount,
        COUNTIF(is_bad_flag) AS n_bad_flag,
        MIN(spelling) AS spelling_min,
        MAX(spelling) AS spelling_max{of_days}
    FROM lines
    GROUP BY day, unit, channel, sku
), labelled AS (
    SELECT
        *,
        DATE_ADD(day, INTERVAL MOD(@end_weekday - MOD(EXTRACT(DAYOFWEEK FROM day) + 5, 7) + 7, 7) DAY) AS ds
    FROM days
), judged AS (
    SELECT
        *,
        COALESCE(stock <= 0 AND discount IS NULL, FALSE) AS is_empty,
        COALESCE(discount > 0, FALSE) OR is_flagged AS is_promo
    FROM labelled
)
SELECT
    unit, channel, sku AS SKU_ID, ds,
    COALESCE(SUM(quantity), 0) AS quantity,
    COALESCE(SUM(returns_quantity), 0) AS returns_quantity,
    COALESCE(AVG(discount), 0) AS promo_discount_perc,
    COALESCE(AVG(no_depth), 0) AS no_depth_share,
    COUNTIF(is_promo) AS promo_days,
    MIN(least) AS least_discount,
    MAX(most) AS most_discount,
    COALESCE(BIT_OR(IF(discount IS NULL, 0, 1 << MOD(EXTRACT(DAYOFWEEK FROM day) + 5, 7))), 0) AS selling_weekdays,
    COALESCE(BIT_OR(IF(is_promo, 1 << MOD(EXTRACT(DAYOFWEEK FROM day) + 5, 7), 0)), 0) AS promo_weekdays,
    COALESCE(BIT_OR(IF(stock IS NULL, 0, 1 << MOD(EXTRACT(DAYOFWEEK FROM day) + 5, 7))), 0) AS stock_weekdays,
    COALESCE(BIT_OR(IF(is_empty, 1 << MOD(EXTRACT(DAYOFWEEK FROM day) + 5, 7), 0)), 0) AS stockout_weekdays,
    COALESCE(BIT_OR(IF(stock > 0, 1 << MOD(EXTRACT(DAYOFWEEK FROM day) + 5, 7), 0)), 0) AS left_weekdays,
    COUNT(stock) AS stock_days,
    COUNTIF(is_empty) AS stockout_days,
    {sold}
    COALESCE(MIN(IF(quantity + returns_quantity > 0, day, NULL)), MIN(day)) AS first_date,
    MAX(day) AS last_date,
    SUM(n_lines) AS n_lines,
    SUM(n_bad_quantity) AS n_bad_quantity,
    SUM(n_bad_discount) AS n_bad_discount,
    SUM(n_bad_flag) AS n_bad_flag,
    MIN(spelling_min) AS spelling_min,
    MAX(spelling_max) AS spelling_max,
    STRING_AGG(promo_type, '\\n') AS promo_types,
    MAX_BY(stock, IF(stock IS NULL, NULL, day)) AS last_stock{of_weeks}
FROM judged
GROUP BY unit, channel, sku, ds
ORDER BY unit, channel, SKU_ID, ds
""".replace("{sold}", _SOLD)

_MEAN_OF_LINES = (
    "COALESCE(SUM(IF(quantity > 0, v{n} * quantity, NULL)) / SUM(IF(quantity > 0 AND v{n} IS NOT NULL, quantity, NULL))"
    ", AVG(IF(COALESCE(quantity, 0) = 0, v{n}, NULL)))"
)
_OF_DAYS = {"mean": _MEAN_OF_LINES, "last": _MEAN_OF_LINES, "sum": "SUM(v{n})", "max": "MAX(v{n})"}
_OF_WEEKS = {
    "mean": "AVG(d{n})",
    "last": "MAX_BY(d{n}, IF(d{n} IS NULL, NULL, day))",
    "sum": "SUM(d{n})",
    "max": "MAX(d{n})",
}

NTH = "declared_{n}"
"""What the nth regressor is called in the sums: what people name may be no name to the service."""

NO_NUMBER = "MIN(IF(SAFE_CAST(`{name}` AS FLOAT64) IS NULL, `{name}`, NULL)) AS `{name}`"


def text_of(name: str, kind: str) -> str:
    """Return the column as text: article 9752 is 9752, also where it is kept as a number with decimal places."""
    column = f"`{name}`"
    if kind == "STRING":
        return column
    text = f"CAST({column} AS STRING)"
    if kind == "FLOAT64":  # large ones are written with an exponent
        whole = f"ABS({column}) < 1e18 AND {column} = TRUNC({column})"
        text = f"IF({whole}, CAST(SAFE_CAST({column} AS INT64) AS STRING), IF(IS_NAN({column}), NULL, {text}))"
    return f"REGEXP_REPLACE({text}, r'{ZEROS}', r'\\1')" if kind in _WITH_ZEROS else text


def flag_of(name: str | None, kind: str) -> dict[str, str]:
    """Return what stands for the flag of a promotion and for whether it is none that can be read."""
    column = f"`{name}`"
    if name is None:
        return {"is_promo": "FALSE", "is_bad_flag": "FALSE"}
    if kind in ("BOOL", "BOOLEAN"):
        return {"is_promo": column, "is_bad_flag": "FALSE"}
    if kind == "STRING":
        text = f"LOWER(TRIM({column}))"
        yes, no = (", ".join(f"'{word}'" for word in sorted(words)) for words in (YES, {*NO, ""}))
        return {"is_promo": f"{text} IN ({yes})", "is_bad_flag": f"COALESCE({text} NOT IN ({yes}, {no}), FALSE)"}
    number = f"CAST({column} AS FLOAT64)"
    return {
        "is_promo": f"{number} = 1",
        "is_bad_flag": f"COALESCE({number} NOT IN (0, 1) AND NOT IS_NAN({number}), FALSE)",
    }


def from_sales(declared: Sequence[Regressor]) -> list[Regressor]:
    """Return the regressors that come from a column of the sales, in the order in which they are selected."""
    return [each for each in declared if each.sales_column is not None]


def declared_sql(where: str, declared: Sequence[Regressor], present: AnyCase[str]) -> dict[str, str]:
    """Return what the weekly sums select beside all else: the regressors that come from columns of the sales.

    Within a day the mean of a price is that of what was sold, so that it is the same however lines are split.
    """
    parts: dict[str, list[str]] = {"of_lines": [], "of_days": [], "of_weeks": []}
    for n, (each, column) in enumerate(declared_sources(where, declared, present, may_lack=False)):
        source = f"CAST(`{column}` AS INT64)" if present[str(column)] in ("BOOL", "BOOLEAN") else f"`{column}`"
        value = f"CAST({source} AS FLOAT64)"
        parts["of_lines"].append(f"IF(IS_NAN({value}) OR IS_INF({value}), NULL, {value}) AS v{n}")
        parts["of_days"].append(f"{_OF_DAYS[each.week].format(n=n)} AS d{n}")
        parts["of_weeks"].append(f"CAST({_OF_WEEKS[each.week].format(n=n)} AS FLOAT64) AS {NTH.format(n=n)}")
    return {part: "".join(f",\n        {text}" for text in texts) for part, texts in parts.items()}


def day_of(name: str, kind: str) -> str:
    """Return the column as days of the business: an instant is the day in `@tz`, a wall clock is cut.

    A DATE stays bare, so that only its partitions are scanned.
    """
    column = f"`{name}`"
    day = f"CAST({column} AS DATE)"
    if kind == "DATE":
        return column
    if kind == "TIMESTAMP":
        return f"DATE({column}, @tz)"
    if kind == "STRING":
        day = f"CAST(CAST({column} AS DATETIME) AS DATE)"  # a text with a time of day is no DATE to the service
        return f"IF(REGEXP_CONTAINS({column}, r'{HAS_ZONE}'), DATE(CAST({column} AS TIMESTAMP), @tz), {day})"
    return day


def column_sql(column: Column, present: AnyCase[str]) -> str:
    """Return what to select for a column of a contract, from a table with these columns (types by name)."""
    kind = present.get(column.name)
    source = f"CAST(NULL AS {column.type})" if kind is None else f"`{column.name}`"
    if column.type == "DATE" and kind == "TIMESTAMP":
        source = day_of(column.name, kind)
    elif column.type == "STRING" and kind in (*_WITH_ZEROS, "INT64"):
        source = text_of(column.name, kind)
    return f"{source} AS `{column.name}`"
